"""What makes a row an event, and what is said about one that is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unsafe_characters import UNSAFE

from consumer_fusion.ingest.validation import PROBLEMS, parse_time
from consumer_fusion.records.timestamps import to_microseconds

GOOD = {"event_id": "e1", "occurred_at": "2026-06-05T20:00:00Z", "kind": "Order Completed"}


def test_an_event_needs_only_a_time_and_a_kind(desk):
    event = desk.events({"occurred_at": "2026-06-05T20:00:00Z", "kind": "Order Completed"}).only
    assert (event["consumer"], event["brand"], event["value"], event["trust"]) == (None, None, None, None)
    assert event["source"] == "events"
    assert event["occurred_us"] == to_microseconds(datetime(2026, 6, 5, 20, tzinfo=UTC))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"occurred_at": None}, "missing_time"),
        ({"occurred_at": "yesterday"}, "invalid_time"),
        ({"occurred_at": "2026-02-30T10:00:00Z"}, "invalid_time"),
        ({"occurred_at": "2026-06-05T24:30:00Z"}, "invalid_time"),
        ({"occurred_at": "infinity"}, "invalid_time"),
        ({"occurred_at": 1780689600}, "invalid_time"),
        ({"occurred_at": "1899-12-30"}, "invalid_time"),
        ({"occurred_at": "0026-06-05T20:00:00Z"}, "invalid_time"),
        ({"received_at": "soon"}, "invalid_received_at"),
        (
            {"occurred_at": "2039-01-01T00:00:00Z", "received_at": "2039-01-02T00:00:00Z"},
            "invalid_received_at",
        ),
        ({"occurred_at": "2096-06-05T20:00:00Z"}, "occurred_in_future"),
        ({"received_at": "2026-06-01T20:00:00Z"}, "occurred_in_future"),
        ({"precision": "fortnight"}, "invalid_precision"),
        ({"kind": None}, "missing_kind"),
        ({"kind": "  "}, "missing_kind"),
        ({"kind": ["Order Completed"]}, "invalid_key"),
        ({"consumer": {"id": 1}}, "invalid_key"),
        ({"value": "twelve"}, "invalid_value"),
        ({"value": float("nan")}, "invalid_value"),
        ({"value": float("-inf")}, "invalid_value"),
        ({"value": "1e999"}, "invalid_value"),
        ({"value": True}, "invalid_value"),
        ({"currency": "euros"}, "invalid_currency"),
        ({"trust": 1.01}, "invalid_trust"),
        ({"trust": -0.1}, "invalid_trust"),
        ({"trust": "much"}, "invalid_trust"),
        ({"identifiers": ["a@b.c"]}, "invalid_identifiers"),
        ({"identifiers": {"email": ["a@b.c"]}}, "invalid_identifiers"),
        ({"properties": "many"}, "invalid_properties"),
        ({"properties": [1]}, "invalid_properties"),
        ({"consumer": "c" * 513}, "too_long"),
        ({"text": "x" * 100_001}, "too_long"),
    ],
)
def test_what_cannot_be_taken_is_set_aside_with_its_reason(desk, changed, code):
    staged = desk.events(GOOD | changed, GOOD)
    assert staged.codes == [code]
    assert staged.rejected[0]["position"] == 1
    assert staged.only["position"] == 2


@pytest.mark.parametrize(
    "line", ["", "{", "[1]", '"text"', "{'a': 1}", '{"a": 1} {"b": 2}', '{"a": "\\ud800"}']
)
def test_a_line_that_is_no_object_costs_only_itself(desk, line):
    staged = desk.events(GOOD | {"event_id": "before"}, line, GOOD | {"event_id": "after"})
    assert staged.ids == ["before", "after"]
    assert staged.codes == ([] if line == "" else ["invalid_json"])


@pytest.mark.parametrize(
    "pair",
    [
        '"x": 1, "x": 2',
        '"identifiers": {"email": "a", "email": "b"}',
        '"properties": {"a": 1, "a": 2}',
        '"kind": "A"',
    ],
)
def test_a_name_that_stands_twice_in_an_object_breaks_nothing(desk, pair):
    line = f'{{"event_id": "e2", "occurred_at": "2026-06-05", "kind": "Order Completed", {pair}}}'
    staged = desk.events(line, GOOD)
    assert "e1" in staged.ids
    assert staged.staging.row_count == len(staged.accepted) + len(staged.rejected)


def test_a_message_says_row_and_field_and_what_to_do_but_never_the_content(desk):
    staged = desk.events(GOOD | {"consumer": "anna@example.org", "value": "secret"})
    message = staged.rejected[0]["message"]
    assert message.startswith("Row 1 has a `value`")
    assert "secret" not in message
    assert "anna" not in message
    assert staged.rejected[0]["consumer_key"] == "anna@example.org"
    assert "secret" in staged.rejected[0]["raw"]


KEYS = ("event_id", "consumer", "brand", "kind", "source", "channel")


@pytest.mark.parametrize("field", [*KEYS, "identifiers"])
def test_a_key_with_a_character_that_no_key_may_hold_is_set_aside_and_the_message_names_both(desk, field):
    characters = [character for character in UNSAFE if not "\ud800" <= character <= "\udfff"]
    rows = []
    for number, character in enumerate(characters):
        text = f"a{character}b"
        changed = {"identifiers": {"email": text}} if field == "identifiers" else {field: text}
        rows.append({**GOOD, "event_id": f"e{number}", **changed})
    staged = desk.events(*rows, GOOD)
    assert staged.ids == ["e1"]
    assert staged.codes == ["invalid_key"] * len(characters)
    for row, character in zip(staged.rejected, characters, strict=True):
        assert f"contains the character U+{ord(character):04X} in `{field}`" in row["message"]


@pytest.mark.parametrize(
    "text", ["a\u200eb", "a\u200d\U0001f525b", "è漢字", "שלום", "a\\u0001b", "a\u00a0b", "a\u2028b"]
)
def test_marks_of_direction_joiners_and_letters_of_all_languages_may_stand_in_keys(desk, text):
    named = dict.fromkeys(KEYS, text)
    event = desk.events({**GOOD, **named, "identifiers": {"email": text, text: "c"}}).only
    assert {name: event[name] for name in KEYS} == named


def test_the_end_of_a_line_around_a_key_is_no_part_of_it(desk):
    assert desk.events(GOOD | {"consumer": "\tanna\r\n"}).only["consumer"] == "anna"


def test_a_text_and_properties_may_hold_any_character(desk):
    event = desk.events(GOOD | {"text": "a\x01b", "properties": {"note": "a\x01b"}}).only
    assert event["text"] == "a\x01b"
    assert event["properties"] == '{"note":"a\\u0001b"}'


def test_every_format_refuses_such_keys(desk):
    call = {
        "type": "track",
        "event": "Order Completed",
        "messageId": "m",
        "timestamp": "2026-06-05T20:00:00Z",
    }
    calls = [
        call | {"userId": "a\x01b"},
        call | {"userId": "a", "event": "a\ufffeb"},
        call | {"anonymousId": "a\x1bb"},
        call | {"type": "alias", "userId": "a", "previousId": "a\x9bb"},
        call | {"userId": "a", "properties": {"products": [{"brand": "x\x01y"}]}},
    ]
    assert desk.segment(*calls).codes == ["invalid_key"] * 5
    cloud = {
        "specversion": "1.0",
        "id": "1",
        "source": "/s",
        "type": "Order Completed",
        "time": "2026-06-05T20:00:00Z",
    }
    clouds = [cloud | {"subject": "a\x01b"}, cloud | {"data": {"brand": "a\u202eb"}}, cloud | {"id": "1\x00"}]
    assert desk.cloud_events(*clouds).codes == ["invalid_key"] * 3
    mapped = desk.stage(
        desk.map('[source]\nname = "till"\nformat = "csv"\n[fields]\nevent_id = "id"\nconsumer = "who"\n'
                 'occurred_at = "at"\n[kind]\ndefault = "Store Visited"\n'),
        desk.lay("visits.csv", "id,who,at\n1,ann\x01,2026-06-05\n2,ben,2026-06-05\n"),
    )  # fmt: skip
    assert (mapped.codes, mapped.ids) == (["invalid_key"], ["2"])


def test_every_problem_says_what_to_do():
    assert all(text.endswith(".") and len(text.split()) > 5 for text in PROBLEMS.values())


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-06-05T20:00:00Z", datetime(2026, 6, 5, 20, tzinfo=UTC)),
        ("2026-06-05T20:00Z", datetime(2026, 6, 5, 20, tzinfo=UTC)),
        ("2026-06-05T20:00", datetime(2026, 6, 5, 20, tzinfo=UTC)),
        ("2026-06-05 20:00:00", datetime(2026, 6, 5, 20, tzinfo=UTC)),
        ("2026-06-05T20:00:00.250+02:00", datetime(2026, 6, 5, 18, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-06-05T20:00+02:00", datetime(2026, 6, 5, 18, tzinfo=UTC)),
        ("2026-06-05T20:00:00-0330", datetime(2026, 6, 5, 23, 30, tzinfo=UTC)),
        ("1957-10-04", datetime(1957, 10, 4, tzinfo=UTC)),
    ],
)
def test_a_time_is_iso_8601_and_utc_where_it_has_no_offset(desk, text, moment):
    assert desk.events(GOOD | {"occurred_at": text}).only["occurred_us"] == to_microseconds(moment)


@pytest.mark.parametrize(
    "offset", ["+25:00", " +25:00", "-99:00", " -99", "+14:01", "  +1530", "+10:75", " -0260", "-15"]
)
def test_an_offset_that_no_place_on_earth_has_is_no_time(desk, offset):
    staged = desk.events(
        GOOD | {"occurred_at": f"2026-05-01 10:00{offset}"},
        GOOD | {"occurred_at": f"2026-05-01T10:00:00{offset}"},
        GOOD | {"event_id": "far", "occurred_at": "2026-05-01T10:00:00+14:00"},
        GOOD | {"event_id": "loose", "occurred_at": "2026-05-01 10:00:00  -1200"},
    )
    assert (staged.codes, staged.ids) == (["invalid_time"] * 2, ["far", "loose"])


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001  the offset comes next
            st.integers(-14 * 60, 14 * 60),
            st.sampled_from(["auto", "minutes", "seconds", "microseconds"]),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_every_time_that_python_writes_is_read_as_python_reads_it(engine, moments):
    texts, expected = [], []
    for moment, offset, timespec in moments:
        text = moment.replace(tzinfo=timezone(timedelta(minutes=offset))).isoformat(timespec=timespec)
        texts.append(text)
        expected.append(to_microseconds(datetime.fromisoformat(text)))
    rows = engine.read(
        f"select {parse_time('text')} as us from texts",
        step="parse",
        tables={"texts": pa.table({"text": texts})},
    )
    assert rows["us"].to_pylist() == expected


def test_a_day_is_known_to_the_day_and_a_moment_to_the_second_unless_it_says_otherwise(desk):
    staged = desk.events(
        GOOD | {"occurred_at": "2026-06-05"},
        GOOD,
        GOOD | {"precision": "Hour"},
        GOOD | {"occurred_at": "2026-06-05T20:00"},
    )
    assert staged.column("precision") == ["day", "second", "hour", "second"]


def test_numbers_that_are_keys_become_texts_and_blanks_are_nothing(desk):
    event = desk.events(
        GOOD | {"event_id": 7, "consumer": 17850, "brand": "  ", "channel": "", "currency": "eur"}
    ).only
    assert (event["event_id"], event["consumer"], event["brand"], event["channel"]) == (
        "7",
        "17850",
        None,
        None,
    )
    assert event["currency"] == "EUR"


def test_identifiers_are_kept_as_texts_without_empty_ones(desk):
    event = desk.events(
        GOOD | {"identifiers": {"email": "a@b.c", "account": 7, "device": None, "cookie": " "}}
    ).only
    assert event["identifiers"] == '{"email":"a@b.c","account":"7"}'
    assert desk.events(GOOD | {"identifiers": {"device": None}}).only["identifiers"] is None


def test_keys_that_no_event_has_are_kept_among_the_properties(desk):
    staged = desk.events(GOOD | {"severity": 1, "$odd.key": "x", "properties": {"people": 3}})
    assert staged.properties() == [{"severity": 1, "$odd.key": "x", "people": 3}]


def test_the_id_may_be_called_id(desk):
    assert desk.events({"id": "e9", "occurred_at": "2026-06-05", "kind": "Order Completed"}).ids == ["e9"]


def test_the_brand_of_the_import_stands_in_where_a_row_names_none(desk):
    staged = desk.events(GOOD, GOOD | {"brand": "own"}, brand="default")
    assert staged.column("brand") == ["default", "own"]
