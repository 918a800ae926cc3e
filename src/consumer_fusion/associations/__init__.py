"""Declares associations of consumers with brands, over which alone reputation may spread, and withdraws them."""

__all__ = ["operations"]
