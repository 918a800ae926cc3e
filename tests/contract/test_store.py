"""What every hot store behind the port keeps to; a new store is added to `STORES` and has to pass all of it."""

from __future__ import annotations

import threading

import pyarrow as pa
import pytest

from consumer_fusion.records.alert import NOTICE_STANDINGS
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.event import ATTACHMENTS, EVENTS
from consumer_fusion.records.identity import MERGES
from consumer_fusion.records.pair_state import STATE_BLOCKS
from consumer_fusion.records.segment import MARKS
from consumer_fusion.storage.sqlite import SQLiteStore
from consumer_fusion.storage.store import RangeCondition


def make_sqlite(folder):
    store = SQLiteStore(folder / "store.db")
    store.create()
    return store


STORES = {"sqlite": make_sqlite}
STANDING = NOTICE_STANDINGS.column_names


@pytest.fixture(params=sorted(STORES))
def make_store(request, tmp_path):
    """Opens the same store again with every call."""
    opened = []

    def make():
        opened.append(STORES[request.param](tmp_path))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(make_store):
    return make_store()


def write_standing(consumer, brand=1, score=50.0, last=10):
    return (consumer, brand, score, "neutral", "points", last)


def name_consumers(session, *keys):
    return session.insert(ENTITIES, ("entity_type", "entity_key"), [("consumer", key) for key in keys])


def test_what_was_written_is_there_after_opening_again(make_store):
    with make_store().writing() as session:
        name_consumers(session, "ada")
        session.write_mark("place", 7)
    with make_store().reading() as session:
        assert session.read(ENTITIES, columns=("entity_key",)).to_pylist() == [{"entity_key": "ada"}]
        assert session.read_mark("place") == "7"
        assert session.read_mark("elsewhere") is None


def test_an_error_takes_everything_of_its_transaction_back(store):
    def write_and_fail():
        with store.writing() as session:
            name_consumers(session, "ada")
            session.write_mark("place", 1)
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write_and_fail()
    with store.reading() as session:
        assert session.count(ENTITIES) == 0
        assert session.read_mark("place") is None


def test_a_reader_sees_one_moment_while_another_writes(store):
    with store.writing() as session:
        name_consumers(session, "ada")
    with store.reading() as reader:
        assert reader.count(ENTITIES) == 1
        with store.writing() as writer:
            name_consumers(writer, "grace")
        assert reader.count(ENTITIES) == 1
    with store.reading() as reader:
        assert reader.count(ENTITIES) == 2


