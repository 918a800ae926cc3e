"""Calibration: a half-life per kind, and optionally a multiplier, learnt from outcomes and validated on held-out pairs.

See `docs/concepts/calibration.md`. What a brand sends or grants is never learnt from observation, because brands
choose the recipients: with no true effect, a targeted campaign looks like a cause. Only an experiment can answer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.i18n.messages import Message, as_message
from consumer_fusion.i18n.translation import N_
from consumer_fusion.records.points import PointsTable
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.calibration.calibration_report import (
    UNHAPPY_BELOW,
    CalibrationReport,
    find_objection,
)
from consumer_fusion.score.calibration.eligibility import (
    check_request,
    check_sample,
    check_window,
)
from consumer_fusion.score.calibration.placebo import learn_placebo
from consumer_fusion.score.calibration.samples import (
    IntArray,
    Sample,
    draw_sample,
    fold_sample,
    stack_samples,
    take_pairs,
)
from consumer_fusion.score.calibration.training import (
    TrainedPoints,
    forecast_both,
    name_learnt,
    read_learnt_balances,
    train_on_cutoffs,
)
from consumer_fusion.score.calibration.validity import (
    bootstrap_mean_error,
    compute_log_losses,
    draw_reliability,
    measure_forecast,
)
from consumer_fusion.score.calibration.vectorised_score import compute_balances, compute_scores
from consumer_fusion.score.points.points_table import apply_multipliers

FEWEST_EVENTS = 200
_MOST_ROWS = 48_000
_LEAST_HISTORY_DAYS = 90


@dataclass(frozen=True, slots=True)
class _Plan:
    """The kinds to learn, and those that keep their points, with the reason."""

    learnt: tuple[str, ...]
    kept: Mapping[str, str]


def calibrate(
    ledger: pa.Table,
    points: PointsTable,
    *,
    outcome: str,
    horizon_days: float,
    cutoff_us: int,
    seed: int = 0,
    with_points: bool = False,
    learn: Collection[str] | None = None,
    protect: Collection[str] = (),
    most_cutoffs: int = 4,
    with_placebo: bool = True,
) -> CalibrationReport:
    """Learn half-lives, and optionally points, from the outcomes after a cutoff; measure them on held-out pairs.

    Args:
        ledger: Annotated events: consumer_id, brand_id, kind (key of the points table), occurred_us, day,
            magnitude, trust, value (money; missing where there is none).
        points: The table in force.
        outcome: Key of the kind to predict, `Order Completed`.
        horizon_days: Horizon of the forecast, in days.
        cutoff_us: Cutoff between past and future; outcomes count up to `horizon_days` later.
        seed: Random seed of the split of the pairs and of the bootstrap.
        with_points: Whether multipliers of the points are learnt too, within bounds (`calibration_bounds`). By default
            only half-lives and the link are: a returning consumer is not always a happy one.
        learn: Keys to learn; by default all that can be learnt.
        protect: Keys set by the workspace, which stay as they are.
        most_cutoffs: Maximum number of cutoffs to learn from, a horizon apart, as far as history reaches; the measures
            are always those at the given cutoff.
        with_placebo: Whether a placebo kind of random events is learnt too, to see how far chance gets.

    Raises:
        RefusedError: The ledger cannot teach this without misleading.
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

    latest = samples[0]
    order = np.random.default_rng(seed).permutation(latest.pair_count)
    halves = np.array_split(order, 2)
    lessons = [
        train_on_cutoffs(
            _take_everywhere(samples, half), points, outcome, plan.learnt, with_points=with_points
        )
        for half in halves
    ]
    # Each half is forecast from the other half, so that no pair is measured on its own training data.
    held_out = [take_pairs(latest, np.sort(half[:_MOST_ROWS])) for half in halves]
    forecasts = [forecast_both(*each) for each in zip(held_out, reversed(lessons), strict=True)]
    happened = np.concatenate([half.is_outcome for half in held_out])
    before, after = (np.concatenate([forecast[place] for forecast in forecasts]) for place in (0, 1))
    gains = compute_log_losses(happened, before) - compute_log_losses(happened, after)
    gain, gain_error = float(np.mean(gains)), bootstrap_mean_error(gains, seed)
    placebo_share = learn_placebo(lessons[0].problem, lessons[0].fit, seed) if with_placebo else None
    # The halves have decided whether to learn; the reported result is learnt from all pairs.
    lesson = train_on_cutoffs(
        _take_everywhere(samples, order),
        points,
        outcome,
        plan.learnt,
        with_points=with_points,
        earlier=lessons[0],
    )
    multipliers, factors = name_learnt(lesson)
    multipliers = multipliers if with_points else {}
    unhappy_pairs, lifted_pairs = _count_lifted(held_out, lesson, points)
    report = CalibrationReport(
        outcome=outcome,
        horizon_days=float(horizon_days),
        cutoff_us=cutoff_us,
        seed=seed,
        points_version=points.version,
        calibrated_version=apply_multipliers(points, multipliers, factors, protect).version,
        pairs_trained=int(np.count_nonzero(lessons[0].problem.sample.cutoff_place == 0)),
        cutoffs_trained=len(samples),
        pairs_held_out=happened.size,
        outcomes_held_out=int(happened.sum()),
        multipliers=multipliers,
        half_life_factors=factors,
        negativity=float(points.constants.negativity * np.exp(lesson.fit.log_negativity)),
        scale_drift=lesson.fit.scale_drift,
        link=lesson.link,
        default_link=lesson.default_link,
        before=measure_forecast(happened, before),
        after=measure_forecast(happened, after),
        gain=gain,
        gain_error=gain_error,
        unhappy_pairs=unhappy_pairs,
        lifted_pairs=lifted_pairs,
        is_better=False,
        kept_kinds={key: as_message(each) for key, each in plan.kept.items()},
        placebo_share=placebo_share,
        reliability=(),
    )
    is_better = not find_objection(report)
    reliability = draw_reliability(happened, after if is_better else before)
    return report.model_copy(update={"is_better": is_better, "reliability": reliability})


