"""What an experiment found becomes points by the formula, overrides what the brand gives, and carries its stamp."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from consumer_fusion.causal.designs.audiences import compare_log_odds
from consumer_fusion.errors import RefusedError
from consumer_fusion.score.calibration.experiment_overrides import (
    PointsOverride,
    apply_overrides,
    derive_override,
    forecast_before,
    weigh_action,
)
from consumer_fusion.score.calibration.link_functions import LinkFunction
from consumer_fusion.score.model.explanation import explain_pair
from consumer_fusion.score.model.ledger import LedgerEntry, fold_ledger
from consumer_fusion.score.model.reading import apply_knee_to_facets, balance_sides, sum_facets, sum_sides
from consumer_fusion.score.points.points_table import load_points, read_points, write_points

POINTS = load_points()
CAMPAIGN, ORDER = "Campaign Received", "Order Completed"
DAY = 86_400_000_000
NOW_DAY = 20_500
NOW = NOW_DAY * DAY
LINK = LinkFunction(intercept=-1.0, slope=1.3, bend=8.0, spend_intercept=0.0, spend_slope=1.0)


def make_entries(consumer, *, orders, campaign_days_ago):
    events = [(ORDER, 20 + 9 * number) for number in range(orders)]
    events += [] if campaign_days_ago is None else [(CAMPAIGN, campaign_days_ago)]
    return [
        LedgerEntry(f"{consumer}-{number}", round(NOW - age * DAY), math.floor(NOW_DAY - age), kind)
        for number, (kind, age) in enumerate(events)
    ]


def write_ledger(people):
    """The ledgers of several consumers as the table that calibration takes."""
    rows = [
        {
            "consumer_id": consumer, "brand_id": 1, "kind": each.kind, "event_id": each.event_id, "value": None,
            "occurred_us": each.occurred_us, "day": each.day, "magnitude": each.magnitude, "trust": each.trust,
        }
        for consumer, entries in people.items()
        for each in entries
    ]  # fmt: skip
    return pa.Table.from_pylist(rows).set_column(4, "value", pa.nulls(len(rows), pa.float64()))


PEOPLE = {
    1: make_entries(1, orders=0, campaign_days_ago=4.0),
    2: make_entries(2, orders=3, campaign_days_ago=2.0),
    3: make_entries(3, orders=12, campaign_days_ago=10.0),
    4: make_entries(4, orders=5, campaign_days_ago=None),
}


def weigh(**changes):
    given = {
        "key": CAMPAIGN, "facet": "wellbeing", "is_gain": True, "consumers": [1, 2, 3, 4],
        "since_us": NOW - 30 * DAY, "as_of_us": NOW, "outcome": ORDER,
    }  # fmt: skip
    return weigh_action(write_ledger(PEOPLE), POINTS, LINK, **{**given, **changes})


def find_weight(entries, *, is_gain=True):
    """slope x omega x h' x 2^(-D / h) of one consumer, by the formulas of the score."""
    states = [state for state in fold_ledger(entries, NOW, POINTS) if state.kind != CAMPAIGN]
    sums = sum_facets(states, POINTS)
    balance = balance_sides(*sum_sides(apply_knee_to_facets(sums, POINTS.constants)), POINTS.constants)
    slope = LINK.slope / (LINK.bend * math.sqrt(1 + (balance.points / LINK.bend) ** 2))
    place = 7
    amount = (sums.gained if is_gain else sums.lost)[place]
    knee = POINTS.constants.knee
    bent = 1.0 if amount <= knee else knee / amount
    ages = [(NOW - each.occurred_us) / DAY for each in entries if each.kind == CAMPAIGN]
    faded = sum(2 ** (-age / POINTS.kinds[CAMPAIGN].half_life_days) for age in ages)
    return slope * balance.brand_share * bent * faded


def test_what_a_point_would_do_is_the_product_of_slope_share_knee_and_fading():
    expected = np.mean([find_weight(entries) for entries in PEOPLE.values()])
    assert weigh() == pytest.approx(expected, rel=1e-4)
    assert weigh(consumers=[4]) == 0.0
    assert weigh(consumers=[2]) == pytest.approx(find_weight(PEOPLE[2]), rel=1e-4)


def test_an_action_before_the_experiment_is_another_story():
    assert weigh(consumers=[3], since_us=NOW - 5 * DAY) == 0.0


def derive(points=POINTS, **changes):
    given = {
        "experiment_id": "e1", "key": CAMPAIGN, "facet": "wellbeing", "log_odds": 0.2, "log_odds_error": 0.05,
        "log_odds_per_point": 0.1, "outcome": ORDER, "horizon_days": 28,
    }  # fmt: skip
    return derive_override(points, **{**given, **changes})


