from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from consumer_fusion.errors import InputError
from consumer_fusion.simulate.known_health import simulate_known_health
from consumer_fusion.simulate.known_ledgers import (
    CAMPAIGN,
    CHANCE_KINDS,
    ORDER,
    WORLD_NAMES,
    build_world,
    simulate_ledger,
)
from consumer_fusion.simulate.true_health import BALANCE, BALANCE_WIDTH, KNEE, SCALE

COLUMNS = ["consumer_id", "brand_id", "kind", "event_id", "occurred_us", "day", "magnitude", "trust"]


@pytest.mark.parametrize("name", WORLD_NAMES)
def test_a_ledger_is_annotated_in_order_and_the_same_for_a_seed(name):
    ledger = simulate_ledger(name, pairs=200, seed=3)
    assert ledger.events.column_names == COLUMNS
    occurred = ledger.events["occurred_us"].to_numpy()
    assert (np.diff(occurred) >= 0).all()
    assert (ledger.events["day"].to_numpy() == occurred // 86_400_000_000).all()
    assert len(set(ledger.events["event_id"].to_pylist())) == len(ledger.events) == len(ledger.values)
    assert simulate_ledger(name, pairs=200, seed=3).events.equals(ledger.events)
    assert not simulate_ledger(name, pairs=200, seed=4).events.equals(ledger.events)


def test_worlds_use_the_shipped_points(shipped_points):
    for kind in (ORDER, CAMPAIGN, *CHANCE_KINDS):
        shipped = shipped_points["kinds"][kind.key]
        assert shipped.get("points", {}) == kind.points
        assert tuple(shipped.get("graded", ())) == kind.graded
        assert shipped["half_life_days"] == kind.half_life_days
        assert shipped.get("is_brand_action", False) == kind.is_brand_action
    constants = shipped_points["constants"]
    assert (constants["scale"], constants["knee"], constants["balance_width"]) == (SCALE, KNEE, BALANCE_WIDTH)
    assert constants["balance"] == pytest.approx(BALANCE)


def test_pairs_order_as_often_as_their_true_log_odds_say():
    health = simulate_ledger("known points", pairs=4000, seed=1).truth.health
    log_odds, has_ordered = health["log_odds"].to_numpy(), health["has_ordered"].to_numpy()
    expected = 1 / (1 + np.exp(-log_odds))
    for low, high in ((0, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 1)):
        chosen = (expected >= low) & (expected < high)
        assert has_ordered[chosen].mean() == pytest.approx(expected[chosen].mean(), abs=0.02)


def test_an_order_within_the_horizon_of_a_cutoff_is_what_the_truth_says():
    ledger = simulate_ledger("placebo kind", pairs=300, seed=2)
    truth, cutoff = ledger.truth, ledger.truth.cutoffs_us[5]
    frame = ledger.events.to_pydict()
    until = cutoff + truth.horizon_days * 86_400_000_000
    came = {
        consumer
        for consumer, kind, occurred in zip(
            frame["consumer_id"], frame["kind"], frame["occurred_us"], strict=True
        )
        if kind == "Order Completed" and cutoff < occurred <= until
    }
    rows = truth.health.filter(pa.compute.equal(truth.health["cutoff_us"], cutoff)).to_pylist()
    assert came == {row["consumer_id"] for row in rows if row["has_ordered"]}


def test_the_placebo_does_nothing_and_every_other_kind_what_is_shipped():
    multipliers = simulate_ledger(build_world("placebo kind", placebo="Service Failed"), 10).truth.multipliers
    assert multipliers.pop("Service Failed") == 0
    assert set(multipliers.values()) == {1.0}


def test_health_does_not_follow_the_placebo():
    ledger = simulate_ledger("placebo kind", pairs=3000, seed=5)
    last = ledger.truth.cutoffs_us[-1]
    health = ledger.truth.health.filter(pa.compute.equal(ledger.truth.health["cutoff_us"], last))
    kinds, consumers = ledger.events["kind"].to_numpy(False), ledger.events["consumer_id"].to_numpy()
    correlations = {}
    for kind in ("Event Attended", "Ticket Resolved/first contact"):
        counts = np.bincount(consumers[kinds == kind] - 1, minlength=3000)
        correlations[kind] = np.corrcoef(counts, health["health"].to_numpy())[0, 1]
    assert abs(correlations["Event Attended"]) < 0.06
    assert correlations["Ticket Resolved/first contact"] > 0.1


@pytest.fixture(scope="module")
def compare_treated():
    """The difference in log-odds of ordering between treated and others of like health, by world."""

    def compare(name):
        ledger = simulate_ledger(name, pairs=8000, seed=6)
        is_treated = ledger.assignments["is_treated"].to_numpy()
        health = ledger.truth.health["health"].to_numpy()
        has_ordered = ledger.truth.health["has_ordered"].to_numpy()
        bands = np.digitize(health, np.quantile(health, np.linspace(0.1, 0.9, 9)))
        gaps = []
        for band in range(10):
            in_band = bands == band
            shares = [has_ordered[in_band & (is_treated == treated)].mean() for treated in (True, False)]
            gaps.append(np.log(shares[0] / (1 - shares[0])) - np.log(shares[1] / (1 - shares[1])))
        return float(np.mean(gaps))

    return compare


def test_the_targeted_campaign_looks_as_if_it_worked_though_it_does_nothing(compare_treated):
    assert simulate_ledger("targeted campaign", 10).truth.campaign_effect == 0
    assert compare_treated("targeted campaign") > 0.5


def test_the_randomised_campaign_shows_its_true_effect(compare_treated):
    assert simulate_ledger("randomised campaign", 10).truth.campaign_effect == 0.5
    assert compare_treated("randomised campaign") == pytest.approx(0.5, abs=0.15)


def test_an_unknown_world_or_placebo_is_refused():
    with pytest.raises(InputError, match="no world"):
        build_world("flat earth")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="is not a kind of this world"):
        build_world("placebo kind", placebo="Order Completed")


def test_steady_pairs_stand_on_average_where_their_true_health_says():
    # Without the knee the mean of the decayed sums is exact; orders alone are read back here.
    known = simulate_known_health(3000, seed=2, newcomer_share=0.0)
    events = known.events
    is_order = events["kind"].to_numpy(False) == "Order Completed"
    ages = (known.as_of_us - events["occurred_us"].to_numpy()[is_order]) / 86_400_000_000
    assert ages.min() > 0
    mean_orders = np.exp2(-ages / 90).sum() / 3000
    # Six a year on average, less a little for bursts: 6 / 365 x 90 / ln 2.
    assert mean_orders == pytest.approx(2.13, rel=0.05)
    health = known.truth["health"].to_numpy()
    score = known.truth["fusion_score"].to_numpy()
    assert score == pytest.approx(100 / (1 + np.exp(-health / SCALE)))
    assert known.truth["is_newcomer"].to_numpy().sum() == 0


def test_of_newcomers_only_the_last_months_are_on_record():
    known = simulate_known_health(500, seed=2, newcomer_share=0.5)
    newcomers = set(known.truth["consumer_id"].filter(known.truth["is_newcomer"]).to_pylist())
    first = known.events.group_by("consumer_id").aggregate([("occurred_us", "min")]).to_pylist()
    for row in first:
        if row["consumer_id"] in newcomers:
            assert known.as_of_us - row["occurred_us_min"] <= 120 * 86_400_000_000 + 1_000_000
    assert 200 < len(newcomers) < 300