def _count_lifted(parts: Sequence[Sample], lesson: TrainedPoints, points: PointsTable) -> tuple[int, int]:
    """Number of pairs that are unhappy by the points in force, and how many of them would be above neutral."""
    unhappy = lifted = 0
    for sample in parts:
        ones = np.ones(len(sample.kinds))
        now = compute_balances(fold_sample(sample, ones), lesson.problem.design, ones).balance
        then = read_learnt_balances(sample, lesson.problem, lesson.fit)
        is_unhappy = compute_scores(now, points.constants) < UNHAPPY_BELOW
        unhappy += int(np.count_nonzero(is_unhappy))
        lifted += int(np.count_nonzero(is_unhappy & (then > 0.0)))
    return unhappy, lifted


def list_cutoffs(ledger: pa.Table, cutoff_us: int, horizon_days: float, most: int) -> list[int]:
    """The cutoff and earlier ones, a horizon apart, as long as enough history precedes them."""
    step_us = round(horizon_days * DAY_MICROSECONDS)
    first_us = int(pc.min(ledger.column("occurred_us")).as_py())
    reach_us = first_us + max(step_us, _LEAST_HISTORY_DAYS * DAY_MICROSECONDS)
    earlier = (cutoff_us - place * step_us for place in range(1, most))
    return [cutoff_us, *(one for one in earlier if one >= reach_us)]


def _take_everywhere(samples: Sequence[Sample], chosen: IntArray) -> Sample:
    """Pairs of the latest cutoff, by position, at every cutoff at which they had evidence."""
    codes = samples[0].pair_code[chosen[: _MOST_ROWS // len(samples)]]
    return stack_samples([take_pairs(one, np.flatnonzero(np.isin(one.pair_code, codes))) for one in samples])


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
            kept[key] = N_(
                "a brand action: brands choose the recipients, so only an experiment can measure it"
            )
        elif not kind.entries:
            continue
        elif key in protect or (kind.mends or key) in protect:
            kept[key] = N_("set by the workspace")
        elif learn is not None and key not in learn:
            kept[key] = N_("not selected")
        elif key in derived:
            kept[key] = N_("derived: it never exceeds what it comes from")
        elif kind.mends is not None:
            kept[key] = Message("a recovery: it follows '{mends}'", mends=kind.mends)  # words: as is
        elif counts.get(key, 0) < FEWEST_EVENTS:
            kept[key] = Message(
                "fewer than {FEWEST_EVENTS} events by the cutoff", FEWEST_EVENTS=FEWEST_EVENTS
            )
        else:
            learnt.append(key)
    return _Plan(tuple(learnt), kept)
