"""Repairs: retrying rejected rows, and applying corrections."""

__all__ = ["outcome", "rejected_operations"]
