"""Repairs: rejected rows are read again, corrections take effect."""

__all__ = ["outcome", "rejected_operations"]
