"""Whatever stands in a line, it costs at most that line."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer_fusion.ingest.formats import choose_reading

KEYS = (
    "event_id id occurred_at received_at consumer brand kind value trust text identifiers properties source channel "
    "type event messageId userId anonymousId timestamp sentAt receivedAt originalTimestamp traits context batch "
    "products price quantity revenue subject time data Kind kind"
).split()


class Pairs(list):
    """The members of an object, of which two may have one name."""


def write_json(value: object) -> str:
    if isinstance(value, Pairs):
        return "{" + ", ".join(f"{json.dumps(key)}: {write_json(each)}" for key, each in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(write_json, value)) + "]"
    return json.dumps(value)


texts = st.one_of(
    st.sampled_from(
        ["track", "identify", "2026-06-05T20:00:00Z", "2026-06-05", "Order Completed", "{}", "[]", "{", ""]
    ),
    st.text(max_size=8),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(st.tuples(st.one_of(st.sampled_from(KEYS), st.text(max_size=4)), inner), max_size=5).map(
            Pairs
        ),
    ),
    max_leaves=12,
)


objects = st.lists(st.tuples(st.sampled_from(KEYS), values), max_size=9).map(Pairs).map(write_json)
lines = st.one_of(
    objects,
    values.map(write_json),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30),
)


@pytest.mark.parametrize("form", ["events", "segment", "cloudevents"])
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=st.lists(lines, min_size=1, max_size=15), has_lines=st.booleans())
def test_every_line_is_accepted_or_set_aside(desk, form, written, has_lines):
    good = {
        "events": {"event_id": "good", "occurred_at": "2026-06-05", "kind": "Order Completed"},
        "segment": {
            "type": "track",
            "messageId": "good",
            "event": "Order Completed",
            "timestamp": "2026-06-05",
        },
        "cloudevents": {"id": "good", "type": "Order Completed", "time": "2026-06-05"},
    }[form]
    path = desk.lay(f"{form}-{desk.stagings}.ndjson", [*written, good])
    staged = desk.stage(choose_reading(format=form), path, has_lines=has_lines)
    assert "good" in staged.ids
    if form != "segment" and has_lines:
        counted = sum(bool(line.strip()) for line in written) + 1
        assert len(staged.accepted) + len(staged.rejected) == counted == staged.staging.row_count
    positions = [row["position"] for row in (*staged.accepted, *staged.rejected)]
    assert len(set(positions)) == len(positions)
    for row in staged.accepted:
        assert json.loads(row["properties"] or "{}") is not None
        assert all(isinstance(value, str) for value in json.loads(row["identifiers"] or "{}").values())


@pytest.mark.parametrize("group", ["", '[group]\nby = ["a"]\n'])
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=st.lists(st.text(st.sampled_from('12-x,;" é\t\0'), max_size=12), max_size=15))
def test_every_row_of_a_delimited_file_is_accepted_or_set_aside(desk, group, written):
    mapping = f"""
[source]
name = "any"
[fields]
occurred_at = "a"
value = "b"
[kind]
default = "Order Completed"
{group}
"""
    path = desk.lay(f"any-{desk.stagings}.csv", "\n".join(["a,b", *written, "2026-06-05,1"]))
    staged = desk.stage(desk.map(mapping), path)
    assert "2026-06-05" in json.dumps([staged.accepted, staged.rejected]) or staged.accepted
    if not group:
        assert len(staged.accepted) + len(staged.rejected) == staged.staging.row_count
