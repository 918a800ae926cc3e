"""An arrival: one event received over the network, durable, but not yet parsed and validated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from consumer_fusion.records.table import Column, Table

ArrivalFormat = Literal["segment", "cloudevents", "events"]
TrustRule = Literal["source", "browser", "public"]
"""Trust in arriving events.

`source`: as stated by the event, and full trust where it states none (files, server keys, signed webhooks).
`browser`: full trust for views, a quarter for other events, because the key is public.
`public`: a quarter, because the author of a public post is not verified.
"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One event as it arrived.

    Attributes:
        format: Format of its line.
        source: Source of the write key.
        brand: Brand of the write key, for events that name none.
        trust_rule: Rule for its trust.
        trust_limit: Maximum trust; None for no limit from the write key.
        received_us: Time of arrival, in microseconds since 1970 in UTC.
        line: One JSON object without line breaks.
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
    grain="one event received and not yet parsed and validated",
    writer="events.inbox_queue",
    columns=(
        Column("sequence", "integer", "The order of arrival."),
        Column("format", "text", "Format of the line: segment, cloudevents or events."),
        Column("source", "text", "The source of its write key."),
        Column("brand", "text", "The brand of events that name none.", is_optional=True),
        Column("trust_rule", "text", "Rule for its trust: source, browser or public."),
        Column("trust_limit", "real", "0 to 1: maximum trust.", is_optional=True),
        Column("received_us", "integer", "Time of arrival."),
        Column("line", "text", "The event, one JSON object; it identifies the consumer.", is_personal=True),
    ),
    primary_key=("sequence",),
    subject="line",
    erasure="delete rows",
    has_sequence=True,
)
"""Stored in a file of its own, so that an arrival never waits for an import. Rows stay for seconds."""
