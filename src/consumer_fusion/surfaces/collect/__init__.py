"""The collect API: events arrive over HTTP, and no request is answered with 200 before its events are durable."""

__all__ = ["application", "collector", "counters", "source_keys"]
