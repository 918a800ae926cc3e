"""Whom an action helps: the people of an experiment ranked, and the effect in each of the groups that were divided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from consumer_fusion.causal.designs.audiences import compare_groups, score_randomised
from consumer_fusion.causal.designs.uplift import rank_uplift
from consumer_fusion.causal.experiments.experiment_store import find_experiment
from consumer_fusion.causal.experiments.sample import ExperimentSample, gather_trial
from consumer_fusion.causal.inference.shrinkage import ShrinkageEstimate
from consumer_fusion.errors import RefusedError
from consumer_fusion.events.entities import name_entities
from consumer_fusion.operations import Schema, describe
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.workspace import Workspace


class RankingQuantile(Schema):
    """The effect in one of the equal parts of a ranking."""

    effect: float = describe("Effect", "Share with the outcome, treated minus held out.", form="change")
    low: float = describe("Low", "Lower end of its 95% interval.", form="change")
    high: float = describe("High", "Upper end.", form="change")


class RankingEvaluation(Schema):
    """What a ranking of consumers by how much an action helps them is worth."""

    consumers: int = describe("Consumers", "How many are ranked.")
    qini: float = describe("Qini", "The Qini coefficient: the area between the ranking and one by chance.")
    low: float = describe("Low", "Lower end of its 95% interval.")
    high: float = describe("High", "Upper end.")
    is_better_than_chance: bool = describe("Better than chance", "Whether the interval is above 0.")
    parts: tuple[RankingQuantile, ...] = describe(
        "The effect in equal parts of the ranking, first those who are helped most",
        "The effect in each part.",
    )


@dataclass(frozen=True, slots=True)
class HelpedConsumers:
    """Whom an action helps most.

    Attributes:
        rows: consumer, place (1 is helped most), uplift (share with the outcome more, as foretold from others).
        worth: What the ranking is worth.
    """

    rows: pa.Table
    worth: RankingEvaluation


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
        worth=RankingEvaluation(
            consumers=len(order),
            qini=ranking.curve.area,
            low=ranking.curve.low,
            high=ranking.curve.high,
            is_better_than_chance=ranking.curve.is_better_than_chance,
            parts=tuple(
                RankingQuantile(effect=each.effect, low=each.low, high=each.high) for each in ranking.parts
            ),
        ),
    )


def compare_strata(trial: ExperimentSample) -> tuple[ShrinkageEstimate, ...]:
    """The effect in each group that was divided by itself, drawn towards all; none where there is one group only."""
    if len(set(trial.strata)) < 2:
        return ()
    scores = score_randomised(
        trial.has_outcome.astype(np.float64), trial.is_treated, float(trial.is_treated.mean()), trial.features
    )
    return compare_groups(scores, trial.strata)
