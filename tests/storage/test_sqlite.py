"""The SQLite store where more than one process is at it, and where the disk refuses."""

from __future__ import annotations

import threading
import time

import pyarrow as pa
import pytest

from consumer_fusion.errors import StoreError
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.storage.sqlite import LOG_BYTES_LIMIT, SQLiteStore


@pytest.fixture
def open_store(tmp_path):
    """Stores on one file, each as another process has it."""
    stores = []

    def run():
        store = SQLiteStore(tmp_path / "fusion.db")
        if not stores:
            store.create()
        stores.append(store)
        return store

    yield run
    for store in stores:
        store.close()


def add_keys(session, *keys):
    session.insert(ENTITIES, ("entity_type", "entity_key"), [("consumer", key) for key in keys])


def test_a_writer_waits_until_the_other_is_done(open_store):
    one, other = open_store(), open_store()
    seen = []

    def write():
        with other.writing() as session:
            seen.append(session.read_mark("turn"))

    with one.writing() as session:
        waiting = threading.Thread(target=write)
        waiting.start()
        time.sleep(0.3)
        assert seen == []
        session.write_mark("turn", "first")
    waiting.join(timeout=30)
    assert seen == ["first"]


def test_a_wait_that_is_in_vain_is_told_in_the_products_words(open_store):
    one, other = open_store(), open_store()
    with one.writing(), pytest.raises(StoreError, match="Another process"), other.writing(wait_seconds=0):
        pass
    with other.writing(wait_seconds=0) as session:
        session.write_mark("turn", "second")


def test_readers_neither_wait_for_a_writer_nor_see_what_is_half_done(open_store):
    one, other = open_store(), open_store()
    with one.writing() as session:
        add_keys(session, "ann")
        with other.reading() as reader:
            assert reader.count(ENTITIES) == 0
    with other.reading() as reader:
        assert reader.count(ENTITIES) == 1


def test_a_full_disk_is_told_and_what_was_begun_is_gone(open_store):
    store = open_store()
    with store.writing() as session:
        add_keys(session, "ann")

    def fill():
        with store.writing() as session:
            session._run("pragma max_page_count = 1")
            add_keys(session, *(f"consumer-{number}" * 50 for number in range(5000)))

    with pytest.raises(StoreError, match="full"):
        fill()
    with store.writing() as session:
        session._run("pragma max_page_count = 1000000")
        assert session.count(ENTITIES) == 1
        add_keys(session, "bob")
    with store.reading() as session:
        assert session.count(ENTITIES) == 2


def test_many_rows_are_read_whole_and_in_order(open_store):
    store = open_store()
    with store.writing() as session:
        add_keys(session, *(f"consumer-{number:06}" for number in range(120_000)))
        rows = session.read(ENTITIES, order_by=("entity_key",))
    assert rows.num_rows == 120_000
    assert rows["entity_key"][119_999].as_py() == "consumer-119999"
    assert rows.schema == session_schema(store)


def session_schema(store):
    with store.reading() as session:
        return session.read(ENTITIES, {"entity_type": "nobody"}).schema


@pytest.mark.parametrize("count", [1, 3, 250], ids=["one", "few", "many"])
def test_rows_are_found_by_their_keys_however_many_are_looked_for(open_store, count):
    store = open_store()
    with store.writing() as session:
        add_keys(session, *(f"key {number}" for number in range(300)))
    wanted = [f"key {number * 7 % 310}" for number in range(count)]
    keys = pa.table({"entity_type": ["consumer"] * count, "entity_key": wanted})
    with store.reading() as session:
        found = session.read_matching(ENTITIES, keys, columns=("entity_key",))["entity_key"].to_pylist()
        assert sorted(found) == sorted(key for key in wanted if int(key[4:]) < 300)
        assert session.read_matching(ENTITIES, keys.slice(0, 0)).num_rows == 0


def test_many_who_wait_to_write_keep_nobody_from_reading(open_store):
    store = open_store()
    done = []

    def write():
        try:
            with store.writing(wait_seconds=3):
                done.append("written")
        except StoreError:
            done.append("told")

    with store.writing() as session:
        session.write_mark("turn", "first")
        waiting = [threading.Thread(target=write) for _ in range(80)]
        for thread in waiting:
            thread.start()
        time.sleep(0.2)
        begun = time.monotonic()
        for _ in range(20):
            with store.reading() as reader:
                assert reader.read_mark("turn") is None
        assert time.monotonic() - begun < 3
    for thread in waiting:
        thread.join(timeout=60)
    assert len(done) == 80
    assert "written" in done


def test_whoever_has_little_patience_is_told_and_others_wait_on(open_store):
    store = open_store()
    hasty = store.with_timeout(0.1)
    with store.writing() as session:
        session.write_mark("turn", "first")
        with pytest.raises(StoreError, match="too long"), hasty.writing():
            pass
    with hasty.writing() as session:
        assert session.read_mark("turn") == "first"


def read_bytes(folder):
    """All that the store's files hold on the disk."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("fusion.db*")))


def test_what_was_deleted_is_on_the_disk_no_more_once_the_log_is_emptied(open_store, tmp_path):
    store = open_store()
    with store.writing() as session:
        add_keys(session, *(f"tracer-{number:05}" for number in range(2_000)))
    assert store.truncate_log()
    assert b"tracer-00007" in read_bytes(tmp_path)
    with store.writing() as session:
        session.delete(ENTITIES, {"entity_type": "consumer"})
    assert store.truncate_log()
    assert b"tracer-" not in read_bytes(tmp_path)


def test_a_log_that_a_large_transaction_made_long_shrinks_while_others_write_on(open_store, tmp_path):
    store = open_store()
    log = next(tmp_path.glob("*-wal"))
    with store.writing() as session:
        for number in range(60):
            session.write_mark(f"large-{number}", "x" * 1_000_000)
    assert log.stat().st_size > LOG_BYTES_LIMIT
    for number in range(3):
        with store.writing() as session:
            session.write_mark("small", str(number))
    assert log.stat().st_size <= LOG_BYTES_LIMIT


def test_a_log_is_not_emptied_under_somebody_who_reads_or_writes(open_store):
    one, other = open_store(), open_store()
    with one.reading() as session:
        session.read_mark("turn")
        with other.writing() as writing:
            writing.write_mark("turn", "second")
            assert not one.truncate_log()
        assert not one.truncate_log()
    assert one.truncate_log()
