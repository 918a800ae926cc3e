"""Repairs: rejected rows are read again, events get the party they lack, corrections take effect."""

__all__ = ["attribution", "rejected_rows"]
