"""The placebo: what a calibration learns for a made-up kind of random events; next to nothing if it is sound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from consumer_fusion.score.calibration.fitting import FittedPoints, FittingProblem, normalise_shares
from consumer_fusion.score.calibration.half_life_grid import FoldGrid
from consumer_fusion.score.calibration.samples import IntArray, Sample
from consumer_fusion.score.calibration.selection import learn_points
from consumer_fusion.score.points.calibration_bounds import LEAST_MULTIPLIER, MOST_MULTIPLIER

_FREE = np.log([LEAST_MULTIPLIER, MOST_MULTIPLIER])
"""A placebo kind has nothing to do with health: its multiplier may fall as far as any."""


def learn_placebo(problem: FittingProblem, fit: FittedPoints, seed: int) -> float | None:
    """Assign the histories of the largest kind to random other pairs, as one more kind, and learn again.

    Its points are learnt even where those of the kinds are not: outcomes that give points to a kind of random events
    cannot separate signal from noise, so no half-life may be learnt from them either.

    Returns:
        The points learnt for it as a share of the points learnt for the kind it imitates.
    """
    if problem.learnt_count == 0:
        return None
    sample = problem.sample
    imitated = int(np.flatnonzero(problem.parameter == int(np.argmax(problem.contribution)))[0])
    rows = np.flatnonzero(sample.event_kind == imitated)
    shuffled = _shuffle_pairs(sample, seed)
    with_placebo = replace(
        sample,
        kinds=(*sample.kinds, f"{sample.kinds[imitated]} by chance"),
        half_life_days=np.append(sample.half_life_days, sample.half_life_days[imitated]),
        event_pair=np.concatenate((sample.event_pair, shuffled[sample.event_pair[rows]])),
        event_kind=np.concatenate((sample.event_kind, np.full(rows.size, len(sample.kinds)))),
        event_age_days=np.concatenate((sample.event_age_days, sample.event_age_days[rows])),
        event_pace=np.concatenate((sample.event_pace, sample.event_pace[rows])),
        event_weight=np.concatenate((sample.event_weight, sample.event_weight[rows])),
        event_magnitude=np.concatenate((sample.event_magnitude, sample.event_magnitude[rows])),
    )
    imitated_place = int(problem.parameter[imitated])
    learns_points = bool(np.ptp(problem.multiplier_bounds) > 0.0)
    # Where all other points are fixed, the scale is fixed too: the placebo kind is not anchored.
    contribution, anchor = (
        np.append(shares, shares[imitated_place])
        for shares in (problem.contribution, problem.anchor * learns_points)
    )
    extended = replace(
        problem,
        sample=with_placebo,
        grid=FoldGrid(with_placebo),
        design=replace(
            problem.design,
            graded=np.vstack((problem.design.graded, problem.design.graded[imitated])),
            plain=np.vstack((problem.design.plain, problem.design.plain[imitated])),
        ),
        parameter=np.append(problem.parameter, problem.learnt_count),
        is_negative=np.append(problem.is_negative, problem.is_negative[imitated_place]),
        multiplier_bounds=np.vstack((problem.multiplier_bounds, _FREE)),
        half_life_bounds=np.vstack((problem.half_life_bounds, problem.half_life_bounds[imitated_place])),
        contribution=normalise_shares(contribution, contribution),
        anchor=normalise_shares(anchor, anchor),
    )
    count = problem.learnt_count
    start = np.insert(fit.theta, [count, 2 * count], 0.0)
    found = learn_points(extended, start)
    return float(np.exp(found.log_multiplier[-1] - found.log_multiplier[imitated_place]))


def _shuffle_pairs(sample: Sample, seed: int) -> IntArray:
    """For each row, another random pair of the same cutoff."""
    chance = np.random.default_rng([seed, 1])
    shuffled = np.arange(sample.pair_count)
    for cutoff in range(int(sample.cutoff_place.max(initial=0)) + 1):
        rows = np.flatnonzero(sample.cutoff_place == cutoff)
        shuffled[rows] = chance.permutation(rows)
    return shuffled
