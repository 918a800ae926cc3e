"""ImportResult: what is here already changes nothing, what is new counts once, whichever way it came in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

import consumer_fusion as fusion
from consumer_fusion import pipeline
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.score import effective_points
from consumer_fusion.score.queries.answers import resolve_as_of
from consumer_fusion.storage.segments import UNATTRIBUTED_BUCKET, list_segments
from small_workspaces import (
    NOW,
    count_inbox,
    count_places,
    find_problems,
    list_files,
    make_order,
    make_orders,
    open_small,
    read_scores,
    write_lines,
)

EVENT_LINES = choose_reading(format="events")


@pytest.mark.parametrize("limit", [0, 1000], ids=["into segments", "into the inbox"])
def test_the_same_events_again_change_nothing(tmp_path, limit):
    orders = make_orders(40)
    with open_small(tmp_path, inbox_import_limit=limit) as workspace:
        first = fusion.import_events(workspace, [*orders, *orders[:4]])
        assert (first.accepted, first.duplicates) == (40, 4)
        before = read_scores(workspace)
        again = fusion.import_events(workspace, reversed(orders))
        assert (again.accepted, again.duplicates) == (0, 40)
        assert read_scores(workspace) == before
        assert set(count_places(workspace).values()) == {1}


def test_an_id_belongs_to_its_source(tmp_path):
    with open_small(tmp_path) as workspace:
        both = fusion.import_events(workspace, [make_order(1), make_order(1, source="web shop")])
        assert both.accepted == 2
        assert fusion.import_events(workspace, [make_order(1, source="third")]).accepted == 1


@pytest.mark.slow
def test_the_way_in_makes_no_difference_to_a_score(tmp_path):
    orders = make_orders(90, days=20)
    scores = {}
    for limit in (0, 50, 1000):
        with open_small(tmp_path / f"limit {limit}", inbox_import_limit=limit) as workspace:
            # The money references are those of the first import; it is the same one for all.
            for part in (orders[:60], orders[60:75], orders[75:]):
                fusion.import_events(workspace, part)
            scores[limit] = read_scores(workspace)
            assert find_problems(workspace) == []
            assert (count_inbox(workspace) > 0) == (limit > 0)
    assert scores[50] == pytest.approx(scores[1000], abs=1e-9)
    assert scores[0] == pytest.approx(scores[1000], abs=1e-9)


@pytest.mark.parametrize("limit", [0, 1000], ids=["into segments", "into the inbox"])
def test_an_event_without_a_party_is_kept_and_counted_and_moves_no_score(tmp_path, limit):
    with open_small(tmp_path, inbox_import_limit=limit) as workspace:
        fusion.import_events(workspace, [make_order(0), make_order(1)])
        before = read_scores(workspace)
        told = fusion.import_events(workspace, [make_order(2, consumer=None), make_order(3, brand=None)])
        assert (told.accepted, told.unattributed) == (2, 2)
        assert read_scores(workspace) == before
        assert len(count_places(workspace)) == 4
        if not limit:
            with workspace.store.reading() as session:
                assert [s.row_count for s in list_segments(session) if s.bucket == UNATTRIBUTED_BUCKET] == [2]


def test_a_key_keeps_its_number(tmp_path):
    with open_small(tmp_path) as workspace:
        fusion.import_events(workspace, make_orders(20))
        with workspace.store.reading() as session:
            before = session.read(ENTITIES).to_pylist()
        fusion.import_events(workspace, [make_order(100, consumer="bob"), *make_orders(20)])
        with workspace.store.reading() as session:
            after = session.read(ENTITIES).to_pylist()
        assert after[: len(before)] == before
        new = [(row["entity_type"], row["entity_key"]) for row in after[len(before) :]]
        assert new == [("brand", "bakery"), ("consumer", "bob")]


@pytest.mark.parametrize("limit", [0, 1000], ids=["into segments", "into the inbox"])
def test_two_who_bring_the_same_events_at_once_bring_each_once(tmp_path, monkeypatch, limit):
    orders = make_orders(50)
    fusion.create_workspace(tmp_path / "place")
    path = write_lines(tmp_path / "orders.ndjson", orders)

    def bring(number):
        with fusion.open_workspace(tmp_path / "place", clock=lambda: NOW) as workspace:
            object.__setattr__(
                workspace, "settings", workspace.settings.model_copy(update={"inbox_import_limit": limit})
            )
            if number < 2:
                return pipeline.import_files(workspace, [path], EVENT_LINES).accepted
            return fusion.import_events(workspace, orders).accepted

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(bring, range(3))) == [0, 0, 50]
    with open_small(tmp_path / "place") as workspace:
        assert set(count_places(workspace).values()) == {1}
        assert find_problems(workspace) == []
        assert list(workspace.staging_folder.iterdir()) == []


@pytest.mark.parametrize("limit", [0, 1000], ids=["into segments", "into the inbox"])
def test_an_import_that_fails_on_its_last_step_leaves_nothing(tmp_path, monkeypatch, limit):
    orders = make_orders(40)
    path = write_lines(tmp_path / "orders.ndjson", orders)
    with open_small(tmp_path / "place", inbox_import_limit=limit) as workspace:
        with monkeypatch.context() as broken:
            broken.setattr(pipeline, "finish_import", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                pipeline.import_files(workspace, [path], EVENT_LINES)
        assert count_places(workspace) == {}
        assert read_scores(workspace) == {}
        assert list_files(workspace) == []
        assert pipeline.import_files(workspace, [path], EVENT_LINES).accepted == 40
        assert find_problems(workspace) == []
        # What the failed one had written is gone after the doctor; what counts is all there is.
        assert sorted((workspace.folder / "segments").rglob("*.parquet*")) == sorted(list_files(workspace))
        assert list(workspace.staging_folder.iterdir()) == []


def test_what_waits_for_its_turn_lands_with_the_points_that_are_in_force_then(tmp_path, monkeypatch):
    with open_small(tmp_path) as workspace:
        fusion.import_events(workspace, make_orders(10))
        read_points = effective_points.put_points_in_force
        changes = ['[kinds."Order Completed"]\nhalf_life_days = 30\n']

        def read_points_and_be_overtaken(*arguments):
            found = read_points(*arguments)
            if changes:
                workspace.points_path.write_text(changes.pop(), encoding="utf-8")
                read_points(workspace)
            return found

        monkeypatch.setattr(effective_points, "put_points_in_force", read_points_and_be_overtaken)
        fusion.import_events(workspace, [make_order(77, days_ago=200)])
        assert changes == []
        assert find_problems(workspace) == []


def test_a_refund_of_nothing_is_no_evidence(tmp_path):
    order = make_order(1)
    nothing = [make_order(2, kind=kind, value=0.0) for kind in ("Order Refunded",)]
    nothing += [make_order(3, kind="Order Cancelled", value=0.0)]
    with open_small(tmp_path / "with") as workspace:
        fusion.import_events(workspace, [order, *nothing])
        scores = read_scores(workspace)
    with open_small(tmp_path / "without") as workspace:
        fusion.import_events(workspace, [order])
        assert scores == pytest.approx(read_scores(workspace), abs=1e-9)


def test_the_newest_event_is_never_after_now(tmp_path):
    with open_small(tmp_path) as workspace:
        fusion.import_events(workspace, [make_order(1, days_ago=-0.5)])
        assert resolve_as_of(workspace, "latest") == workspace.now_us
