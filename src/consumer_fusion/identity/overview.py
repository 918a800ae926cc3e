"""Overview: all that is known of who one consumer is, for people who look into it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from consumer_fusion.errors import NotFoundError
from consumer_fusion.identity.identifiers import (
    PREVIOUS_KEY,
    Identifier,
    mask_consumer_key,
    mask_identifier,
    rank_type,
)
from consumer_fusion.identity.merges import list_members, map_groups, read_merges
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.identity import (
    IDENTIFIER_SIGHTINGS,
    IDENTIFIERS,
    IDENTITY_CONFLICTS,
    Merge,
    Strength,
)
from consumer_fusion.records.timestamps import write_moment
from consumer_fusion.storage.store import Session


@dataclass(frozen=True, slots=True)
class KnownIdentifier:
    """An identifier that a consumer is known by.

    Attributes:
        type: email, device, ...
        value: In its canonical form.
        strength: strong or weak.
        consumer: Key of the consumer it was first seen for, before merges.
        seen_at: ISO 8601, when it was first seen; None for whoever sees only some brands, because the first to see
            it may have been another.
    """

    type: str
    value: str
    strength: Strength
    consumer: str
    seen_at: str | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """A time that the rules declined to join two consumers, or to link one more identifier.

    Attributes:
        first: Key of one.
        second: Key of the other; None where it is about the first alone.
        reason: Why.
        seen_at: ISO 8601.
    """

    first: str
    second: str | None
    reason: str
    seen_at: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a consumer is, as far as is known.

    Attributes:
        consumer: Key of the consumer that goes on.
        members: Keys of all consumers that count for it, itself included.
        identifiers: What they are known by, the strong ones first.
        merges: The merges that name them, undone ones included, in the order they were made.
        conflicts: Where the rules declined.
    """

    consumer: str
    members: tuple[str, ...]
    identifiers: tuple[KnownIdentifier, ...]
    merges: tuple[Merge, ...]
    conflicts: tuple[Conflict, ...]

    def as_dict(self, *, is_masked: bool = False) -> dict[str, object]:
        """As JSON takes it.

        Args:
            is_masked: Whether identifiers are cut to what suffices to recognise them, as on a screen.
        """

        def show_key(key: str) -> str:
            return mask_consumer_key(key) if is_masked else key

        return {
            "consumer": show_key(self.consumer),
            "members": [show_key(key) for key in self.members],
            "identifiers": [
                {
                    "type": each.type,
                    "value": mask_identifier(each.type, each.value) if is_masked else each.value,
                    "strength": each.strength,
                    "consumer": show_key(each.consumer),
                    "seen_at": each.seen_at,
                }
                for each in self.identifiers
            ],
            "merges": [
                {
                    "merge_id": each.merge_id,
                    "kept": show_key(each.kept),
                    "absorbed": show_key(each.absorbed),
                    "reason": each.reason,
                    "origin": each.origin,
                    "made_at": each.made_at,
                    "undone_at": each.undone_at,
                }
                for each in self.merges
            ],
            "conflicts": [
                {
                    "first": show_key(each.first),
                    "second": None if each.second is None else show_key(each.second),
                    "reason": each.reason,
                    "seen_at": each.seen_at,
                }
                for each in self.conflicts
            ],
        }


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody may see who sees only some brands.

    Attributes:
        brand_ids: The brands.
        find_acquainted: Those of consumers, as sources named them, whom these brands know.
    """

    brand_ids: frozenset[int]
    find_acquainted: Callable[[Collection[int]], Collection[int]]


def show_identity(session: Session, consumer_id: int, sight: Sight | None = None) -> Identity:
    """All that is known of who a consumer is.

    Args:
        session: A session of the store.
        consumer_id: Any of the consumers that were merged, or one that never was.
        sight: What may be seen of it; None for all. Members whom only other brands know are not told, nor is what
            only other brands know a member by.

    Raises:
        NotFoundError: There is no such consumer.
    """
    edges = sorted(read_merges(session, [consumer_id]), key=lambda each: (each.made_us, each.merge_id))
    identity_map = map_groups(edges)
    canonical_id = identity_map.get(consumer_id, consumer_id)
    members = list_members(identity_map, canonical_id)
    conflicts: dict[str, dict[str, object]] = {}
    for side in ("first_consumer_id", "second_consumer_id"):
        for row in session.read(IDENTITY_CONFLICTS, {side: members}).to_pylist():
            conflicts[row["conflict_id"]] = row
    named = {*members} | {end for edge in edges for end in (edge.kept_id, edge.absorbed_id)}
    named |= {
        int(str(row[side]))
        for row in conflicts.values()
        for side in ("first_consumer_id", "second_consumer_id")
    }
    if sight is not None:
        named &= set(sight.find_acquainted(named))
        members = tuple(member for member in members if member in named)
        edges = [edge for edge in edges if {edge.kept_id, edge.absorbed_id} <= named]
        conflicts = {
            number: row
            for number, row in conflicts.items()
            if {row["first_consumer_id"], row["second_consumer_id"]} <= named | {0}
        }
    keys = _read_keys(session, named)
    if consumer_id not in keys:
        raise NotFoundError(
            f"There is no consumer {consumer_id}.",
            hint="Give the key of a consumer that was seen in an event.",
        )
    if sight is None:
        known = session.read(IDENTIFIERS, {"consumer_id": members}).to_pylist()
    else:
        known = _read_told(session, members, sight.brand_ids)
    return Identity(
        consumer=keys.get(canonical_id, keys[consumer_id]),
        members=tuple(keys[member] for member in members),
        identifiers=tuple(
            KnownIdentifier(
                row["identifier_type"],
                row["identifier_value"],
                row["strength"],
                keys[row["consumer_id"]],
                None if row["seen_us"] is None else write_moment(row["seen_us"]),
            )
            for row in sorted(
                known, key=lambda row: (row["strength"], row["identifier_type"], row["identifier_value"])
            )
        ),
        merges=tuple(
            Merge(
                edge.merge_id,
                keys[edge.kept_id],
                keys[edge.absorbed_id],
                edge.reason,
                edge.origin,
                write_moment(edge.made_us),
                None if edge.undone_us is None else write_moment(edge.undone_us),
            )
            for edge in edges
        ),
        conflicts=tuple(
            Conflict(
                keys[int(str(row["first_consumer_id"]))],
                keys.get(int(str(row["second_consumer_id"]))),
                str(row["reason"]),
                write_moment(int(str(row["seen_us"]))),
            )
            for row in sorted(
                conflicts.values(), key=lambda row: (str(row["seen_us"]), str(row["conflict_id"]))
            )
        ),
    )


def _read_told(session: Session, members: Sequence[int], brand_ids: Collection[int]) -> list[dict[str, Any]]:
    """What some brands were told their members by, as those brands were told it.

    Whose an identifier is among all brands is not asked: it may belong to a customer of another, and that is not to
    be seen by its being strong, older or missing.
    """
    told = session.read(
        IDENTIFIER_SIGHTINGS, {"consumer_id": members, "brand_id": sorted(brand_ids) or [-1]},
        order_by=("consumer_id",),
    ).to_pylist()  # fmt: skip
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in told:
        name, value, is_claim = row["identifier_type"], row["identifier_value"], row["is_claim"]
        if name == PREVIOUS_KEY and is_claim:
            continue  # a claim of a former key is linked to nobody
        strength = Identifier(rank_type(name), name, value, is_claim).strength
        known = found.setdefault((name, value), {**row, "strength": strength, "seen_us": None})
        known["strength"] = min(known["strength"], strength)  # "strong" before "weak"
    return list(found.values())


def _read_keys(session: Session, consumer_ids: set[int]) -> dict[int, str]:
    wanted = pa.table({"entity_id": pa.array(sorted(consumer_ids), pa.int64())})
    rows = session.read_matching(
        ENTITIES, wanted, columns=("entity_id", "entity_key", "entity_type")
    ).to_pylist()
    return {row["entity_id"]: row["entity_key"] for row in rows if row["entity_type"] == "consumer"}
