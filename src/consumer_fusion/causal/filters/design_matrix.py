"""Converts values to the filter's input: scale, noise, weekdays, and columns of controls, last year and holidays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from consumer_fusion.causal.filters.state_space import DEFAULT_SETTINGS, SPARSE_SETTINGS, FilterInput
from consumer_fusion.causal.series.series import DailySeries, Floats, Window, align_values
from consumer_fusion.errors import InputError, MissingExtraError
from consumer_fusion.i18n.translation import N_

MARGIN_DAYS = 7
"""Distance of placebos from any action, in days."""
YEAR_DAYS = 364
"""A year ago on the same weekday."""
LOG_FLOOR = 0.02
"""Logarithms are taken where no value is below this share of the median."""
SPARSE_SHARE = 0.25
MOST_CONTROLS = 8
LEAST_KNOWN = 0.7
"""The share of the series' days on which a control must have a value."""
SHORT, CONSTANT, FURTHER = (
    N_("it has too few of the days"),
    N_("it does not vary"),
    N_("others follow the series more closely"),
)
"""Reasons for leaving out a control, for people."""
EPOCH_WEEKDAY = 3
"""1 January 1970 was a Thursday."""


def choose_reference_days(series: DailySeries, actions: Sequence[Window], least: int) -> int:
    """Number of first days that give the scale: those before the first action, or all where these are too few.

    The result of an action must not change the scale of its own measurement.
    """
    before = min((action.start_day for action in actions), default=series.last_day + 1) - series.first_day
    before = min(max(before, 0), series.values.size)
    return before if int(np.isfinite(series.values[:before]).sum()) >= least else series.values.size


def build_frame(
    series: DailySeries,
    controls: Sequence[DailySeries],
    country: str | None,
    with_last_year: bool,
    period: int,
    reference: int,
) -> tuple[FilterInput, tuple[int, int, int]]:
    """Standardise a series and lay out its columns.

    Args:
        series: The outcome.
        controls: Control series.
        country: The country whose holidays are used, if any.
        with_last_year: Whether to use last year's values where there are any.
        period: 7, or 1 for no season.
        reference: Number of first days that give the scale.

    Returns:
        The frame, and the numbers of columns of controls, of last year and of holidays.
    """
    if period not in (1, 7):
        raise InputError(f"The period is {period}.", hint="Give 7 for days of a week, or 1 for none.")
    values = np.asarray(series.values, dtype=np.float64)
    values = np.where(np.isfinite(values), values, np.nan)
    is_log, center, scale = choose_scale(values[:reference], period)
    is_sparse = has_mostly_zeros(values[:reference], period)
    if is_sparse:
        center, scale = float(np.nanmean(values[:reference])), float(np.nanstd(values[:reference]))
    z = standardise(values, is_log, center, scale)
    noise = np.ones(values.size)
    if series.counts is not None:
        counts = np.asarray(series.counts, dtype=np.float64)
        usual = float(np.nanmedian(counts[:reference][counts[:reference] > 0])) if np.any(counts > 0) else 1.0
        noise = np.clip(usual / np.maximum(counts, 1e-9), 0.02, 50.0)
        z = np.where(counts > 0, z, np.nan)
    days = values.size
    weekday = ((series.first_day + np.arange(days) + EPOCH_WEEKDAY) % 7).astype(np.int64)
    own = build_control_columns(series, controls, is_log, scale, values[:reference])
    lags = build_last_year_columns(z) if with_last_year and period == 7 else np.zeros((days, 0))
    dummies = build_holiday_columns(series.first_day, days, country) if country else np.zeros((days, 0))
    x = np.ascontiguousarray(np.concatenate([own, lags, dummies], axis=1))
    season = 7 if period == 7 and not is_sparse else 0
    frame = FilterInput(
        z, noise, weekday if season else np.zeros(days, np.int64), season, x, is_log, center, scale,
        SPARSE_SETTINGS if is_sparse else DEFAULT_SETTINGS, 0.0 if np.nanmin(values, initial=0.0) >= 0 else -np.inf,
    )  # fmt: skip
    return frame, (own.shape[1], lags.shape[1], dummies.shape[1])


