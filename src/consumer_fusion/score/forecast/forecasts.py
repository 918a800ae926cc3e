"""Forecasts: the probability of an outcome for each pair, the money it may bring, and the reasons.

The score describes the present; a forecast may use more: how recently, how often and how regularly each pair had the
outcome, its other events, and the score (`docs/concepts/calibration.md`). It is learnt from horizons that have ended.
The overall behaviour of a brand's pairs belongs in the forecast and never in the score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.errors import RefusedError
from consumer_fusion.records.points import PointsTable
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.calibration.calibration import list_cutoffs
from consumer_fusion.score.calibration.eligibility import (
    check_request,
    check_sample,
    check_window,
)
from consumer_fusion.score.calibration.samples import IntArray, Sample, draw_sample
from consumer_fusion.score.calibration.validity import FloatArray, compute_auc
from consumer_fusion.score.calibration.vectorised_score import compute_scores
from consumer_fusion.score.forecast.expected_money import (
    AmountModel,
    expect_counts,
    find_usual_orders,
    forecast_amounts,
    learn_amounts,
)
from consumer_fusion.score.forecast.forecast_reasons import write_reasons
from consumer_fusion.score.forecast.levels import BrandLevels, apply_levels, learn_levels
from consumer_fusion.score.forecast.odds import OddsModel, learn_odds, weigh_traits
from consumer_fusion.score.forecast.seasons import (
    SeasonalCurve,
    learn_calendar,
    list_repeats,
    read_seasons,
    write_season_sentences,
)
from consumer_fusion.score.forecast.traits import PairFeatures, compute_features, read_pairs

_MOST_CUTOFFS = 4
_ENOUGH_PAIRS = 20_000
_ENOUGH_OUTCOMES = 1_000
_CHANCE_ERRORS = 1.645


@dataclass(frozen=True, slots=True)
class Forecaster:
    """Model learnt from horizons that have ended.

    Attributes:
        outcome: Key of the forecast kind.
        horizon_days: Horizon of the forecast, in days.
        direction: -1 for an outcome that a good relationship makes rarer.
        odds: Weights of the traits.
        levels: Frequency of the outcome, overall and by brand.
        amounts: Model of the money that comes with it.
        calendar: Seasonal curves of brands with enough history.
    """

    outcome: str
    horizon_days: float
    direction: float
    odds: OddsModel
    levels: BrandLevels
    amounts: AmountModel | None
    calendar: SeasonalCurve


@dataclass(frozen=True, slots=True)
class Forecast:
    """Forecasts of all pairs.

    Attributes:
        rows: consumer_id, brand_id, probability, expected_value (money within the horizon), fusion_score, reasons.
        sentences: Remarks on all of them, such as a season.
    """

    rows: pa.Table
    sentences: tuple[str, ...]


def predict_outcomes(
    ledger: pa.Table, points: PointsTable, *, outcome: str, horizon_days: float, as_of_us: int
) -> Forecast:
    """Forecast an outcome for every pair with evidence.

    Args:
        ledger: Annotated events, as `calibrate` takes them; events after `as_of_us` are ignored.
        points: The table in force.
        outcome: Key of the kind to forecast.
        horizon_days: Horizon of the forecast, in days.
        as_of_us: As-of time of the forecast.

    Raises:
        RefusedError: The past does not support a forecast: no such outcome, too few pairs, too short a history, or
            nothing in it that predicts the outcome.
        MissingExtraError: scipy is not installed.
    """
    check_request(points, outcome, horizon_days, None)
    past = ledger.filter(pc.less_equal(ledger.column("occurred_us"), as_of_us))
    last_us = pc.max(past.column("occurred_us")).as_py() if past.num_rows else as_of_us
    cutoff_us = int(last_us) - round(horizon_days * DAY_MICROSECONDS)
    forecaster = learn_forecaster(
        past, points, outcome=outcome, horizon_days=horizon_days, cutoff_us=cutoff_us
    )
    return make_forecast(past, points, forecaster, as_of_us=as_of_us)


def learn_forecaster(
    ledger: pa.Table, points: PointsTable, *, outcome: str, horizon_days: float, cutoff_us: int
) -> Forecaster:
    """Learn from the horizon that follows a cutoff and from up to three before it.

    Args:
        ledger: Annotated events; events after the horizon of the cutoff are ignored.
        points: The table in force.
        outcome: Key of the kind to forecast.
        horizon_days: Horizon of the forecast, in days.
        cutoff_us: The latest time whose horizon has ended.

    Raises:
        RefusedError: As in `predict_outcomes`.
        MissingExtraError: scipy is not installed.
    """
    check_window(ledger, points, outcome=outcome, horizon_days=horizon_days, cutoff_us=cutoff_us)
    cutoffs = list_cutoffs(ledger, cutoff_us, horizon_days, _MOST_CUTOFFS)
    samples = _draw_samples(ledger, points, outcome, horizon_days, cutoffs)
    direction = _choose_direction(samples[0], points, outcome)
    described = [
        compute_features(one, points, outcome=outcome, horizon_days=horizon_days, direction=direction)
        for one in samples
    ]
    end_us = cutoff_us + round(horizon_days * DAY_MICROSECONDS)
    calendar = learn_calendar(list_repeats(ledger, points, outcome, end_us))
    seasons = [
        read_seasons(calendar, sample.brand_id, moment, horizon_days)
        for sample, moment in zip(samples, cutoffs, strict=True)
    ]
    values = np.vstack([traits.values for traits in described])
    happened = np.concatenate([sample.is_outcome for sample in samples]).astype(np.float64)
    place = np.repeat(np.arange(len(samples)), [sample.pair_count for sample in samples])
    _check_ranking(values, happened, place, np.concatenate([one.pair_code for one in samples]), outcome)
    odds = learn_odds(values, happened, place)
    log_odds = [weigh_traits(one.values, odds).sum(axis=1) + odds.level for one in described]
    levels = learn_levels(samples, described, log_odds, seasons)
    counts = [
        expect_counts(traits.repeat.log_coming, season)
        for traits, season in zip(described, seasons, strict=True)
    ]
    return Forecaster(
        outcome=outcome,
        horizon_days=horizon_days,
        direction=direction,
        odds=odds,
        levels=levels,
        amounts=learn_amounts(
            [one.spend[one.is_outcome] for one in samples],
            [find_usual_orders(one)[one.is_outcome] for one in samples],
            [count[one.is_outcome] for count, one in zip(counts, samples, strict=True)],
        ),
        calendar=calendar,
    )


def make_forecast(
    ledger: pa.Table, points: PointsTable, forecaster: Forecaster, *, as_of_us: int
) -> Forecast:
    """Forecast every pair with evidence as of a given time.

    Args:
        ledger: Annotated events; events after `as_of_us` are ignored.
        points: The table in force.
        forecaster: Model learnt by `learn_forecaster`.
        as_of_us: As-of time of the forecast.
    """
    outcome, horizon_days = forecaster.outcome, forecaster.horizon_days
    present = draw_sample(ledger, points, outcome=outcome, cutoff_us=as_of_us, horizon_days=0.0)
    traits = compute_features(
        present, points, outcome=outcome, horizon_days=horizon_days, direction=forecaster.direction
    )
    probability, money = forecast_pairs(forecaster, present, traits, as_of_us)
    scores = compute_scores(traits.balance, points.constants)
    unit = np.array([present.brand_units.get(int(brand), 1.0) for brand in present.brand_id])
    repeats = list_repeats(ledger, points, outcome, as_of_us)
    return Forecast(
        rows=pa.table(
            {
                "consumer_id": present.consumer_id,
                "brand_id": present.brand_id,
                "probability": probability,
                "expected_value": money * unit,
                "fusion_score": scores,
                "reasons": pa.array(
                    write_reasons(present, traits, forecaster.odds, scores, outcome), pa.string()
                ),
            }
        ),
        sentences=write_season_sentences(repeats, forecaster.calendar, horizon_days),
    )


def forecast_pairs(
    forecaster: Forecaster, sample: Sample, traits: PairFeatures, as_of_us: int
) -> tuple[FloatArray, FloatArray]:
    """The probability of the outcome and the expected money in units of the brand, by pair.

    Args:
        forecaster: Model learnt by `learn_forecaster`.
        sample: The pairs.
        traits: Traits of the same pairs.
        as_of_us: Start of the horizon.
    """
    odds = forecaster.odds
    season = read_seasons(forecaster.calendar, sample.brand_id, as_of_us, forecaster.horizon_days)
    log_odds = weigh_traits(traits.values, odds).sum(axis=1) + odds.level
    probability = apply_levels(forecaster.levels, sample, traits, log_odds, season)
    count = expect_counts(traits.repeat.log_coming, season)
    return probability, forecast_amounts(forecaster.amounts, find_usual_orders(sample), count, probability)


def _draw_samples(
    ledger: pa.Table, points: PointsTable, outcome: str, horizon_days: float, cutoffs: Sequence[int]
) -> list[Sample]:
    """A sample at every cutoff; with many pairs, only of as many consumers as are needed for learning."""

    def draw(events: pa.Table, cutoff_us: int) -> Sample:
        return draw_sample(events, points, outcome=outcome, cutoff_us=cutoff_us, horizon_days=horizon_days)

    latest = draw(ledger, cutoffs[0])
    check_sample(latest, outcome)
    share = max(_ENOUGH_PAIRS / latest.pair_count, _ENOUGH_OUTCOMES / int(latest.is_outcome.sum()))
    if share < 1.0:
        consumers = np.unique(latest.consumer_id)
        chosen = np.random.default_rng(0).choice(consumers, round(consumers.size * share), replace=False)
        ledger = ledger.filter(pc.is_in(ledger.column("consumer_id"), pa.array(chosen)))
        latest = draw(ledger, cutoffs[0])
    return [latest, *(draw(ledger, one) for one in cutoffs[1:])]


def _choose_direction(sample: Sample, points: PointsTable, outcome: str) -> float:
    """-1 where the outcome is a negative one and, by the data, a good balance makes it rarer."""
    kind = points.kinds.get(outcome)
    if kind is None or sum(entry.points for entry in kind.entries) >= 0.0:
        return 1.0
    balance = read_pairs(sample, points)
    is_rarer = float(balance[sample.is_outcome].mean()) < float(balance[~sample.is_outcome].mean())
    return -1.0 if is_rarer else 1.0


def _check_ranking(
    values: FloatArray, happened: FloatArray, place: IntArray, code: IntArray, outcome: str
) -> None:
    """Refuse a forecast that ranks held-out pairs no better than chance.

    Raises:
        RefusedError: The ranking is no better than chance.
    """
    half = np.random.default_rng(0).permutation(np.unique(code))[::2]
    is_taught = np.isin(code, half)
    is_asked = ~is_taught & (place == 0)
    hits = int(happened[is_asked].sum())
    misses = int(np.count_nonzero(is_asked)) - hits
    if min(hits, misses) == 0 or not 0.0 < happened[is_taught].mean() < 1.0:
        return
    odds = learn_odds(values[is_taught], happened[is_taught], place[is_taught])
    auc = compute_auc(happened[is_asked] > 0.0, weigh_traits(values[is_asked], odds).sum(axis=1))
    error = float(np.sqrt((hits + misses + 1.0) / (12.0 * hits * misses)))
    if auc < 0.5 + _CHANCE_ERRORS * error:
        raise RefusedError(
            f"Nothing in the ledger predicts '{outcome}': on {hits + misses:,} held-out pairs the forecast ranked "
            f"no better than chance (AUC {auc:.2f}, where {0.5 + _CHANCE_ERRORS * error:.2f} is needed).",
            hint="Choose another outcome or horizon, or import more of what consumers do.",
        )
