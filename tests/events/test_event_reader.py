"""Scores are read from all events on record until a moment: sealed, in the inbox, and those not folded yet."""

from __future__ import annotations

from datetime import timedelta

import pyarrow as pa
import pytest

from consumer_fusion import pipeline
from consumer_fusion.events import event_reader
from consumer_fusion.events.entities import ensure_keys, find_keys
from consumer_fusion.events.event_reader import EventSelection, open_events
from consumer_fusion.events.inbox import land_in_inbox
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.timestamps import to_microseconds
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.model.reading import KindState, read_pair
from consumer_fusion.score.model.score_arrays import score_states
from consumer_fusion.score.queries.score_queries import read_reading, read_states
from consumer_fusion.settings import BUCKET_COUNT
from consumer_fusion.storage.segments import list_segments
from copied_workspaces import copy_made
from folded_workspaces import (
    START,
    assert_same_states,
    cut_stream,
    fold_plainly,
    invent_event,
    invent_stream,
    open_new,
    read_folded,
)

STREAM = invent_stream(160, seed=2)
LATER = START + timedelta(days=40)


@pytest.fixture
def limit_inbox(monkeypatch):
    def limit(count):
        monkeypatch.setenv("CONSUMER_FUSION_INBOX_IMPORT_LIMIT", str(count))

    return limit


def make_mixed(folder):
    with open_new(folder) as workspace:
        for batch in cut_stream(STREAM, (100, 40)):
            pipeline.import_events(workspace, batch)


@pytest.fixture
def mixed(tmp_path, limit_inbox):
    """A workspace with sealed events and events in the inbox."""
    limit_inbox(60)
    with open_new(copy_made(tmp_path / "w", make_mixed)) as workspace:
        yield workspace


def accept_without_folding(workspace, events):
    """Put events into the inbox as the live path does, and leave them there."""
    force = put_points_in_force(workspace)
    with workspace.store.writing() as session:
        rows = []
        for event in events:
            at = to_microseconds(event.occurred_at)
            consumer = ensure_keys(session, "consumer", [event.consumer])[event.consumer]
            brand = ensure_keys(session, "brand", [event.brand])[event.brand]
            rows.append(
                {
                    "source_id": 1, "event_id": event.event_id, "occurred_us": at, "precision": "second",
                    "received_us": at, "day": at // 86_400_000_000, "consumer_id": consumer, "brand_id": brand,
                    "kind": event.kind, "kind_id": force.kind_ids[event.kind], "channel": None, "value": None,
                    "currency": None, "text": None, "trust": 1.0, "magnitude": 1.0, "properties": None,
                }
            )  # fmt: skip
        assert land_in_inbox(session, pa.Table.from_pylist(rows).to_pydict()) == len(events)


@pytest.mark.parametrize("days", [0.5, 3, 7, 11])
def test_a_moment_in_the_past_is_the_fold_of_what_had_happened_by_then(mixed, days):
    moment = START + timedelta(days=days)
    before = [event for event in STREAM if event.occurred_at <= moment]
    assert 0 < len(before) < len(STREAM)
    assert_same_states(read_folded(mixed, moment), fold_plainly(before, moment))


def test_an_event_counts_from_its_own_moment_on(tmp_path):
    moment = START + timedelta(hours=9)
    events = [invent_event(1, moment), invent_event(2, moment + timedelta(days=2))]
    with open_new(tmp_path / "w") as workspace:
        pipeline.import_events(workspace, events)
        assert read_folded(workspace, moment - timedelta(microseconds=1)) == {}
        assert_same_states(read_folded(workspace, moment), fold_plainly(events[:1], moment))


def test_accepted_events_count_before_they_are_folded(mixed):
    tail = [
        invent_event(5000 + number, START + timedelta(days=12, hours=number), consumer=f"consumer-{number % 3}",
                     brand="brand-0")
        for number in range(9)
    ]  # fmt: skip
    # One falls on a day that has events of its pair and kind already.
    known = next(event for event in STREAM if event.kind == "Store Visited")
    tail.append(invent_event(5100, known.occurred_at, consumer=known.consumer, brand=known.brand))
    accept_without_folding(mixed, tail)
    assert_same_states(read_folded(mixed, LATER), fold_plainly([*STREAM, *tail], LATER))


def test_the_first_events_count_although_nothing_was_ever_folded(tmp_path):
    events = [
        invent_event(number, START + timedelta(hours=number), kind="Page Viewed") for number in range(30)
    ]
    with open_new(tmp_path / "w") as workspace:
        accept_without_folding(workspace, events)
        assert_same_states(read_folded(workspace, LATER), fold_plainly(events, LATER))


def test_a_score_between_two_unfolded_events_knows_only_the_first(tmp_path):
    events = [invent_event(1, START), invent_event(2, START + timedelta(days=5))]
    between = START + timedelta(days=2)
    with open_new(tmp_path / "w") as workspace:
        accept_without_folding(workspace, events)
        assert_same_states(read_folded(workspace, between), fold_plainly(events[:1], between))


