"""Parameters that several questions take."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

KEY_LENGTH = 512
PAGE_LIMIT = 500

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
        description="The moment asked about: ISO 8601, `now`, or `latest` for the newest event. Default: now, or the "
        "newest event if that is older than a day.",
    ),
]
Fresh = Annotated[
    bool,
    Query(description="Count every event that is durable by now, however long that takes."),
]
Cursor = Annotated[str | None, Query(max_length=1_000, description="`next_cursor` of the page before.")]
PageLimit = Annotated[int, Query(ge=1, le=PAGE_LIMIT, description="At most so many.")]
