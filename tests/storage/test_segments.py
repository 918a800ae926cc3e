"""Segment files and their manifest: what is named is kept, what nobody can need any more goes."""

from __future__ import annotations

import os
import time

import pytest

from consumer_fusion.records.segment import Segment
from consumer_fusion.storage.segments import (
    add_segments,
    find_segment_path,
    finish_file,
    list_segments,
    remove_segments,
    sweep_files,
    sweep_replaced,
)
from consumer_fusion.storage.sqlite import SQLiteStore


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
        final = find_segment_path(tmp_path, segment_id, 3)
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
    def run(*, replaced_before=0.0):
        with store.writing() as session:
            return sweep_files(session, tmp_path, replaced_before=replaced_before)

    return run


def list_names(tmp_path):
    return sorted(path.name for path in (tmp_path / "segments").rglob("*") if path.is_file())


def test_a_file_of_the_manifest_stays_for_ever(seal, sweep, tmp_path):
    seal("a")
    assert sweep(replaced_before=time.time() + 1000) == 0
    assert list_names(tmp_path) == ["a.parquet"]


def test_what_a_writer_left_that_never_committed_goes_at_once(seal, sweep, tmp_path):
    seal("a")
    seal("b", is_named=False)
    find_segment_path(tmp_path, "c", -1).with_suffix(".parquet.unfinished").write_bytes(b"c")
    assert sweep() == 2
    assert list_names(tmp_path) == ["a.parquet"]


def test_a_replaced_file_stays_as_long_as_a_reader_may_need_it(store, seal, sweep, tmp_path):
    old, new = seal("a"), seal("b")
    with store.writing() as session:
        remove_segments(session, tmp_path, [old])
    assert sweep(replaced_before=time.time() - 1) == 0
    assert (tmp_path / old.path).exists()
    assert sweep(replaced_before=time.time() + 1) == 1
    assert list_names(tmp_path) == ["b.parquet"]
    with store.reading() as session:
        assert list_segments(session) == (new,)


def test_a_replaced_file_goes_by_itself_once_nobody_can_be_reading_it(store, seal, tmp_path):
    old = seal("a")
    seal("b")
    with store.reading() as early:
        assert old in list_segments(early)
        with store.writing() as session:
            remove_segments(session, tmp_path, [old])
        age_files(tmp_path)
        assert sweep_replaced(store, tmp_path) == 0
        assert (tmp_path / old.path).exists()
    with store.reading():
        assert sweep_replaced(store, tmp_path) == 1  # who reads now sees what is
    assert list_names(tmp_path) == ["b.parquet"]
    assert sweep_replaced(store, tmp_path) == 0


def age_files(folder):
    """Let some seconds pass for the files."""
    for path in (folder / "segments").rglob("*"):
        os.utime(path, (time.time() - 5, time.time() - 5))


def test_a_replacement_that_was_rolled_back_replaces_nothing(store, seal, sweep, tmp_path):
    kept = seal("a")

    def remove_and_fail():
        with store.writing() as session:
            remove_segments(session, tmp_path, [kept])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        remove_and_fail()
    assert sweep(replaced_before=time.time() + 1) == 0
    assert list_names(tmp_path) == ["a.parquet"]
    with store.reading() as session:
        assert list_segments(session) == (kept,)


def test_a_workspace_without_segments_is_swept_too(sweep):
    assert sweep() == 0
