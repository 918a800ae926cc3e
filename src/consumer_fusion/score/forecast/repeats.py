"""Repeats: a model of returning and of leaving for good, fitted to the past outcomes of pairs.

The modified beta-geometric / negative binomial model (Batislam, Denizel and Filiztekin 2007): while a pair is
active it returns at its own rate, and after each time, including the first, it may leave. It needs no outcomes to
be fitted, so it can be fitted at the time of the forecast and covers silences longer than any that was
followed up. Time is counted in the usual gaps of the brand, so that one fit serves brands of any rhythm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consumer_fusion.errors import MissingExtraError
from consumer_fusion.score.calibration.fitting import minimise_loss
from consumer_fusion.score.calibration.validity import FloatArray
from consumer_fusion.score.forecast.histories import OutcomeHistory

_START = np.log(np.array([1.0, 1.0, 0.7, 2.5]))
_PRIOR_PAIRS = 5.0
_MOST_PAIRS = 10_000
_STEP = 1e-6
_LOG_BOUND = 5.0


@dataclass(frozen=True, slots=True)
class RepeatModel:
    """Rates per gap are gamma(shape, rate `slowness`); the chance of leaving each time is beta(leaving, staying)."""

    shape: float
    slowness: float
    leaving: float
    staying: float


@dataclass(frozen=True, slots=True)
class RepeatForecast:
    """Forecast of the model for pairs.

    Attributes:
        log_odds: Log-odds of at least one outcome within the horizon.
        log_active: Logarithm of the probability that the pair has not left.
        log_coming: Logarithm of the probability that it returns within the horizon if it has not left.
    """

    log_odds: FloatArray
    log_active: FloatArray
    log_coming: FloatArray


def fit_repeats(history: OutcomeHistory) -> RepeatModel:
    """Fit the model by maximum likelihood, with a weak prior for the case of little data.

    Args:
        history: Past outcomes; pairs without any are left out.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    rows = np.flatnonzero(history.has_any)
    if rows.size > _MOST_PAIRS:
        rows = np.sort(np.random.default_rng(0).choice(rows, _MOST_PAIRS, replace=False))
    gap = history.brand_gap[rows]
    repeats, span, age = history.repeat_days[rows], history.span[rows] / gap, history.first_age[rows] / gap
    weight = 1.0 / max(rows.size, 1)

    def compute(theta: FloatArray) -> float:
        held = _PRIOR_PAIRS * float(np.sum((theta - _START) ** 2))
        return weight * (held - _sum_likelihoods(theta, repeats, span, age))

    def evaluate(theta: FloatArray) -> tuple[float, FloatArray]:
        loss = compute(theta)
        slope = [(compute(theta + move) - loss) / _STEP for move in np.eye(4) * _STEP]
        return loss, np.array(slope)

    bounds = [(-_LOG_BOUND, _LOG_BOUND)] * 4
    return RepeatModel(*(float(one) for one in np.exp(minimise_loss(evaluate, _START, bounds))))


def forecast_repeats(
    model: RepeatModel,
    *,
    repeats: FloatArray,
    span: FloatArray,
    age: FloatArray,
    horizon: FloatArray,
) -> RepeatForecast:
    """Forecast pairs that had the outcome; all times in gaps of the brand.

    Args:
        model: Fitted model.
        repeats: Number of days with an outcome after the first.
        span: Time from the first to the last.
        age: Time since the first.
        horizon: Horizon of the forecast.
    """
    shape = model.shape + repeats
    left = np.log(model.leaving / (model.staying + repeats))
    left = left + shape * (np.log(model.slowness + age) - np.log(model.slowness + span))
    log_active = -np.logaddexp(0.0, left)
    log_none = shape * (np.log(model.slowness + age) - np.log(model.slowness + age + horizon))
    log_coming = np.log(-np.expm1(log_none))
    log_probability = log_active + log_coming
    return RepeatForecast(
        log_odds=log_probability - np.log(-np.expm1(np.minimum(log_probability, -1e-12))),
        log_active=log_active,
        log_coming=log_coming,
    )


def _sum_likelihoods(theta: FloatArray, repeats: FloatArray, span: FloatArray, age: FloatArray) -> float:
    """The log-likelihood: still active, or left after the last time."""
    try:
        from scipy.special import betaln, gammaln
    except ImportError as error:
        raise MissingExtraError(
            "Forecasting needs scipy, which is not installed.",
            hint="Run: pip install 'consumer-fusion[calibrate]'.",
        ) from error
    shape, slowness, leaving, staying = np.exp(theta)
    rate = gammaln(shape + repeats) - gammaln(shape) + shape * np.log(slowness)
    active = betaln(leaving, staying + repeats + 1.0) - (shape + repeats) * np.log(slowness + age)
    left = betaln(leaving + 1.0, staying + repeats) - (shape + repeats) * np.log(slowness + span)
    return float(np.sum(rate + np.logaddexp(active, left) - betaln(leaving, staying)))
