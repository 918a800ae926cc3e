"""Times as people write them, and those that are none."""

from __future__ import annotations

import pytest

from consumer_fusion.errors import InputError
from consumer_fusion.kit.moments import parse_moment, to_microseconds, write_moment


def test_a_time_without_an_offset_is_utc():
    assert write_moment(to_microseconds(parse_moment("2026-06-05 20:00"))) == "2026-06-05T20:00:00Z"


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0099-05-01", "9999-01-01"]
)
def test_a_year_that_is_out_of_range_is_told(text):
    with pytest.raises(InputError, match="out of range"):
        parse_moment(text)


@pytest.mark.parametrize("text", ["", "soon", "10000-01-01", "2026-13-01", "-0001-01-01"])
def test_what_is_no_time_is_told(text):
    with pytest.raises(InputError, match="not a time"):
        parse_moment(text)
