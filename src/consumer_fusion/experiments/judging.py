"""Measuring an experiment: what came of the action, whether chance divided the people, what may follow from it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from consumer_fusion import cause, score
from consumer_fusion.errors import RefusedError
from consumer_fusion.experiments.book import ExperimentRow, change_experiment, find_experiment
from consumer_fusion.experiments.trials import FEATURES, Trial, gather_trial
from consumer_fusion.kit.language import mark, say
from consumer_fusion.points_in_force import put_points_in_force
from consumer_fusion.records.effect import EvidenceLabel
from consumer_fusion.records.points import Facet
from consumer_fusion.workspace import Workspace

LEAST_REACHED_DIFFERENCE = 0.1
"""Where the action reached the treated hardly more often than the others, their difference says nothing about it."""

_UNLIKE = 0.001
"""Below this p for what was known before, chance did not divide the people, whatever is claimed."""


@dataclass(frozen=True, slots=True)
class ExperimentReport:
    """What an experiment found.

    Attributes:
        experiment_id: The experiment.
        grade: `caused` where chance divided the people and that was on record before; else what it compares to.
        treated_count: People who were to get the action.
        held_out_count: People who were not.
        left_out_count: People who were in both arms under two keys.
        share_without: Share with the outcome among those who were not to get it.
        effect: Share with the outcome, treated minus held out, adjusted.
        low: Lower end of its 95% interval.
        high: Upper end.
        p_value: Of no effect.
        naive: The same difference without any adjustment.
        log_odds: Of the outcome, treated against held out; None where it came for too few.
        log_odds_error: Its standard error.
        reached_treated: Share of the treated whom the action reached before outcomes counted.
        reached_held_out: The same of those held out.
        points: The points that it speaks for, shrunk once; None without a calibrated link.
        points_error: Their standard error.
        facet: Where they would count.
        refusals: Why it decides no points; empty if it may.
        sentences: The same for people.
    """

    experiment_id: str
    grade: EvidenceLabel
    treated_count: int
    held_out_count: int
    left_out_count: int
    share_without: float
    effect: float
    low: float
    high: float
    p_value: float
    naive: float
    log_odds: float | None
    log_odds_error: float | None
    reached_treated: float
    reached_held_out: float
    points: float | None
    points_error: float | None
    facet: str
    refusals: tuple[str, ...]
    sentences: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON holds it."""
        content = {name: getattr(self, name) for name in self.__slots__}
        return content | {"refusals": list(self.refusals), "sentences": list(self.sentences)}


@dataclass(frozen=True, slots=True)
class Finding:
    """A report, and the points that would follow from it."""

    report: ExperimentReport
    override: score.PointsOverride | None


def measure_experiment(
    workspace: Workspace, experiment_id: str, *, facet: Facet = score.DEFAULT_FACET
) -> ExperimentReport:
    """Compare the arms of an experiment and keep the report; no point changes.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        facet: What the action gives, where the points table does not say.

    Raises:
        NotFoundError: There is no such experiment.
        RefusedError: Its outcomes have not all come in, or an arm is too small.
    """
    found = judge_experiment(workspace, experiment_id, facet)
    with workspace.store.writing() as session:
        change_experiment(
            session, experiment_id, report=json.dumps(found.report.as_dict()), measured_us=workspace.now_us
        )
    return found.report