def choose_controls(
    series: DailySeries, controls: Sequence[DailySeries], reference: int
) -> tuple[tuple[DailySeries, ...], tuple[tuple[str, str], ...]]:
    """The usable controls, at most eight, and the names of the others with the reasons.

    Of many, those are chosen whose weekly changes correlate most with the series' own before the action.
    """
    own = standardise(series.values, *choose_scale(series.values[:reference]))[:reference]
    own_steps = own[7:] - own[:-7]
    usable = np.isfinite(series.values)
    closeness: list[tuple[float, int]] = []
    dropped: list[tuple[str, str]] = []
    for place, control in enumerate(controls):
        values = align_values(control, series.first_day, series.values.size)
        known = np.isfinite(values)
        if (known & usable).sum() < LEAST_KNOWN * usable.sum():
            dropped.append((control.name, SHORT))
            continue
        first = values[:reference]
        if not np.isfinite(first).any() or np.nanstd(first) == 0:
            dropped.append((control.name, CONSTANT))
            continue
        theirs = standardise(first, *choose_scale(first))
        steps = theirs[7:] - theirs[:-7]
        both = np.isfinite(steps) & np.isfinite(own_steps)
        if both.sum() < 14 or np.std(steps[both]) == 0 or np.std(own_steps[both]) == 0:
            closeness.append((0.0, place))
        else:
            closeness.append((float(np.corrcoef(steps[both], own_steps[both])[0, 1]), place))
    ranked = sorted(closeness, key=lambda pair: (-pair[0], pair[1]))
    dropped += [(controls[place].name, FURTHER) for _, place in ranked[MOST_CONTROLS:]]
    kept = sorted(place for _, place in ranked[:MOST_CONTROLS])
    return tuple(controls[place] for place in kept), tuple(dropped)


def has_mostly_zeros(values: Floats, period: int = 7) -> bool:
    """Whether no value is negative and over a quarter are 0, even on the weekday with the fewest zeros."""
    shares = []
    for weekday in range(period):
        seen = values[weekday::period]
        seen = seen[np.isfinite(seen)]
        if seen.size:
            shares.append(float(np.mean(seen == 0)))
    return (
        bool(shares)
        and min(shares) > SPARSE_SHARE
        and float(np.nanmin(values)) >= 0 < float(np.nanmax(values))
    )


def choose_scale(values: Floats, period: int = 7) -> tuple[bool, float, float]:
    """Whether to take logarithms, the center, and the scale of the noise.

    The scale is 1.4826 times the median absolute deviation of weekly differences, over the root of two: the standard
    deviation if the noise were normal, robust against weekday effects and outliers.
    """
    seen = values[np.isfinite(values)]
    if seen.size == 0:
        return False, 0.0, 1.0
    median = float(np.median(seen))
    is_log = median > 0 and float(seen.min()) > LOG_FLOOR * median
    line = np.log(np.maximum(values, LOG_FLOOR * median)) if is_log else values
    steps = line[period:] - line[:-period]
    steps = steps[np.isfinite(steps)]
    scale = 0.0
    if steps.size:
        scale = 1.4826 * float(np.median(np.abs(steps - np.median(steps)))) / np.sqrt(2.0)
        if scale <= 0.05 * float(np.std(steps)):
            # More than half of the differences are the same, as in a series of mostly zeros.
            scale = float(np.std(steps)) / np.sqrt(2.0)
    size = 1.0 if is_log else max(float(np.mean(np.abs(seen))), 1e-12)
    return is_log, float(np.nanmedian(line)), scale if scale > 1e-9 * size else size


