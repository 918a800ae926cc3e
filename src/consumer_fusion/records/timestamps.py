"""Points in time: ISO 8601 text, `datetime` and the int64 microseconds since 1970 of the tables."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from consumer_fusion.errors import InputError
from consumer_fusion.i18n.messages import Message

DAY_MICROSECONDS = 86_400_000_000
FIRST_YEAR, LAST_YEAR = 1000, 9000
"""Years outside of this range are taken for typing errors."""
_FURTHEST_OFFSET = timedelta(hours=14)
_OFFSET_BEYOND_MINUTES = re.compile(r"[+-]\d\d:?[6-9]\d$")
"""No offset has more than 59 minutes; Python accepts more."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_microseconds(moment: datetime) -> int:
    """Microseconds since 1970-01-01T00:00Z.

    Raises:
        InputError: The time has no offset, so that it is ambiguous.
    """
    if moment.tzinfo is None:
        raise InputError(
            Message("The time {moment} has no offset.", moment=moment.isoformat()),
            hint="Add one, for example 2026-06-05T20:00:00+00:00 or a final Z.",
        )
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_microseconds(microseconds: int) -> datetime:
    """The time in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def to_day(microseconds: int) -> int:
    """The UTC day as days since 1970-01-01."""
    return microseconds // DAY_MICROSECONDS


def parse_moment(text: str) -> datetime:
    """Read an ISO 8601 time; one without an offset is taken as UTC.

    Raises:
        InputError: The text is no ISO 8601 date or time, or its year is out of range.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        offset = moment.utcoffset()
        if offset is not None and (
            abs(offset) > _FURTHEST_OFFSET or _OFFSET_BEYOND_MINUTES.search(text.strip())
        ):
            raise ValueError
    except ValueError:
        raise InputError(
            Message("'{text}' is not a time.", text=text),
            hint="Write it as ISO 8601, for example 2026-06-05T20:00:00Z.",
        ) from None
    # Times computed from it, such as the day before or after, must be valid too.
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise InputError(
            Message("'{text}' is in the year {year}, which is out of range.", text=text, year=moment.year),
            hint=Message(
                "Write a year from {FIRST_YEAR} to {LAST_YEAR}.", FIRST_YEAR=FIRST_YEAR, LAST_YEAR=LAST_YEAR
            ),
        )
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def write_moment(microseconds: int) -> str:
    """ISO 8601 in UTC with a final Z, without fractions where there are none."""
    return from_microseconds(microseconds).isoformat().replace("+00:00", "Z")


def write_iso_day(day: int) -> str:
    """A day since 1970 as ISO 8601."""
    return from_microseconds(day * DAY_MICROSECONDS).date().isoformat()
