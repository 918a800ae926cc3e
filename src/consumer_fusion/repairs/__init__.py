"""Repairs: retrying rejected rows, and applying corrections."""

__all__ = ["rejected_operations"]
