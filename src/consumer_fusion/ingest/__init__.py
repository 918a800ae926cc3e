"""Ingest: files and streams of any format become checked rows, or are set aside with a reason."""

__all__ = ["arrow_events", "formats", "imports", "rejections", "staging", "validation"]
