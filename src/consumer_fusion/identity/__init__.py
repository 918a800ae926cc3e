"""Identity: the rules that join consumers, merges that can be undone, suggestions, and events that lack a party."""

__all__ = ["attribution", "linkage", "operations", "overview", "people", "review"]
