"""Ranking: the people of an experiment ranked by how much the action helps them, and the effect by stratum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from consumer_fusion.causal.designs.audiences import compare_groups, score_randomised
from consumer_fusion.causal.designs.uplift import rank_uplift
from consumer_fusion.causal.experiments.experiment_store import find_experiment
from consumer_fusion.causal.experiments.sample import ExperimentSample, gather_sample
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
    """The evaluation of a ranking of consumers by how much an action helps them."""

    consumers: int = describe("Consumers", "Number of ranked consumers.")
    qini: float = describe("Qini", "The Qini coefficient: the area between the ranking and a random one.")
    low: float = describe("Low", "Lower end of its 95% interval.")
    high: float = describe("High", "Upper end.")
    is_better_than_chance: bool = describe("Better than chance", "Whether the interval is above 0.")
    parts: tuple[RankingQuantile, ...] = describe(
        "The effect in equal parts of the ranking, in its order",
        "The effect in each part.",
    )


@dataclass(frozen=True, slots=True)
class HelpedConsumers:
    """The consumers of an experiment, ranked by how much the action helps them.

    Attributes:
        rows: consumer, place (rank, 1 is helped most), uplift (predicted increase of the share with the outcome).
        worth: Evaluation of the ranking.
    """

    rows: pa.Table
    worth: RankingEvaluation


def rank_consumers(workspace: Workspace, experiment_id: str, *, parts: int = 5) -> HelpedConsumers:
    """Rank the consumers of an experiment by how much the action helps people like them.

    Args:
        workspace: The workspace.
        experiment_id: The experiment, which must be randomised and recorded before it began.
        parts: Number of parts into which the ranking is cut.

    Raises:
        NotFoundError: There is no such experiment.
        RefusedError: It was not randomised, not recorded in advance, or its outcome period is not over in the data.
    """
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        row = find_experiment(session, experiment_id)
        if not (row.is_randomised and row.is_recorded_before):
            raise RefusedError(
                f"Experiment '{experiment_id}' was not randomised with a list recorded before it began.",
                hint="A ranking can only be learnt from a randomised experiment.",
            )
        trial = gather_sample(workspace, session, force, row)
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
    """The effect in each stratum, pooled with all of them; empty where there is only one."""
    if len(set(trial.strata)) < 2:
        return ()
    scores = score_randomised(
        trial.has_outcome.astype(np.float64), trial.is_treated, float(trial.is_treated.mean()), trial.features
    )
    return compare_groups(scores, trial.strata)
