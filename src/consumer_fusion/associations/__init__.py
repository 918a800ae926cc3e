"""Declared associations of consumers with brands, and the spillover of reputation over them."""

__all__ = ["associations", "spillover"]
