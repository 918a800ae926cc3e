"""Whom an action helps: the people of an experiment ranked, and the effect in each of the groups that were divided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from consumer_fusion.causal.designs.audiences import GroupDifference, compare_groups, score_randomised
from consumer_fusion.causal.designs.uplift import QiniCurve, rank_uplift
from consumer_fusion.causal.experiments.experiment_store import find_experiment
from consumer_fusion.causal.experiments.sample import Trial, gather_trial
from consumer_fusion.causal.inference.shrinkage import ShrunkEffect
from consumer_fusion.errors import RefusedError
from consumer_fusion.events.entities import name_entities
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.workspace import Workspace


@dataclass(frozen=True, slots=True)
class HelpedConsumers:
    """Whom an action helps most.

    Attributes:
        rows: consumer, place (1 is helped most), uplift (share with the outcome more, as foretold from others).
        curve: What the ranking is worth.
        parts: The effect in equal parts of the ranking, the first first.
        is_worth_it: Whether the ranking is better than one by chance.
    """

    rows: pa.Table
    curve: QiniCurve
    parts: tuple[GroupDifference, ...]
    is_worth_it: bool


def rank_consumers(workspace: Workspace, experiment_id: str, *, parts: int = 5) -> HelpedConsumers:
    """Rank the consumers of an experiment by how much the action helps people like them.

    Args:
        workspace: The workspace.
        experiment_id: The experiment; chance must have divided its people, before it began.
        parts: Into how many parts the ranking is cut.

    Raises:
        NotFoundError: There is no such experiment.
        RefusedError: Chance did not divide, that was not on record before, or its outcomes have not come in.
    """
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        row = find_experiment(session, experiment_id)
        if not (row.is_randomised and row.is_recorded_before):
            raise RefusedError(
                f"Experiment '{experiment_id}' was not divided by chance on a list recorded before it began.",
                hint="Whom an action helps is only learnt where chance decided who got it.",
            )
        trial = gather_trial(workspace, session, force, row)
        names = name_entities(session, trial.consumers.tolist())
    ranking = rank_uplift(
        trial.has_outcome.astype(np.float64),
        trial.is_treated,
        trial.features,
        share_treated=float(trial.is_treated.mean()),
        parts=parts,
    )
    order = np.argsort(ranking.place)
    return HelpedConsumers(
        rows=pa.table(
            {
                "consumer": [names[number] for number in trial.consumers[order].tolist()],
                "place": ranking.place[order] + 1,
                "uplift": ranking.uplift[order],
            }
        ),
        curve=ranking.curve,
        parts=ranking.parts,
        is_worth_it=ranking.curve.is_better_than_chance,
    )


def compare_strata(trial: Trial) -> tuple[ShrunkEffect, ...]:
    """The effect in each group that was divided by itself, drawn towards all; none where there is one group only."""
    if len(set(trial.strata)) < 2:
        return ()
    scores = score_randomised(
        trial.has_outcome.astype(np.float64), trial.is_treated, float(trial.is_treated.mean()), trial.features
    )
    return compare_groups(scores, trial.strata)
