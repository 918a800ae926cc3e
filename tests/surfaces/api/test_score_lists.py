"""Lists of all pairs come from the snapshots of brands, and tell what the command tells."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from itertools import count

import pytest
from tests.surfaces.api.conftest import make_program

import consumer_fusion as fusion
from consumer_fusion.events.entities import find_keys
from consumer_fusion.score.queries import answers
from consumer_fusion.score.snapshot_renewal import is_snapshot_due, take_snapshots
from consumer_fusion.server import brand_cache
from consumer_fusion.server.audit_buffer import AuditBuffer
from consumer_fusion.server.many_pairs import read_brands
from consumer_fusion.surfaces.api.paging import write_cursor
from consumer_fusion.surfaces.api.request_context import RequestContext
from copied_workspaces import copy_made
from small_workspaces import NOW, make_order, make_orders, make_small, open_small
from token_admission import admit_token

BRANDS = ("brand-0", "brand-1", "brand-2")
ORDERS = (None, "lowest", "highest", "falling", "rising", "moving")


def make_lists(folder, newest_days_ago):
    """A workspace of three brands whose newest event is so old, and one event of the bakery's."""
    make_small(folder, [*make_orders(120, consumers=23), make_order(500, days_ago=newest_days_ago)])


@pytest.fixture
def filled(tmp_path):
    """The workspace of a test alone, which `program` and `request_context` look at."""
    with open_small(copy_made(tmp_path / "ws", make_lists, 0.5)) as opened:
        yield opened


@pytest.fixture
def request_context(filled):
    made = RequestContext(filled, AuditBuffer(filled.store, filled.session_store), admit_token)
    yield made
    made.close()


@pytest.fixture
def program(filled, request_context):
    return make_program(filled, request_context)


def find_brands(workspace):
    with workspace.store.reading() as session:
        return find_keys(session, "brand", [*BRANDS, "bakery"])


def read_all(program, **asked):
    """All rows of `/scores`, some at a time."""
    rows, cursor = [], None
    while True:
        page = program.get("/scores", params={**asked, "limit": 5, **({"cursor": cursor} if cursor else {})})
        rows += page.json()["items"]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            return rows


def make_changed_since(folder):
    """The same with snapshots, after which pairs changed and one came."""
    with open_small(copy_made(folder, make_lists, 0.5)) as workspace:
        take_snapshots(workspace, find_brands(workspace).values())
        changed = [
            make_order(900 + each, consumer=f"consumer-{each}", brand="brand-1", days_ago=0.2)
            for each in (1, 2)
        ]
        new = make_order(950, consumer="new", brand="brand-1", days_ago=0.3)
        fusion.import_events(workspace, [*changed, new])


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("brand", [None, "brand-1"])
def test_lists_from_snapshots_are_those_of_the_command(tmp_path, monkeypatch, order, brand):
    def refuse(*_):
        raise AssertionError("all pairs are read again")

    monkeypatch.setattr(brand_cache, "read_brands", refuse)
    copy_made(tmp_path / "ws", make_changed_since)
    with open_program(tmp_path / "ws", 0.0) as (filled, program):
        check_lists(filled, program, order, brand)


def check_lists(filled, program, order, brand):
    asked = {name: value for name, value in (("order", order), ("brand", brand)) if value}
    told = read_all(program, **asked)
    wanted = answers.score_pairs(filled, brand=brand, order=order).to_pylist()
    assert [(row["consumer"], row["brand"]) for row in told] == [
        (row["consumer"], row["brand"]) for row in wanted
    ]
    assert "new" in {row["consumer"] for row in told}
    for row, expected in zip(told, wanted, strict=True):
        assert row["fusion_score"] == pytest.approx(expected["fusion_score"], abs=1e-9)
        change = expected.get("change_28_days")
        assert row["change_28_days"] == (change if change is None else pytest.approx(change, abs=1e-9))


def test_movers_of_other_days_compare_with_that_time(filled, program):
    def read_scores(days):
        rows = answers.score_pairs(filled, as_of=NOW - timedelta(days=days)).to_pylist()
        return {(row["consumer"], row["brand"]): row["fusion_score"] for row in rows}

    now, before = read_scores(0), read_scores(7)
    wanted = {pair: score - before.get(pair, 50.0) for pair, score in now.items()}
    told = program.get("/movers", params={"days": 7, "as_of": NOW.isoformat()}).json()["items"]
    assert len(told) == 20
    for row in told:
        assert row["change"] == pytest.approx(wanted[row["consumer"], row["brand"]], abs=1e-9)
    sizes = sorted(map(abs, wanted.values()), reverse=True)
    assert [abs(row["change"]) for row in told] == pytest.approx(sizes[:20])


