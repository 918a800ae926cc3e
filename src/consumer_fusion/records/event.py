"""An event: something that happened, with a time, a kind and usually a pair; and the tables that store it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from consumer_fusion.records.table import Column, Table

KINDS_OF_A_BRAND: tuple[str, ...] = ("Action Declared", "Followers Counted")
"""Kinds that may concern a brand alone: without a consumer they lack no party."""

Precision = Literal["microsecond", "second", "minute", "hour", "day", "month", "year"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event as reported by a source.

    Attributes:
        event_id: The source's own id; unique together with `source`.
        occurred_at: Time of the event, with offset.
        kind: Kind of event, in Segment's words where its spec has them (`Order Completed`).
        consumer: The source's key of the consumer; None while unknown.
        brand: Key of the brand; None while unknown.
        source: Source of the event.
        precision: Precision of the time.
        received_at: Time of arrival; None for now.
        channel: Channel (`web`, `shop`, `phone`, ...).
        value: An amount of money, in `currency`.
        currency: ISO 4217.
        text: Text by the consumer or the brand.
        trust: 0 to 1; None for the default of the source.
        identifiers: Further identifiers of the consumer, by type (`email`, `device`).
        properties: All other fields (`severity`, `people`, `about_event_id`, ...).
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
    Column("source_id", "integer", "The source of the event (`entities`)."),
    Column("event_id", "text", "The source's own id of the event."),
    Column("occurred_us", "integer", "Time of the event, in microseconds since 1970 in UTC."),
    Column("precision", "text", "Precision of that time."),
    Column("received_us", "integer", "Time of arrival, in microseconds since 1970 in UTC."),
    Column("day", "integer", "The UTC day of `occurred_us`, days since 1970."),
    Column(
        "consumer_id", "integer", "The consumer as the source named them, before merges; 0 while unknown."
    ),
    Column("brand_id", "integer", "The brand; 0 while unknown."),
    Column("kind", "text", "Kind of event, as sent by the source."),
    Column("kind_id", "integer", "The kind of the points table that it counts as (`kinds`); 0 for none."),
    Column("channel", "text", "Channel of the event.", is_optional=True),
    Column("value", "real", "An amount of money.", is_optional=True),
    Column("currency", "text", "ISO 4217 code of the amount.", is_optional=True),
    Column("text", "text", "Text by the consumer or the brand.", is_personal=True, is_optional=True),
    Column("trust", "real", "0 to 1: trust in the source."),
    Column(
        "magnitude",
        "real",
        "Size of the event relative to its kind; 1 is ordinary (`docs/concepts/score.md`).",
    ),
    Column("properties", "text", "All other fields, as a JSON object.", is_personal=True, is_optional=True),
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
    grain="one event derived from another by a rule: a failure, a recovery, a reputation",
    writer="score.fold.derive_and_fold",
    columns=(
        Column("sequence", "integer", "The order of derivation."),
        *_WHAT_HAPPENED,
        Column("parent_source_id", "integer", "Source of the parent event."),
        Column("parent_event_id", "text", "Id of the parent event."),
        Column("association_id", "text", "The association over which it spread.", is_optional=True),
        Column("sentence", "text", "Reason for the event, as a sentence."),
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
        "Number of events of this pair, kind and day in this segment with any trust.",
    ),
)
"""The columns of a sealed segment file (Parquet), sorted by consumer, brand, kind and time."""

LEDGER_COLUMNS = (*(column.name for column in _WHAT_HAPPENED), "parent_event_id", "sentence")
"""The columns of events as they are read, whatever table or file stores them."""

ATTACHMENTS = Table(
    name="attachments",
    grain="one event whose unknown party became known later",
    writer="events.attachment",
    columns=(
        Column("source_id", "integer", "The source of the event."),
        Column("event_id", "text", "The event."),
        Column("consumer_id", "integer", "The consumer it was attached to; 0 while unknown."),
        Column("brand_id", "integer", "The brand it was attached to; 0 while unknown."),
        Column("reason", "text", "Reason, as entered by the user."),
        Column("attached_us", "integer", "Time of the attachment."),
    ),
    primary_key=("source_id", "event_id"),
    subject="consumer_id",
    erasure="delete rows",
    scope="events",
)
