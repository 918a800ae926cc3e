"""Unions: what is one thing once pairs of things are joined, and which of them stands for all."""

from __future__ import annotations

from collections.abc import Iterable


def unite(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Join pairs in their order; all that the second of a pair stands for is from then on the first's.

    The second of a pair may have been joined to another before: then that one, with all it stands for, is joined.

    >>> unite([(1, 2), (3, 2)])
    {1: 3, 2: 3, 3: 3}

    Args:
        pairs: What goes on, and what is joined to it.

    Returns:
        For everything named in a pair, what stands for it in the end.
    """
    parents: dict[int, int] = {}

    def find(member: int) -> int:
        parents.setdefault(member, member)
        root = member
        while parents[root] != root:
            root = parents[root]
        while parents[member] != root:
            parents[member], member = root, parents[member]
        return root

    for first, second in pairs:
        kept = find(first)
        parents[find(second)] = kept
    return {member: find(member) for member in tuple(parents)}
