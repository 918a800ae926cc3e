"""Languages and number formats of texts that people read."""

__all__ = ["locales", "number_format", "translation"]
