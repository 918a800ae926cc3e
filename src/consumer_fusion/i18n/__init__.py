"""Languages and number formats of texts for people."""

__all__ = ["locales", "messages", "number_format", "translation"]
