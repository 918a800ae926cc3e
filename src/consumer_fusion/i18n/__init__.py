"""Languages and number formats of texts for people."""

__all__ = ["labels", "locales", "messages", "number_format", "translation"]
