"""One fitted series: a single pass gives out-of-sample forecasts from every past day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from consumer_fusion.causal.filters.design_matrix import (
    MARGIN_DAYS,
    build_frame,
    choose_controls,
    choose_reference_days,
)
from consumer_fusion.causal.filters.model_grid import ModelGrid, build_grid, thin_grid
from consumer_fusion.causal.filters.state_space import FilterInput, FilterResult, filter_frame
from consumer_fusion.causal.series.series import DailySeries, Floats, Window, align_values

LEAST_DAYS = 35
"""The least number of usable days before an action for a measurement."""
HORIZONS = (1, 3, 7, 14, 28)

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PlaceboErrors:
    """Forecast errors on past dates without an action.

    Attributes:
        e: The window's mean less the expected one: a difference of logarithms, or in the series' units.
        s: The standard deviation that the models gave it.
        origins: The days from which the forecasts were made.
        ages: Usable days of the series by then.
        step: Days from one origin to the next.
    """

    e: Floats
    s: Floats
    origins: Integers
    ages: Floats
    step: int = 1

    @property
    def u(self) -> Floats:
        """The errors over their standard deviations."""
        return self.e / self.s


@dataclass(frozen=True, slots=True)
class TwoSidedErrors:
    """Placebos of windows that have days on both sides.

    Attributes:
        both: Errors of the two-sided estimate; their standard deviation includes the difference of the two estimates.
        apart: The one-sided estimate (from the days before alone) less the two-sided one, and the standard deviation
            that the models give the former.
    """

    both: PlaceboErrors
    apart: PlaceboErrors

    def take_before(self, day: int, span: int) -> TwoSidedErrors:
        """The placebos that had ended before a day, including the days used after each window."""
        past = self.both.origins + span < day
        return TwoSidedErrors(*(
            PlaceboErrors(one.e[past], one.s[past], one.origins[past], one.ages[past], one.step)
            for one in (self.both, self.apart)
        ))  # fmt: skip


@dataclass(frozen=True, slots=True)
class WindowErrors:
    """Errors and standard deviations of one kind of window from every origin; NaN where there is none."""

    e: Floats
    s: Floats
    expected: Floats
    observed: Floats


@dataclass(frozen=True, slots=True)
class ErrorSequence:
    """The placebo errors of one series in the order of their dates.

    Attributes:
        source: The family of the series.
        u: Absolute standardised errors, from which the series' own factor is computed.
        origins: The days from which they were forecast.
        length: Length of the windows, with the days skipped before them.
        ages: Usable days of the series by then; None means many.
        maxima: The sizes to calibrate where they are not `u`: for each date the largest of many looks; NaN where
            unknown.
        step: Days from one date to the next.
    """

    source: str
    u: Floats
    origins: Integers
    length: int
    ages: Floats | None = None
    maxima: Floats | None = None
    step: int = 1

    @property
    def sizes(self) -> Floats:
        """The sizes to calibrate."""
        return self.u if self.maxima is None else self.maxima


@dataclass(frozen=True, slots=True)
class FittedSeries:
    """A series with its forecasts from every past day.

    Attributes:
        series: The series that was fitted.
        frame: The input of the filter.
        grid: The models.
        controls: The controls used, as given.
        country: The country whose holidays were used.
        actions: Windows of known actions, which are no placebos.
        with_last_year: Whether last year's values were used where there are any.
        one_step: One-day forecasts of the pass.
        windows: Cache of errors by (days skipped, length).
        placebo_sequences: Cache of placebo errors by (question, length).
        states: Cache of the models' states at the end of a day, by its position.
        bridges: Cache of placebos of windows with days on both sides, by (length, days after).
        dropped_controls: Names of controls that were left out, and why.
        guarded: Cache by window: positions of controls that changed in it themselves.
    """

    series: DailySeries
    frame: FilterInput
    grid: ModelGrid
    controls: tuple[DailySeries, ...]
    country: str | None
    actions: tuple[Window, ...]
    with_last_year: bool
    one_step: FilterResult
    windows: dict[tuple[int, int], WindowErrors] = field(default_factory=dict)
    placebo_sequences: dict[tuple[str, int], ErrorSequence] = field(default_factory=dict)
    states: dict[int, FilterResult] = field(default_factory=dict)
    bridges: dict[tuple[int, int], TwoSidedErrors] = field(default_factory=dict)
    dropped_controls: tuple[tuple[str, str], ...] = ()
    guarded: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)

    @property
    def form(self) -> str:
        """The class of its null distribution: `single` for single series or `controls` for series with controls."""
        return "controls" if self.controls else "single"

    @property
    def is_log(self) -> bool:
        """Whether errors are differences of logarithms."""
        return self.frame.is_log

    def count_usable_days(self, day: int) -> int:
        """Number of days with a value before a day."""
        index = min(max(day - self.series.first_day, 0), self.series.values.size)
        return int(np.isfinite(self.series.values[:index]).sum())

    def errors(self, length: int, gap: int = 0) -> WindowErrors:
        """Errors of all windows of a length that start `gap` days after the day after their origin."""
        if (gap, length) not in self.windows:
            self.add_windows([(gap, length)])
        return self.windows[gap, length]

    def add_windows(self, specs: Sequence[tuple[int, int]]) -> None:
        """Forecast further kinds of windows, all in one pass."""
        missing = [spec for spec in dict.fromkeys(specs) if spec not in self.windows]
        if missing:
            filtered = filter_frame(self.frame, self.grid, np.array(missing, dtype=np.int64))
            self.windows.update(collect_errors(self.series.values, self.frame, filtered, missing))

    def placebos(self, horizon: int, *, gap: int = 0, before_day: int | None = None) -> PlaceboErrors:
        """The errors on past dates that no action touches.

        Args:
            horizon: Length of the windows in days.
            gap: Days skipped between the origin and the window.
            before_day: Only windows that end before this day.
        """
        errors = self.errors(horizon, gap)
        usable = self.find_placebo_origins(horizon, gap, before_day)
        index = np.flatnonzero(usable & np.isfinite(errors.e) & (errors.s > 0))
        return self.list_placebos(index, errors.e[index], errors.s[index])

    def list_placebos(self, index: Integers, e: Floats, s: Floats, step: int = 1) -> PlaceboErrors:
        """Placebo errors with the days from which they were forecast, given as positions in the series."""
        ages = np.cumsum(np.isfinite(self.series.values))[index].astype(np.float64)
        return PlaceboErrors(e, s, (index + self.series.first_day).astype(np.int64), ages, step)

    def find_placebo_origins(
        self, length: int, gap: int = 0, before_day: int | None = None
    ) -> npt.NDArray[np.bool_]:
        """By day, whether a window from that origin may serve as a placebo: enough days before, no action near."""
        usable = np.cumsum(np.isfinite(self.series.values)) >= LEAST_DAYS
        first = self.series.first_day
        # The window's first day is the origin's index plus 1 plus the gap.
        for action in self.actions:
            low = action.start_day - first - MARGIN_DAYS - gap - length
            high = action.end_day - first + MARGIN_DAYS - gap - 1
            usable[max(low, 0) : max(high + 1, 0)] = False
        if before_day is not None:
            usable[max(before_day - first - gap - length, 0) :] = False
        return usable


def fit_series(
    series: DailySeries,
    *,
    controls: Sequence[DailySeries] = (),
    country: str | None = None,
    with_last_year: bool = True,
    horizons: Sequence[int] = HORIZONS,
    actions: Sequence[Window] = (),
    period: int = 7,
) -> FittedSeries:
    """Fit a series once, with out-of-sample forecasts from every past day.

    Args:
        series: The outcome.
        controls: Control series that the actions do not reach; of many, the eight that follow the series most closely.
        country: The code of a country (`IT`) whose holidays are used.
        with_last_year: Whether the series' own values of a year ago are used where it is long enough.
        horizons: Lengths of windows to forecast from every day at once; others are added when needed.
        actions: Windows of known actions; no placebo lies within a week of one.
        period: Days of the season: 7, or 1 for a series without weekdays (years of a panel).
    """
    reference = choose_reference_days(series, actions, LEAST_DAYS)
    chosen, dropped = choose_controls(series, controls, reference)
    frame, sorts = build_frame(series, chosen, country, with_last_year, period, reference)
    specs = [(0, int(horizon)) for horizon in horizons]
    grid = build_grid(*sorts, is_sparse=frame.is_sparse)
    filtered = filter_frame(frame, grid, np.array(specs, dtype=np.int64).reshape(-1, 2))
    return FittedSeries(
        series,
        frame,
        grid,
        chosen,
        country,
        tuple(actions),
        with_last_year,
        filtered,
        collect_errors(series.values, frame, filtered, specs),
        dropped_controls=dropped,
    )


def forecast_quickly(series: DailySeries, controls: Sequence[DailySeries], window: Window) -> FittedSeries:
    """A fit with a few models and one window, for a quick check of a control."""
    reference = choose_reference_days(series, (window,), LEAST_DAYS)
    frame, sorts = build_frame(series, controls, None, False, 7, reference)
    grid = thin_grid(build_grid(*sorts, is_sparse=frame.is_sparse))
    filtered = filter_frame(frame, grid, np.array([(0, window.days)], dtype=np.int64))
    windows = collect_errors(series.values, frame, filtered, [(0, window.days)])
    return FittedSeries(series, frame, grid, tuple(controls), None, (window,), False, filtered, windows)


def collect_errors(
    values: Floats, frame: FilterInput, filtered: FilterResult, specs: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], WindowErrors]:
    """Errors of each kind of window, from expected and observed values."""
    seen = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(seen, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(seen)])
    collected: dict[tuple[int, int], WindowErrors] = {}
    days = values.size
    for column, (gap, length) in enumerate(specs):
        start = np.minimum(np.arange(days) + 1 + gap, days)
        stop = np.minimum(start + length, days)
        present = counts[stop] - counts[start]
        is_enough = present * 2 >= length
        observed = np.full(days, np.nan)
        np.divide(sums[stop] - sums[start], present, out=observed, where=is_enough & (present > 0))
        expected = filtered.win_level[:, column]
        if frame.is_log:
            # A lognormal mean is above the exponential of the mean logarithm.
            within = np.minimum(0.5 * frame.scale**2 * filtered.win_within[:, column], 0.5)
            expected = expected * np.exp(within)
            floor = np.exp(frame.center - 20.0)
            e = np.log(np.maximum(observed, floor)) - np.log(np.maximum(expected, floor))
        else:
            e = observed - np.maximum(expected, frame.lowest)
        s = frame.scale * np.sqrt(filtered.win_var[:, column])
        collected[gap, length] = WindowErrors(e, s, expected, observed)
    return collected


def list_days(series: DailySeries, first_day: int, last_day: int) -> tuple[Integers, Floats]:
    """The given days and the values of the series on them."""
    days = np.arange(first_day, last_day + 1, dtype=np.int64)
    return days, align_values(series, first_day, days.size)
