"""Calibration: one multiplier and one half-life a kind, learnt from outcomes and tried on other pairs.

See `docs/concepts/calibration.md`. What a brand sends or grants is never learnt from observation, because brands
choose whom they send it to: with no true effect, a targeted campaign looks like a cause. Only an experiment tells.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.kit.moments import DAY_MICROSECONDS
from consumer_fusion.records.points import Kind, PointsTable
from consumer_fusion.score.balances import Design, draw_design, read_balances
from consumer_fusion.score.calibration_report import CalibrationReport, write_sentences
from consumer_fusion.score.fitting import Fit, Problem, fit_link, spread_parameters
from consumer_fusion.score.grids import FoldGrid
from consumer_fusion.score.links import Link, cap_money, compute_probability, forecast_outcomes, read_link
from consumer_fusion.score.placebo import learn_placebo
from consumer_fusion.score.points_table import apply_multipliers
from consumer_fusion.score.refusals import check_request, check_sample, check_window
from consumer_fusion.score.samples import (
    IntArray,
    Sample,
    draw_sample,
    fold_sample,
    stack_samples,
    take_pairs,
)
from consumer_fusion.score.selection import learn_points
from consumer_fusion.score.validity import (
    FloatArray,
    bootstrap_mean_error,
    compute_log_losses,
    draw_reliability,
    measure_forecast,
)

FEWEST_EVENTS = 200
_MOST_ROWS = 32_000
_LEAST_HISTORY_DAYS = 90


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which kinds are learnt and which keep theirs, with the reason."""

    learnt: tuple[str, ...]
    kept: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Lesson:
    """What was learnt from a sample."""

    problem: Problem
    default_link: Link
    fit: Fit


def calibrate(
    ledger: pa.Table,
    points: PointsTable,
    *,
    outcome: str,
    horizon_days: float,
    cutoff_us: int,
    seed: int = 0,
    learn: Collection[str] | None = None,
    protect: Collection[str] = (),
    most_cutoffs: int = 4,
    with_placebo: bool = True,
) -> CalibrationReport:
    """Learn points and half-lives from what followed a cutoff, and measure them on pairs that were held out.

    Args:
        ledger: Annotated events: consumer_id, brand_id, kind (key of the points table), occurred_us, day,
            magnitude, trust, value (money; missing where there is none).
        points: The table in force.
        outcome: Key of the kind to predict, `Order Completed`.
        horizon_days: How far ahead.
        cutoff_us: The past ends here; the outcome may come up to `horizon_days` later.
        seed: For the split of the pairs and the bootstrap.
        learn: Keys to learn; all that may be, if not given.
        protect: Keys that the workspace set itself and that therefore stay.
        most_cutoffs: Learn from this many cutoffs, a horizon apart, where history reaches back; the measures
            are always of the given one.
        with_placebo: Whether to learn a made-up kind of random events too, to see how far chance gets.

    Raises:
        RefusedError: It cannot be learnt from this ledger without misleading.
        MissingExtraError: scipy is not installed.
    """
    check_request(points, outcome, horizon_days, learn)
    check_window(ledger, points, outcome=outcome, horizon_days=horizon_days, cutoff_us=cutoff_us)
    samples = [
        draw_sample(ledger, points, outcome=outcome, cutoff_us=one, horizon_days=horizon_days)
        for one in list_cutoffs(ledger, cutoff_us, horizon_days, most_cutoffs)
    ]
    check_sample(samples[0], outcome)
    plan = _plan_kinds(ledger, samples[0], points, learn, protect)

    train, held_out = _split_pairs(samples, seed)
    lesson = _learn_lesson(train, points, outcome, plan)
    probability = _forecast_both(held_out, lesson)
    losses = [compute_log_losses(held_out.is_outcome, one) for one in probability]
    gain = float(np.mean(losses[0] - losses[1]))
    gain_error = bootstrap_mean_error(losses[0] - losses[1], seed)
    is_better = bool(plan.learnt) and gain > gain_error
    placebo_share = learn_placebo(lesson.problem, lesson.fit, seed) if with_placebo else None
    if is_better:
        # The split has answered whether to learn; what ships is learnt from every pair there is.
        everyone = np.random.default_rng(seed).permutation(samples[0].pair_count)
        lesson = _learn_lesson(_take_everywhere(samples, everyone), points, outcome, plan, lesson.fit)
    multipliers, factors = _name_learnt(lesson)
    report = CalibrationReport(
        outcome=outcome,
        horizon_days=float(horizon_days),
        cutoff_us=cutoff_us,
        seed=seed,
        points_version=points.version,
        calibrated_version=apply_multipliers(points, multipliers, factors, protect).version,
        pairs_trained=int(np.count_nonzero(train.cutoff_place == 0)),
        cutoffs_trained=len(samples),
        pairs_held_out=held_out.pair_count,
        outcomes_held_out=int(held_out.is_outcome.sum()),
        multipliers=multipliers,
        half_life_factors=factors,
        negativity=float(points.constants.negativity * np.exp(lesson.fit.log_negativity)),
        scale_drift=lesson.fit.scale_drift,
        link=lesson.fit.link,
        default_link=lesson.default_link,
        before=measure_forecast(held_out.is_outcome, probability[0]),
        after=measure_forecast(held_out.is_outcome, probability[1]),
        gain=gain,
        gain_error=gain_error,
        is_better=is_better,
        kept_kinds=plan.kept,
        placebo_share=placebo_share,
        reliability=draw_reliability(held_out.is_outcome, probability[1 if is_better else 0]),
        sentences=(),
    )
    return replace(report, sentences=write_sentences(report))


