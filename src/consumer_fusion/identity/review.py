"""Review: merging the suggestions that users accepted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import pyarrow as pa
from pydantic import BeforeValidator, Field

from consumer_fusion.i18n.messages import Message, join_messages, parse_message
from consumer_fusion.identity.merges import Regrouping, compare_groups, merge_consumers, read_identity_map
from consumer_fusion.operations import Schema, describe
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.identity import IDENTITY_CONFLICTS
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.timestamps import write_moment
from consumer_fusion.storage.store import Session


class SuggestedPair(Schema):
    """Two records that probably belong to one person."""

    first: str = describe("First", "Id of one record: the key of a consumer.")
    second: str = describe("Second", "Id of the other record.")
    probability: Annotated[float, Field(ge=0, le=1)] = describe(
        "Probability", "Probability that they are one person."
    )
    match_weight: float = describe("Match weight", "Evidence for it, in bits.")
    reasons: list[str] = describe("Reasons", "Agreements and differences, without any value.")


class ReviewedSuggestions(Schema):
    """Suggested pairs, and what was merged of them."""

    suggestions: list[SuggestedPair] = describe("Suggestions", "Suggested pairs, the most probable first.")
    merged: list[str] = describe(
        "Merged", "Ids of the new merges; empty unless the suggestions were accepted."
    )
    unknown: list[str] = describe("Unknown", "Ids of records without a consumer.")


def _read_json(value: object) -> object:
    return json.loads(value) if isinstance(value, str) else value


WrittenPair = Annotated[SuggestedPair, BeforeValidator(_read_json)]
"""A suggested pair, also as JSON text from forms and commands."""


@dataclass(frozen=True, slots=True)
class AcceptedSuggestions:
    """Result of accepting suggestions.

    Attributes:
        merge_ids: Ids of the new merges.
        already_one: Number of suggestions whose consumers were one already.
        unknown: Ids of records without a consumer; their suggestions were skipped.
        regrouped: Consumers with a changed canonical consumer.
    """

    merge_ids: tuple[str, ...]
    already_one: int
    unknown: tuple[str, ...]
    regrouped: Regrouping


@dataclass(frozen=True, slots=True)
class ClaimedPair:
    """Two consumers that a browser claims to be one person; they are not merged for that.

    Attributes:
        first: Key of the older consumer.
        second: Key of the other.
        reason: The claim of the browser.
        seen_at: ISO 8601 time of the first claim.
    """

    first: str
    second: str
    reason: str
    seen_at: str


def list_claimed(session: Session, limit: int) -> tuple[ClaimedPair, ...]:
    """Claims of browsers about consumers that are not one by now, the newest first.

    Args:
        session: A session of the store.
        limit: Maximum number of claims.
    """
    rows = session.read(
        IDENTITY_CONFLICTS, {"is_claim": True}, order_by=("seen_us desc", "conflict_id")
    ).to_pylist()
    ends = {row[side] for row in rows for side in ("first_consumer_id", "second_consumer_id")}
    now = read_identity_map(session, ends)
    pairs: list[tuple[int, int, str, int]] = []
    for row in rows:
        first, second = sorted(
            now.get(row[side], row[side]) for side in ("first_consumer_id", "second_consumer_id")
        )
        if first != second:
            pairs.append((first, second, parse_message(row["reason"]), row["seen_us"]))
    pairs = pairs[:limit]
    wanted = pa.table(
        {"entity_id": pa.array(sorted({each for pair in pairs for each in pair[:2]}), pa.int64())}
    )
    keys = session.read_matching(ENTITIES, wanted, columns=("entity_id", "entity_key")).to_pylist()
    names = {row["entity_id"]: row["entity_key"] for row in keys}
    return tuple(
        ClaimedPair(names[first], names[second], reason, write_moment(seen_us))
        for first, second, reason, seen_us in pairs
    )


def accept_suggestions(
    session: Session, suggestions: Sequence[SuggestedPair], *, consumer_ids: Mapping[str, int], made_us: int
) -> AcceptedSuggestions:
    """Merge reviewed suggestions.

    The older consumer of each pair is kept. Pairs are processed from the most probable down.

    Args:
        session: A writing session of the store.
        suggestions: Reviewed pairs from the result of `suggest_merges`.
        consumer_ids: Consumer of each record, by its id.
        made_us: Time of the merges.
    """
    pairs = sorted(suggestions, key=lambda pair: (-pair.probability, pair.first, pair.second))
    unknown = {end for pair in pairs for end in (pair.first, pair.second)} - set(consumer_ids)
    before = read_identity_map(session, set(consumer_ids.values()))
    merge_ids: list[str] = []
    already_one = 0
    for place, pair in enumerate(pairs):
        if pair.first in unknown or pair.second in unknown:
            continue
        ends = [consumer_ids[pair.first], consumer_ids[pair.second]]
        now = read_identity_map(session, ends)
        kept, absorbed = sorted(now.get(end, end) for end in ends)
        if kept == absorbed:
            already_one += 1
            continue
        merge_ids.append(make_id())
        merge_consumers(
            session,
            kept,
            absorbed,
            reason=_write_reason(pair.probability, pair.reasons),
            origin="review",
            # One microsecond apart, to keep their order.
            made_us=made_us + place,
            merge_id=merge_ids[-1],
        )
    after = read_identity_map(session, set(consumer_ids.values()))
    return AcceptedSuggestions(
        tuple(merge_ids), already_one, tuple(sorted(unknown)), compare_groups(before, after)
    )


def _write_reason(probability: float, reasons: Sequence[str]) -> str:
    return Message(
        "Reviewed suggestion ({probability}): {listed}.",
        probability=f"{probability:.3f}",
        listed=join_messages(", ", reasons),
    )