def test_unfolded_events_decades_after_the_last_fold_leave_sound_numbers(tmp_path):
    events = [
        invent_event(1, START, kind="Page Viewed"),
        invent_event(2, START + timedelta(days=12_000), kind="Page Viewed"),
    ]
    last = events[1].occurred_at
    with open_new(tmp_path / "w") as workspace:
        pipeline.import_events(workspace, events[:1])
        accept_without_folding(workspace, events[1:])
        assert_same_states(read_folded(workspace, last), fold_plainly(events, last))


def test_one_pair_read_alone_has_the_score_that_it_has_among_all(mixed):
    tail = [invent_event(5000, START + timedelta(days=12), consumer="consumer-1", brand="brand-0")]
    accept_without_folding(mixed, tail)
    force = put_points_in_force(mixed)
    moment = to_microseconds(LATER)
    with mixed.store.reading() as session:
        context = force.open(mixed, session)
        states = read_states(context, moment)
        for row in score_states(states, force.points, force.kind_ids).to_pylist():
            alone = read_reading(context, moment, row["consumer_id"], row["brand_id"])
            assert alone.fusion_score == pytest.approx(row["fusion_score"], rel=1e-9)
            assert alone.low == pytest.approx(row["low"], rel=1e-9)
            assert alone.symbiosis == row["symbiosis"]
        nobody = read_reading(context, moment, 10**9, 10**9)
    assert nobody == read_pair([], force.points)


def test_two_rows_of_one_kind_read_like_their_sum():
    # A state and its tail are given as two rows; the model only ever adds.
    from consumer_fusion.score.points.points_table import load_points

    points = load_points()
    parts = [
        KindState("Store Visited", 1.0, 1.5, 0.5, 0.75, 0.6),
        KindState("Store Visited", 2.0, 2.5, 1.5, 1.75, 1.6),
    ]
    whole = KindState("Store Visited", 3.0, 4.0, 2.0, 2.5, 2.2)
    split, joined = read_pair(parts, points), read_pair([whole], points)
    assert split.fusion_score == pytest.approx(joined.fusion_score, rel=1e-12)
    assert split.high == pytest.approx(joined.high, rel=1e-12)


def test_events_of_one_consumer_are_sought_in_the_files_of_that_consumer_only(mixed):
    with mixed.store.reading() as session:
        segments = [each for each in list_segments(session) if each.bucket >= 0]
        consumer = find_keys(session, "consumer", ["consumer-1"])["consumer-1"]
        source = open_events(session, mixed.folder, EventSelection(consumers=[consumer]))
    own = [each for each in segments if each.bucket == consumer % BUCKET_COUNT]
    others = [each for each in segments if each.bucket != consumer % BUCKET_COUNT]
    assert own
    assert others
    assert all(each.path in source.relation for each in own)
    assert not any(each.path in source.relation for each in others)


def test_selections_by_brand_kind_day_and_moment_agree_with_reading_everything(mixed):
    force = put_points_in_force(mixed)
    with mixed.store.reading() as session:
        everything = read_rows(mixed, open_events(session, mixed.folder))
        brand = find_keys(session, "brand", ["brand-1"])["brand-1"]
        kind = force.kind_ids["Page Viewed"]
        until = to_microseconds(START + timedelta(days=5))
        day = until // 86_400_000_000
        cases = [
            (EventSelection(brand_ids=[brand]), lambda row: row["brand_id"] == brand),
            (EventSelection(kind_ids=[kind]), lambda row: row["kind_id"] == kind),
            (EventSelection(until_us=until), lambda row: row["occurred_us"] <= until),
            (EventSelection(min_day=day - 2, max_day=day), lambda row: day - 2 <= row["day"] <= day),
            (EventSelection(consumers=[]), lambda row: False),
        ]
        for selection, belongs in cases:
            found = read_rows(mixed, open_events(session, mixed.folder, selection))
            assert found == sorted((row for row in everything if belongs(row)), key=repr)
    assert len(everything) == len(STREAM)


def read_rows(workspace, source):
    rows = workspace.engine.read(f"select * from {source.relation} e", step="read all", tables=source.tables)
    return sorted(rows.to_pylist(), key=repr)


def test_events_of_many_consumers_are_the_same_however_they_are_looked_up(mixed, monkeypatch):
    tail = [invent_event(5000, START + timedelta(days=12), consumer="consumer-1", brand="brand-0")]
    accept_without_folding(mixed, tail)

    def read(is_folded_only):
        with mixed.store.reading() as session:
            everyone = session.read(ENTITIES, {"entity_type": "consumer"})["entity_id"].to_pylist()[:-2]
            selection = EventSelection(consumers=everyone, is_folded_only=is_folded_only)
            source = open_events(session, mixed.folder, selection)
            rows = mixed.engine.read(
                f"select * from {source.relation} e order by all", step="read", tables=source.tables
            )
        return rows.to_pylist()

    few = {folded: read(folded) for folded in (True, False)}
    assert len(few[False]) == len(few[True]) + 1
    monkeypatch.setattr(event_reader, "FEW_MEMBERS", 1)
    assert {folded: read(folded) for folded in (True, False)} == few
