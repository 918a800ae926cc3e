"""Spillover of reputation over declared associations, and the strength of those links."""

__all__ = ["links", "reputations"]