def standardise(values: Floats, is_log: bool, center: float, scale: float) -> Floats:
    """Values standardised for the filter; missing days stay missing."""
    if is_log:
        floor = LOG_FLOOR * np.exp(center)
        values = np.log(np.maximum(values, floor))
    return np.asarray((values - center) / scale)


def build_control_columns(
    series: DailySeries, controls: Sequence[DailySeries], is_log: bool, scale: float, reference: Floats
) -> Floats:
    """Control series in units in which a coefficient of 1 means a proportional change."""
    days = series.values.size
    columns = np.zeros((days, len(controls)))
    size = max(float(np.nanmean(np.abs(reference))), 1e-12) if np.isfinite(reference).any() else 1.0
    for k, control in enumerate(controls):
        values = fill_days(align_values(control, series.first_day, days))
        first = values[: reference.size]
        median = float(np.median(first))
        if is_log and median > 0:
            column = np.log(np.maximum(values, LOG_FLOOR * median))
        else:
            column = values / max(float(np.mean(np.abs(first))), 1e-12) * (1.0 if is_log else size)
        columns[:, k] = (column - float(np.median(column[: reference.size]))) / scale
    return columns


def fill_days(values: Floats) -> Floats:
    """A control with its missing days filled from a week before, or the nearest later week; 0 where there is none."""
    filled = values.copy()
    for t in range(7, filled.size):
        if not np.isfinite(filled[t]):
            filled[t] = filled[t - 7]
    for t in range(filled.size - 8, -1, -1):
        if not np.isfinite(filled[t]):
            filled[t] = filled[t + 7]
    seen = np.isfinite(filled)
    return np.where(seen, filled, np.median(filled[seen]) if seen.any() else 0.0)


def build_last_year_columns(z: Floats) -> Floats:
    """The series a year ago: the same weekday, and the week around it, relative to the level of the first month.

    The columns are 0 while there is no year before; they start near 0, so that the level hardly jumps.
    """
    days = z.size
    if days < YEAR_DAYS + 28:
        return np.zeros((days, 0))
    filled = fill_days(z)
    smooth = np.convolve(np.pad(filled, 3, mode="edge"), np.full(7, 1.0 / 7.0), mode="valid")
    columns = np.zeros((days, 2))
    start = float(np.median(filled[:28]))
    columns[YEAR_DAYS:, 0] = smooth[: days - YEAR_DAYS] - start
    columns[YEAR_DAYS:, 1] = (filled - smooth)[: days - YEAR_DAYS]
    return columns


def build_holiday_columns(first_day: int, days: int, country: str) -> Floats:
    """Public holidays, the day before and the day after."""
    marks = list_holidays(country.upper(), first_day - 2, first_day + days + 1)
    column = np.array([float(first_day + t in marks) for t in range(-1, days + 1)])
    return np.stack([column[1:-1], column[2:], column[:-2]], axis=1)


@lru_cache(maxsize=64)
def list_holidays(country: str, first_day: int, last_day: int) -> frozenset[int]:
    """The UTC days that are public holidays of a country.

    Raises:
        MissingExtraError: The library `holidays` is not installed.
        InputError: It does not know the country.
    """
    try:
        import holidays
    except ImportError:
        raise MissingExtraError(
            "Holidays need the library 'holidays'.", hint="pip install 'consumer-fusion[cause]'"
        ) from None
    first_year = int(str(np.datetime64(first_day, "D"))[:4])
    last_year = int(str(np.datetime64(last_day, "D"))[:4])
    try:
        known = holidays.country_holidays(country, years=range(first_year, last_year + 1))
    except NotImplementedError:
        raise InputError(
            f"The holidays of '{country}' are not known.",
            hint="Give the two-letter code of a country, for example IT.",
        ) from None
    dates: npt.NDArray[np.datetime64] = np.array(sorted(known), dtype="datetime64[D]")
    return frozenset(int(day) for day in dates.astype(np.int64))
