"""The console: server-rendered pages for staff."""

__all__ = ["console_application", "queries", "sign_in_pages"]
