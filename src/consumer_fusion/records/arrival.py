"""An arrival: one event that a program sent over the network, durable, but not yet read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from consumer_fusion.records.table import Column, Table

ArrivalFormat = Literal["segment", "cloudevents", "events"]
TrustRule = Literal["source", "browser", "public"]
"""How far what arrives is believed.

`source`: as far as it says itself, and fully where it says nothing (files, server keys, signed webhooks).
`browser`: fully where something was only looked at, a quarter for the rest, because anybody can read the key.
`public`: a quarter, because a public post is nobody's account yet.
"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event as it arrived.

    Attributes:
        format: How its line is to be read.
        source: The source of the write key.
        brand: The brand of the write key, for events that name none.
        trust_rule: How far it is believed.
        trust_limit: It is believed at most so far; None for no limit of the write key's own.
        received_us: When it arrived, microseconds since 1970 in UTC.
        line: One JSON object without line ends.
    """

    format: ArrivalFormat
    source: str
    brand: str | None
    trust_rule: TrustRule
    trust_limit: float | None
    received_us: int
    line: str


ARRIVALS = Table(
    name="arrivals",
    grain="one event that a program sent and that was not yet read and checked",
    writer="events.inbox_queue",
    columns=(
        Column("sequence", "integer", "The order of arrival."),
        Column("format", "text", "How the line is read: segment, cloudevents or events."),
        Column("source", "text", "The source that its write key stands for."),
        Column("brand", "text", "The brand of events that name none.", is_optional=True),
        Column("trust_rule", "text", "How far it is believed: source, browser or public."),
        Column("trust_limit", "real", "0 to 1: it is believed at most so far.", is_optional=True),
        Column("received_us", "integer", "When it arrived."),
        Column("line", "text", "The event, one JSON object; it says whose it is.", is_personal=True),
    ),
    primary_key=("sequence",),
    subject="line",
    erasure="delete rows",
    has_sequence=True,
)
"""Kept in a file of its own beside the store, so that arriving never waits for an import. Rows stay for seconds."""
