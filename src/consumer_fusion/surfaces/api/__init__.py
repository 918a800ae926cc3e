"""The read API under `/api/v1`: the answers of the commands over HTTP; it changes nothing on record."""

__all__ = ["api_authentication", "request_context", "routing"]