def test_two_writers_take_turns_and_lose_nothing(store):
    with store.writing() as session:
        session.write_mark("total", 0)

    def count_up():
        for _ in range(20):
            with store.writing() as session:
                session.write_mark("total", int(session.read_mark("total")) + 1)

    threads = [threading.Thread(target=count_up) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as session:
        assert session.read_mark("total") == "60"


def test_an_event_that_is_there_already_is_passed_over_and_not_counted(store):
    with store.writing() as session:
        names = ATTACHMENTS.column_names
        first, second, later, other = (
            (source, event, 1, 1, "", at)
            for source, event, at in [(1, "a", 5), (1, "b", 5), (1, "b", 9), (2, "b", 9)]
        )
        assert session.insert(ATTACHMENTS, names, [first, second], ignore=True) == 2
        assert session.insert(ATTACHMENTS, names, [later, other], ignore=True) == 1
        kept = session.read(ATTACHMENTS, {"source_id": 1}, order_by=("event_id",))["attached_us"].to_pylist()
    assert kept == [5, 5]


def test_the_same_event_of_the_same_source_is_refused_without_ignore(store):
    with pytest.raises(Exception), store.writing() as session:  # noqa: B017 - every driver has its own
        session.insert(ATTACHMENTS, ATTACHMENTS.column_names, [(1, "a", 1, 1, "", 5), (1, "a", 1, 1, "", 6)])
    with store.reading() as session:
        assert session.count(ATTACHMENTS) == 0


def test_numbers_of_arrival_rise_and_are_never_given_twice(store):
    with store.writing() as session:
        name_consumers(session, "ada", "grace")
        last = session.read(ENTITIES, order_by=("entity_id",))["entity_id"].to_pylist()[-1]
        session.delete(ENTITIES, {"entity_key": "grace"})
        name_consumers(session, "mary")
        (number,) = session.read(ENTITIES, {"entity_key": "mary"})["entity_id"].to_pylist()
    assert number > last


def test_doubles_come_back_to_the_last_bit(store):
    scores = [0.1 + 0.2, 1e-300, 5e-324, 1.7976931348623157e308, -0.1]
    with store.writing() as session:
        session.insert(NOTICE_STANDINGS, STANDING, [write_standing(n, score=a) for n, a in enumerate(scores)])
        rows = session.read(NOTICE_STANDINGS, order_by=("consumer_id",))
        assert rows["fusion_score"].to_pylist() == scores


def test_bytes_come_back_whole_and_a_row_is_replaced_in_place(store):
    contents = [b"", b"\x00\xff" * 5_000, b"one"]
    names = STATE_BLOCKS.column_names
    with store.writing() as session:
        session.insert(STATE_BLOCKS, names, [(1, place, 0, each) for place, each in enumerate(contents)])
        session.replace(STATE_BLOCKS, names, [(1, 0, 7, b"other"), (2, 0, 0, b"new")])
        rows = session.read(STATE_BLOCKS, order_by=("brand_id", "first_place"))
    assert rows["states"].to_pylist() == [b"other", *contents[1:], b"new"]
    assert rows["state_count"].to_pylist() == [7, 0, 0, 0]


def test_a_stream_has_every_row_once_in_batches_of_the_size(store):
    with store.writing() as session:
        session.insert(NOTICE_STANDINGS, STANDING, map(write_standing, range(10)))
        batches = list(
            session.stream(
                NOTICE_STANDINGS, {"consumer_id": [1, 2, 3, 4, 5]}, columns=("consumer_id",), rows_per_batch=2
            )
        )
        assert [len(each) for each in batches] == [2, 2, 1]
        assert sorted(pa.concat_tables(batches)["consumer_id"].to_pylist()) == [1, 2, 3, 4, 5]
        assert list(session.stream(NOTICE_STANDINGS, {"consumer_id": 99})) == []


def test_conditions_choose_values_lists_spans_and_nothing(store):
    with store.writing() as session:
        session.insert(NOTICE_STANDINGS, STANDING, [write_standing(n, last=n * 10) for n in range(1, 7)])

        def choose(where):
            return [
                row["consumer_id"]
                for row in session.read(NOTICE_STANDINGS, where, order_by=("consumer_id",)).to_pylist()
            ]

        assert choose({"consumer_id": 3}) == [3]
        assert choose({"consumer_id": [2, 5, 99]}) == [2, 5]
        assert choose({"consumer_id": []}) == []
        assert choose({"seen_us": RangeCondition(above=20, at_most=40)}) == [3, 4]
        assert choose({"seen_us": RangeCondition(above=40), "consumer_id": [1, 6]}) == [6]
        assert session.count(NOTICE_STANDINGS, {"seen_us": RangeCondition(at_most=30)}) == 3
        limited = session.read(NOTICE_STANDINGS, order_by=("seen_us",), limit=2)
        assert limited["consumer_id"].to_pylist() == [1, 2]


def test_a_missing_value_is_a_condition_of_its_own(store):
    names = ("merge_id", "kept_consumer_id", "absorbed_consumer_id", "reason", "merged_us", "undone_us")
    with store.writing() as session:
        columns = {column.name: column for column in MERGES.columns}
        given = [name for name in MERGES.column_names if name in names or not columns[name].is_optional]
        for number, undone in ((1, None), (2, 77)):
            values = {
                name: number if columns[name].type == "integer" else f"{name}-{number}" for name in given
            }
            values = {
                name: (False if columns[name].type == "boolean" else value) for name, value in values.items()
            }
            values["undone_us"] = undone
            session.insert(MERGES, tuple(values), [tuple(values.values())])
        kept = session.read(MERGES, {"undone_us": None})["kept_consumer_id"].to_pylist()
    assert kept == [1]


def test_rows_are_found_and_deleted_by_a_table_of_keys(store):
    keys = pa.table(
        {"consumer_id": pa.array([1, 2, 9], pa.int64()), "brand_id": pa.array([1, 2, 9], pa.int64())}
    )
    with store.writing() as session:
        session.insert(
            NOTICE_STANDINGS,
            STANDING,
            [write_standing(1), write_standing(2), write_standing(2, brand=2), write_standing(3)],
        )
        found = session.read_matching(NOTICE_STANDINGS, keys, columns=("consumer_id", "brand_id"))
        assert sorted(map(tuple, (row.values() for row in found.to_pylist()))) == [(1, 1), (2, 2)]
        assert session.delete_matching(NOTICE_STANDINGS, keys) == 2
        assert session.read(NOTICE_STANDINGS, order_by=("consumer_id",))["consumer_id"].to_pylist() == [2, 3]


def test_replacing_updating_and_summarising(store):
    with store.writing() as session:
        session.replace(MARKS, MARKS.column_names, [("a", "1"), ("b", "2")])
        session.replace(MARKS, MARKS.column_names, [("a", "3")])
        assert session.read_mark("a") == "3"
        session.insert(NOTICE_STANDINGS, STANDING, [write_standing(n, last=n) for n in (1, 2, 3)])
        assert session.update(NOTICE_STANDINGS, {"seen_us": 50}, {"consumer_id": [1, 2]}) == 2
        assert session.summarise(NOTICE_STANDINGS, "seen_us", "max") == 50
        assert session.summarise(NOTICE_STANDINGS, "seen_us", "max", {"consumer_id": 3}) == 3
        assert session.summarise(NOTICE_STANDINGS, "seen_us", "max", {"consumer_id": 9}) is None
        assert session.summarise(NOTICE_STANDINGS, "seen_us", "sum") == 103
        assert session.summarise(EVENTS, "occurred_us", "max") is None
        assert session.delete(NOTICE_STANDINGS) == 3


def test_an_empty_read_keeps_the_declared_types(store):
    with store.reading() as session:
        rows = session.read(NOTICE_STANDINGS)
    assert rows.num_rows == 0
    assert rows.schema.field("consumer_id").type == pa.int64()
    assert rows.schema.field("fusion_score").type == pa.float64()


def test_text_of_every_script_and_its_quotes_come_back_unchanged(store):
    keys = ["O'Hara; drop table entities", 'say "hi"', "Ἀθηνᾶ", "日本", "🧶", "a\nb"]
    with store.writing() as session:
        name_consumers(session, *keys)
    with store.reading() as session:
        assert sorted(session.read(ENTITIES, columns=("entity_key",))["entity_key"].to_pylist()) == sorted(
            keys
        )
        assert session.count(ENTITIES, {"entity_key": keys[0]}) == 1
