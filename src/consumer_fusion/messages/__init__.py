"""Stored messages: events whose text is a consumer's own words, and what was read in them."""

__all__ = ["perceptions", "redaction"]
