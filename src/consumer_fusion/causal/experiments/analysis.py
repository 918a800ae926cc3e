"""Measures an experiment: the effect of the action, a check of the randomisation, and the points that follow."""

from __future__ import annotations

import numpy as np

from consumer_fusion.causal.designs.audiences import compare_log_odds, compare_randomised
from consumer_fusion.causal.designs.exposures import adjust_exposure
from consumer_fusion.causal.experiments.experiment_store import (
    ExperimentRow,
    change_experiment,
    find_experiment,
)
from consumer_fusion.causal.experiments.findings import ExperimentFinding, ExperimentReport, GroupEffect
from consumer_fusion.causal.experiments.ranking import compare_strata
from consumer_fusion.causal.experiments.sample import FEATURES, ExperimentSample, gather_sample
from consumer_fusion.causal.experiments.wording import list_refusals, list_unlike, write_sentences
from consumer_fusion.errors import InputError, RefusedError
from consumer_fusion.i18n.messages import STORED
from consumer_fusion.records.effect import EvidenceLabel
from consumer_fusion.records.points import Facet
from consumer_fusion.score.calibration.experiment_overrides import (
    DEFAULT_FACET,
    PointsOverride,
    derive_override,
    list_given_facets,
    weigh_action,
)
from consumer_fusion.score.calibration.link_functions import LinkFunction
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.workspace import Workspace


def measure_experiment(
    workspace: Workspace, experiment_id: str, *, facet: Facet = DEFAULT_FACET
) -> ExperimentReport:
    """Compare the arms of an experiment and store the report; no points change.

    Args:
        workspace: The workspace.
        experiment_id: The experiment.
        facet: The facet that the action affects, where the points table does not define it.

    Raises:
        NotFoundError: There is no such experiment.
        RefusedError: Its outcome period is not over in the data, or an arm is too small.
    """
    found = judge_experiment(workspace, experiment_id, facet)
    with workspace.store.writing() as session:
        change_experiment(
            session,
            experiment_id,
            report=found.report.model_dump_json(context=STORED),
            measured_us=workspace.now_us,
        )
        workspace.note_change(session)
    return found.report


def judge_experiment(workspace: Workspace, experiment_id: str, facet: Facet) -> ExperimentFinding:
    """The report of `measure_experiment`, with the points that would follow; nothing is stored.

    Raises:
        NotFoundError: There is no such experiment.
        InputError: No brand action affects the facet.
        RefusedError: Its outcome period is not over in the data, or an arm is too small.
    """
    if facet not in list_given_facets():
        raise InputError(
            f"No action of a brand affects the facet '{facet}'.",
            hint=f"Use one of {', '.join(list_given_facets())}.",
        )
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        row = find_experiment(session, experiment_id)
        trial = gather_sample(workspace, session, force, row)
    outcome = trial.has_outcome.astype(np.float64)
    if row.is_randomised:
        compared = compare_randomised(outcome, trial.is_treated, trial.features)
        naive = compare_randomised(outcome, trial.is_treated)
        grade: EvidenceLabel = "caused"
    else:
        adjusted = adjust_exposure(
            trial.had_outcome.astype(np.float64),
            outcome,
            trial.is_treated,
            trial.features[:, : len(FEATURES)],
            feature_names=FEATURES,
        )
        compared, naive = adjusted.adjusted, adjusted.naive
        grade = "changed_after"
    if grade == "caused" and (not row.is_recorded_before or list_unlike(trial)):
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
        groups=tuple(
            GroupEffect(group=str(each.group), raw=each.raw, effect=each.mean, low=each.low, high=each.high)
            for each in (compare_strata(trial) if grade == "caused" else ())
        ),
        refusals=tuple(list_refusals(row, trial, is_told=log_odds is not None)),
        sentences=(),
    )
    return ExperimentFinding(report.model_copy(update={"sentences": write_sentences(row, report)}), override)


def _derive(
    row: ExperimentRow,
    trial: ExperimentSample,
    facet: Facet,
    log_odds: float | None,
    log_odds_error: float | None,
) -> PointsOverride | None:
    """The points that would follow; None where there is no link, or the action reached no one."""
    if log_odds is None or log_odds_error is None or trial.link is None:
        return None
    per_point = _weigh(row, trial, trial.link, facet, is_gain=log_odds * trial.link.slope >= 0.0)
    if abs(per_point) < 1e-9:
        return None
    return derive_override(
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


def _weigh(
    row: ExperimentRow, trial: ExperimentSample, link: LinkFunction, facet: Facet, *, is_gain: bool
) -> float:
    """Log-odds per point of the action in the treated arm, less those in the held-out arm where it was reached."""
    weights = [
        weigh_action(
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


def _compare_log_odds(trial: ExperimentSample) -> tuple[float, float] | tuple[None, None]:
    try:
        return compare_log_odds(trial.has_outcome, trial.is_treated, trial.features)
    except RefusedError:
        return None, None