def _learn_lesson(
    sample: Sample, points: PointsTable, outcome: str, plan: _Plan, earlier: Fit | None = None
) -> _Lesson:
    """Fit the link to the points in force, then points, half-lives and the link together."""
    design = draw_design(points, sample.kinds)
    problem = choose_direction(pose_problem(sample, design, points, plan.learnt), points, outcome)
    ones = np.ones(len(sample.kinds))
    link_start = fit_link(read_balances(fold_sample(sample, ones), design, ones).balance, problem)
    start = np.concatenate((np.zeros(2 * problem.learnt_count + 1), link_start))
    return _Lesson(
        problem=problem,
        default_link=read_link(link_start, problem.money_scale, problem.direction),
        fit=learn_points(problem, start if earlier is None else earlier.theta),
    )


def _forecast_both(sample: Sample, lesson: _Lesson) -> tuple[FloatArray, FloatArray]:
    """Probabilities from the points in force, and from those learnt."""
    problem, ones = lesson.problem, np.ones(len(sample.kinds))
    multipliers = np.exp(spread_parameters(problem, lesson.fit.log_multiplier))
    factors = np.exp(spread_parameters(problem, lesson.fit.log_half_life))
    before = read_balances(fold_sample(sample, ones), problem.design, ones).balance
    after = read_balances(fold_sample(sample, factors), problem.design, multipliers).balance
    return (
        compute_probability(forecast_outcomes(before, lesson.default_link)),
        compute_probability(forecast_outcomes(after, lesson.fit.link)),
    )


def list_cutoffs(ledger: pa.Table, cutoff_us: int, horizon_days: float, most: int) -> list[int]:
    """The cutoff and earlier ones, a horizon apart, as long as enough history lies before them."""
    step_us = round(horizon_days * DAY_MICROSECONDS)
    first_us = int(pc.min(ledger.column("occurred_us")).as_py())
    reach_us = first_us + max(step_us, _LEAST_HISTORY_DAYS * DAY_MICROSECONDS)
    earlier = (cutoff_us - place * step_us for place in range(1, most))
    return [cutoff_us, *(one for one in earlier if one >= reach_us)]


