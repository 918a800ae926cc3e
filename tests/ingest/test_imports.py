"""Imports on record, and how an interrupted one is found again."""

from __future__ import annotations

import os

import pytest

from consumer_fusion.ingest.formats import choose_reading, read_reading
from consumer_fusion.ingest.imports import begin_import, begin_stream, finish_import
from consumer_fusion.records.import_record import IMPORTS, ImportResult

EVENTS = choose_reading(format="events")


@pytest.fixture
def begin(desk, store):
    """Enter an import of files and go away again, as a process does that is killed."""

    def run(*files, reading=EVENTS):
        with store.writing() as session:
            import_id, claim = begin_import(session, files, reading, desk.folder / "staging", 1)
        claim.release(with_folder=False)
        return import_id

    return run


def test_an_interrupted_import_of_the_same_files_is_found_again(desk, store, begin):
    path = desk.lay("a.ndjson", ["{}"])
    first = begin(path)
    assert begin(path) == first
    with store.writing() as session:
        result = ImportResult(accepted=1, duplicates=2, rejected=3, unattributed=4, seconds=0.5)
        finish_import(session, first, result, 3)
        row = session.read(IMPORTS, {"import_id": first}).to_pylist()[0]
    assert begin(path) != first
    assert [row[name] for name in ("status", "accepted", "duplicates", "rejected", "unattributed")] == [
        "finished", 1, 2, 3, 4,
    ]  # fmt: skip


def test_an_import_that_another_process_is_at_is_left_to_it(desk, store, begin):
    path = desk.lay("a.ndjson", ["{}"])
    with store.writing() as session:
        first, claim = begin_import(session, [path], EVENTS, desk.folder / "staging", 1)
    assert begin(path) != first
    claim.release(with_folder=True)


def test_changed_files_or_another_reading_are_another_import(desk, begin):
    path = desk.lay("a.ndjson", ["{}"])
    first = begin(path)
    assert begin(path, reading=choose_reading(format="segment")) != first
    os.utime(path, ns=(1, 1))
    assert begin(path) != first


def test_the_reading_of_an_import_is_kept_with_the_folder_of_its_lookups(desk, store, begin):
    import_id = begin(desk.lay("a.ndjson", ["{}"]))
    with store.writing() as session:
        stream_id, claim = begin_stream(session, desk.folder / "staging", 1)
        rows = session.read(IMPORTS, columns=("import_id", "reading"))
    claim.release(with_folder=True)
    readings = dict(zip(*(rows[name].to_pylist() for name in rows.column_names), strict=True))
    assert str(desk.folder) in read_reading(readings[import_id]).lookup_folders
    assert read_reading(readings[stream_id]).format == "events"