@pytest.mark.parametrize("planted", [3.0, -3.0, 0.0])
def test_points_that_were_planted_are_found_again_by_experiments(planted):
    true_points = apply_overrides(POINTS, [derive().model_copy(update={"entries": {"wellbeing": planted}})])
    found = []
    for seed in range(8):
        chance = np.random.default_rng(seed)
        consumers = np.arange(1, 2_001)
        is_treated = chance.random(consumers.size) < 0.5
        ledger = write_letters(consumers, chance.poisson(chance.gamma(1.0, 3.0, consumers.size)), is_treated)
        given = {"outcome": ORDER, "consumers": consumers, "as_of_us": NOW}
        log_odds = forecast_before(ledger, true_points, LINK, **given)
        has_ordered = chance.random(consumers.size) < 1 / (1 + np.exp(-log_odds))
        before = forecast_before(ledger, POINTS, LINK, **given)
        effect, error = compare_log_odds(has_ordered, is_treated, before[:, None])
        per_point = weigh_action(
            ledger, POINTS, LINK, key=CAMPAIGN, facet="wellbeing", is_gain=effect >= 0,
            consumers=consumers[is_treated].tolist(), since_us=NOW - 30 * DAY, as_of_us=NOW, outcome=ORDER,
        )  # fmt: skip
        override = derive(log_odds=effect, log_odds_error=error, log_odds_per_point=per_point)
        found.append((override.estimate, override.estimate_error))
    estimates, errors = np.array(found).T
    assert np.mean(estimates) == pytest.approx(
        planted, abs=0.2 * abs(planted) + 2.5 * errors.mean() / np.sqrt(8)
    )


def write_letters(consumers, orders, is_treated):
    """Orders of everybody in the months before, and a letter to the treated two days ago."""
    who = np.concatenate([np.repeat(consumers, orders), consumers[is_treated]])
    kinds = np.array([ORDER] * int(orders.sum()) + [CAMPAIGN] * int(is_treated.sum()))
    ages = np.where(kinds == ORDER, 5 + np.arange(kinds.size) % 80, 2)
    return pa.table({
        "consumer_id": who, "brand_id": np.ones(who.size, np.int64), "kind": kinds, "occurred_us": NOW - ages * DAY,
        "day": NOW_DAY - ages, "magnitude": np.ones(who.size), "trust": np.ones(who.size),
        "value": pa.nulls(who.size, pa.float64()),
    })  # fmt: skip


def test_points_are_shrunk_once_towards_those_before():
    override = derive()
    assert (override.estimate, override.estimate_error) == (pytest.approx(2.0), pytest.approx(0.5))
    # p0 = 0 and s = 1: (2 / .25 + 0 / 1) / (1 / .25 + 1 / 1).
    assert override.points == pytest.approx(8 / 5)
    assert override.points_error == pytest.approx(math.sqrt(1 / 5))
    assert override.entries == {"wellbeing": pytest.approx(1.6)}


def test_the_prior_of_an_action_with_points_is_as_wide_as_its_points():
    points = apply_overrides(POINTS, [derive().model_copy(update={"entries": {"delight": 4.0}})])
    override = derive(points)
    precision = 1 / 0.5**2 + 1 / 4**2
    assert override.prior == 4
    assert override.points == pytest.approx((2.0 / 0.5**2 + 4 / 4**2) / precision)


def test_a_harmful_action_goes_below_nothing():
    override = derive(log_odds=-0.4)
    points = apply_overrides(POINTS, [override])
    (entry,) = points.kinds[CAMPAIGN].entries
    assert entry.points == override.points < 0


def test_several_facets_keep_their_proportions_and_their_measure():
    override = derive(key="Donation Matched", log_odds=0.4)
    before = {entry.facet: entry for entry in POINTS.kinds["Donation Matched"].entries}
    after = {
        entry.facet: entry for entry in apply_overrides(POINTS, [override]).kinds["Donation Matched"].entries
    }
    assert after["wellbeing"].points / after["standing"].points == pytest.approx(
        before["wellbeing"].points / before["standing"].points
    )
    assert sum(entry.points for entry in after.values()) == pytest.approx(override.points)
    assert (after["wellbeing"].is_graded, after["standing"].is_graded) == (True, False)
    assert {entry.experiment_id for entry in after.values()} == {"e1"}


def test_what_the_consumer_gives_is_never_touched():
    kind = POINTS.kinds[CAMPAIGN]
    feet = load_points().kinds["Page Viewed"].entries[0]
    points = replace(POINTS, kinds={**POINTS.kinds, CAMPAIGN: replace(kind, entries=(feet,))})
    after = apply_overrides(points, [derive()]).kinds[CAMPAIGN].entries
    assert feet in after
    assert [entry.facet for entry in after if entry.experiment_id] == ["wellbeing"]
    with pytest.raises(RefusedError, match="not an action of the brand"):
        derive(key=ORDER)
    assert (
        apply_overrides(POINTS, [derive().model_copy(update={"key": ORDER})]).kinds[ORDER]
        == POINTS.kinds[ORDER]
    )


def test_without_anybody_reached_nothing_is_derived():
    with pytest.raises(RefusedError, match="No stored"):
        derive(log_odds_per_point=0.0)


def test_the_stamp_is_kept_with_the_points_and_told_in_the_explanation():
    points = apply_overrides(POINTS, [derive()])
    assert points.version != POINTS.version
    content = json.loads(json.dumps(write_points(points)))
    assert read_points(content) == points
    assert [each["entries"][0]["experiment_id"] for each in content["kinds"] if each["key"] == CAMPAIGN] == [
        "e1"
    ]
    told = explain_pair(PEOPLE[2], NOW, points)
    (stamped,) = [each for each in told.contributions if each.kind == CAMPAIGN]
    assert stamped.sentence.endswith("; points set by experiment e1")
    assert all("experiment" not in each.sentence for each in told.contributions if each.kind != CAMPAIGN)


def test_a_table_without_experiments_is_written_as_before():
    assert "experiment_id" not in json.dumps(write_points(POINTS))


def test_an_override_survives_its_way_through_json():
    override = derive()
    assert PointsOverride.model_validate_json(override.model_dump_json()) == override
