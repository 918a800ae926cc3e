"""An event: something that happened, with a time, a kind and usually a pair; and the tables it is kept in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from consumer_fusion.records.table import Column, Table

KINDS_OF_A_BRAND: tuple[str, ...] = ("Action Declared", "Followers Counted")
"""Kinds that may tell of a brand alone: without a consumer they lack no party."""

Precision = Literal["microsecond", "second", "minute", "hour", "day", "month", "year"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a source says happened.

    Attributes:
        event_id: The source's own id; unique together with `source`.
        occurred_at: When it happened, with offset.
        kind: What happened, in Segment's words where its spec has them (`Order Completed`).
        consumer: The source's key of the consumer; None while unknown.
        brand: The key of the brand; None while unknown.
        source: Where the event comes from.
        precision: How exactly the time is known.
        received_at: When it reached us; None stands for now.
        channel: Where it happened (`web`, `shop`, `phone`, ...).
        value: An amount of money, in `currency`.
        currency: ISO 4217.
        text: The consumer's or the brand's words.
        trust: 0 to 1; None stands for the default of the source.
        identifiers: Further identifiers of the consumer, by type (`email`, `device`).
        properties: Everything else (`severity`, `people`, `about_event_id`, ...).
    """

    event_id: str
    occurred_at: datetime
    kind: str
    consumer: str | None = None
    brand: str | None = None
    source: str = "events"
    precision: Precision = "second"
    received_at: datetime | None = None
    channel: str | None = None
    value: float | None = None
    currency: str | None = None
    text: str | None = None
    trust: float | None = None
    identifiers: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, object] = field(default_factory=dict)


_WHAT_HAPPENED = (
    Column("source_id", "integer", "Where the event comes from (`entities`)."),
    Column("event_id", "text", "The source's own id of the event."),
    Column("occurred_us", "integer", "When it happened, microseconds since 1970 in UTC."),
    Column("precision", "text", "How exactly that time is known."),
    Column("received_us", "integer", "When it reached us, microseconds since 1970 in UTC."),
    Column("day", "integer", "The UTC day of `occurred_us`, days since 1970."),
    Column(
        "consumer_id", "integer", "The consumer as the source named them, before merges; 0 while unknown."
    ),
    Column("brand_id", "integer", "The brand; 0 while unknown."),
    Column("kind", "text", "What happened, as the source said it."),
    Column("kind_id", "integer", "The kind of the points table that it counts as (`kinds`); 0 for none."),
    Column("channel", "text", "Where it happened.", is_optional=True),
    Column("value", "real", "An amount of money.", is_optional=True),
    Column("currency", "text", "ISO 4217 code of the amount.", is_optional=True),
    Column("text", "text", "The words that were said.", is_personal=True, is_optional=True),
    Column("trust", "real", "0 to 1: how far the source is believed."),
    Column(
        "magnitude", "real", "How large the event is of its kind; 1 is ordinary (`docs/concepts/score.md`)."
    ),
    Column("properties", "text", "Everything else, as a JSON object.", is_personal=True, is_optional=True),
)

EVENTS = Table(
    name="events",
    grain="one accepted event that is not yet sealed into a segment",
    writer="events",
    columns=(Column("sequence", "integer", "The order of arrival here."), *_WHAT_HAPPENED),
    primary_key=("sequence",),
    unique=(("source_id", "event_id"),),
    indexes=(("consumer_id", "brand_id"), ("day",)),
    subject="consumer_id",
    erasure="delete rows",
    has_sequence=True,
    scope="events",
)

DERIVED_EVENTS = Table(
    name="derived_events",
    grain="one event that follows from another by a rule: a failure, a recovery, a reputation",
    writer="score.fold.derive_and_fold",
    columns=(
        Column("sequence", "integer", "The order of derivation."),
        *_WHAT_HAPPENED,
        Column("parent_source_id", "integer", "The source of the event that it follows from."),
        Column("parent_event_id", "text", "The event that it follows from."),
        Column("association_id", "text", "The association that it spread over.", is_optional=True),
        Column("sentence", "text", "Why it is there, for people."),
    ),
    primary_key=("sequence",),
    unique=(("source_id", "event_id"),),
    indexes=(("consumer_id", "brand_id"), ("parent_event_id",)),
    subject="consumer_id",
    erasure="delete rows",
    has_sequence=True,
    scope="events",
)

SEGMENT_COLUMNS = (
    *_WHAT_HAPPENED,
    Column(
        "same_day_count",
        "integer",
        "Events of this pair, kind and day in this segment that are believed at all.",
    ),
)
"""The columns of a sealed segment file (Parquet), sorted by consumer, brand, kind and time."""

LEDGER_COLUMNS = (*(column.name for column in _WHAT_HAPPENED), "parent_event_id", "sentence")
"""The columns in which events are read back, from wherever they are kept."""

ATTACHMENTS = Table(
    name="attachments",
    grain="one event whose unknown party became known later",
    writer="events.attachment",
    columns=(
        Column("source_id", "integer", "The source of the event."),
        Column("event_id", "text", "The event."),
        Column("consumer_id", "integer", "The consumer it was attached to; 0 while unknown."),
        Column("brand_id", "integer", "The brand it was attached to; 0 while unknown."),
        Column("reason", "text", "Why, in the words of whoever attached it."),
        Column("attached_us", "integer", "When."),
    ),
    primary_key=("source_id", "event_id"),
    subject="consumer_id",
    erasure="delete rows",
    scope="events",
)
