"""Segment files and their manifest: what is named is kept, what nobody can need any more goes."""

from __future__ import annotations

import time

import pytest

from consumer_fusion.records.segment import Segment
from consumer_fusion.stores import (
    SQLiteStore,
    add_segments,
    finish_file,
    list_segments,
    place_segment,
    remove_segments,
    sweep_files,
)

HOUR = 3600.0


@pytest.fixture
def store(tmp_path):
    store = SQLiteStore(tmp_path / "fusion.db")
    store.create()
    yield store
    store.close()


@pytest.fixture
def seal(store, tmp_path):
    """Write a segment's file and enter it into the manifest, or only write it."""

    def run(segment_id, *, is_named=True):
        final = place_segment(tmp_path, segment_id, 3)
        unfinished = final.with_suffix(".parquet.unfinished")
        unfinished.write_bytes(segment_id.encode())
        digest = finish_file(unfinished, final)
        segment = Segment(segment_id, str(final.relative_to(tmp_path)), 3, 1, 0, 0, digest)
        if is_named:
            with store.writing() as session:
                add_segments(session, [segment], 1)
        return segment

    return run


@pytest.fixture
def sweep(store, tmp_path):
    def run(*, later=0.0):
        with store.writing() as session:
            return sweep_files(session, tmp_path, grace_seconds=HOUR, now_seconds=time.time() + later)

    return run


def list_names(tmp_path):
    return sorted(path.name for path in (tmp_path / "segments").rglob("*") if path.is_file())


def test_a_file_of_the_manifest_stays_for_ever(seal, sweep, tmp_path):
    seal("a")
    assert sweep(later=1000 * HOUR) == 0
    assert list_names(tmp_path) == ["a.parquet"]


def test_what_a_writer_left_that_never_committed_goes_at_once(seal, sweep, tmp_path):
    seal("a")
    seal("b", is_named=False)
    place_segment(tmp_path, "c", -1).with_suffix(".parquet.unfinished").write_bytes(b"c")
    assert sweep() == 2
    assert list_names(tmp_path) == ["a.parquet"]


def test_a_replaced_file_stays_as_long_as_a_reader_may_need_it(store, seal, sweep, tmp_path):
    old, new = seal("a"), seal("b")
    with store.writing() as session:
        remove_segments(session, tmp_path, [old])
    assert sweep() == 0
    assert (tmp_path / old.path).exists()
    assert sweep(later=2 * HOUR) == 1
    assert list_names(tmp_path) == ["b.parquet"]
    with store.reading() as session:
        assert list_segments(session) == (new,)


def test_a_replacement_that_was_rolled_back_replaces_nothing(store, seal, sweep, tmp_path):
    kept = seal("a")

    def remove_and_fail():
        with store.writing() as session:
            remove_segments(session, tmp_path, [kept])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        remove_and_fail()
    assert sweep(later=2 * HOUR) == 0
    assert list_names(tmp_path) == ["a.parquet"]
    with store.reading() as session:
        assert list_segments(session) == (kept,)


def test_a_workspace_without_segments_is_swept_too(sweep):
    assert sweep() == 0
