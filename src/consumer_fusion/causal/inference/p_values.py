"""Compares an error with the null distribution of placebos, which gives a p-value and an interval that agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consumer_fusion.causal.filters.fitted_series import FittedSeries
from consumer_fusion.causal.inference.null_distribution import NullDistribution
from consumer_fusion.causal.inference.placebo_rules import PlaceboCalibration
from consumer_fusion.causal.series.series import Window

USUAL_PEEKING = 1.63
"""The factor by which looking at each of fourteen days widens an interval, where none was learnt."""


@dataclass(frozen=True, slots=True)
class PValue:
    """The p-value of an error and the bound of its interval, which agree.

    Attributes:
        p_value: The share of placebos at or beyond it.
        bound: Half-width of the interval, in calibrated standard deviations.
        is_beyond: Whether the interval excludes no change; exactly if p_value <= alpha.
    """

    p_value: float
    bound: float
    is_beyond: bool


def compute_p_value(size: float, law: NullDistribution, alpha: float, stretch: float = 1.0) -> PValue:
    """The p-value of a calibrated error; p <= alpha exactly if the interval excludes 0."""
    bound = law.find_bound(alpha) * stretch
    p_value = law.measure_tail(size / stretch)
    is_beyond = size > bound
    # Rounding may separate the two by one unit in the last place; they must not contradict each other.
    if is_beyond:
        p_value = min(p_value, alpha)
    elif p_value <= alpha:
        p_value = float(np.nextafter(alpha, 1.0))
    return PValue(p_value, bound, is_beyond)


def compute_sequential_p_value(
    fitted: FittedSeries, window: Window, calibration: PlaceboCalibration, size: float, alpha: float
) -> tuple[PValue, float]:
    """The p-value of an error where the data are looked at every day until the declared end, and the factor used."""
    length = window.days
    placebos = fitted.placebos(length, before_day=window.start_day)
    has_law = calibration.has_rule(fitted.form, "looks")
    rule = calibration.find_rule(fitted.form, length, "looks" if has_law else "fixed")
    factor = rule.measure_factor(placebos, length, fitted.count_usable_days(window.start_day))
    return compute_p_value(size / factor, rule.law, alpha, 1.0 if has_law else USUAL_PEEKING), factor


def close_interval(e: float, half: float, is_beyond: bool) -> tuple[float, float]:
    """The ends of an interval, on the same side of 0 as the p-value implies."""
    low, high = e - half, e + half
    if is_beyond:
        tiny = abs(e) * 1e-12
        return (max(low, tiny), high) if e > 0 else (low, min(high, -tiny))
    return min(low, 0.0), max(high, 0.0)
