"""Learning the calibration rules from placebos of many series, validated on sources that they were not fitted on.

Placebos in time are those of Abadie, Diamond and Hainmueller (*Comparative politics and the synthetic control method*,
American Journal of Political Science 2015): the same method on dates without an action.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from consumer_fusion.causal.filters.bridges import AFTER_DAYS, slide_bridges
from consumer_fusion.causal.filters.fitted_series import HORIZONS, ErrorSequence, FittedSeries
from consumer_fusion.causal.inference.null_distribution import build_null_distribution
from consumer_fusion.causal.inference.placebo_rules import (
    OVERLAP,
    PlaceboCalibration,
    PlaceboFactors,
    PlaceboRule,
    widen_for_short_history,
)
from consumer_fusion.causal.inference.sequential_testing import DELAYS, find_delay_maxima, find_look_maxima
from consumer_fusion.causal.series.series import Floats

Integers = npt.NDArray[np.int64]

PRIOR_WINDOWS = (4.0, 8.0, 16.0, 64.0)
CAPS = (2.5, 4.0, 8.0)
YOUTHS = (0.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
"""The values that are tried."""
FOLDS = 12
QUESTIONS = ("fixed", "looks", "delays", "temporary", "ending")


def learn_calibration(
    fitted: Sequence[FittedSeries],
    *,
    name: str = "placebos of this workspace",
    horizons: Iterable[int] = HORIZONS,
    questions: Sequence[str] = QUESTIONS,
) -> PlaceboCalibration:
    """Learn the rules from series without a known action.

    Args:
        fitted: The series; those with the same `series.source` are one family.
        name: Name of the calibration in every result.
        horizons: Lengths of the windows it is learnt for.
        questions: `fixed` for windows at their end, `looks` for daily looks, `delays` for searches over delays,
            `temporary` for windows with days on both sides, `ending` for the difference between that estimate and the
            one from the days before alone.
    """
    rules: dict[tuple[str, str, int], PlaceboRule] = {}
    for horizon in horizons:
        for form in ("single", "controls"):
            members = [one for one in fitted if one.form == form]
            for question in questions:
                rule = learn_rule([trace_errors(one, horizon, question) for one in members])
                if rule is not None:
                    rules[form, question, horizon] = rule
    return PlaceboCalibration(name, rules)


def trace_errors(fitted: FittedSeries, length: int, question: str = "fixed") -> ErrorSequence:
    """The placebo errors of one series for one question; cached with the series."""
    key = (question, length)
    if key not in fitted.placebo_sequences:
        source = fitted.series.source or fitted.series.name
        before = np.cumsum(np.isfinite(fitted.series.values))
        if question == "delays":
            found, reach = find_delay_maxima(fitted, length, DELAYS), length + DELAYS[-1]
        elif question in ("temporary", "ending"):
            slid, reach = slide_bridges(fitted, length, AFTER_DAYS), length + AFTER_DAYS
            found = slid.both if question == "temporary" else slid.apart
        else:
            found, reach = fitted.placebos(length), length
        maxima = None
        if question == "looks":
            looks = find_look_maxima(fitted, length)
            maxima = np.full(found.origins.size, np.nan)
            at = np.searchsorted(found.origins, looks.origins)
            known = at < found.origins.size
            known[known] = found.origins[at[known]] == looks.origins[known]
            maxima[at[known]] = looks.u[known]
        ages = before[found.origins - fitted.series.first_day].astype(np.float64)
        fitted.placebo_sequences[key] = ErrorSequence(
            source, np.abs(found.u), found.origins, reach, ages, maxima, found.step
        )
    return fitted.placebo_sequences[key]


def learn_rule(placebo_sequences: Sequence[ErrorSequence]) -> PlaceboRule | None:
    """The rule of one class of windows; None without placebos."""
    placebo_sequences = [placebos for placebos in placebo_sequences if np.isfinite(placebos.sizes).any()]
    if not placebo_sequences:
        return None
    sources = {placebos.source: 0 for placebos in placebo_sequences}
    table = tabulate_placebos(
        placebo_sequences, {name: place % FOLDS for place, name in enumerate(sorted(sources))}
    )
    folds = np.unique(table.fold)
    calibrated, weights = [], []
    for held_out in folds:
        is_out = table.fold == held_out
        numbers = choose_numbers(table, ~is_out if folds.size > 1 else is_out)
        sizes = table.sizes[is_out] / table.measure_factors(numbers, is_out)
        calibrated.append(sizes)
        weights.append(table.weight[is_out])
    every, weight = np.concatenate(calibrated), np.concatenate(weights)
    known = np.isfinite(every)
    windows = sum(placebos.u.size * placebos.step / placebos.length for placebos in placebo_sequences)
    law = build_null_distribution(every[known], weight[known], windows)
    numbers = choose_numbers(table, np.ones(table.fold.size, bool))
    return PlaceboRule(numbers, law, len(placebo_sequences), windows, len(sources))


@dataclass(frozen=True, slots=True)
class SequenceTable:
    """Dates of many sequences of placebo errors in flat arrays, so that numbers are tried on all of them at once.

    Attributes:
        placebo_sequences: The sequences.
        dates: Indices of the dates, by sequence.
        ended: Number of the sequence's windows that had ended by each date, by sequence.
        fold: Group of sources of each date.
        weight: Weight of each date: equal by source, within it by series, within that by date.
        u: Absolute standardised errors.
        sizes: The errors to calibrate.
        own: Number of non-overlapping windows of the series that had ended by the date.
        ages: Usable days of the series by the date.
        means: Mean squares of the windows that had ended, by youth and cap, where needed.
    """

    placebo_sequences: Sequence[ErrorSequence]
    dates: Sequence[Integers]
    ended: Sequence[Integers]
    fold: Integers
    weight: Floats
    u: Floats
    sizes: Floats
    own: Floats
    ages: Floats
    means: dict[tuple[float, float], Floats] = field(default_factory=dict)

    def measure_factors(self, numbers: PlaceboFactors, chosen: npt.NDArray[np.bool_]) -> Floats:
        """The factors at the chosen dates."""
        key = (numbers.youth, numbers.cap)
        if key not in self.means:
            rows = [
                sum_squares(placebos, *key)[ended]
                for placebos, ended in zip(self.placebo_sequences, self.ended)
            ]
            self.means[key] = np.concatenate(rows) / np.maximum(np.concatenate(self.ended), 1)
        own, prior = self.own[chosen], numbers.prior_windows
        square = (prior * numbers.usual**2 + own * self.means[key][chosen]) / (prior + own)
        return np.asarray(np.sqrt(square) * widen_for_short_history(self.ages[chosen], numbers.youth))


def sum_squares(placebos: ErrorSequence, youth: float, cap: float) -> Floats:
    """Running sums of a sequence's squared errors, corrected for youth and capped."""
    wide = 1.0 if placebos.ages is None else widen_for_short_history(placebos.ages, youth)
    return np.concatenate([[0.0], np.cumsum(np.minimum(np.abs(placebos.u) / wide, cap) ** 2)])


