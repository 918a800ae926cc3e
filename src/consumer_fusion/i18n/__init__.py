"""Languages and number formats of texts for people."""

__all__ = ["locales", "number_format", "translation"]
