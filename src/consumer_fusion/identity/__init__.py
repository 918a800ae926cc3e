"""Identity: the rules that join consumers, reversible merges, suggestions, and events without a party."""

__all__ = ["attribution", "linkage", "operations", "overview", "people", "review"]
