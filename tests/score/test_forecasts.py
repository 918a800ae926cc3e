"""Forecasts: they come true on average, know more than the score, say why, and look at nothing yet to come."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from consumer_fusion.errors import RefusedError
from consumer_fusion.score.calibration.samples import draw_sample
from consumer_fusion.score.calibration.validity import compute_auc, compute_calibration_error
from consumer_fusion.score.forecast.forecasts import forecast_pairs, learn_forecaster, predict_outcomes
from consumer_fusion.score.forecast.traits import TRAITS, compute_features
from consumer_fusion.score.model.ledger import LedgerEntry, fold_ledger
from consumer_fusion.score.model.reading import read_pair
from consumer_fusion.score.points.points_table import load_points
from consumer_fusion.simulate.known_ledgers import build_world, simulate_ledger

pytest.importorskip("scipy", reason="forecasts are in the extra `calibrate`")

POINTS = load_points()
ORDER, VIEW = "Order Completed", "Product Viewed"
DAY_US = 86_400_000_000
HORIZON_DAYS, LAST_DAY = 28, 400


def write_ledger(ledger, brand_id=1):
    """The simulated events with the money of the orders, of one brand."""
    events = ledger.events.append_column("value", ledger.values.cast(pa.float64()))
    return events.set_column(1, "brand_id", pa.array(np.full(events.num_rows, brand_id)))


def predict(events, truth, **changes):
    """Forecast the last period but one from its start."""
    question = {"outcome": ORDER, "horizon_days": truth.horizon_days, "as_of_us": truth.cutoffs_us[-2]}
    return predict_outcomes(events, POINTS, **{**question, **changes}).rows


def find_outcomes(truth):
    """By consumer: whether an order came in the last period but one."""
    rows = truth.health.filter(pc.equal(truth.health["cutoff_us"], truth.cutoffs_us[-2]))
    return dict(zip(rows["consumer_id"].to_pylist(), rows["has_ordered"].to_pylist(), strict=True))


def write_events(consumer, day, kind=ORDER, brand=1, value=40.0):
    """Events of one kind at days that may have fractions."""
    consumer, day = np.asarray(consumer), np.asarray(day, dtype=float)
    count = consumer.size
    return pa.table(
        {
            "consumer_id": consumer.astype(np.int64),
            "brand_id": np.broadcast_to(np.asarray(brand), count).astype(np.int64),
            "kind": pa.array([kind] * count),
            "occurred_us": (day * DAY_US).astype(np.int64),
            "day": day.astype(np.int64),
            "magnitude": np.ones(count),
            "trust": np.ones(count),
            "value": pa.array(
                np.broadcast_to(np.asarray(value, dtype=float), count), mask=np.full(count, kind != ORDER)
            ),
        }
    )


def draw_leavers(seed, pairs=1_200):
    """Orders at rates of their own; a third of the pairs leaves within weeks, a third hardly ever; views besides."""
    chance = np.random.default_rng(seed)
    came = chance.uniform(0, 250, pairs)
    left = np.minimum(came + chance.exponential(chance.choice([30, 150, 2_000], pairs)), LAST_DAY)
    rate = chance.gamma(1.5, 1 / 30 / 1.5, pairs)
    owner = np.repeat(np.arange(pairs), chance.poisson(rate * (left - came)))
    day = came[owner] + chance.random(owner.size) * (left - came)[owner]
    value = 40 * np.exp(chance.normal(0, 0.5, pairs))
    viewer = np.repeat(np.arange(pairs + 300), chance.poisson(3, pairs + 300))
    return pa.concat_tables(
        [
            write_events(np.concatenate((np.arange(pairs), owner)), np.concatenate((came, day)),
                         value=np.concatenate((value, value[owner]))),
            write_events(viewer, chance.uniform(0, LAST_DAY, viewer.size), VIEW),
        ]
    ).sort_by("occurred_us")  # fmt: skip


@pytest.fixture(scope="module")
def ledger():
    return simulate_ledger("known points", 1_200, 5)


@pytest.fixture(scope="module")
def forecast(ledger):
    return predict(write_ledger(ledger), ledger.truth)


@pytest.fixture(scope="module")
def leavers():
    return draw_leavers(1)


@pytest.fixture(scope="module")
def question():
    return {"outcome": ORDER, "horizon_days": HORIZON_DAYS}


@pytest.fixture(scope="module")
def forecaster(leavers, question):
    return learn_forecaster(leavers, POINTS, cutoff_us=(LAST_DAY - 2 * HORIZON_DAYS) * DAY_US, **question)


def forecast_at(forecaster, events, question, day=LAST_DAY - HORIZON_DAYS):
    """The sample and its probabilities at a day, by what was learnt before."""
    sample = draw_sample(events, POINTS, cutoff_us=day * DAY_US, **question)
    traits = compute_features(sample, POINTS, **question)
    return sample, traits, forecast_pairs(forecaster, sample, traits, day * DAY_US)


def test_forecasts_come_true_on_average_and_rank(ledger, forecast):
    happened = find_outcomes(ledger.truth)
    came = np.array([happened[one] for one in forecast["consumer_id"].to_pylist()])
    probability = forecast["probability"].to_numpy()
    assert probability.mean() == pytest.approx(came.mean(), abs=0.04)
    assert probability[came].mean() > probability[~came].mean() + 0.02
    assert 0.0 < probability.min() < probability.max() < 1.0


def test_there_is_one_row_a_pair_with_the_score_of_that_moment(ledger, forecast):
    assert forecast.num_rows == len(set(forecast["consumer_id"].to_pylist()))
    consumer_id, score = forecast["consumer_id"][7].as_py(), forecast["fusion_score"][7].as_py()
    own = ledger.events.filter(pc.equal(ledger.events["consumer_id"], consumer_id))
    columns = ("event_id", "occurred_us", "day", "kind", "magnitude", "trust")
    entries = [LedgerEntry(**event) for event in own.select(columns).to_pylist()]
    reading = read_pair(fold_ledger(entries, ledger.truth.cutoffs_us[-2], POINTS), POINTS)
    assert score == pytest.approx(reading.fusion_score, abs=1e-9)


def test_where_some_leave_early_a_forecast_knows_more_than_the_score_and_than_recency(
    leavers, forecaster, question
):
    sample, traits, (probability, money) = forecast_at(forecaster, leavers, question)
    auc = compute_auc(sample.is_outcome, probability)
    assert auc > compute_auc(sample.is_outcome, traits.balance) + 0.01
    assert auc > compute_auc(
        sample.is_outcome, np.where(traits.history.has_any, -traits.history.silence, -1e6)
    )
    assert compute_calibration_error(sample.is_outcome, probability) < 0.04
    assert money.sum() == pytest.approx(sample.spend.sum(), rel=0.2)


def test_a_more_recent_order_never_makes_the_next_one_less_likely(leavers, forecaster, question):
    now = LAST_DAY - HORIZON_DAYS
    past = leavers.filter(pc.less_equal(leavers["occurred_us"], now * DAY_US))
    sample, traits, (before, _) = forecast_at(forecaster, past, question)
    chance = np.random.default_rng(3)
    for place in chance.choice(sample.pair_count, 12, replace=False):
        usual = (
            np.mean(sample.past_value[sample.past_pair == place]) if traits.history.has_any[place] else 1.0
        )
        order = write_events([sample.consumer_id[place]], [now - 0.001], value=40.0 * max(usual, 1.0))
        _, _, (after, _) = forecast_at(forecaster, pa.concat_tables([past, order]), question)
        assert after[place] >= before[place] - 1e-9


def test_a_last_order_that_is_later_never_makes_the_next_one_less_likely(leavers, forecaster, question):
    now = LAST_DAY - HORIZON_DAYS
    past = leavers.filter(pc.less_equal(leavers["occurred_us"], now * DAY_US))
    sample, traits, (before, _) = forecast_at(forecaster, past, question)
    moved = np.flatnonzero(traits.history.repeat_days > 1)[:10]
    for place in moved:
        is_own = np.isin(past["consumer_id"].to_numpy(), sample.consumer_id[place]) & np.equal(
            past["kind"].to_numpy(zero_copy_only=False), ORDER
        )
        row = np.flatnonzero(is_own)[-1]
        moment = past["occurred_us"].to_numpy().copy()
        moment[row] = moment[row] + (now * DAY_US - moment[row]) // 2
        day = moment // DAY_US
        later = past.set_column(3, "occurred_us", pa.array(moment)).set_column(4, "day", pa.array(day))
        _, _, (after, _) = forecast_at(forecaster, later, question)
        assert after[place] >= before[place] - 1e-9


def test_no_trait_ever_speaks_against_the_outcome(forecaster):
    assert forecaster.odds.weights.size == len(TRAITS) <= 15
    assert np.all(forecaster.odds.weights >= 0.0)


def test_pairs_without_evidence_of_their_own_keep_the_order_of_the_score_whatever_their_brand(question):
    lively, quiet = draw_leavers(4, 700), draw_leavers(5, 700)
    few = pc.less(quiet["consumer_id"], 300)
    quiet = quiet.filter(pc.or_(few, pc.equal(quiet["kind"], VIEW)))
    second = pc.add(quiet["consumer_id"], 10_000)
    quiet = quiet.set_column(0, "consumer_id", second).set_column(
        1, "brand_id", pa.array([2] * quiet.num_rows)
    )
    # In both brands some looked once, weeks ago, and did nothing since.
    silent = pa.concat_tables(
        write_events(np.arange(20_000, 20_060) + 100 * brand, np.linspace(290, 300, 60), VIEW, brand)
        for brand in (1, 2)
    )
    events = pa.concat_tables([lively, quiet, silent]).sort_by("occurred_us")
    rows = predict_outcomes(
        events, POINTS, as_of_us=(LAST_DAY - HORIZON_DAYS) * DAY_US, **question
    ).rows  # fmt: skip
    own = rows.filter(pc.greater_equal(rows["consumer_id"], 20_000)).sort_by("fusion_score")
    assert own.num_rows == 120
    assert np.all(np.diff(own["probability"].to_numpy()) >= -1e-6)
    by_brand = [own.filter(pc.equal(own["brand_id"], brand))["probability"].to_numpy() for brand in (1, 2)]
    assert by_brand[0] == pytest.approx(by_brand[1], abs=1e-9)


def test_what_is_yet_to_come_is_not_looked_at(ledger, forecast):
    events = write_ledger(ledger)
    past = events.filter(pc.less_equal(events["occurred_us"], ledger.truth.cutoffs_us[-2]))
    assert predict(past, ledger.truth).equals(forecast)


def test_money_is_expected_by_what_a_pair_usually_pays(ledger):
    events = write_ledger(ledger)
    is_rich = pc.less(events["consumer_id"], 200)
    value = pc.if_else(is_rich, pc.multiply(events["value"], 10.0), events["value"])
    forecast = predict(events.set_column(events.column_names.index("value"), "value", value), ledger.truth)
    expected, rich = forecast["expected_value"].to_numpy(), forecast["consumer_id"].to_numpy() < 200
    assert np.all(expected > 0.0)
    assert np.median(expected[rich]) > 3.0 * np.median(expected[~rich])


def test_a_brand_of_livelier_pairs_has_livelier_forecasts_and_the_same_scores(ledger):
    lively = simulate_ledger(replace(build_world("known points"), base=-0.6), 600, 6)
    both = pa.concat_tables([write_ledger(ledger), write_ledger(lively, 2)]).sort_by("occurred_us")
    forecast = predict(both, ledger.truth)
    for brand_id, truth in ((1, ledger.truth), (2, lively.truth)):
        own = forecast.filter(pc.equal(forecast["brand_id"], brand_id))
        assert pc.mean(own["probability"]).as_py() == pytest.approx(
            np.mean(list(find_outcomes(truth).values())), abs=0.05
        )
    alone = predict(write_ledger(ledger), ledger.truth)
    first = forecast.filter(pc.equal(forecast["brand_id"], 1))
    assert first["fusion_score"].to_numpy() == pytest.approx(alone["fusion_score"].to_numpy(), abs=1e-9)


def test_every_forecast_says_why_in_words(leavers, question):
    now = LAST_DAY - HORIZON_DAYS
    told = pa.concat_tables(
        [
            write_events([9_001] * 7, now - 12 - 30 * np.arange(7.0)),
            write_events([9_002] * 5, now - 300 - 2 * np.arange(5.0)),
            write_events([9_003], [now - 340], VIEW),
        ]
    )
    events = pa.concat_tables([leavers, told]).sort_by("occurred_us")
    rows = predict_outcomes(events, POINTS, as_of_us=now * DAY_US, **question).rows
    reasons = dict(zip(rows["consumer_id"].to_pylist(), rows["reasons"].to_pylist(), strict=True))
    assert reasons[9_001].startswith("raised by: ")
    assert "last 'Order Completed' 12 days ago, usually every 30 days" in reasons[9_001]
    assert "'Order Completed' 7 times in 192 days" in reasons[9_001]
    lowering = reasons[9_002].split("lowered by: ")[1]
    assert lowering.startswith("last 'Order Completed' 300 days ago, usually every ")
    assert "no 'Order Completed' in the 340 days since it is known" in reasons[9_003]
    assert all(reasons.values())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"horizon_days": 364}, "pairs have evidence"),
        ({"horizon_days": 1e9}, "longer than any outcome"),
        ({"horizon_days": float("inf")}, "longer than any outcome"),
        ({"horizon_days": float("nan")}, "longer than any outcome"),
        ({"outcome": "Subscription Started"}, "No event of kind"),
        ({"outcome": "Campaign Received"}, "something the brand does"),
        ({"as_of_us": 1}, "No event of kind"),
    ],
)
def test_what_the_past_cannot_tell_is_refused(ledger, changes, reason):
    with pytest.raises(RefusedError, match=reason):
        predict(write_ledger(ledger), ledger.truth, **changes)


def test_what_comes_by_chance_alone_is_not_forecast(question):
    chance = np.random.default_rng(8)
    pairs = 600
    orders = write_events(chance.integers(0, pairs, 4_000), chance.uniform(0, LAST_DAY, 4_000))
    with pytest.raises(RefusedError, match="no better than chance") as refusal:
        predict_outcomes(orders.sort_by("occurred_us"), POINTS, as_of_us=LAST_DAY * DAY_US, **question)
    assert refusal.value.hint
