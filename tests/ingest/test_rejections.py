"""Rows that were set aside: kept once, listed, corrected and tried again."""

from __future__ import annotations

import pytest

from consumer_fusion.errors import NotFoundError
from consumer_fusion.ingest.formats import choose_reading, find_files
from consumer_fusion.ingest.imports import begin_import, finish_import
from consumer_fusion.ingest.rejections import (
    count_rejections,
    drop_rejections,
    list_rejections,
    prepare_retries,
    store_rejections,
)
from consumer_fusion.records.import_record import ImportResult

ORDERS = """
[source]
name = "shop"
skip_lines = 1
encoding = "latin-1"
[fields]
event_id = "id"
occurred_at = "at"
value = "paid"
{group}
[kind]
default = "Order Completed"
"""


@pytest.fixture
def take(desk, store):
    """Stage a file as an import and keep its rejected rows."""

    def run(reading, path):
        with store.writing() as session:
            import_id, claim = begin_import(session, find_files([path]), reading, desk.folder / "staging", 1)
            staged = desk.stage(reading, path)
            count = store_rejections(session, desk.engine, import_id, staged.staging, 2)
            finish_import(session, import_id, ImportResult(rejected=count), 3)
        claim.release(with_folder=True)
        return staged, count

    return run


@pytest.fixture
def retry(desk, store):
    """Try rejected rows again and return what is accepted and what is rejected now."""

    def run(corrected=None, rejection_ids=None):
        with store.reading() as session:
            retries = prepare_retries(
                session,
                desk.folder / f"retry-{desk.stagings}",
                rejection_ids=rejection_ids,
                corrected=corrected,
            )
        staged = [desk.stage(each.reading, *each.files) for each in retries]
        return [r for s in staged for r in s.accepted], [r for s in staged for r in s.rejected]

    return run


@pytest.fixture
def orders(desk, take):
    """A file with a report's title above its header, one good row, one broken and one with a wrong number."""
    text = "Bericht März\nid,at,paid\n1,2026-01-01,1\n2,2026-01-01\n3,2026-01-01,drei\n".encode("latin-1")
    take(desk.map(ORDERS.format(group="")), desk.lay("orders.csv", text))


def test_rejected_rows_are_listed_with_reason_place_and_raw_row(orders, store):
    with store.reading() as session:
        broken, wrong = list_rejections(session)
        assert count_rejections(session) == {"broken_line": 1, "invalid_number": 1}
        assert list_rejections(session, code="broken_line") == (broken,)
        assert list_rejections(session, limit=1) == (broken,)
    assert (broken.position, broken.code, broken.source) == (2, "broken_line", "shop")
    assert (wrong.position, wrong.raw) == (3, "id,at,paid\n3,2026-01-01,drei")


def test_rows_that_are_corrected_are_accepted_when_tried_again(orders, retry, store):
    with store.reading() as session:
        numbers = [each.rejection_id for each in list_rejections(session)]
    accepted, rejected = retry(
        {numbers[0]: "id,at,paid\n2,2026-01-01,2", numbers[1]: "id,at,paid\n3,2026-01-01,3"}
    )
    assert sorted((row["event_id"], row["value"]) for row in accepted) == [("2", 2.0), ("3", 3.0)]
    assert rejected == []


def test_rows_that_are_not_corrected_fail_again_in_the_same_way(orders, retry):
    accepted, rejected = retry()
    assert accepted == []
    assert sorted(row["code"] for row in rejected) == ["broken_line", "invalid_number"]
    assert {row["raw"] for row in rejected} == {"id,at,paid\n2,2026-01-01", "id,at,paid\n3,2026-01-01,drei"}


def test_an_invoice_that_was_set_aside_whole_is_tried_again_whole(desk, take, retry, store):
    reading = desk.map(ORDERS.format(group='[group]\nby = ["id"]'))
    take(
        reading, desk.lay("lines.csv", "Report\nid,at,paid\nA,2026-01-01,1\nA,2026-01-01,x\nB,2026-01-01,5\n")
    )
    with store.reading() as session:
        (only,) = list_rejections(session)
    accepted, rejected = retry({only.rejection_id: only.raw.replace("x", "2")})
    assert [(row["event_id"], row["value"]) for row in accepted] == [("A", 3.0)]
    assert rejected == []


def test_event_lines_are_tried_again_as_event_lines(desk, take, retry, store):
    path = desk.lay("events.ndjson", ['{"occurred_at": "2026-01-01"}', "{broken"])
    take(choose_reading(format="events"), path)
    with store.reading() as session:
        first, second = list_rejections(session)
    fixed = '{"occurred_at": "2026-01-01", "kind": "Order Completed"}'
    accepted, rejected = retry({first.rejection_id: fixed}, [first.rejection_id])
    assert (len(accepted), rejected) == (1, [])
    _, rejected = retry(None, [second.rejection_id])
    assert [row["raw"] for row in rejected] == ["{broken"]


def test_the_same_file_again_leaves_the_same_rejected_rows_once(desk, take, store):
    path = desk.lay("events.ndjson", ["{broken", "{broken", "{other"])
    assert take(choose_reading(format="events"), path)[1] == 3
    assert take(choose_reading(format="events"), path)[1] == 3
    with store.reading() as session:
        assert [each.raw for each in list_rejections(session)] == ["{broken", "{broken", "{other"]


def test_rejected_rows_are_dropped_one_by_one_or_all(orders, store):
    with store.writing() as session:
        first, _ = list_rejections(session)
        assert drop_rejections(session, [first.rejection_id]) == 1
        assert len(list_rejections(session)) == 1
        assert drop_rejections(session) == 1
        assert list_rejections(session) == ()


def test_a_number_of_no_rejection_is_told(orders, store):
    with store.reading() as session, pytest.raises(NotFoundError, match="999"):
        list_rejections(session, rejection_ids=[1, 999])