def tabulate_placebos(placebo_sequences: Sequence[ErrorSequence], folds: Mapping[str, int]) -> SequenceTable:
    """Tabulate sequences; of each, dates a few days apart, since neighbours are much alike."""
    members: dict[str, int] = {}
    for placebos in placebo_sequences:
        members[placebos.source] = members.get(placebos.source, 0) + 1
    dates = [
        np.arange(0, placebos.u.size, max(placebos.length // (6 * placebos.step), 1))
        for placebos in placebo_sequences
    ]
    ended = [
        np.searchsorted(placebos.origins, placebos.origins[at] - placebos.length, side="right")
        for placebos, at in zip(placebo_sequences, dates)
    ]
    both = list(zip(placebo_sequences, dates))
    return SequenceTable(
        placebo_sequences,
        dates,
        ended,
        np.concatenate([np.full(at.size, folds[placebos.source], dtype=np.int64) for placebos, at in both]),
        np.concatenate(
            [np.full(at.size, 1.0 / (at.size * members[placebos.source])) for placebos, at in both]
        ),
        np.concatenate([np.abs(placebos.u[at]) for placebos, at in both]),
        np.concatenate([np.abs(placebos.sizes[at]) for placebos, at in both]),
        np.concatenate(
            [
                OVERLAP * count * placebos.step / placebos.length
                for placebos, count in zip(placebo_sequences, ended)
            ]
        ),
        np.concatenate(
            [
                np.full(at.size, np.inf) if placebos.ages is None else placebos.ages[at]
                for placebos, at in both
            ]
        ),
    )


def choose_numbers(table: SequenceTable, chosen: npt.NDArray[np.bool_]) -> PlaceboFactors:
    """The numbers that serve the chosen dates best.

    Prior windows and cap are chosen for the narrowest calibrated intervals (mean log width at 95%). Youth makes the
    errors of young series as large, in calibrated standard deviations, as those of older ones.
    """
    u, weight, ages = table.u[chosen], table.weight[chosen], table.ages[chosen]

    def find_usual(youth: float, cap: float) -> float:
        sizes = np.minimum(u / widen_for_short_history(ages, youth), cap)
        return float(np.sqrt(np.average(sizes**2, weights=weight)))

    best_width, best = np.inf, PlaceboFactors(PRIOR_WINDOWS[0], 1.0, CAPS[0], 0.0)
    for cap in CAPS:
        for prior in PRIOR_WINDOWS:
            numbers = PlaceboFactors(prior, find_usual(0.0, cap), cap, 0.0)
            factors = table.measure_factors(numbers, chosen)
            bound = find_weighted_quantile(u / factors, weight, 0.95)
            width = float(np.log(bound) + np.average(np.log(factors), weights=weight))
            if width < best_width:
                best_width, best = width, numbers
    is_young = ages < find_weighted_quantile(ages, weight, 0.5)
    if not is_young.any() or is_young.all():
        return best
    least = np.inf
    for youth in YOUTHS:
        numbers = replace(best, youth=youth, usual=find_usual(youth, best.cap))
        sizes = u / table.measure_factors(numbers, chosen)
        apart = [
            np.log(find_weighted_quantile(sizes[is_young], weight[is_young], share))
            - np.log(find_weighted_quantile(sizes[~is_young], weight[~is_young], share))
            for share in (0.9, 0.95)
        ]
        if abs(float(np.mean(apart))) < least:
            least, best = abs(float(np.mean(apart))), numbers
    return best


def find_weighted_quantile(values: Floats, weights: Floats, share: float) -> float:
    """The smallest value at or below which this share of the weight lies."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return float(values[order][min(int(np.searchsorted(reached, share * reached[-1])), values.size - 1)])


def trace_factors(placebos: ErrorSequence, numbers: PlaceboFactors) -> Floats:
    """A series' factor at each date, from windows that had ended by then."""
    ended = np.searchsorted(placebos.origins, placebos.origins - placebos.length, side="right")
    own, prior = OVERLAP * ended * placebos.step / placebos.length, numbers.prior_windows
    mean = sum_squares(placebos, numbers.youth, numbers.cap)[ended] / np.maximum(ended, 1)
    wide = 1.0 if placebos.ages is None else widen_for_short_history(placebos.ages, numbers.youth)
    return np.asarray(np.sqrt((prior * numbers.usual**2 + own * mean) / (prior + own)) * wide)
