"""Overview: the identity of one consumer, for users who investigate it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from consumer_fusion.errors import NotFoundError
from consumer_fusion.i18n.messages import Message, as_message, parse_message
from consumer_fusion.i18n.translation import N_
from consumer_fusion.identity.merges import MergeEdge, list_members, map_groups, read_merges, to_edge
from consumer_fusion.operations import Moment, Schema, describe
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.identifier import PREVIOUS_KEY, Identifier, mask_identifier, rank_type
from consumer_fusion.records.identity import (
    IDENTIFIER_SIGHTINGS,
    IDENTIFIERS,
    IDENTITY_CONFLICTS,
    MERGES,
    MergeOrigin,
    Strength,
)
from consumer_fusion.score.queries.brand_visibility import Visibility
from consumer_fusion.storage.store import Session

STRENGTH_WORDS: dict[Strength, str] = {"strong": N_("strong"), "weak": N_("weak")}
ORIGIN_WORDS: dict[MergeOrigin, str] = {
    "rule": N_("rule"),
    "review": N_("review"),
    "staff": N_("staff"),
}


class Merge(Schema):
    """Two consumers found to be one person."""

    merge_id: str = describe("ID", "Id of the merge.")
    kept: str = describe("Kept consumer", "Consumer that remains.")
    absorbed: str = describe("Absorbed consumer", "Consumer whose events now count for the kept one.")
    reason: Message = describe("Reason", "Reason of the merge.", is_long=True)
    origin: MergeOrigin = describe("Made by", "rule, review (of a suggestion), or staff.", words=ORIGIN_WORDS)
    made_at: Moment = describe("Merged (UTC)", "Time of the merge.")
    undone_at: Moment | None = describe("Undone (UTC)", "Time of its undo; null while it is in force.")


class Merges(Schema):
    """Merges, the newest first."""

    count: int = describe("Merges", "Total number.")
    merges: list[Merge] = describe("Merges", "The newest of them.")


class KnownIdentifier(Schema):
    """An identifier of a consumer."""

    type: str = describe("Type", "email, device, and others.")
    value: str = describe("Identifier", "Canonical form.", is_shown=False)
    masked: str = describe("Identifier", "Masked form: enough to recognise it.")
    strength: Strength = describe("Strength", "strong or weak.", words=STRENGTH_WORDS)
    consumer: str = describe("Consumer", "Consumer of the first sighting, before merges.")
    seen_at: Moment | None = describe(
        "First seen (UTC)",
        "Time of the first sighting; null for callers limited to some brands, since another may have seen it first.",
    )


class Conflict(Schema):
    """A case in which the rules declined to join two consumers, or to link one more identifier."""

    first: str = describe("Consumer", "One consumer.")
    second: str | None = describe("Consumer", "The other; null where it concerns the first alone.")
    reason: Message = describe("Reason", "Reason why they were not joined.", is_long=True)
    seen_at: Moment = describe("First seen (UTC)", "Time of the conflict.")


class Identity(Schema):
    """The known identity of a consumer."""

    consumer: str = describe("Consumer", "Canonical consumer.")
    members: list[str] = describe(
        "Counts as one person", "All consumers that count for it, including itself."
    )
    identifiers: list[KnownIdentifier] = describe("Known by", "The strong ones first.")
    merges: list[Merge] = describe(
        "Merges", "Merges of these consumers, including undone ones, the oldest first."
    )
    conflicts: list[Conflict] = describe("Not merged", "Cases in which the rules declined to join.")


def show_identity(session: Session, consumer_id: int, visibility: Visibility | None = None) -> Identity:
    """The known identity of a consumer.

    Args:
        session: A session of the store.
        consumer_id: Any of the merged consumers, or one without merges.
        visibility: Visible brands and consumers; None for all. Members known only to other brands are omitted, and so
            are the identifiers known only to them.

    Raises:
        NotFoundError: There is no such consumer.
    """
    edges = sorted(read_merges(session, [consumer_id]), key=lambda each: (each.made_us, each.merge_id))
    identity_map = map_groups(edges)
    canonical_id = identity_map.get(consumer_id, consumer_id)
    members = list_members(identity_map, canonical_id)
    conflicts: dict[str, dict[str, Any]] = {}
    for side in ("first_consumer_id", "second_consumer_id"):
        for row in session.read(IDENTITY_CONFLICTS, {side: members}).to_pylist():
            conflicts[row["conflict_id"]] = row
    named = {*members} | {end for edge in edges for end in (edge.kept_id, edge.absorbed_id)}
    named |= {row[side] for row in conflicts.values() for side in ("first_consumer_id", "second_consumer_id")}
    if visibility is not None:
        named &= set(visibility.find_known_to_brands(named))
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
            Message("There is no consumer {consumer_id}.", consumer_id=consumer_id),
            hint="Give the key of a consumer that was seen in an event.",
        )
    if visibility is None:
        known = session.read(IDENTIFIERS, {"consumer_id": members}).to_pylist()
    else:
        known = _read_told(session, members, visibility.brand_ids)
    return Identity(
        consumer=keys.get(canonical_id, keys[consumer_id]),
        members=[keys[member] for member in members],
        identifiers=[
            KnownIdentifier(
                type=row["identifier_type"],
                value=row["identifier_value"],
                masked=mask_identifier(row["identifier_type"], row["identifier_value"]),
                strength=row["strength"],
                consumer=keys[row["consumer_id"]],
                seen_at=row["seen_us"],
            )
            for row in sorted(
                known, key=lambda row: (row["strength"], row["identifier_type"], row["identifier_value"])
            )
        ],
        merges=[_tell_merge(edge, keys) for edge in edges],
        conflicts=[
            Conflict(
                first=keys[row["first_consumer_id"]],
                second=keys.get(row["second_consumer_id"]),
                reason=parse_message(row["reason"]),
                seen_at=row["seen_us"],
            )
            for row in sorted(conflicts.values(), key=lambda row: (row["seen_us"], row["conflict_id"]))
        ],
    )


def list_merges(session: Session, limit: int, visibility: Visibility | None = None) -> Merges:
    """Merges, the newest first.

    Args:
        session: A session of the store.
        limit: Maximum number of merges.
        visibility: Visible brands: merges of two consumers known to these brands; None for all.
    """
    order = ("made_us desc", "merge_id")
    if visibility is None:
        edges = [to_edge(row) for row in session.read(MERGES, order_by=order, limit=limit).to_pylist()]
        count = session.count(MERGES)
    else:
        edges = [to_edge(row) for row in session.read(MERGES, order_by=order).to_pylist()]
        known = set(
            visibility.find_known_to_brands(
                {end for edge in edges for end in (edge.kept_id, edge.absorbed_id)}
            )
        )
        edges = [edge for edge in edges if {edge.kept_id, edge.absorbed_id} <= known]
        count = len(edges)
    return Merges(count=count, merges=_tell_merges(session, edges[:limit]))


def find_merge(session: Session, merge_id: str) -> Merge:
    """The merge with an id."""
    (merge,) = _tell_merges(session, map(to_edge, session.read(MERGES, {"merge_id": merge_id}).to_pylist()))
    return merge


def _tell_merges(session: Session, edges: Iterable[MergeEdge]) -> list[Merge]:
    edges = list(edges)
    keys = _read_keys(session, {end for edge in edges for end in (edge.kept_id, edge.absorbed_id)})
    return [_tell_merge(edge, keys) for edge in edges]


def _tell_merge(edge: MergeEdge, keys: Mapping[int, str]) -> Merge:
    return Merge(
        merge_id=edge.merge_id, kept=keys[edge.kept_id], absorbed=keys[edge.absorbed_id],
        reason=as_message(edge.reason), origin=edge.origin, made_at=edge.made_us, undone_at=edge.undone_us,
    )  # fmt: skip


def _read_told(session: Session, members: Sequence[int], brand_ids: Collection[int]) -> list[dict[str, Any]]:
    """The identifiers that some brands received, in the form in which they received them.

    The owner of an identifier among all brands is not read: it may be a customer of another brand, which must not
    show in its strength, age or absence.
    """
    told = session.read(
        IDENTIFIER_SIGHTINGS, {"consumer_id": members, "brand_id": sorted(brand_ids) or [-1]},
        order_by=("consumer_id",),
    ).to_pylist()  # fmt: skip
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in told:
        name, value, is_claim = row["identifier_type"], row["identifier_value"], row["is_claim"]
        if name == PREVIOUS_KEY and is_claim:
            continue  # a claimed former key is linked to no consumer
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
