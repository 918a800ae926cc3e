"""Ingest: files and streams of any format become validated rows, or are rejected with a reason."""

__all__ = ["arrow_events", "formats", "imports", "rejections", "staging", "validation"]
