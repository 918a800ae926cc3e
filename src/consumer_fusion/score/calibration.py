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
from consumer_fusion.records.points import PointsTable
from consumer_fusion.score.calibration_report import CalibrationReport, write_sentences
from consumer_fusion.score.lessons import forecast_both, learn_lesson, name_learnt
from consumer_fusion.score.placebo import learn_placebo
from consumer_fusion.score.points_table import apply_multipliers
from consumer_fusion.score.refusals import check_request, check_sample, check_window
from consumer_fusion.score.samples import IntArray, Sample, draw_sample, stack_samples, take_pairs
from consumer_fusion.score.validity import (
    bootstrap_mean_error,
    compute_log_losses,
    draw_reliability,
    measure_forecast,
)

FEWEST_EVENTS = 200
_MOST_ROWS = 48_000
_LEAST_HISTORY_DAYS = 90


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which kinds are learnt and which keep theirs, with the reason."""

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

    latest = samples[0]
    order = np.random.default_rng(seed).permutation(latest.pair_count)
    halves = np.array_split(order, 2)
    lessons = [learn_lesson(_take_everywhere(samples, half), points, outcome, plan.learnt) for half in halves]
    # Each half is forecast by what the other half taught, so that no pair is measured on its own lesson.
    held_out = [take_pairs(latest, np.sort(half[:_MOST_ROWS])) for half in halves]
    forecasts = [forecast_both(*each) for each in zip(held_out, reversed(lessons), strict=True)]
    happened = np.concatenate([half.is_outcome for half in held_out])
    before, after = (np.concatenate([forecast[place] for forecast in forecasts]) for place in (0, 1))
    gains = compute_log_losses(happened, before) - compute_log_losses(happened, after)
    gain, gain_error = float(np.mean(gains)), bootstrap_mean_error(gains, seed)
    is_better = bool(plan.learnt) and gain > gain_error
    placebo_share = learn_placebo(lessons[0].problem, lessons[0].fit, seed) if with_placebo else None
    # The halves have answered whether to learn; what is reported is learnt from every pair there is.
    lesson = learn_lesson(_take_everywhere(samples, order), points, outcome, plan.learnt, lessons[0])
    multipliers, factors = name_learnt(lesson)
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
        is_better=is_better,
        kept_kinds=plan.kept,
        placebo_share=placebo_share,
        reliability=draw_reliability(happened, after if is_better else before),
        sentences=(),
    )
    return replace(report, sentences=write_sentences(report))


def list_cutoffs(ledger: pa.Table, cutoff_us: int, horizon_days: float, most: int) -> list[int]:
    """The cutoff and earlier ones, a horizon apart, as long as enough history lies before them."""
    step_us = round(horizon_days * DAY_MICROSECONDS)
    first_us = int(pc.min(ledger.column("occurred_us")).as_py())
    reach_us = first_us + max(step_us, _LEAST_HISTORY_DAYS * DAY_MICROSECONDS)
    earlier = (cutoff_us - place * step_us for place in range(1, most))
    return [cutoff_us, *(one for one in earlier if one >= reach_us)]


def _take_everywhere(samples: Sequence[Sample], chosen: IntArray) -> Sample:
    """Pairs of the latest cutoff, by their places there, at every cutoff at which they had evidence."""
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
