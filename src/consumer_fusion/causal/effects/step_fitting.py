"""Fits a series in its own step: days directly; weeks and months with the previous year as a control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from consumer_fusion.causal.effects.control_series import name_daily
from consumer_fusion.causal.effects.effect_report import CheckResult
from consumer_fusion.causal.filters.fitted_series import LEAST_DAYS, FittedSeries, fit_series
from consumer_fusion.causal.inference.null_distribution import build_null_distribution, mix_distributions
from consumer_fusion.causal.inference.placebo_rules import OVERLAP, PlaceboCalibration
from consumer_fusion.causal.series.metric_store import MetricSeries
from consumer_fusion.causal.series.series import Window
from consumer_fusion.causal.series.steps import DAILY, STEP_WORDS
from consumer_fusion.i18n.translation import N_

YEARS_AFTER_THE_FIRST = 2
"""With fewer years besides the first, the yearly season cannot be separated from chance (`benchmarks/weekly.py`)."""
FEWEST_WINDOWS, ENOUGH_WINDOWS = 20, 100
"""Number of non-overlapping windows from which a series' own past counts, and from which only it counts."""
OWN_NAME = N_("placebos of this series")


def fit_steps(
    own: MetricSeries, control_series: Sequence[MetricSeries], *, country: str, windows: Sequence[Window]
) -> FittedSeries:
    """Fit a series once, in its own step.

    Args:
        own: The series.
        control_series: Series that the action did not reach, which also carry the season.
        country: The country whose holidays are used for a daily series; empty for none.
        windows: Windows of the actions on it, in steps.
    """
    controls = [name_daily(each) for each in control_series]
    horizons = (windows[0].days,)
    daily = name_daily(own)
    if own.steps == DAILY:
        return fit_series(
            daily, controls=controls, country=country or None, horizons=horizons, actions=windows
        )
    if controls or not has_season(own):
        return fit_series(daily, controls=controls, horizons=horizons, actions=windows, period=1)
    year = own.steps.year
    later = replace(
        daily,
        first_day=daily.first_day + year,
        values=daily.values[year:],
        counts=None if daily.counts is None else daily.counts[year:],
    )
    before = replace(daily, first_day=daily.first_day + year, values=daily.values[:-year], counts=None)
    fitted = fit_series(later, controls=[before], horizons=horizons, actions=windows, period=1)
    # The previous year supplies the season; it is not a control.
    return replace(fitted, controls=(), dropped_controls=())


def calibrate_steps(
    own: MetricSeries, fitted: FittedSeries, window: Window, calibration: PlaceboCalibration
) -> PlaceboCalibration:
    """Calibrate a weekly or monthly series by its own past, with a weight that grows with its length.

    The null distributions of daily series are too wide for weekly ones (`benchmarks/weekly.py`); for windows with days
    they are all there is.

    Args:
        own: The series.
        fitted: Its fit.
        window: The steps of the possible effect.
        calibration: The calibration of daily series.
    """
    if own.steps == DAILY:
        return calibration
    placebos = fitted.placebos(window.days, before_day=window.start_day)
    windows = OVERLAP * placebos.e.size / window.days
    if windows < FEWEST_WINDOWS:
        return calibration
    rule = calibration.find_rule(fitted.form, window.days)
    factor = rule.measure_factor(placebos, window.days, fitted.count_usable_days(window.start_day))
    law = build_null_distribution(abs(placebos.u) / factor, np.ones(placebos.e.size), windows)
    law = mix_distributions(rule.law, law, min(1.0, windows / ENOUGH_WINDOWS))
    mixed = replace(rule, law=law, series=1, sources=1, windows=windows)
    rules = {**calibration.rules, (fitted.form, "fixed", window.days): mixed}
    return PlaceboCalibration(f"{calibration.name} + {OWN_NAME}", rules)


def has_season(own: MetricSeries) -> bool:
    """Whether a weekly or monthly series has enough years to estimate its season."""
    year = own.steps.year
    return own.daily.values.size - year >= max(YEARS_AFTER_THE_FIRST * year, LEAST_DAYS)


def check_steps(own: MetricSeries, fitted: FittedSeries) -> list[CheckResult]:
    """The remarks on the effect on a series that is not daily."""
    if own.steps == DAILY:
        return []
    checks = [CheckResult(name="step", verdict="passed", sentence=STEP_WORDS[own.steps.unit], values={})]
    if not fitted.controls and not has_season(own):
        sentence = N_(
            "The series has fewer than three years: the season of the year cannot be separated from an effect."
        )
        checks.append(CheckResult(name="season", verdict="warned", sentence=sentence, values={}))
    return checks
