"""The rows of a staging, read back."""

from __future__ import annotations


def read_staged(staging, what="accepted"):
    """The accepted or the rejected rows of a staging, in their order."""
    relation = getattr(staging, what)
    if not relation:
        return []
    return staging.scratch.engine.read(f"select * from {relation} order by position", step="test").to_pylist()
