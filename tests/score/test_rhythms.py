"""A grocer's orders fade in weeks and a furniture house's in years: half-lives follow each brand's own orders."""

from __future__ import annotations

import random

import numpy as np
import pytest

import consumer_fusion as fusion
from consumer_fusion.events.entities import find_keys
from consumer_fusion.records.alert import LastSeenState
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.fold.rhythms import apply_rhythm, choose_half_life
from consumer_fusion.score.model.last_seen_state import keep_standings, list_standings
from consumer_fusion.score.points.points_table import load_points
from copied_workspaces import copy_made
from small_workspaces import find_problems, make_order, open_small, read_scores, seal

GROCER, FURNITURE, KIOSK = "grocer", "furniture house", "kiosk"


def make_rhythms(seed=5):
    """Two years of a grocer whose consumers come every week, twelve of a furniture house's, some days of a kiosk's."""
    chance = random.Random(seed)
    events = []
    for brand, consumers, gap_days, years in (
        (GROCER, 12, 8, 1),
        (FURNITURE, 60, 500, 12),
        (KIOSK, 40, 2, 0.04),
    ):
        for consumer in range(consumers):
            days_ago = years * 365.0
            while days_ago > 3:
                events.append(
                    make_order(
                        f"{brand} {len(events)}", days_ago=days_ago, brand=brand, consumer=f"c-{consumer}"
                    )
                )
                days_ago -= gap_days * chance.uniform(0.6, 1.4)
    return events


def make_at_once(folder):
    with open_small(folder) as workspace:
        fusion.import_events(workspace, make_rhythms())


@pytest.fixture
def at_once(tmp_path):
    with open_small(copy_made(tmp_path / "at once", make_at_once)) as workspace:
        yield workspace


def read_half_lives(workspace):
    """The half-life of an order by brand, and how often three of four orders come."""
    rows = fusion.summarise_brands(workspace, as_of="latest").to_pylist()
    return {row["brand"]: (row["half_life_days"], row["usual_gap_days"]) for row in rows}


def test_each_brand_gets_the_half_life_of_its_own_rhythm(at_once):
    half_lives = read_half_lives(at_once)
    assert half_lives[GROCER] == (pytest.approx(31.8, abs=0.1), pytest.approx(10, abs=1))
    assert half_lives[FURNITURE] == (720.0, pytest.approx(600, abs=30))
    # Sixteen days say nothing of gaps that are longer.
    assert half_lives[KIOSK] == (90.0, None) or half_lives[KIOSK][1] <= 4
    assert find_problems(at_once) == []


def test_the_same_order_is_worth_less_a_month_later_at_the_grocer_than_at_the_furniture_house(at_once):
    points = put_points_in_force(at_once).points
    grocer, furniture = (
        next(number for number, factor in points.rhythms.items() if (factor < 1) == is_short)
        for is_short in (True, False)
    )
    order, failure = "Order Completed", "Service Failed"
    assert apply_rhythm(points, grocer).kinds[order].half_life_days < 32
    assert apply_rhythm(points, furniture).kinds[order].half_life_days == 720
    # What the brand does is remembered as people remember, whatever they buy.
    shipped = load_points().kinds[failure].half_life_days
    assert {apply_rhythm(points, each).kinds[failure].half_life_days for each in (grocer, furniture)} == {
        shipped
    }
    assert points.version == load_points().version


@pytest.mark.parametrize("way", ["by time", "shuffled, sealed in between"])
def test_the_same_events_make_the_same_scores_however_they_come(tmp_path, at_once, way):
    events = sorted(make_rhythms(), key=lambda event: event.occurred_at)
    if way != "by time":
        random.Random(way).shuffle(events)
    with open_small(tmp_path / "parts", inbox_import_limit=300) as workspace:
        for part in np.array_split(np.arange(len(events)), 3):
            fusion.import_events(workspace, [events[place] for place in part])
            if way != "by time":
                seal(workspace)
        assert read_half_lives(workspace) == read_half_lives(at_once)
        assert read_scores(workspace) == pytest.approx(read_scores(at_once), abs=1e-9)
        assert find_problems(workspace) == []


def test_one_pair_and_many_are_read_alike(at_once):
    rows = fusion.score_pairs(at_once, as_of="latest").to_pylist()
    scores = {(row["consumer"], row["brand"]): row["fusion_score"] for row in rows}
    for pair in [("c-1", GROCER), ("c-2", FURNITURE)]:
        answer = fusion.explain_pair(at_once, *pair, as_of="latest")
        assert answer.explanation.reading.fusion_score == pytest.approx(scores[pair], abs=1e-9)
        total = sum(each.contribution for each in answer.explanation.contributions)
        assert 50 + total == pytest.approx(scores[pair], abs=1e-9)


def test_who_sets_a_half_life_sets_it_for_all_brands(at_once):
    at_once.points_path.write_text('[kinds."Order Completed"]\nhalf_life_days = 60\n', encoding="utf-8")
    points = put_points_in_force(at_once).points
    assert {
        apply_rhythm(points, each).kinds["Order Completed"].half_life_days for each in points.rhythms
    } == {60}
    assert find_problems(at_once) == []


def test_too_few_gaps_and_too_short_a_record_keep_the_shipped_half_life():
    gaps, counts = np.array([5, 10, 400]), np.array([150, 100, 30])
    assert choose_half_life(gaps, counts // 10, 2_000) is None
    assert choose_half_life(gaps, counts, 39) is None
    assert choose_half_life(gaps, counts, 40) == (10, pytest.approx(31.8, abs=0.1))


@pytest.mark.parametrize(
    ("usual_gap_days", "half_life_days"), [(1, 31.8), (17, 45.0), (36, 90.0), (94, 254.6), (900, 720.0)]
)
def test_half_lives_are_two_and_a_half_gaps_in_steps_within_bounds(usual_gap_days, half_life_days):
    told = choose_half_life(np.array([usual_gap_days]), np.array([500]), 10_000)
    assert told == (usual_gap_days, pytest.approx(half_life_days, abs=0.1))


def test_no_score_is_told_to_have_fallen_because_the_measure_changed(tmp_path):
    orders = [event for event in make_rhythms() if event.brand == GROCER]
    early, late = orders[: len(orders) // 3], orders[len(orders) // 3 :]
    with open_small(tmp_path) as workspace:
        fusion.import_events(workspace, early)
        assert read_half_lives(workspace)[GROCER][0] == 90.0
        pairs = fusion.score_pairs(workspace, as_of="latest").to_pylist()
        with workspace.store.writing() as session:
            brand_id = find_keys(session, "brand", [GROCER])[GROCER]
            version = put_points_in_force(workspace).points.version
            told = {(place, brand_id): LastSeenState(row["fusion_score"], row["symbiosis"])
                    for place, row in enumerate(pairs)}  # fmt: skip
            keep_standings(session, told, version, 0)
        fusion.import_events(workspace, late)
        assert read_half_lives(workspace)[GROCER][0] < 32
        with workspace.store.reading() as session:
            assert list_standings(session, version).num_rows == 0
