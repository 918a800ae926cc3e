"""Snapshots of brands: one and the pairs that changed since tell the same as reading all pairs."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

import consumer_fusion as fusion
from consumer_fusion.events.entities import name_entities
from consumer_fusion.identity import operations as identity
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.pair_state import BRAND_SNAPSHOTS, CHANGED_PAIRS, SNAPSHOT_SCORES
from consumer_fusion.score import snapshot_renewal
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.queries import answers
from consumer_fusion.score.queries.brand_scores import (
    MIX,
    bring_up_to_date,
    encode_classes,
    find_snapshot,
    read_brand_scores,
    summarise_scores,
)
from consumer_fusion.score.snapshot_renewal import is_snapshot_due, keep_snapshots, take_snapshots
from consumer_fusion.score.states import brand_snapshots, kept_states
from consumer_fusion.score.states.brand_snapshots import (
    SYMBIOSIS_CLASSES,
    begin_snapshots,
    read_snapshot_heads,
    sweep_snapshots,
)
from copied_workspaces import copy_made
from small_workspaces import NOW, make_order, make_small, open_small

KINDS = ["Order Completed", "Product Added", "Complaint Published", "Store Visited", "Order Refunded"]


def make_events(chance, count, *, first=0, days=90.0, consumers=60):
    return [
        make_order(
            number, days_ago=chance.uniform(0.5, days), kind=chance.choice(KINDS),
            consumer=f"consumer-{chance.randrange(consumers)}", brand=f"brand-{chance.randrange(3)}",
        )
        for number in range(first, first + count)
    ]  # fmt: skip


def make_shops(folder):
    make_small(folder, make_events(random.Random(1), 400))


@pytest.fixture
def workspace(tmp_path):
    with open_small(copy_made(tmp_path / "workspace", make_shops)) as opened:
        yield opened


def list_brands(workspace):
    with workspace.store.reading() as session:
        rows = session.read(ENTITIES, {"entity_type": "brand"}, columns=("entity_id",))
    return rows["entity_id"].to_pylist()


def read_both(workspace, brand_id):
    """What the snapshot of a brand tells with the changes since, and what its states tell."""
    as_of_us = answers.resolve_as_of(workspace, NOW)
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        context = force.open(workspace, session)
        kept = find_snapshot(context, brand_id)
        told = None if kept is None else bring_up_to_date(context, kept, as_of_us).scores
        return told, read_brand_scores(context, as_of_us, brand_ids=[brand_id])[brand_id]


def check_same(told, read):
    assert told.schema == read.schema
    assert told["consumer_id"] == read["consumer_id"]
    assert told["symbiosis"].to_pylist() == read["symbiosis"].to_pylist()
    for name in ("fusion_score", "change_28_days"):
        np.testing.assert_allclose(told[name].to_numpy(), read[name].to_numpy(), atol=1e-9)


def count(workspace, table):
    with workspace.store.reading() as session:
        return session.count(table)


def test_a_snapshot_tells_the_scores_and_changes_of_the_whole_brand(workspace):
    assert take_snapshots(workspace, list_brands(workspace)) == 3
    listed = answers.score_pairs(workspace, as_of=NOW, order="falling").to_pylist()
    assert len(listed) > 100
    for brand_id in list_brands(workspace):
        told, read = read_both(workspace, brand_id)
        check_same(told, read)
        with workspace.store.reading() as session:
            (brand,) = name_entities(session, [brand_id]).values()
        expected = sorted(row["change_28_days"] for row in listed if row["brand"] == brand)
        assert sorted(told["change_28_days"].to_pylist()) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("days", [5.0, 80.0])
def test_pairs_that_changed_since_are_read_again_recent_and_late_ones(workspace, days):
    take_snapshots(workspace, list_brands(workspace))
    fusion.import_events(workspace, make_events(random.Random(2), 60, first=1_000, days=days, consumers=90))
    assert count(workspace, CHANGED_PAIRS) > 30
    for brand_id in list_brands(workspace):
        check_same(*read_both(workspace, brand_id))


def test_a_merged_consumer_leaves_the_snapshot(workspace):
    take_snapshots(workspace, list_brands(workspace))
    identity.merge(workspace, "consumer-3", "consumer-4", reason="The same person at the till.")
    for brand_id in list_brands(workspace):
        told, read = read_both(workspace, brand_id)
        check_same(told, read)


def test_very_many_changes_forget_a_snapshot(workspace, monkeypatch):
    take_snapshots(workspace, list_brands(workspace))
    monkeypatch.setattr(kept_states, "MANY_CHANGES", 10)
    fusion.import_events(workspace, make_events(random.Random(3), 100, first=2_000))
    assert not any(read_both(workspace, brand_id)[0] for brand_id in list_brands(workspace))
    assert count(workspace, CHANGED_PAIRS) == 0
    assert is_snapshot_due(workspace) is False, "a workspace with few events needs none"
    keep_snapshots(workspace)
    assert count(workspace, SNAPSHOT_SCORES) == 0, "what was forgotten is swept"


def test_a_change_while_a_snapshot_is_taken_is_noted(workspace, monkeypatch):
    brands = list_brands(workspace)

    def begin_and_land(store, brand_ids):
        begun = begin_snapshots(store, brand_ids)
        fusion.import_events(workspace, make_events(random.Random(4), 30, first=3_000, days=3))
        return begun

    def read_before(*given, **named):
        # The session of the reading began before; what landed since is not in it.
        found = read_brand_scores(*given, **named)
        fusion.import_events(workspace, make_events(random.Random(5), 30, first=4_000, days=3))
        return found

    monkeypatch.setattr(snapshot_renewal, "begin_snapshots", begin_and_land)
    monkeypatch.setattr(snapshot_renewal, "read_brand_scores", read_before)
    assert take_snapshots(workspace, brands) == 3
    for brand_id in brands:
        check_same(*read_both(workspace, brand_id))


def test_a_snapshot_forgotten_while_it_is_taken_is_not_used(workspace, monkeypatch):
    def read_and_forget(*given, **named):
        found = read_brand_scores(*given, **named)
        with workspace.store.writing() as session:
            brand_snapshots.forget_snapshots(session, None)
        return found

    monkeypatch.setattr(snapshot_renewal, "read_brand_scores", read_and_forget)
    assert take_snapshots(workspace, list_brands(workspace)) == 0
    assert count(workspace, BRAND_SNAPSHOTS) == 0


def test_snapshots_are_taken_anew_once_many_pairs_changed_or_an_hour_passed(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot_renewal, "MANY_EVENTS", 100)
    monkeypatch.setattr(snapshot_renewal, "FEW_CHANGES", 5)
    events = make_events(random.Random(6), 300, days=2)
    with open_small(tmp_path / "workspace") as workspace:
        fusion.import_events(workspace, events)
        assert not is_snapshot_due(workspace), "the import took them"
        fusion.import_events(workspace, make_events(random.Random(7), 4, first=5_000, days=1))
        assert not is_snapshot_due(workspace)
        monkeypatch.setattr(snapshot_renewal, "keep_snapshots", lambda workspace: 0)
    with open_small(tmp_path / "workspace", days_later=0.1) as workspace:
        assert is_snapshot_due(workspace)
        assert keep_snapshots(workspace) == 3
        assert not is_snapshot_due(workspace)
        with workspace.store.reading() as session:
            assert len(read_snapshot_heads(session)) == session.count(BRAND_SNAPSHOTS) == 3


def test_the_brands_page_reads_what_the_command_computes(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot_renewal, "MANY_EVENTS", 100)
    with open_small(tmp_path / "workspace") as workspace:
        assert answers.read_brand_summaries(workspace) is None
        fusion.import_events(workspace, make_events(random.Random(8), 300))
        kept, as_of_us = answers.read_brand_summaries(workspace)
        told = answers.summarise_brands(workspace)
    assert as_of_us == answers.resolve_as_of(workspace, NOW) or as_of_us < answers.resolve_as_of(
        workspace, NOW
    )
    assert kept.schema == told.schema
    for mine, other in zip(kept.to_pylist(), told.to_pylist(), strict=True):
        assert mine == pytest.approx(other, abs=1e-6)


def test_a_snapshot_that_another_one_overtook_is_not_used(workspace, monkeypatch):
    brands = list_brands(workspace)
    take_snapshots(workspace, brands)

    def read_and_be_overtaken(*given, **named):
        found = read_brand_scores(*given, **named)
        monkeypatch.setattr(snapshot_renewal, "read_brand_scores", read_brand_scores)
        fusion.import_events(workspace, make_events(random.Random(9), 30, first=6_000, days=3))
        assert take_snapshots(workspace, brands) == 3, "by another process"
        return found

    monkeypatch.setattr(snapshot_renewal, "read_brand_scores", read_and_be_overtaken)
    assert take_snapshots(workspace, brands) == 0
    for brand_id in brands:
        check_same(*read_both(workspace, brand_id))
    assert count(workspace, BRAND_SNAPSHOTS) == 3


def test_small_rows_are_swept_together_until_their_time_is_over(workspace, monkeypatch):
    taken, now = [], [0.0]
    writing = workspace.store.writing

    def count_turns(**named):
        taken.append(1)
        return writing(**named)

    def sweep(seconds_a_look):
        def look():
            now[0] += seconds_a_look
            return now[0]

        with writing() as session:
            rows = [(900 + number, 1, b"") for number in range(100)]
            session.insert(SNAPSHOT_SCORES, SNAPSHOT_SCORES.column_names, rows)
        taken.clear()
        monkeypatch.setattr(brand_snapshots, "perf_counter", look)
        assert sweep_snapshots(workspace.store) == 100
        assert count(workspace, SNAPSHOT_SCORES) == 0
        return len(taken)

    monkeypatch.setattr(type(workspace.store), "writing", lambda store, **named: count_turns(**named))
    assert sweep(0.0) == 1
    assert sweep(1.0) == 25, "large rows leave in several turns, so that others get theirs"


@pytest.mark.parametrize("pairs", [1, 2, 3, 4, 5, 41, 1_000])
def test_a_summary_has_the_quartiles_and_means_of_its_scores(pairs):
    chance = np.random.default_rng(pairs)
    scores, confidence = 100 * chance.random(pairs), chance.random(pairs).astype(np.float32)
    classes = chance.choice(SYMBIOSIS_CLASSES, pairs).tolist()
    told = summarise_scores(scores, confidence, encode_classes(pa.array(classes)).indices.to_numpy())
    quartiles = [told[name] for name in ("lower_quartile", "median", "upper_quartile")]
    np.testing.assert_allclose(quartiles, np.quantile(scores, (0.25, 0.5, 0.75)), rtol=1e-12)
    np.testing.assert_allclose(
        [told["mean"], told["mean_confidence"]], [scores.mean(), confidence.astype(float).mean()]
    )
    assert told["pairs"] == pairs == sum(told[name] for name in MIX)
    assert {name: told[name] for name in MIX} == {
        name: sum(each in together for each in classes) for name, together in MIX.items()
    }
