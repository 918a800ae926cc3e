"""Search for the delay of an effect, with a p-value from the same search on placebos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from consumer_fusion.causal.filters.fitted_series import FittedSeries
from consumer_fusion.causal.inference.effect import Effect
from consumer_fusion.causal.inference.estimation import measure_effect
from consumer_fusion.causal.inference.p_values import compute_p_value
from consumer_fusion.causal.inference.placebo_rules import PlaceboCalibration
from consumer_fusion.causal.inference.sequential_testing import DELAYS, find_delay_maxima
from consumer_fusion.causal.series.series import Floats, Window


@dataclass(frozen=True, slots=True)
class DelaySearch:
    """The result of a search over delays.

    Attributes:
        delay: The delay in days at which the change stands out most.
        p_value: Probability that a search over the same delays finds as large a change without an action.
        effect: The effect at that delay; its own p-value does not allow for the search.
        delays: The delays tried.
        sizes: Size of the change at each, in calibrated standard deviations.
    """

    delay: int
    p_value: float
    effect: Effect
    delays: tuple[int, ...]
    sizes: Floats


def search_delay(
    fitted: FittedSeries,
    window: Window,
    *,
    calibration: PlaceboCalibration,
    delays: Sequence[int] = DELAYS,
    alpha: float = 0.05,
) -> DelaySearch:
    """Find the delay at which a window changed most.

    Args:
        fitted: The series.
        window: The days of the window without a delay.
        calibration: The placebo calibration.
        delays: The delays to try, in days.
        alpha: Significance level; the interval has a coverage of 1 - alpha.
    """
    length = window.days
    tried = tuple(sorted(set(delays)))
    specs = [(delay, length) for delay in tried]
    fitted.add_windows(specs)
    origin = window.start_day - fitted.series.first_day - 1
    sizes = np.full(len(tried), np.nan)
    if 0 <= origin < fitted.series.values.size:
        for index, (gap, days) in enumerate(specs):
            errors = fitted.errors(days, gap)
            sizes[index] = abs(errors.e[origin] / errors.s[origin])
    if not np.isfinite(sizes).any():
        effect = measure_effect(fitted, window, calibration=calibration, alpha=alpha, is_sequential=False)
        return DelaySearch(tried[0], float("nan"), effect, tried, sizes)
    best = int(np.nanargmax(sizes))
    delay = tried[best]
    effect = measure_effect(
        fitted, window.shift(delay), calibration=calibration, alpha=alpha, is_sequential=False, gap=delay
    )
    rule = calibration.find_rule(fitted.form, length, "delays")
    maxima = find_delay_maxima(fitted, length, tried, before_day=window.start_day)
    usual = 1.0
    if tried != DELAYS:
        # The rule is of the usual delays; the ratio of both searches on this series scales it.
        standard = find_delay_maxima(fitted, length, DELAYS, before_day=window.start_day)
        if maxima.e.size and standard.e.size:
            usual = float(np.median(maxima.e) / np.median(standard.e))
    age = fitted.count_usable_days(window.start_day)
    factor = rule.measure_factor(replace(maxima, e=maxima.e / usual), length + tried[-1], age) * usual
    p_value = compute_p_value(float(sizes[best]) / factor, rule.law, alpha).p_value
    if np.isfinite(effect.p_value):
        # Far out in the tails the two distributions may cross; a search is never more certain than its best window.
        p_value = max(p_value, effect.p_value)
    return DelaySearch(delay, p_value, effect, tried, sizes / factor)
