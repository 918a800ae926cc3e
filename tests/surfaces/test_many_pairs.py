"""Large brands are read in a process of their own, and places are told from what was last read; never the score."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest

from consumer_fusion.errors import NotFoundError, StoreError
from consumer_fusion.pipeline import import_events
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.timestamps import to_microseconds
from consumer_fusion.score import effective_points, snapshot_renewal
from consumer_fusion.score.queries import answers
from consumer_fusion.score.states.brand_snapshots import SNAPSHOT_SCHEMA, make_snapshot
from consumer_fusion.server import brand_cache, many_pairs
from consumer_fusion.server.brand_cache import BrandCache
from consumer_fusion.server.cache import Cache
from consumer_fusion.server.worker_pool import WorkerPool
from small_workspaces import NOW, make_order, make_orders, open_small

pytestmark = pytest.mark.process

AS_OF_US = to_microseconds(NOW)


def tell_process(workspace):
    """The number of the process, and what the workspace is called there."""
    return os.getpid(), workspace.folder.name


def fail(workspace):
    raise NotFoundError("There is no such thing.")


def is_gone(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def read_rows(workspace):
    return answers.score_pairs(workspace, as_of=NOW)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    with open_small(tmp_path_factory.mktemp("many") / "ws") as opened:
        import_events(opened, make_orders(120, consumers=40, brands=3))
        yield opened


@pytest.fixture(scope="module", autouse=True)
def importable():
    """The functions of this file can be found by other processes."""
    # A process that is started takes over where modules are looked for.
    with mock.patch.object(sys, "path", [*sys.path, str(Path(__file__).parents[2])]):
        yield


@pytest.fixture(scope="module")
def workers(workspace):
    made = WorkerPool(workspace)
    yield made
    made.close()


@pytest.fixture
def places(workspace, workers):
    kept = Cache()
    yield BrandCache(workspace, workers, kept)
    kept.close()


def list_brands(workspace):
    with workspace.store.reading() as session:
        rows = session.read(ENTITIES, {"entity_type": "brand"})
    return dict(zip(rows["entity_key"].to_pylist(), rows["entity_id"].to_pylist()))


def list_consumers(workspace):
    with workspace.store.reading() as session:
        rows = session.read(ENTITIES, {"entity_type": "consumer"})
    return dict(zip(rows["entity_key"].to_pylist(), rows["entity_id"].to_pylist()))


def wait_for(condition):
    end = time.monotonic() + 30
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
    return found


def test_what_runs_aside_runs_in_another_process_on_the_same_workspace(workspace, workers):
    process, name = workers.run(tell_process)
    assert process != os.getpid()
    assert name == "ws"
    assert workers.run_ahead(tell_process) == (process, name)
    assert workers.run(read_rows).equals(read_rows(workspace))


def test_an_error_aside_reaches_whoever_asked_as_it_is(workers):
    with pytest.raises(NotFoundError, match="no such thing"):
        workers.run(fail)
    assert workers.run(tell_process)[1] == "ws"


def test_when_the_other_process_ends_the_work_is_done_all_the_same(workspace):
    workers = WorkerPool(workspace)
    try:
        first = workers.run(tell_process)[0]
        assert first != os.getpid()
        os.kill(first, 9)
        # In place or in another process, as soon as it is noticed.
        assert workers.run(tell_process)[0] != first
        assert workers.run(tell_process)[0] not in (first, os.getpid())
    finally:
        workers.close()


def test_the_other_process_ends_when_nothing_is_asked_of_it(workspace):
    workers = WorkerPool(workspace, idle_seconds=0.05)
    try:
        first = workers.run(tell_process)[0]
        wait_for(lambda: is_gone(first))
        assert workers.run(tell_process)[0] != first
    finally:
        workers.close()


def test_nothing_is_asked_of_it_any_more_once_it_is_closed(workspace):
    workers = WorkerPool(workspace)
    workers.close()
    with pytest.raises(StoreError):
        workers.run(tell_process)


def test_a_place_is_the_percentile_that_all_scores_of_the_brand_give(workspace, places):
    brands, consumers = list_brands(workspace), list_consumers(workspace)
    rows = answers.score_pairs(workspace, as_of=NOW).to_pylist()
    assert len(rows) > 60
    for row in rows:
        place = places.find_percentile(
            brands[row["brand"]], consumers[row["consumer"]], row["fusion_score"], AS_OF_US
        )
        assert place.percentile == pytest.approx(row["percentile"], abs=1e-9)
        assert place.as_of_us == AS_OF_US


def test_a_pair_that_moved_or_is_new_is_placed_by_its_score(workspace, places):
    brand = list_brands(workspace)["brand-0"]
    scores = [
        row["fusion_score"] for row in answers.score_pairs(workspace, brand="brand-0", as_of=NOW).to_pylist()
    ]
    found = places.find_percentile(brand, 10**9, 55.0, AS_OF_US)
    below = sum(score < 55.0 for score in scores) + sum(score == 55.0 for score in scores) / 2
    assert found.percentile == pytest.approx(100 * below / len(scores))
    assert places.find_percentile(brand, 10**9, 0.0, AS_OF_US).percentile == 0
    assert places.find_percentile(brand, 10**9, 100.0, AS_OF_US).percentile == 100


def test_a_pair_that_only_faded_keeps_its_place_among_those_with_the_same_score():
    """Two in five pairs ordered the same on one day; by now the score of each has faded, not that of one alone."""
    scores = np.array([55.0] * 30 + [62.5] * 40 + [70.0] * 30)
    columns = {field.name: pa.nulls(100, field.type) for field in SNAPSHOT_SCHEMA}
    rows = pa.table(columns | {"consumer_id": np.arange(100), "fusion_score": scores})
    standing = make_snapshot(1, AS_OF_US, "", rows)
    assert standing.rank(45, 62.5) == 50
    assert standing.rank(45, 62.5 - 0.02) == 50
    assert standing.rank(45, 66.0) == 70, "a pair that moved is placed by its score"
    assert standing.rank(500, 62.5 - 0.02) == 30, "a pair that is not there, too"


def test_the_place_in_a_large_brand_is_unknown_until_it_was_read_and_nobody_waits(
    workspace, places, monkeypatch
):
    monkeypatch.setattr(brand_cache, "MANY_STATES", 1)
    monkeypatch.setattr(brand_cache, "INSTANT_STATES", 0)
    brand = list_brands(workspace)["brand-0"]
    assert places.find_percentile(brand, 1, 60.0, None) is None
    place = wait_for(lambda: places.find_percentile(brand, 1, 60.0, None))
    assert place.percentile == places.find_percentile(brand, 1, 60.0, AS_OF_US).percentile
    assert places.find_percentile(brand, 1, 60.0, None, is_fresh=True) is not None


def test_places_are_read_anew_when_points_change(workspace, places):
    brand = list_brands(workspace)["brand-0"]
    before = places.find_percentile(brand, 1, 55.0, None)
    workspace.points_path.write_text(
        '[kinds."Order Completed"]\npoints = { delight = 40 }\n', encoding="utf-8"
    )
    try:
        effective_points.put_points_in_force(workspace)
        after = places.find_percentile(brand, 1, 55.0, None)
    finally:
        workspace.points_path.write_text("", encoding="utf-8")
        effective_points.put_points_in_force(workspace)
    assert after != before


def test_brands_summarised_some_at_a_time_are_those_summarised_at_once(workspace, monkeypatch):
    at_once = many_pairs.summarise_brands(workspace, AS_OF_US)
    monkeypatch.setattr(snapshot_renewal, "MANY_EVENTS", 1)
    monkeypatch.setattr(snapshot_renewal, "STATES_TOGETHER", 1)
    in_parts = many_pairs.summarise_brands(workspace, AS_OF_US)
    assert at_once.num_rows == 3
    for found, wanted in zip(in_parts.to_pylist(), at_once.to_pylist(), strict=True):
        for name in ("brand", "usual_gap_days"):
            assert found.pop(name) == wanted.pop(name)
        assert found == pytest.approx(wanted, rel=1e-9)


def test_the_scores_of_a_brand_are_those_of_the_command(workspace):
    keys = {number: key for key, number in list_consumers(workspace).items()}
    (snapshot,) = many_pairs.read_brands(workspace, [list_brands(workspace)["brand-0"]], AS_OF_US)
    rows = snapshot.scores.to_pylist()
    wanted = {
        row["consumer"]: row
        for row in answers.score_pairs(workspace, brand="brand-0", as_of=NOW, order="falling").to_pylist()
    }
    assert len(rows) == len(wanted) > 10
    for row in rows:
        told = wanted[keys[row.pop("consumer_id")]]
        assert row.pop("symbiosis") == told["symbiosis"]
        assert row == pytest.approx({name: told[name] for name in row}, rel=1e-6)


def test_brands_are_grouped_so_that_not_too_much_is_read_together(monkeypatch):
    monkeypatch.setattr(snapshot_renewal, "STATES_TOGETHER", 250_000)
    groups = snapshot_renewal.group_brands({1: 10, 2: 300_000, 3: 240_000, 4: 20_000})
    assert groups == [[2], [3], [4, 1]] or groups == [[2], [3, 1], [4]]
    assert sorted(each for group in groups for each in group) == [1, 2, 3, 4]


def test_a_score_is_of_now_although_places_are_of_before(tmp_path, workers):
    with open_small(tmp_path / "ws") as own:
        import_events(own, make_orders(30))
        kept_places = Cache()
        own_places = BrandCache(own, WorkerPool(own), kept_places)
        brand = list_brands(own)["brand-0"]
        kept = own_places.find_percentile(brand, 10**9, 50.5, None)
        import_events(own, [make_order(1000, consumer="new", brand="brand-0", days_ago=0.1)])
        assert own_places.find_percentile(brand, 10**9, 50.5, None) == kept
        assert "new" in answers.score_pairs(own, brand="brand-0", as_of=NOW)["consumer"].to_pylist()
        scores = answers.score_pairs(own, brand="brand-0", as_of=NOW)["fusion_score"].to_pylist()
        fresh = own_places.find_percentile(brand, 10**9, max(scores) + 1e-3, None, is_fresh=True)
        assert fresh.percentile == 100
        assert own_places.find_percentile(brand, 10**9, min(scores), None).percentile == pytest.approx(
            50 / len(scores)
        )
        kept_places.close()
