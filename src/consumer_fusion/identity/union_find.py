"""Union-find: connected components of pairs, with a representative of each."""

from __future__ import annotations

from collections.abc import Iterable


def unite(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Join pairs in their order; the first of a pair then represents everything that the second represented.

    If the second of a pair was joined to another before, that one is joined, with everything it represents.

    >>> unite([(1, 2), (3, 2)])
    {1: 3, 2: 3, 3: 3}

    Args:
        pairs: The representative and the joined member of each pair.

    Returns:
        The final representative of every member of a pair.
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
