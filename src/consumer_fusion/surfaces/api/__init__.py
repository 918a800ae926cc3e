"""The read API under `/api/v1`: the results of the commands over HTTP, without changing any data."""

__all__ = ["api_authentication", "request_context", "routing"]