def test_events_of_another_brand_leave_the_scores_of_a_brand_as_they_are(filled, request_context):
    brands = find_brands(filled)
    take_snapshots(filled, brands.values())
    before = request_context.brands.find_all(brands.values())
    fusion.import_events(filled, [make_order(900, consumer="new", brand="brand-1", days_ago=0.2)])
    after = request_context.brands.find_all(brands.values())
    is_same = {old.brand_id: old is new for old, new in zip(before, after, strict=True)}
    assert is_same == {number: key != "brand-1" for key, number in brands.items()}


def test_the_scores_of_a_brand_hold_no_memory_of_others(filled):
    brand_ids = list(find_brands(filled).values())
    for snapshot in read_brands(filled, brand_ids, filled.now_us):
        assert snapshot.scores.get_total_buffer_size() <= 1.5 * snapshot.scores.nbytes


@contextmanager
def open_program(folder, days_later, *, step=timedelta(0)):
    """A program's view of the workspace some days later; the clock goes on by `step` with each look at it."""
    moments = (NOW + timedelta(days=days_later) + number * step for number in count())
    with fusion.open_workspace(folder, clock=lambda: next(moments), threads=1) as opened:
        made = RequestContext(opened, AuditBuffer(opened.store, opened.session_store), admit_token)
        try:
            yield opened, make_program(opened, made)
        finally:
            made.close()


def check_like_command(told, workspace, as_of, order):
    wanted = answers.score_pairs(workspace, as_of=as_of, order=order).to_pylist()
    assert [(row["consumer"], row["brand"]) for row in told] == [
        (row["consumer"], row["brand"]) for row in wanted
    ]
    for name in ("fusion_score", "change_28_days", "percentile"):
        assert [row[name] for row in told] == pytest.approx([row[name] for row in wanted], abs=1e-6)


@pytest.mark.parametrize("as_of", [None, "latest", "now"])
@pytest.mark.parametrize("has_snapshots", [False, True])
def test_lists_of_a_quiet_workspace_are_of_the_time_that_they_name(tmp_path, as_of, has_snapshots):
    # The newest event is half a day old when the snapshots are taken, then a week: the default time falls back to it.
    copy_made(tmp_path / "ws", make_lists, 0.5)
    if has_snapshots:
        with open_program(tmp_path / "ws", 0.4) as (workspace, _):
            take_snapshots(workspace, find_brands(workspace).values())
            assert not is_snapshot_due(workspace)
    with open_program(tmp_path / "ws", 7) as (workspace, program):
        named = {} if as_of is None else {"as_of": as_of}
        assert is_snapshot_due(workspace) == has_snapshots
        check_like_command(read_all(program, order="falling", **named), workspace, as_of, "falling")


@pytest.mark.parametrize("has_snapshots", [False, True])
@pytest.mark.parametrize("order", ORDERS)
def test_pages_have_every_pair_once_while_time_goes_on(tmp_path, order, has_snapshots):
    with open_small(copy_made(tmp_path / "ws", make_lists, 0.1)) as workspace:
        if has_snapshots:
            take_snapshots(workspace, find_brands(workspace).values())
        pairs = answers.score_pairs(workspace).num_rows
    # Each page comes minutes after the one before.
    with open_program(tmp_path / "ws", 0.0, step=timedelta(seconds=20)) as (_, program):
        rows = read_all(program, **({"order": order} if order else {}))
    assert len(rows) == len({(row["consumer"], row["brand"]) for row in rows}) == pairs


@pytest.mark.parametrize("begun_us", [-(2**61), 0, 2**61])
def test_a_cursor_with_a_time_of_somebodys_own_is_answered(program, begun_us):
    cursor = write_cursor(("scores", None, None, None, "falling"), (-5.0, 1, 1, begun_us))
    page = program.get("/scores", params={"order": "falling", "cursor": cursor})
    assert page.status_code == 200
