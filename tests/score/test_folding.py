"""However events come in, in whatever order and cut into whatever batches, the folded state is the same."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from consumer_fusion import pipeline
from consumer_fusion.events import compaction
from consumer_fusion.events.event_reader import EventSource
from consumer_fusion.records.pair_state import LANDMARKS, STATE_COLUMNS
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.fold.array_folding import KindArrays, fold_events_table, fold_sealed_batches
from consumer_fusion.score.fold.decay import build_fold_kinds
from consumer_fusion.score.fold.fold_queries import fold_events, fold_relation
from consumer_fusion.score.fold.folding import has_shared_days, refold
from consumer_fusion.score.states.kept_states import read_kept_states
from consumer_fusion.storage.duckdb import DuckDBEngine
from consumer_fusion.storage.segments import list_segments
from folded_workspaces import (
    KINDS,
    START,
    assert_same_states,
    cut_stream,
    fold_plainly,
    invent_event,
    invent_stream,
    open_new,
    read_folded,
)

DAY_US = 86_400_000_000
LATER = START + timedelta(days=40)
STREAM = invent_stream(240)
STATE_KEY = ["consumer_id", "brand_id", "kind_id"]
SUMS = ["x", "y", "q", "r", "u"]


@pytest.fixture
def limit_inbox(monkeypatch):
    def limit(count):
        monkeypatch.setenv("CONSUMER_FUSION_INBOX_IMPORT_LIMIT", str(count))

    return limit


def import_batches(workspace, batches):
    for batch in batches:
        pipeline.import_events(workspace, batch)


@pytest.mark.parametrize(
    ("limit", "sizes"),
    [(0, ()), (0, (1, 100)), (70, (60, 100)), (10_000, ()), (10_000, (60, 60))],
    ids=["sealed at once", "sealed in three", "some sealed", "inbox at once", "inbox in three"],
)
def test_every_way_in_gives_the_state_that_the_plain_fold_gives(tmp_path, limit_inbox, limit, sizes):
    limit_inbox(limit)
    with open_new(tmp_path / "w") as workspace:
        import_batches(workspace, cut_stream(STREAM, sizes))
        assert_same_states(read_folded(workspace, LATER), fold_plainly(STREAM, LATER))


@pytest.mark.slow
def test_many_small_segments_over_the_same_days_and_their_compaction_change_nothing(
    tmp_path, limit_inbox, monkeypatch
):
    limit_inbox(0)
    monkeypatch.setattr(compaction, "FAN_IN", 100)
    expected = fold_plainly(STREAM, LATER)
    with open_new(tmp_path / "w") as workspace:
        import_batches(workspace, cut_stream(STREAM, [24] * 9))
        with workspace.store.reading() as session:
            before = list_segments(session)
        assert has_shared_days(before), "the batches were meant to overlap in days"
        assert_same_states(read_folded(workspace, LATER), expected)
        limit_inbox(10_000)
    with open_new(tmp_path / "w") as workspace:
        extra = invent_event(9000, START + timedelta(days=1), consumer="consumer-1", brand="brand-0")
        import_batches(workspace, [[extra]])
        monkeypatch.setattr(compaction, "FAN_IN", 2)
        compaction.seal_inbox(workspace, is_forced=True)
        with workspace.store.reading() as session:
            after = list_segments(session)
        assert len(after) < len(before)
        assert_same_states(read_folded(workspace, LATER), fold_plainly([*STREAM, extra], LATER))
        refold_everything(workspace)
        assert_same_states(read_folded(workspace, LATER), fold_plainly([*STREAM, extra], LATER))


def refold_everything(workspace):
    force = put_points_in_force(workspace)
    with workspace.store.writing() as session:
        refold(force.open(workspace, session))


@pytest.mark.parametrize("limit", [0, 10_000], ids=["sealed", "in the inbox"])
def test_folding_anew_from_the_events_gives_the_state_that_grew_with_them(tmp_path, limit_inbox, limit):
    limit_inbox(limit)
    with open_new(tmp_path / "w") as workspace:
        import_batches(workspace, cut_stream(STREAM, (80, 80)))
        refold_everything(workspace)
        assert_same_states(read_folded(workspace, LATER), fold_plainly(STREAM, LATER))


@pytest.mark.parametrize("consumer_count", [500, 501, 1200])
@pytest.mark.parametrize("narrowing", [{"kinds": ["Store Visited"]}, {"brand_ids": [2]}])
def test_folding_anew_some_kinds_or_brands_of_many_consumers_keeps_all_other_states(
    tmp_path, limit_inbox, consumer_count, narrowing
):
    limit_inbox(10_000)
    with open_new(tmp_path / "w") as workspace:
        import_batches(workspace, [STREAM])
        force = put_points_in_force(workspace)
        with workspace.store.writing() as session:
            refold(
                force.open(workspace, session),
                consumers=range(1, consumer_count + 1), **narrowing,
            )  # fmt: skip
        assert_same_states(read_folded(workspace, LATER), fold_plainly(STREAM, LATER))


def test_sealing_the_inbox_between_two_batches_of_one_day_keeps_the_burst_of_that_day_whole(
    tmp_path, limit_inbox
):
    limit_inbox(10_000)
    day = [invent_event(number, START + timedelta(hours=number)) for number in range(20)]
    with open_new(tmp_path / "w") as workspace:
        import_batches(workspace, [day[:7]])
        assert compaction.seal_inbox(workspace, is_forced=True) == 7
        import_batches(workspace, [day[7:13]])
        assert compaction.seal_inbox(workspace, is_forced=True) == 6
        import_batches(workspace, [day[13:]])
        assert_same_states(read_folded(workspace, LATER), fold_plainly(day, LATER))


@pytest.mark.parametrize("limit", [0, 10_000], ids=["sealed", "in the inbox"])
def test_a_merge_of_two_keys_folds_both_their_events_as_one_consumer(tmp_path, limit_inbox, limit):
    limit_inbox(limit)
    first = [invent_event(number, START + timedelta(hours=5 * number), consumer="ada") for number in range(8)]
    second = [
        invent_event(100 + number, START + timedelta(hours=7 * number), consumer="a.lovelace")
        for number in range(8)
    ]
    mail = {"email": "ada@example.org"}
    meeting = [
        invent_event(200, START + timedelta(days=1), consumer="ada", identifiers=mail),
        invent_event(201, START + timedelta(days=1, hours=1), consumer="a.lovelace", identifiers=mail),
    ]
    afterwards = [
        invent_event(300 + number, START + timedelta(hours=3 * number), consumer=name)
        for number, name in enumerate(["ada", "a.lovelace"] * 4)
    ]
    with open_new(tmp_path / "w") as workspace:
        import_batches(workspace, [first, second, meeting, afterwards])
        found = read_folded(workspace, LATER)
        (kept,) = {consumer for consumer, _, _ in found}
        everything = [*first, *second, *meeting, *afterwards]
        assert_same_states(found, fold_plainly(everything, LATER, {"ada": kept, "a.lovelace": kept}))


@pytest.mark.parametrize("sizes", [(), (60, 100)], ids=["one file", "three files of the same days"])
def test_a_stored_merge_keeps_the_states_of_all_others(tmp_path, limit_inbox, sizes):
    limit_inbox(0)
    mail = {"email": "ada@example.org"}
    meeting = [
        invent_event(9000 + number, START + timedelta(days=number), consumer=f"consumer-{number}", identifiers=mail)
        for number in (1, 2)
    ]  # fmt: skip
    with open_new(tmp_path / "w") as workspace:
        import_batches(workspace, [meeting, *cut_stream(STREAM, sizes)])
        found = read_folded(workspace, LATER)
        (kept,) = {consumer for consumer, _, _ in found} & {"consumer-1", "consumer-2"}
        one_person = {"consumer-1": kept, "consumer-2": kept}
        assert_same_states(found, fold_plainly([*meeting, *STREAM], LATER, one_person))


# After five years squares of weights are still numbers (2^-520), after thirty they are not: both must come out.
@pytest.mark.parametrize(("limit", "gap"), [(0, 5), (10_000, 5), (10_000, 30)])
def test_years_between_events_of_a_seven_day_half_life_leave_sound_numbers(tmp_path, limit_inbox, limit, gap):
    limit_inbox(limit)
    moments = [
        START + timedelta(days=365 * year, hours=number) for number, year in enumerate([0, 0, gap, 2, gap])
    ]
    events = [
        invent_event(number, moment, kind=KINDS[number % 2], brand=f"brand-{number % 3}")
        for number, moment in enumerate(moments)
    ]
    last = max(moments)
    with open_new(tmp_path / "w") as workspace:
        for event in events:
            import_batches(workspace, [[event]])
        with workspace.store.reading() as session:
            landmarks = {
                row["half_life_days"]: row["landmark_us"] for row in session.read(LANDMARKS).to_pylist()
            }
        newest_us = int(last.timestamp() * 1e6)
        assert newest_us - landmarks[7.0] < 200 * 7 * DAY_US, "the landmark was meant to follow the events"
        assert_same_states(read_folded(workspace, last), fold_plainly(events, last))
        early = START + timedelta(days=3)
        assert_same_states(
            read_folded(workspace, early), fold_plainly([e for e in events if e.occurred_at <= early], early)
        )


def test_ten_new_events_touch_ten_rows_of_the_state(tmp_path, limit_inbox):
    limit_inbox(10_000)
    with open_new(tmp_path / "w") as workspace:
        import_batches(workspace, [STREAM])
        with workspace.store.reading() as session:
            before = {tuple(row.values()) for row in read_kept_states(session).to_pylist()}
        fresh = [
            invent_event(1000 + number, START + timedelta(days=13), consumer=f"consumer-{number % 5}", brand="brand-0",
                         kind=("Page Viewed", "Store Visited")[number // 5])
            for number in range(10)
        ]  # fmt: skip
        import_batches(workspace, [fresh])
        with workspace.store.reading() as session:
            after = {tuple(row.values()) for row in read_kept_states(session).to_pylist()}
        assert len(after - before) == 10


# --- the two ways to compute a fold ------------------------------------------------------------

FOLD_KINDS = build_fold_kinds(
    [
        (1, 7.0, 19_500 * DAY_US, 1.0, 0),
        (2, 90.0, 19_400 * DAY_US, 0.25, 0),
        (2, 180.0, 19_450 * DAY_US, 0.25, 3),
        (5, 365.0, 19_600 * DAY_US, 1.0, 0),
    ]
)


def invent_table(count, seed, largest_id):
    """Events as the folds read them, of known and unknown kinds; same_day_count is true to them."""
    chance = np.random.default_rng(seed)
    day = chance.integers(19_300, 19_320, count)
    events = pa.table(
        {
            "consumer_id": chance.choice(chance.integers(1, largest_id, 40), count),
            "brand_id": chance.choice([3, *chance.integers(1, largest_id, 3)], count),
            "kind_id": chance.choice([0, 1, 2, 3, 5, 99], count),
            "day": day,
            "occurred_us": day * DAY_US + chance.integers(0, DAY_US, count),
            "magnitude": chance.uniform(0.25, 3.0, count),
            "trust": chance.choice([0.5, 1.0], count),
        }
    )
    key = [*STATE_KEY, "day"]
    counted = events.group_by(key).aggregate([([], "count_all")]).rename_columns([*key, "same_day_count"])
    return events.join(counted, key).sort_by([(name, "ascending") for name in (*STATE_KEY, "occurred_us")])


def compare_states(found, expected):
    summed = found.group_by(STATE_KEY).aggregate(
        [*((name, "sum") for name in ["event_count", *SUMS]), ("last_occurred_us", "max")]
    )
    order = [(name, "ascending") for name in STATE_KEY]
    summed, expected = summed.sort_by(order), expected.sort_by(order)
    for name in STATE_KEY:
        assert summed[name].to_pylist() == expected[name].to_pylist()
    assert summed["event_count_sum"].to_pylist() == expected["event_count"].to_pylist()
    assert summed["last_occurred_us_max"].to_pylist() == expected["last_occurred_us"].to_pylist()
    for name in SUMS:
        np.testing.assert_allclose(summed[f"{name}_sum"].to_numpy(), expected[name].to_numpy(), rtol=1e-9)


@pytest.fixture(scope="module")
def engine():
    engine = DuckDBEngine()
    yield engine
    engine.close()


@pytest.mark.parametrize("largest_id", [50, 2**40], ids=["small numbers", "numbers too large to pack"])
def test_the_fold_on_arrays_gives_what_the_portable_sql_gives(engine, largest_id):
    events = invent_table(6000, seed=3, largest_id=largest_id)
    shuffled = events.take(np.random.default_rng(4).permutation(events.num_rows))
    expected = fold_relation(engine, EventSource("events", {"events": shuffled}), FOLD_KINDS)
    kinds = KindArrays.from_table(FOLD_KINDS)
    compare_states(fold_events_table(shuffled.drop_columns(["same_day_count"]), kinds), expected)
    batches = events.combine_chunks().to_batches(max_chunksize=701)
    compare_states(pa.concat_tables(fold_sealed_batches(batches, kinds)), expected)
    sealed = fold_relation(engine, EventSource("events", {"events": events}), FOLD_KINDS, query="fold_sealed")
    compare_states(sealed, expected)


# A batch of DuckDB has 2,048 rows: some consumers go on in the next one, or fill several.
@pytest.mark.parametrize("consumer_count", [1, 2, 40])
def test_a_fold_in_several_pieces_gives_each_consumer_once_and_in_order(engine, monkeypatch, consumer_count):
    monkeypatch.setattr("consumer_fusion.score.fold.fold_queries.EVENTS_PER_PIECE", 2048)
    events = invent_table(20_000, seed=5, largest_id=50)
    numbers = np.random.default_rng(6).integers(1, consumer_count + 1, events.num_rows)
    source = EventSource("events", {"events": events.set_column(0, "consumer_id", pa.array(numbers))})
    parts = list(fold_events(engine, source, FOLD_KINDS))
    assert len(parts) > 1 or consumer_count == 1
    states = pa.concat_tables(parts)
    keys = list(zip(*(states[name].to_pylist() for name in STATE_KEY), strict=True))
    assert keys == sorted(set(keys))
    compare_states(states, fold_relation(engine, source, FOLD_KINDS))


def test_a_consumer_that_fills_batches_is_folded_whole_and_apart_from_its_neighbours(engine):
    # Batches of four: they end where a consumer ends, belong to one from end to end, or hold several.
    sizes = {1: 4, 2: 4, 3: 10, 4: 1, 5: 1, 6: 4}
    events = invent_table(24, seed=8, largest_id=50).drop_columns(["same_day_count"])
    numbers = np.repeat(list(sizes), list(sizes.values()))
    events = events.set_column(0, "consumer_id", pa.array(numbers))
    events = events.set_column(2, "kind_id", pa.array([1, 2] * 12))
    source = EventSource("events", {"events": events})

    class BatchesOfFour:
        def stream(self, sql, *, tables, **_):
            return iter(tables["events"].combine_chunks().to_batches(max_chunksize=4))

    parts = list(fold_events(BatchesOfFour(), source, FOLD_KINDS))
    found = [sorted(set(part["consumer_id"].to_pylist())) for part in parts]
    assert found == [[1], [2], [3, 4], [5], [6]]
    compare_states(pa.concat_tables(parts), fold_relation(engine, source, FOLD_KINDS))


def test_no_events_fold_to_one_empty_table(engine):
    events = invent_table(5, seed=9, largest_id=50).slice(0, 0)
    (states,) = fold_events(engine, EventSource("events", {"events": events}), FOLD_KINDS)
    assert states.num_rows == 0
    assert states.column_names == list(STATE_COLUMNS)


def test_events_of_no_known_kind_fold_to_nothing(engine):
    events = invent_table(50, seed=6, largest_id=50)
    unknown = events.set_column(2, "kind_id", pa.array([99] * events.num_rows, pa.int64()))
    states = fold_events_table(unknown.drop_columns(["same_day_count"]), KindArrays.from_table(FOLD_KINDS))
    assert states.num_rows == 0
    assert states.column_names == list(STATE_COLUMNS)
