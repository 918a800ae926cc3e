"""Declares and withdraws associations of consumers with brands, the only links over which reputation spreads."""

__all__ = ["operations"]
