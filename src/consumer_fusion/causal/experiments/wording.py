"""The findings of an experiment, and the reasons why it decides no points, in plain sentences."""

from __future__ import annotations

from consumer_fusion.causal.experiments.experiment_store import ExperimentRow
from consumer_fusion.causal.experiments.findings import ExperimentReport
from consumer_fusion.causal.experiments.imbalance import CHOSEN, find_imbalances
from consumer_fusion.causal.experiments.sample import FEATURES, ExperimentSample
from consumer_fusion.i18n.messages import Message

LEAST_REACHED_DIFFERENCE = 0.1
"""With a smaller difference in reach between the arms, the comparison says nothing about the action."""


def list_unlike(trial: ExperimentSample) -> list[str]:
    """The covariates that differed between the arms before the start by more than chance explains."""
    names = (*FEATURES, "forecast before")[: trial.features.shape[1]]
    return find_imbalances(trial.features, names, trial.is_treated, CHOSEN)


def list_refusals(row: ExperimentRow, trial: ExperimentSample, *, is_told: bool) -> list[Message]:
    """Everything that keeps an experiment from deciding points."""
    reasons = []
    if not is_told:
        reasons.append(Message("Too few people had the outcome to derive points."))
    if row.withdrawn_us is not None:
        reasons.append(Message("It was withdrawn."))
    if not row.is_randomised:
        reasons.append(
            Message(
                "The people were not randomised: the brand's choice would be mistaken for an effect. The result "
                "is a suggestion."
            )
        )
    elif not row.is_recorded_before:
        reasons.append(Message("The list was recorded only after the action had begun."))
    elif unlike := list_unlike(trial):
        reasons.append(
            Message(
                "The groups differed before the action by more than chance explains, in {names}: they were not "
                "randomised.",
                names=", ".join(unlike),
            )
        )
    reached = [float(trial.is_reached[trial.is_treated == arm].mean()) for arm in (True, False)]
    if reached[0] - reached[1] < LEAST_REACHED_DIFFERENCE:
        reasons.append(
            Message(
                "'{kind}' reached {treated} of the treated and {held_out} of the others: too small a difference.",
                kind=row.kind,
                treated=f"{reached[0]:.0%}",
                held_out=f"{reached[1]:.0%}",
            )
        )
    if trial.link is None:
        reasons.append(
            Message(
                "There is no calibrated link to '{outcome}' within {days} days for the points in force: calibrate "
                "first.",
                outcome=row.outcome,
                days=f"{row.horizon_days:g}",
            )
        )
    return reasons


def write_sentences(row: ExperimentRow, report: ExperimentReport) -> tuple[Message, ...]:
    """State the findings, and all reasons why it decides no points."""
    sentences = [
        Message(
            "{without} of those held out had '{outcome}' within {days} days; the action changed that by {effect} "
            "percentage points, between {low} and {high}.",
            outcome=row.outcome,
            days=f"{row.horizon_days:g}",
            without=f"{report.share_without:.1%}",
            effect=f"{100.0 * report.effect:+.1f}",
            low=f"{100.0 * report.low:+.1f}",
            high=f"{100.0 * report.high:+.1f}",
        )
    ]
    if report.low <= 0.0 <= report.high:
        sentences.append(Message("That is compatible with no effect."))
    if report.points is not None and report.points_error is not None:
        sentences.append(
            Message(
                "In points, that is {points} (standard error {error}) of {facet}.",
                points=f"{report.points:+.2f}",
                error=f"{report.points_error:.2f}",
                facet=report.facet,
            )
        )
    return (*sentences, *report.refusals)
