"""Groups in memory: the consumers of a batch, the merges between them, and their identifiers.

Reads the tables of identity once for a whole batch and changes nothing in them; the decisions are made in
`resolution`.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.identity.merges import MergeEdge, map_groups, read_merges
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.identifier import (
    STRONG_TYPES,
    Identifier,
    is_visitor_key,
    rank_type,
    write_visitor_key,
)
from consumer_fusion.records.identity import IDENTIFIER_SIGHTINGS, IDENTIFIERS
from consumer_fusion.storage.store import Session


class SourceTrust(NamedTuple):
    """A source of information about a consumer.

    Attributes:
        source_id: The source; for claims, that of the write key.
        is_claim: Whether it uses a public key.
    """

    source_id: int
    is_claim: bool


class IdentifierSighting(NamedTuple):
    """The sighting of a consumer by an identifier.

    Attributes:
        consumer_id: The consumer.
        source_id: The source of the event.
        brand_id: The brand of the event; 0 for none.
        is_claim: Whether it arrived over a public key.
    """

    consumer_id: int
    source_id: int
    brand_id: int
    is_claim: bool


@dataclass(slots=True, eq=False)
class IdentityGroup:
    """Consumers that count as one.

    Attributes:
        canonical_id: The canonical consumer.
        members: All consumers of the group.
        edges: Merges in force among them; a tree.
    """

    canonical_id: int
    members: set[int]
    edges: list[MergeEdge] = field(default_factory=list)


class IdentityGroups:
    """The groups of a batch. Consumers created in this batch have negative numbers until they are written."""

    def __init__(self) -> None:
        self.owners: dict[tuple[str, str], int] = {}
        self.tellers: defaultdict[int, set[SourceTrust]] = defaultdict(set)
        self.told: defaultdict[tuple[str, str], set[IdentifierSighting]] = defaultdict(set)
        self.identifiers: defaultdict[int, list[Identifier]] = defaultdict(list)
        self.keys: dict[int, str] = {}
        self.numbers: dict[str, int] = {}
        self.merged_at_us = 0
        self._groups: dict[int, IdentityGroup] = {}
        self._parted: defaultdict[int, set[int]] = defaultdict(set)

    @property
    def consumer_ids(self) -> tuple[int, ...]:
        """All consumers that were read or created."""
        return tuple(self._groups)

    def find(self, consumer_id: int) -> IdentityGroup:
        """The group of a consumer, initially itself alone."""
        group = self._groups.get(consumer_id)
        if group is None:
            group = self._groups[consumer_id] = IdentityGroup(consumer_id, {consumer_id})
        return group

    def make_consumer(self, key: str) -> int:
        """The consumer of a key, new or known."""
        number = self.numbers.get(key)
        if number is None:
            number = self.numbers[key] = -1 - len(self.numbers)
            self.keys[number] = key
        return number

    def link(self, consumer_id: int, identifier: Identifier) -> None:
        """Assign an unowned identifier to a consumer."""
        self.owners[identifier.place] = consumer_id
        self.identifiers[consumer_id].append(identifier)

    def find_link(self, identifier: Identifier) -> Identifier:
        """The linked identifier as its owner has it, which may be a claim."""
        links = self.identifiers[self.owners[identifier.place]]
        return next(each for each in links if each.place == identifier.place)

    def take_over(self, consumer_id: int, identifier: Identifier) -> int:
        """Assign a claimed identifier to the consumer named by a trusted source, and return the former owner."""
        claim, owner = self.find_link(identifier), self.owners[identifier.place]
        self.identifiers[owner].remove(claim)
        self.link(consumer_id, identifier)
        return owner

    def is_only_claimed(self, group: IdentityGroup, source_id: int) -> bool:
        """Whether a group is known only from one source's senders over public keys.

        A group without stored sightings does not count as such.
        """
        return all(self.tellers[member] == {SourceTrust(source_id, True)} for member in group.members)

    def join(self, edge: MergeEdge) -> None:
        """Join two groups by the newest merge."""
        kept, absorbed = self.find(edge.kept_id), self.find(edge.absorbed_id)
        kept.members |= absorbed.members
        kept.edges += [*absorbed.edges, edge]
        for member in absorbed.members:
            self._groups[member] = kept

    def part(self, edge: MergeEdge) -> None:
        """Remove a merge from its group, and remember that the two sides must not be joined again."""
        group = self.find(edge.kept_id)
        edges = [each for each in group.edges if each.merge_id != edge.merge_id]
        for member in group.members:
            del self._groups[member]
        self._connect(edges)
        self._remember_parting(edge)

    def were_parted(self, first: IdentityGroup, second: IdentityGroup) -> bool:
        """Whether a merge between the two was undone before."""
        return any(
            self._parted[member] & second.members for member in first.members if member in self._parted
        )

    def count_identifiers(self, *groups: IdentityGroup) -> int:
        """Number of identifiers of the groups together, plus the keys of sources beyond the first."""
        members = [member for group in groups for member in group.members]
        own_keys = sum(self.has_own_key(member) for member in members)
        return sum(len(self.identifiers[member]) for member in members) + max(0, own_keys - 1)

    def has_own_key(self, consumer_id: int) -> bool:
        """Whether a source names the consumer; otherwise its key was generated from an identifier."""
        key = self.keys.get(consumer_id)
        if key is not None and is_visitor_key(key):
            return False
        return all(each.key != key for each in self.identifiers[consumer_id])

    def is_anonymous(self, group: IdentityGroup) -> bool:
        """Whether a group is known only by weak identifiers such as devices and cookies."""
        return not any(
            self.has_own_key(member) or any(each.is_strong for each in self.identifiers[member])
            for member in group.members
        )

    def order(self, group: IdentityGroup) -> tuple[bool, bool, bool, int]:
        """Sort key for the canonical consumer: named by a source, then with a strong identifier, then the oldest."""
        is_named = any(self.has_own_key(member) for member in group.members)
        is_new = group.canonical_id < 0
        return not is_named, self.is_anonymous(group), is_new, abs(group.canonical_id)

    def find_contested_type(self, first: IdentityGroup, second: IdentityGroup) -> str | None:
        """A strong type of which both have an identifier; these differ, since an identifier has one owner."""
        types = [
            {each.type for member in group.members for each in self.identifiers[member] if each.is_strong}
            for group in (first, second)
        ]
        shared = types[0] & types[1]
        return next((name for name in STRONG_TYPES if name in shared), None)

    def trace(self, start_id: int, end_id: int) -> list[MergeEdge]:
        """The merges on the path from one member of a group to another."""
        ways: dict[int, list[MergeEdge]] = {start_id: []}
        waiting = deque([start_id])
        edges = self.find(start_id).edges
        while waiting and end_id not in ways:
            here = waiting.popleft()
            for edge in edges:
                if here in (edge.kept_id, edge.absorbed_id):
                    there = edge.absorbed_id if here == edge.kept_id else edge.kept_id
                    if there not in ways:
                        ways[there] = [*ways[here], edge]
                        waiting.append(there)
        return ways[end_id]

    def map_members(self) -> dict[int, int]:
        """The canonical consumer of each consumer."""
        return {consumer_id: group.canonical_id for consumer_id, group in self._groups.items()}

    def read(
        self, session: Session, consumer_ids: Mapping[str, int], wanted: Iterable[Identifier],
        claimed_brand_ids: Collection[int] | None = None,
    ) -> None:  # fmt: skip
        """Read everything that a batch may concern.

        Args:
            session: A session of the store.
            consumer_ids: Consumers of the batch with identifiers, by key.
            wanted: Identifiers of the batch.
            claimed_brand_ids: Brands of a batch of claims, which may create visitors of these brands; None where the
                sources are trusted.
        """
        distinct = list(dict.fromkeys(wanted))
        keys = pa.table(
            {
                "identifier_type": [each.type for each in distinct],
                "identifier_value": [each.value for each in distinct],
            }
        )
        links = session.read_matching(IDENTIFIERS, keys)
        owners = links["consumer_id"].to_pylist()
        if claimed_brand_ids is None:
            # For a trusted source only sightings by claimed identifiers matter.
            keys = links.filter(pc.equal(links["strength"], "weak")).select(keys.column_names)
        for row in session.read_matching(IDENTIFIER_SIGHTINGS, keys).to_pylist():
            self.told[row["identifier_type"], row["identifier_value"]].add(
                IdentifierSighting(row["consumer_id"], row["source_id"], row["brand_id"], row["is_claim"])
            )
        owners += {each.consumer_id for tellings in self.told.values() for each in tellings}
        # A consumer created from an identifier keeps its number even if the identifier was erased since.
        made_of = [
            key
            for each in distinct
            for key in (
                each.key,
                *(write_visitor_key(each, brand_id) for brand_id in claimed_brand_ids or ()),
            )
        ]
        made_keys = pa.table({"entity_type": ["consumer"] * len(made_of), "entity_key": made_of})
        made = session.read_matching(ENTITIES, made_keys, columns=("entity_key", "entity_id")).to_pylist()
        self.numbers = {row["entity_key"]: row["entity_id"] for row in made} | dict(consumer_ids)
        edges = read_merges(session, {*owners, *self.numbers.values()})
        reached = {*owners, *self.numbers.values()} | {
            end for edge in edges if edge.undone_us is None for end in (edge.kept_id, edge.absorbed_id)
        }
        ids = pa.array(sorted(reached), pa.int64())
        for row in session.read_matching(IDENTIFIERS, pa.table({"consumer_id": ids})).to_pylist():
            name, value = row["identifier_type"], row["identifier_value"]
            rank = rank_type(name)
            is_claim = row["strength"] == "weak" and rank < len(STRONG_TYPES)
            self.link(row["consumer_id"], Identifier(rank, name, value, is_claim))
        told = session.read_matching(
            IDENTIFIER_SIGHTINGS,
            pa.table({"consumer_id": ids}),
            columns=("consumer_id", "source_id", "is_claim"),
        )
        for row in told.to_pylist():
            self.tellers[row["consumer_id"]].add(SourceTrust(row["source_id"], row["is_claim"]))
        for row in session.read_matching(ENTITIES, pa.table({"entity_id": ids})).to_pylist():
            self.keys[row["entity_id"]] = row["entity_key"]
        for edge in edges:
            self.merged_at_us = max(self.merged_at_us, edge.made_us)
            if edge.undone_us is not None:
                self._remember_parting(edge)
        self._connect([edge for edge in edges if edge.undone_us is None])

    def _connect(self, edges: list[MergeEdge]) -> None:
        made: dict[int, IdentityGroup] = {}
        canonical = map_groups(edges)
        for consumer_id, canonical_id in canonical.items():
            group = made.setdefault(canonical_id, IdentityGroup(canonical_id, set()))
            group.members.add(consumer_id)
            self._groups[consumer_id] = group
        for edge in edges:
            self._groups[edge.kept_id].edges.append(edge)

    def _remember_parting(self, edge: MergeEdge) -> None:
        self._parted[edge.kept_id].add(edge.absorbed_id)
        self._parted[edge.absorbed_id].add(edge.kept_id)
