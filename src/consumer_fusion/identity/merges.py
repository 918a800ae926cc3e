"""Merges: consumers found to be one person, with origin and reason; each can be undone.

Merges are edges between consumers as the sources named them. A group is a connected component of the edges in force,
so undoing one leaves exactly the groups of the others. Which consumers to join is decided elsewhere: by
rules (`resolution`), by users, or by users who review suggestions (`linkage`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from consumer_fusion.errors import ConflictError, InputError, NotFoundError, RefusedError
from consumer_fusion.i18n.messages import Message, as_message, parse_message, store_message
from consumer_fusion.identity.union_find import unite
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.identifier import STRONG_TYPES
from consumer_fusion.records.identity import IDENTIFIERS, IDENTITIES, MERGES, MergeOrigin
from consumer_fusion.storage.store import Session

Regrouping = dict[int, tuple[int, int]]
"""For each consumer with a changed canonical consumer: the former and the present one."""

_COLUMNS = ("merge_id", "kept_consumer_id", "absorbed_consumer_id", "reason", "origin", "tie", "made_us")


@dataclass(frozen=True, slots=True)
class MergeEdge:
    """A merge as stored in the table.

    Attributes:
        merge_id: Id of the merge.
        kept_id: Consumer that remains.
        absorbed_id: Consumer whose events now count for the kept one.
        reason: Reason, as a sentence.
        origin: rule, review or staff.
        made_us: Time of the merge.
        undone_us: Time of its undo; None while it is in force.
        tie: Type of identifier by which a rule joined them; empty for other merges.
    """

    merge_id: str
    kept_id: int
    absorbed_id: int
    reason: str
    origin: MergeOrigin
    made_us: int
    undone_us: int | None = None
    tie: str = ""


def merge_consumers(
    session: Session,
    kept_id: int,
    absorbed_id: int,
    *,
    reason: str,
    origin: MergeOrigin,
    made_us: int,
    merge_id: str,
) -> Regrouping:
    """Count the events of one consumer for another from now on.

    Args:
        session: A writing session of the store.
        kept_id: Consumer that remains.
        absorbed_id: Consumer whose events, with those of all that it absorbed, count for the kept one.
        reason: Reason, as a sentence; it names types of identifiers, never their values.
        origin: `staff` and `review` may join consumers with different strong identifiers; `rule` never.
        made_us: Time of the merge.
        merge_id: Id of the merge.

    Returns:
        The consumers with a changed canonical consumer; their pairs are to be folded again.

    Raises:
        InputError: There is no reason.
        NotFoundError: One of them does not exist.
        ConflictError: They already are one consumer, the absorbed one counts for a third, or the id is taken.
        RefusedError: A rule would join two different strong identifiers of one type.
    """
    if not reason.strip():
        raise InputError(
            "A merge needs a reason.", hint="Explain why they are one person, for a later review."
        )
    _check_known(session, (kept_id, absorbed_id))
    before = read_identity_map(session, (kept_id, absorbed_id))
    kept_for, absorbed_for = before.get(kept_id, kept_id), before.get(absorbed_id, absorbed_id)
    if kept_for == absorbed_for:
        raise ConflictError(
            "The two are one consumer already.",
            hint="There is nothing to merge.",
        )
    if absorbed_for != absorbed_id:
        raise ConflictError(
            "The absorbed consumer already counts for a third one.",
            hint="Merge that one, or undo the merge that joined them first.",
        )
    if session.count(MERGES, {"merge_id": merge_id}):
        raise ConflictError(
            Message("The merge id {merge_id} is taken.", merge_id=merge_id),
            hint="Give each merge an id of its own.",
        )
    if origin == "rule":
        contested = _find_contested_type(
            session, list_members(before, kept_for), list_members(before, absorbed_for)
        )
        if contested is not None:
            raise RefusedError(
                Message(
                    "The two consumers have a different {contested}.",
                    contested=as_message(contested),
                ),
                hint="Rules never join two strong identifiers of one type; staff may, with a reason.",
            )
    record_merges(session, [MergeEdge(merge_id, kept_id, absorbed_id, _strip(reason), origin, made_us)])
    return compare_groups(before, read_identity_map(session, (kept_id, absorbed_id)))


def undo_merge(session: Session, merge_id: str, undone_us: int) -> Regrouping:
    """Undo a merge: the groups are again those of the other merges.

    The record of the merge stays, and rules will not join its sides again.

    Args:
        session: A writing session of the store.
        merge_id: The merge.
        undone_us: Time of the undo.

    Returns:
        The consumers with a changed canonical consumer; their pairs are to be folded again.

    Raises:
        NotFoundError: There is no such merge.
        ConflictError: It was undone already.
    """
    found = [to_edge(row) for row in session.read(MERGES, {"merge_id": merge_id}).to_pylist()]
    if not found:
        raise NotFoundError(
            Message("There is no merge {merge_id}.", merge_id=merge_id),
            hint="`fusion identity show CONSUMER` lists the merges of a consumer.",
        )
    if found[0].undone_us is not None:
        raise ConflictError(
            Message("The merge {merge_id} was undone already.", merge_id=merge_id),
            hint="There is nothing to undo.",
        )
    ends = (found[0].kept_id, found[0].absorbed_id)
    before = read_identity_map(session, ends)
    withdraw_merges(session, [merge_id], undone_us)
    return compare_groups(before, read_identity_map(session, ends))


def read_identity_map(session: Session, consumer_ids: Iterable[int] | None = None) -> dict[int, int]:
    """The canonical consumer of each consumer, over the merges in force.

    Args:
        session: A session of the store.
        consumer_ids: Consumers whose whole groups are returned. None for all.

    Returns:
        From each consumer in a merge, including the canonical one, to the canonical one.
        A consumer that is missing counts for itself.
    """
    if consumer_ids is None:
        edges = [to_edge(row) for row in session.read(MERGES, {"undone_us": None}).to_pylist()]
    else:
        edges = read_merges(session, consumer_ids)
    return map_groups(edges)


def list_members(identity_map: Mapping[int, int], canonical_id: int) -> tuple[int, ...]:
    """The consumers, as sources named them, that count for one; in ascending order, including itself."""
    return tuple(sorted({canonical_id} | {raw for raw, kept in identity_map.items() if kept == canonical_id}))


def map_groups(edges: Iterable[MergeEdge]) -> dict[int, int]:
    """The canonical consumer of each consumer, over the merges of a list that are in force.

    They are applied in the order in which they were made. Each assigns all that counts for its absorbed consumer
    to the canonical consumer of its kept one at that time.
    """
    in_order = sorted(edges, key=lambda each: (each.made_us, each.merge_id))
    return unite((edge.kept_id, edge.absorbed_id) for edge in in_order if edge.undone_us is None)


def compare_groups(before: Mapping[int, int], after: Mapping[int, int]) -> Regrouping:
    """The consumers with a changed canonical consumer."""
    return {
        raw: (before.get(raw, raw), after.get(raw, raw))
        for raw in sorted({*before, *after})
        if before.get(raw, raw) != after.get(raw, raw)
    }


def read_merges(session: Session, consumer_ids: Iterable[int]) -> list[MergeEdge]:
    """All merges, including undone ones, of the consumers and of all connected with them by merges in force."""
    edges: dict[str, MergeEdge] = {}
    reached: set[int] = set()
    frontier = set(consumer_ids)
    while frontier:
        reached |= frontier
        following: set[int] = set()
        for side in ("kept_consumer_id", "absorbed_consumer_id"):
            keys = pa.table({side: pa.array(sorted(frontier), pa.int64())})
            for row in session.read_matching(MERGES, keys).to_pylist():
                edge = edges[row["merge_id"]] = to_edge(row)
                if edge.undone_us is None:
                    following |= {edge.kept_id, edge.absorbed_id}
        frontier = following - reached
    return list(edges.values())


def record_merges(session: Session, edges: Sequence[MergeEdge]) -> None:
    """Store merges after the checks; all callers except the rules use `merge_consumers`."""
    session.insert(
        MERGES,
        _COLUMNS,
        [
            (e.merge_id, e.kept_id, e.absorbed_id, store_message(e.reason), e.origin, e.tie, e.made_us)
            for e in edges
        ],
    )
    _write_identities(session, {end for edge in edges for end in (edge.kept_id, edge.absorbed_id)})


def withdraw_merges(session: Session, merge_ids: Sequence[str], undone_us: int) -> None:
    """Mark merges as undone."""
    touched: set[int] = set()
    for merge_id in merge_ids:
        session.update(MERGES, {"undone_us": undone_us}, {"merge_id": merge_id})
        for row in session.read(MERGES, {"merge_id": merge_id}).to_pylist():
            touched |= {row["kept_consumer_id"], row["absorbed_consumer_id"]}
    _write_identities(session, touched)


def _write_identities(session: Session, consumer_ids: Collection[int]) -> None:
    """Store the canonical consumer of the consumers and of all connected with them; scores are folded by this table."""
    if not consumer_ids:
        return
    ends = pa.table({"member_id": pa.array(sorted(consumer_ids), pa.int64())})
    roots = {*consumer_ids, *session.read_matching(IDENTITIES, ends)["canonical_id"].to_pylist()}
    groups = pa.table({"canonical_id": pa.array(sorted(roots), pa.int64())})
    members = roots | set(session.read_matching(IDENTITIES, groups)["member_id"].to_pylist())
    present = read_identity_map(session, members)
    everyone = sorted(members | set(present))
    session.delete_matching(IDENTITIES, pa.table({"member_id": pa.array(everyone, pa.int64())}))
    rows = [(member, root) for member, root in sorted(present.items()) if member != root]
    session.insert(IDENTITIES, IDENTITIES.column_names, rows)


def to_edge(row: Mapping[str, Any]) -> MergeEdge:
    """A row of the table."""
    return MergeEdge(
        row["merge_id"],
        row["kept_consumer_id"],
        row["absorbed_consumer_id"],
        parse_message(row["reason"]),
        row["origin"],
        row["made_us"],
        row["undone_us"],
        row["tie"],
    )


def _check_known(session: Session, consumer_ids: tuple[int, ...]) -> None:
    for consumer_id in consumer_ids:
        if not session.count(ENTITIES, {"entity_id": consumer_id, "entity_type": "consumer"}):
            raise NotFoundError(
                Message("There is no consumer {consumer_id}.", consumer_id=consumer_id),
                hint="Give the number of a known consumer.",
            )


def _find_contested_type(session: Session, first: Sequence[int], second: Sequence[int]) -> str | None:
    sides = []
    for members in (first, second):
        values: defaultdict[str, set[str]] = defaultdict(set)
        for row in session.read(IDENTIFIERS, {"consumer_id": members, "strength": "strong"}).to_pylist():
            values[row["identifier_type"]].add(row["identifier_value"])
        sides.append(values)
    return next((name for name in STRONG_TYPES if sides[0][name] and sides[1][name]), None)


def _strip(reason: str) -> str:
    return reason if isinstance(reason, Message) else reason.strip()
