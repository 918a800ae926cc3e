"""Why an experiment decides points or does not, and what it found, in plain sentences."""

from __future__ import annotations

import math

from consumer_fusion.experiments.book import ExperimentRow
from consumer_fusion.experiments.findings import ExperimentReport
from consumer_fusion.experiments.trials import Trial
from consumer_fusion.kit.language import mark, say

LEAST_REACHED_DIFFERENCE = 0.1
"""Where the action reached the treated hardly more often than the others, their difference says nothing about it."""

_UNLIKE = 0.001
"""Below this p for what was known before, chance did not divide the people, whatever is claimed."""


def looks_chosen(trial: Trial) -> bool:
    """Whether the arms differed before the start by more than chance makes them."""
    return find_unlikeness(trial) < _UNLIKE


def find_unlikeness(trial: Trial) -> float:
    """The smallest p, corrected for their number, of the arms' differences in what was known before the start."""
    p_values = []
    for column in trial.features.T:
        one, other = column[trial.is_treated], column[~trial.is_treated]
        error = math.sqrt(float(one.var() / one.size + other.var() / other.size))
        if error > 0:
            p_values.append(math.erfc(abs(float(one.mean() - other.mean())) / error / math.sqrt(2.0)))
    return min(1.0, min(p_values, default=1.0) * len(p_values))


def list_refusals(row: ExperimentRow, trial: Trial, *, is_told: bool) -> list[str]:
    """Everything that keeps an experiment from deciding points."""
    reasons = []
    if not is_told:
        reasons.append(say(mark("The outcome came for too few people to turn it into points.")))
    if row.withdrawn_us is not None:
        reasons.append(say(mark("It was withdrawn.")))
    if not row.is_randomised:
        reasons.append(
            say(
                mark(
                    "Chance did not divide the people: the brand's choice would be mistaken for an effect. What was "
                    "found is a suggestion."
                )
            )
        )
    elif not row.is_recorded_before:
        reasons.append(say(mark("The list was put on record here only after the action had begun.")))
    elif looks_chosen(trial):
        reasons.append(
            say(mark("The groups differed before the action by more than chance does: they were not drawn."))
        )
    reached = [float(trial.is_reached[trial.is_treated == arm].mean()) for arm in (True, False)]
    if reached[0] - reached[1] < LEAST_REACHED_DIFFERENCE:
        reasons.append(
            say(
                mark(
                    "'{kind}' reached {treated} of the treated and {held_out} of the others: hardly a difference."
                ),
                kind=row.kind,
                treated=f"{reached[0]:.0%}",
                held_out=f"{reached[1]:.0%}",
            )
        )
    if trial.link is None:
        reasons.append(
            say(
                mark(
                    "There is no calibrated link to '{outcome}' within {days} days for the points in force: calibrate "
                    "first."
                ),
                outcome=row.outcome,
                days=f"{row.horizon_days:g}",
            )
        )
    return reasons


def write_sentences(row: ExperimentRow, report: ExperimentReport) -> tuple[str, ...]:
    """Say what was found, and everything that keeps it from deciding points."""
    sentences = [
        say(
            mark(
                "'{outcome}' followed within {days} days for {without} of those held out; the action changed that by "
                "{effect} points of a hundred, between {low} and {high}."
            ),
            outcome=row.outcome,
            days=f"{row.horizon_days:g}",
            without=f"{report.share_without:.1%}",
            effect=f"{100.0 * report.effect:+.1f}",
            low=f"{100.0 * report.low:+.1f}",
            high=f"{100.0 * report.high:+.1f}",
        )
    ]
    if report.low <= 0.0 <= report.high:
        sentences.append(say(mark("That may be no effect at all.")))
    if report.points is not None and report.points_error is not None:
        sentences.append(
            say(
                mark("In points that is {points} (standard error {error}) of {facet}."),
                points=f"{report.points:+.2f}",
                error=f"{report.points_error:.2f}",
                facet=report.facet,
            )
        )
    return (*sentences, *report.refusals)
