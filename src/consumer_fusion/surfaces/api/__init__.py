"""The read API under `/api/v1`: the answers of the commands over HTTP; it changes nothing on record."""

__all__ = ["admission", "request_context", "routing"]
