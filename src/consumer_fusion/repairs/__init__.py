"""Repairs: rejected rows are read again, corrections take effect."""

__all__ = ["rejected_rows"]
