"""Training: fitting to one sample, and forecasting another with the result.

What may be learnt, and whether it comes into force, is decided in `calibration`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from consumer_fusion.records.points import Kind, PointsTable
from consumer_fusion.score.calibration.fitting import (
    FittedPoints,
    FittingProblem,
    fit_link,
    normalise_shares,
    spread_parameters,
)
from consumer_fusion.score.calibration.half_life_grid import FoldGrid
from consumer_fusion.score.calibration.link_functions import (
    LinkFunction,
    cap_money,
    compute_probability,
    forecast_outcomes,
    read_link,
)
from consumer_fusion.score.calibration.samples import Sample, fold_sample
from consumer_fusion.score.calibration.selection import learn_points
from consumer_fusion.score.calibration.spending import fit_spend
from consumer_fusion.score.calibration.validity import FloatArray
from consumer_fusion.score.calibration.vectorised_score import DesignMatrix, build_design, compute_balances
from consumer_fusion.score.points.calibration_bounds import bound_kind


@dataclass(frozen=True, slots=True)
class TrainedPoints:
    """Result of training on a sample.

    Attributes:
        problem: Data and parameters of the fit.
        fit: Result of the fit.
        link: Link from the learnt balance to outcome and money.
        default_link: Link from the balance of the points in force.
    """

    problem: FittingProblem
    fit: FittedPoints
    link: LinkFunction
    default_link: LinkFunction


def train_on_cutoffs(
    sample: Sample,
    points: PointsTable,
    outcome: str,
    learnt: Collection[str],
    *,
    with_points: bool,
    earlier: TrainedPoints | None = None,
) -> TrainedPoints:
    """Fit the link to the points in force, then half-lives, optionally points, and the link together.

    Args:
        sample: The pairs to learn from.
        points: The table in force.
        outcome: Key of the outcome's kind.
        learnt: Keys whose half-life (and multiplier) is learnt; others keep their own.
        with_points: Whether multipliers are learnt too.
        earlier: Result for other pairs, to start from.
    """
    design = build_design(points, sample.kinds)
    problem = set_up_fit(sample, design, points, learnt, with_points=with_points)
    problem = choose_direction(problem, points, outcome)
    ones = np.ones(len(sample.kinds))
    before = compute_balances(fold_sample(sample, ones), design, ones).balance
    link_start = fit_link(before, problem)
    start = np.concatenate((np.zeros(2 * problem.learnt_count + 1), link_start))
    fit = learn_points(problem, start if earlier is None else earlier.fit.theta)
    after = read_learnt_balances(sample, problem, fit)
    default_link = read_link(link_start, problem.money_scale, problem.direction)
    return TrainedPoints(
        problem=problem,
        fit=fit,
        link=fit_spend(after, fit.link, sample),
        default_link=fit_spend(before, default_link, sample),
    )


def read_learnt_balances(sample: Sample, problem: FittingProblem, fit: FittedPoints) -> FloatArray:
    """Balances of any sample of the same kinds, with what was learnt."""
    multipliers = np.exp(spread_parameters(problem, fit.log_multiplier))
    factors = np.exp(spread_parameters(problem, fit.log_half_life))
    return compute_balances(fold_sample(sample, factors), problem.design, multipliers).balance


def forecast_both(sample: Sample, lesson: TrainedPoints) -> tuple[FloatArray, FloatArray]:
    """Probabilities of other pairs from the points in force, and from the learnt points."""
    ones = np.ones(len(sample.kinds))
    before = compute_balances(fold_sample(sample, ones), lesson.problem.design, ones).balance
    after = read_learnt_balances(sample, lesson.problem, lesson.fit)
    return (
        compute_probability(forecast_outcomes(before, lesson.default_link)),
        compute_probability(forecast_outcomes(after, lesson.link)),
    )


def name_learnt(lesson: TrainedPoints) -> tuple[dict[str, float], dict[str, float]]:
    """Multipliers and half-life factors of the learnt kinds, by key."""
    multipliers = np.exp(spread_parameters(lesson.problem, lesson.fit.log_multiplier))
    factors = np.exp(spread_parameters(lesson.problem, lesson.fit.log_half_life))
    learnt = np.flatnonzero(lesson.problem.parameter >= 0)
    kinds = lesson.problem.sample.kinds
    return (
        {kinds[place]: float(multipliers[place]) for place in learnt},
        {kinds[place]: float(factors[place]) for place in learnt},
    )


def set_up_fit(
    sample: Sample,
    design: DesignMatrix,
    points: PointsTable,
    learnt: Collection[str],
    *,
    with_points: bool = False,
) -> FittingProblem:
    """Set up the fit; a recovery shares the parameters of its failure, so that it never gives back more.

    Args:
        sample: The pairs to learn from.
        design: Points of its kinds.
        points: Points table of the design.
        learnt: Keys whose half-life (and multiplier) is learnt; others keep their own.
        with_points: Whether multipliers are learnt too.
    """
    place = {key: number for number, key in enumerate(key for key in sample.kinds if key in learnt)}
    parameter = np.array(
        [place.get(points.kinds[key].mends or key, -1) for key in sample.kinds], dtype=np.int64
    )
    bounds = [bound_kind(points.kinds[key]) for key in place]
    grid = FoldGrid(sample)
    fold = grid.fold(np.zeros(len(sample.kinds)))
    weight = fold.x.sum(axis=0) * design.graded.sum(axis=1) + fold.y.sum(axis=0) * design.plain.sum(axis=1)
    contribution = np.zeros(len(place))
    np.add.at(contribution, parameter[parameter >= 0], weight[parameter >= 0])
    gives_points = [not one.takes_points for one in bounds]
    money, money_scale = cap_money(sample)
    return FittingProblem(
        sample=sample,
        grid=grid,
        design=design,
        parameter=parameter,
        is_negative=np.array([_is_weighed_negative(points.kinds[key]) for key in place], dtype=bool),
        multiplier_bounds=_take_logarithms([one.multiplier for one in bounds]) * with_points,
        half_life_bounds=_take_logarithms([one.half_life_factor for one in bounds]),
        contribution=normalise_shares(contribution, np.ones(len(place))),
        anchor=normalise_shares(contribution * gives_points, contribution),
        negativity=points.constants.negativity,
        money=money,
        money_scale=money_scale,
        direction=1.0,
    )


def _take_logarithms(bounds: list[tuple[float, float]]) -> FloatArray:
    logarithms: FloatArray = np.log(np.array(bounds, dtype=np.float64).reshape(-1, 2))
    return logarithms


def choose_direction(problem: FittingProblem, points: PointsTable, outcome: str) -> FittingProblem:
    """Let the link fall with the balance where the outcome is a negative one and the data show it."""
    kind = points.kinds.get(outcome)
    if kind is None or sum(entry.points for entry in kind.entries) >= 0.0:
        return problem
    ones = np.ones(len(problem.sample.kinds))
    balance = compute_balances(fold_sample(problem.sample, ones), problem.design, ones).balance
    happened = problem.sample.is_outcome
    is_rarer = float(balance[happened].mean()) < float(balance[~happened].mean())
    return replace(problem, direction=-1.0 if is_rarer else 1.0)


def _is_weighed_negative(kind: Kind) -> bool:
    """Whether the negativity applies to a kind: it takes points, other than by refunding money."""
    if kind.magnitude == "gained":
        return False
    return (
        sum(e.points for e in kind.entries if not (e.facet == "wallet" and kind.magnitude == "money")) < 0.0
    )
