"""The collect API: events arrive over HTTP; a request is answered with 200 only once its events are durable."""

__all__ = ["application", "collector", "counters", "source_keys"]
