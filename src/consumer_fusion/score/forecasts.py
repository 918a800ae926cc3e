"""Forecasts: how likely an outcome is for each pair, and how much money it may bring, from the balance of its score.

The score says how things stand; a forecast is a link from it, fitted a horizon earlier
(`docs/concepts/calibration.md`), moved by how the brand's pairs did on the whole. The brand's mean belongs in the
forecast and never in the score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.kit.moments import DAY_MICROSECONDS
from consumer_fusion.records.points import PointsTable
from consumer_fusion.score.balances import compute_scores, draw_design, read_balances
from consumer_fusion.score.calibration_report import CalibrationReport, find_link
from consumer_fusion.score.fitting import fit_link
from consumer_fusion.score.lessons import choose_direction, pose_problem
from consumer_fusion.score.links import (
    Link,
    compute_probability,
    forecast_money,
    forecast_outcomes,
    read_link,
)
from consumer_fusion.score.refusals import FEWEST_PAIRS, check_request, check_sample, check_window
from consumer_fusion.score.samples import IntArray, Sample, draw_sample, fold_sample, take_pairs
from consumer_fusion.score.spending import fit_spend
from consumer_fusion.score.validity import BoolArray, FloatArray

_PAIRS_AT_ONCE = 100_000
_MONEY_PRIOR_PAIRS = 20.0
_ROUNDS = 25


@dataclass(frozen=True, slots=True)
class BrandPriors:
    """How the pairs of each brand did beyond what their balances say, shrunk to nothing where there are few.

    Attributes:
        brand_id: In rising order.
        log_odds: Added to the log-odds of the outcome.
        money: Multiplied with the expected money.
        other_money: The multiplier for brands that were not seen.
    """

    brand_id: IntArray
    log_odds: FloatArray
    money: FloatArray
    other_money: float


def predict_outcomes(
    ledger: pa.Table,
    points: PointsTable,
    calibration: CalibrationReport | None,
    *,
    outcome: str,
    horizon_days: float,
    as_of_us: int,
) -> pa.Table:
    """Forecast an outcome for every pair with evidence.

    Args:
        ledger: Annotated events, as `calibrate` takes them; what is after `as_of_us` is not looked at.
        points: The table in force.
        calibration: The latest of this outcome and horizon, whose link is used if it was fitted to these points;
            otherwise one is fitted on the horizon that ends at `as_of_us`.
        outcome: Key of the kind to forecast.
        horizon_days: How far ahead.
        as_of_us: The moment at which the forecast is made.

    Returns:
        consumer_id, brand_id, probability, expected_value (money within the horizon), fusion_score; a row a pair.

    Raises:
        RefusedError: The past cannot tell: no such outcome, too few pairs, too short a history.
        MissingExtraError: scipy is not installed.
    """
    check_request(points, outcome, horizon_days, None)
    past = ledger.filter(pc.less_equal(ledger.column("occurred_us"), as_of_us))
    last_us = pc.max(past.column("occurred_us")).as_py() if past.num_rows else as_of_us
    cutoff_us = int(last_us) - round(horizon_days * DAY_MICROSECONDS)
    check_window(past, points, outcome=outcome, horizon_days=horizon_days, cutoff_us=cutoff_us)
    earlier = draw_sample(past, points, outcome=outcome, cutoff_us=cutoff_us, horizon_days=horizon_days)
    link = find_link(calibration, points, outcome, horizon_days)
    if link is None:
        check_sample(earlier, outcome)
        link = _fit_earlier_link(earlier, points, outcome)
    priors = learn_brand_priors(earlier, _read_sample(earlier, points), link)

    present = draw_sample(past, points, outcome=outcome, cutoff_us=as_of_us, horizon_days=0.0)
    balance = _read_sample(present, points)
    probability, money = apply_link(present, balance, link, priors)
    return pa.table(
        {
            "consumer_id": present.consumer_id,
            "brand_id": present.brand_id,
            "probability": probability,
            "expected_value": money,
            "fusion_score": compute_scores(balance, points.constants),
        }
    )


def apply_link(
    sample: Sample, balance: FloatArray, link: Link, priors: BrandPriors
) -> tuple[FloatArray, FloatArray]:
    """The probability of the outcome and the expected money of each pair.

    Args:
        sample: The pairs.
        balance: Their balances.
        link: From balance to outcome.
        priors: Of their brands.
    """
    place, is_seen = _find_brands(sample.brand_id, priors.brand_id)
    shift = np.where(is_seen, np.append(priors.log_odds, 0.0)[place], 0.0)
    factor = np.where(is_seen, np.append(priors.money, 1.0)[place], priors.other_money)
    unit = np.array([sample.brand_units.get(int(brand), 1.0) for brand in sample.brand_id])
    return (
        compute_probability(forecast_outcomes(balance, link) + shift),
        forecast_money(balance, sample.usual_order, link) * factor * unit,
    )


def learn_brand_priors(sample: Sample, balance: FloatArray, link: Link) -> BrandPriors:
    """Learn what each brand adds, as a normal effect in the log-odds and a gamma factor in the money.

    The spread of the brands' effects is learnt from them (empirical Bayes, by expectation and maximisation), so
    that brands of few pairs stay near the mean of all.

    Args:
        sample: Pairs whose horizon has ended.
        balance: Their balances at the cutoff.
        link: From balance to outcome.
    """
    if sample.pair_count < FEWEST_PAIRS:
        return BrandPriors(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0), 1.0)
    brands, place = np.unique(sample.brand_id, return_inverse=True)
    happened = sample.is_outcome.astype(np.float64)
    log_odds = forecast_outcomes(balance, link)
    shift = np.zeros(brands.size)
    spread = 0.25
    for _ in range(_ROUNDS):
        probability = compute_probability(log_odds + shift[place])
        surprise = np.bincount(place, weights=happened - probability, minlength=brands.size)
        certainty = np.bincount(place, weights=probability * (1.0 - probability), minlength=brands.size)
        variance = 1.0 / (certainty + 1.0 / spread)
        shift += np.clip((surprise - shift / spread) * variance, -1.0, 1.0)
        spread = max(float(np.mean(shift**2 + variance)), 1e-4)
    expected = forecast_money(balance, sample.usual_order, link)
    level = float(sample.spend.sum() / expected.sum()) if sample.spend.any() else 1.0
    prior = _MONEY_PRIOR_PAIRS * max(float(sample.spend.mean()), 1e-12)
    spent = np.bincount(place, weights=sample.spend, minlength=brands.size)
    foreseen = np.bincount(place, weights=expected * level, minlength=brands.size)
    return BrandPriors(
        brand_id=brands, log_odds=shift, money=level * (spent + prior) / (foreseen + prior), other_money=level
    )


def _fit_earlier_link(sample: Sample, points: PointsTable, outcome: str) -> Link:
    design = draw_design(points, sample.kinds)
    problem = choose_direction(pose_problem(sample, design, points, ()), points, outcome)
    parameters = fit_link(_read_sample(sample, points), problem)
    link = read_link(parameters, problem.money_scale, problem.direction)
    return fit_spend(_read_sample(sample, points), link, sample)


def _read_sample(sample: Sample, points: PointsTable) -> FloatArray:
    """The balance of every pair, some at a time, so that memory stays bounded."""
    design = draw_design(points, sample.kinds)
    ones = np.ones(len(sample.kinds))
    parts = [
        read_balances(fold_sample(take_pairs(sample, places), ones), design, ones).balance
        for places in np.array_split(
            np.arange(sample.pair_count), max(1, -(-sample.pair_count // _PAIRS_AT_ONCE))
        )
    ]
    return np.concatenate(parts)


def _find_brands(brand: IntArray, known: IntArray) -> tuple[IntArray, BoolArray]:
    """Where each brand is among the known ones, and whether it is."""
    place = np.searchsorted(known, brand)
    is_seen = np.append(known, -1)[place] == brand
    return place, is_seen
