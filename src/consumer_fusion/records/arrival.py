"""An arrival: events received over the network, durable, but not yet parsed and validated."""

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
    """Events of one request as they arrived.

    Attributes:
        format: Format of the lines.
        source: Source of the write key.
        brand: Brand of the write key, for events that name none.
        trust_rule: Rule for their trust.
        trust_limit: Maximum trust; None for no limit from the write key.
        received_us: Time of arrival, in microseconds since 1970 in UTC.
        lines: One JSON object a line, separated by line breaks.
    """

    format: ArrivalFormat
    source: str
    brand: str | None
    trust_rule: TrustRule
    trust_limit: float | None
    received_us: int
    lines: str

    @property
    def event_count(self) -> int:
        """Number of events."""
        return self.lines.count("\n") + 1


ARRIVALS = Table(
    name="arrivals",
    grain="events of one source received together and not yet parsed and validated",
    writer="events.inbox_queue",
    columns=(
        Column("sequence", "integer", "Number of the last of the events, in the order of arrival."),
        Column("format", "text", "Format of the lines: segment, cloudevents or events."),
        Column("source", "text", "The source of their write key."),
        Column("brand", "text", "The brand of those that name none.", is_optional=True),
        Column("trust_rule", "text", "Rule for their trust: source, browser or public."),
        Column("trust_limit", "real", "0 to 1: maximum trust.", is_optional=True),
        Column("received_us", "integer", "Time of arrival of the first of them."),
        Column("event_count", "integer", "Number of events."),
        Column(
            "lines", "text", "The events, one JSON object a line; they identify consumers.", is_personal=True
        ),
    ),
    primary_key=("sequence",),
    subject="lines",
    erasure="rewrite rows",
    has_sequence=True,
)
"""Stored in a file of its own, so that an arrival never waits for an import. Rows stay for seconds."""
