"""Spillover of reputation over declared associations, and how strongly those link consumers with brands."""

__all__ = ["links", "reputations"]