def _split_pairs(samples: Sequence[Sample], seed: int) -> tuple[Sample, Sample]:
    """Half of the pairs to learn from, at every cutoff; the other half to measure on, at the latest."""
    latest = samples[0]
    order = np.random.default_rng(seed).permutation(latest.pair_count)
    chosen = order[: latest.pair_count // 2]
    train = _take_everywhere(samples, chosen)
    return train, take_pairs(latest, np.sort(order[latest.pair_count // 2 :][:_MOST_ROWS]))


def _take_everywhere(samples: Sequence[Sample], chosen: IntArray) -> Sample:
    """Pairs of the latest cutoff, by their places there, at every cutoff at which they had evidence."""
    codes = samples[0].pair_code[chosen[: _MOST_ROWS // len(samples)]]
    return stack_samples([take_pairs(one, np.flatnonzero(np.isin(one.pair_code, codes))) for one in samples])


def pose_problem(sample: Sample, design: Design, points: PointsTable, learnt: Collection[str]) -> Problem:
    """Lay out what is learnt: a recovery follows the failure that it mends, so that it never gives back more.

    Args:
        sample: The pairs to learn from.
        design: The points of its kinds.
        points: The table they are of.
        learnt: Keys whose multiplier and half-life are learnt; others keep theirs.
    """
    place = {key: number for number, key in enumerate(key for key in sample.kinds if key in learnt)}
    parameter = np.array(
        [place.get(points.kinds[key].mends or key, -1) for key in sample.kinds], dtype=np.int64
    )
    grid = FoldGrid(sample)
    fold = grid.fold(np.zeros(len(sample.kinds)))
    share = fold.x.sum(axis=0) * design.graded.sum(axis=1) + fold.y.sum(axis=0) * design.plain.sum(axis=1)
    contribution = np.bincount(parameter[parameter >= 0], weights=share[parameter >= 0], minlength=len(place))
    total = float(contribution.sum())
    money, money_scale = cap_money(sample)
    return Problem(
        sample=sample,
        grid=grid,
        design=design,
        parameter=parameter,
        is_negative=np.array([_is_weighed_negative(points.kinds[key]) for key in place], dtype=bool),
        contribution=contribution / total if total > 0.0 else np.full(len(place), 1.0 / max(len(place), 1)),
        negativity=points.constants.negativity,
        money=money,
        money_scale=money_scale,
        direction=1.0,
    )


def choose_direction(problem: Problem, points: PointsTable, outcome: str) -> Problem:
    """Let the link fall with the balance where the outcome is a bad one and the pairs say so."""
    kind = points.kinds.get(outcome)
    if kind is None or sum(entry.points for entry in kind.entries) >= 0.0:
        return problem
    ones = np.ones(len(problem.sample.kinds))
    balance = read_balances(fold_sample(problem.sample, ones), problem.design, ones).balance
    happened = problem.sample.is_outcome
    is_rarer = float(balance[happened].mean()) < float(balance[~happened].mean())
    return replace(problem, direction=-1.0 if is_rarer else 1.0)


def _plan_kinds(
    ledger: pa.Table,
    sample: Sample,
    points: PointsTable,
    learn: Collection[str] | None,
    protect: Collection[str],
) -> _Plan:
    """Decide for each kind that occurs whether it is learnt."""
    derived = {kind.spreads for kind in points.kinds.values()}
    counts = dict(zip(sample.kinds, np.bincount(sample.event_kind, minlength=len(sample.kinds)), strict=True))
    learnt: list[str] = []
    kept: dict[str, str] = {}
    for key in sorted(str(one) for one in pc.unique(ledger.column("kind").cast(pa.string())).to_pylist()):
        kind = points.kinds.get(key)
        if kind is None:
            continue
        if kind.is_brand_action:
            kept[key] = "a brand action: brands choose whom they do it to, so only an experiment can tell"
        elif not kind.entries:
            continue
        elif key in protect or (kind.mends or key) in protect:
            kept[key] = "set by the workspace"
        elif learn is not None and key not in learn:
            kept[key] = "not asked for"
        elif key in derived:
            kept[key] = "derived: it never exceeds what it comes from"
        elif kind.mends is not None:
            kept[key] = f"a recovery: it follows '{kind.mends}'"
        elif counts.get(key, 0) < FEWEST_EVENTS:
            kept[key] = f"fewer than {FEWEST_EVENTS} events by the cutoff"
        else:
            learnt.append(key)
    return _Plan(tuple(learnt), kept)


def _is_weighed_negative(kind: Kind) -> bool:
    """Whether the negativity weighs on a kind: it takes points, other than by giving money back."""
    if kind.magnitude == "gained":
        return False
    return (
        sum(e.points for e in kind.entries if not (e.facet == "wallet" and kind.magnitude == "money")) < 0.0
    )


def _name_learnt(lesson: _Lesson) -> tuple[dict[str, float], dict[str, float]]:
    """Multipliers and half-life factors of the kinds that were learnt, by key."""
    multipliers = np.exp(spread_parameters(lesson.problem, lesson.fit.log_multiplier))
    factors = np.exp(spread_parameters(lesson.problem, lesson.fit.log_half_life))
    learnt = np.flatnonzero(lesson.problem.parameter >= 0)
    kinds = lesson.problem.sample.kinds
    return (
        {kinds[place]: float(multipliers[place]) for place in learnt},
        {kinds[place]: float(factors[place]) for place in learnt},
    )
