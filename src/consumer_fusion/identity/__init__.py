"""Identity: identifiers, the rules that join consumers by them, merges that can be undone, and suggestions."""

__all__ = ["identifiers", "linkage", "lookup", "merges", "overview", "people", "review"]
