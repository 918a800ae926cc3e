"""Query parameters shared by several routes."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from consumer_fusion.score.queries.pair_answers import LISTED_EVENTS, EventOrder

KEY_LENGTH = 512
PAGE_LIMIT = 500
EVENT_LIMIT = 1_000
"""Maximum number of events of a pair in one response."""
LARGEST_OFFSET = 2**53

BrandKey = Annotated[str, Query(min_length=1, max_length=KEY_LENGTH, description="Key of the brand.")]
ConsumerKey = Annotated[str, Query(min_length=1, max_length=KEY_LENGTH, description="Key of the consumer.")]
AnyBrand = Annotated[str | None, Query(min_length=1, max_length=KEY_LENGTH, description="Only this brand.")]
AnyConsumer = Annotated[
    str | None, Query(min_length=1, max_length=KEY_LENGTH, description="Only this consumer.")
]
AsOf = Annotated[
    str | None,
    Query(
        max_length=64,
        description="As-of time: ISO 8601, `now`, or `latest` for the newest event. Default: now, or the "
        "newest event if that is older than a day.",
    ),
]
Fresh = Annotated[
    bool,
    Query(description="Include every event that is durable by now, however long that takes."),
]
Cursor = Annotated[str | None, Query(max_length=1_000, description="`next_cursor` of the previous page.")]
PageLimit = Annotated[int, Query(ge=1, le=PAGE_LIMIT, description="Maximum number of items.")]


class PairParameters(BaseModel):
    """One pair at one time."""

    consumer: ConsumerKey
    brand: BrandKey
    as_of: AsOf = None
    fresh: Fresh = False


Since = Annotated[str | None, Query(max_length=64, description="Only changes since this time, ISO 8601.")]
EventLimit = Annotated[int, Query(ge=1, le=EVENT_LIMIT, description="Maximum number of events.")]


class ChangeParameters(PairParameters):
    """The changes of the score of one pair."""

    since: Since = None
    limit: EventLimit = LISTED_EVENTS
    offset: Annotated[
        int, Query(ge=0, le=LARGEST_OFFSET, description="`next_offset` of the page of newer changes.")
    ] = 0


class ExplanationParameters(PairParameters):
    """The explanation of the score of one pair."""

    since: Since = None
    sort: Annotated[
        EventOrder,
        Query(description="Listed events: the `largest` contribution first, or the `newest` event first."),
    ] = "largest"
    limit: EventLimit = LISTED_EVENTS
    offset: Annotated[int, Query(ge=0, le=LARGEST_OFFSET, description="Number of events to skip.")] = 0
    without: Annotated[
        str | None, Query(max_length=512, description="Score without this event, by its id.")
    ] = None


class HistoryParameters(PairParameters):
    """The score of one pair, day by day."""

    days: Annotated[int, Query(ge=1, le=1_100, description="Number of days.")] = 60
