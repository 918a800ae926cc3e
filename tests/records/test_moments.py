"""Times as people write them, and those that are none."""

from __future__ import annotations

import pytest

from consumer_fusion.errors import InputError
from consumer_fusion.records.timestamps import parse_moment, to_microseconds, write_moment


def test_a_time_without_an_offset_is_utc():
    assert write_moment(to_microseconds(parse_moment("2026-06-05 20:00"))) == "2026-06-05T20:00:00Z"


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0099-05-01", "9999-01-01"]
)
def test_a_year_that_is_out_of_range_is_told(text):
    with pytest.raises(InputError, match="out of range"):
        parse_moment(text)


@pytest.mark.parametrize("offset", ["+14:00", "-12:00", "+0545", "Z", "-14"])
def test_an_offset_of_a_place_on_earth_is_taken(offset):
    assert parse_moment(f"2026-05-01 10:00{offset}").year == 2026


IMPOSSIBLE_OFFSETS = ["2026-05-01T10:00+25:00", "2026-05-01T10:00-99:00", "2026-05-01T10:00+14:01",
                      "2026-05-01T10:00-23:00", "2026-05-01T10:00+10:75", "20260501T1000+0260"]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "soon", "10000-01-01", "2026-13-01", "-0001-01-01", *IMPOSSIBLE_OFFSETS]
)
def test_what_is_no_time_is_told(text):
    with pytest.raises(InputError, match="not a time"):
        parse_moment(text)