def judge_experiment(workspace: Workspace, experiment_id: str, facet: Facet) -> Finding:
    """What `measure_experiment` tells, with the points that would follow; nothing is kept."""
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        row = find_experiment(session, experiment_id)
        trial = gather_trial(workspace, session, force, row)
    outcome = trial.has_outcome.astype(np.float64)
    if row.is_randomised:
        compared = cause.compare_randomised(outcome, trial.is_treated, trial.features)
        naive = cause.compare_randomised(outcome, trial.is_treated)
        grade: EvidenceLabel = "caused"
    else:
        adjusted = cause.adjust_exposure(
            trial.had_outcome.astype(np.float64),
            outcome,
            trial.is_treated,
            trial.features[:, : len(FEATURES)],
            feature_names=FEATURES,
        )
        compared, naive = adjusted.adjusted, adjusted.naive
        grade = "changed_after"
    if grade == "caused" and (not row.is_recorded_before or _find_unlikeness(trial) < _UNLIKE):
        grade = "changed_after"
    log_odds, log_odds_error = _compare_log_odds(trial)
    override = _derive(row, trial, facet, log_odds, log_odds_error)
    report = ExperimentReport(
        experiment_id=experiment_id,
        grade=grade,
        treated_count=int(trial.is_treated.sum()),
        held_out_count=int((~trial.is_treated).sum()),
        left_out_count=trial.left_out,
        share_without=float(outcome[~trial.is_treated].mean()),
        effect=compared.effect,
        low=compared.low,
        high=compared.high,
        p_value=compared.p_value,
        naive=naive.effect,
        log_odds=log_odds,
        log_odds_error=log_odds_error,
        reached_treated=float(trial.is_reached[trial.is_treated].mean()),
        reached_held_out=float(trial.is_reached[~trial.is_treated].mean()),
        points=None if override is None else override.points,
        points_error=None if override is None else override.points_error,
        facet=facet,
        refusals=tuple(_list_refusals(row, trial, is_told=log_odds is not None)),
        sentences=(),
    )
    return Finding(replace(report, sentences=_write_sentences(row, report)), override)


def _derive(
    row: ExperimentRow, trial: Trial, facet: Facet, log_odds: float | None, log_odds_error: float | None
) -> score.PointsOverride | None:
    """The points that would follow; None where there is no link, or nobody got the action."""
    if log_odds is None or log_odds_error is None or trial.link is None:
        return None
    per_point = _weigh(row, trial, trial.link, facet, is_gain=log_odds * trial.link.slope >= 0.0)
    if abs(per_point) < 1e-9:
        return None
    return score.derive_override(
        trial.points,
        experiment_id=row.experiment_id,
        key=row.kind,
        facet=facet,
        log_odds=log_odds,
        log_odds_error=log_odds_error,
        log_odds_per_point=per_point,
        outcome=row.outcome,
        horizon_days=row.horizon_days,
    )


def _weigh(row: ExperimentRow, trial: Trial, link: score.Link, facet: Facet, *, is_gain: bool) -> float:
    """What a point of the action would do to the treated, beyond what it does to those held out whom it reached."""
    weights = [
        score.weigh_action(
            trial.ledger,
            trial.points,
            link,
            key=row.kind,
            facet=facet,
            is_gain=is_gain,
            consumers=trial.consumers[trial.is_treated == arm].tolist(),
            since_us=row.starts_us,
            as_of_us=row.outcome_from_us,
            outcome=row.outcome,
        )
        for arm in (True, False)
    ]
    return weights[0] - weights[1]


def _compare_log_odds(trial: Trial) -> tuple[float, float] | tuple[None, None]:
    try:
        return cause.compare_log_odds(trial.has_outcome, trial.is_treated, trial.features)
    except RefusedError:
        return None, None


def _find_unlikeness(trial: Trial) -> float:
    """The smallest p, corrected for their number, of the arms' differences in what was known before the start."""
    p_values = []
    for column in trial.features.T:
        one, other = column[trial.is_treated], column[~trial.is_treated]
        error = math.sqrt(float(one.var() / one.size + other.var() / other.size))
        if error > 0:
            p_values.append(math.erfc(abs(float(one.mean() - other.mean())) / error / math.sqrt(2.0)))
    return min(1.0, min(p_values, default=1.0) * len(p_values))


def _list_refusals(row: ExperimentRow, trial: Trial, *, is_told: bool) -> list[str]:
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
    elif _find_unlikeness(trial) < _UNLIKE:
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


def _write_sentences(row: ExperimentRow, report: ExperimentReport) -> tuple[str, ...]:
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
