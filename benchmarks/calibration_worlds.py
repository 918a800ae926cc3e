"""Does a calibration leave alone what it must? `python benchmarks/calibration_worlds.py`

Null worlds: shipped points and half-lives are the truth, so nothing can be learnt; how many of 25 are called better, by
one standard error of the gain (as the first release asked) and by two? Star ratings: how often people come has nothing
to do with how content they are; what becomes of those under 45? Exit status 1 on a miss.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.score.calibration.calibration import calibrate
from consumer_fusion.score.calibration.calibration_report import apply_calibration
from consumer_fusion.score.calibration.samples import draw_sample, fold_sample
from consumer_fusion.score.calibration.vectorised_score import build_design, compute_balances, compute_scores
from consumer_fusion.score.points.points_table import load_points
from consumer_fusion.simulate.known_ledgers import build_world, simulate_ledger

DAY = 86_400_000_000
FIRST_DAY = 20_089
ORDER = "Order Completed"
REVIEWS = ("Product Reviewed/positive", "Product Reviewed/negative")
MOST_CALLED_BETTER = 2


def main() -> None:
    """Measure, print, and exit with 1 if anything misses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=25, help="null worlds")
    parser.add_argument("--pairs", type=int, default=800, help="pairs of each world")
    options = parser.parse_args()
    is_met = [measure_null_worlds(options.worlds, options.pairs, with_points=each) for each in (False, True)]
    is_met += [
        measure_star_ratings(seed, options.pairs, with_points=each)
        for seed in (1, 2, 3)
        for each in (False, True)
    ]
    sys.exit(0 if all(is_met) else 1)


def measure_null_worlds(worlds: int, pairs: int, *, with_points: bool) -> bool:
    """Print how many worlds without anything to learn are called better."""
    by_one = by_two = 0
    world = replace(build_world("known points"), true_multipliers={})
    for seed in range(1, worlds + 1):
        ledger = simulate_ledger(world, pairs, seed)
        # Of one kind few numbers are learnt, so that what chance gives is not hidden by what learning too much costs.
        events = ledger.events.append_column("value", ledger.values.cast(pa.float64()))
        report = calibrate(
            events.filter(pc.equal(events["kind"], ORDER)), load_points(), outcome=ORDER,
            horizon_days=ledger.truth.horizon_days, cutoff_us=ledger.truth.cutoffs_us[-2], seed=seed,
            with_points=with_points, with_placebo=False,
        )  # fmt: skip
        by_one += report.gain > report.gain_error
        by_two += report.gain > 2 * report.gain_error
    print(
        f"{worlds} null worlds of {pairs:,} pairs, {_name(with_points)}: gain above one standard error in {by_one}, "
        f"above two in {by_two}",
        flush=True,
    )
    return by_two <= MOST_CALLED_BETTER


def measure_star_ratings(seed: int, pairs: int, *, with_points: bool) -> bool:
    """Print what a calibration makes of the unhappy where they keep coming, in force or not."""
    points, ledger = load_points(), simulate_star_ratings(pairs, seed)
    report = calibrate(
        ledger, points, outcome="Product Reviewed", horizon_days=60, cutoff_us=(FIRST_DAY + 659) * DAY,
        with_points=with_points,
    )  # fmt: skip
    before = read_scores(ledger, points)
    learnt = read_scores(ledger, apply_calibration(points, replace(report, is_better=True)))
    after = read_scores(ledger, apply_calibration(points, report))
    low = before < 45
    unhappiest = int(np.argmin(before))
    print(
        f"star ratings, seed {seed}, {_name(with_points)}: gain {report.gain:.4f} ({report.gain_error:.4f}), placebo "
        f"{report.placebo_share:.0%}, in force {report.is_better}; bad reviews x "
        f"{report.multipliers.get(REVIEWS[1], 1.0):.2f}; of {low.sum()} under 45, above neutral as learnt "
        f"{(learnt[low] > 50).sum()}, in force {(after[low] > 50).sum()}; the unhappiest {before[unhappiest]:.1f}, as "
        f"learnt {learnt[unhappiest]:.1f}, in force {after[unhappiest]:.1f}"
    )
    return bool((after[low] > 50).sum() <= 0.01 * low.sum())


def simulate_star_ratings(pairs: int, seed: int) -> pa.Table:
    """Two years of reviews: some come often, some are unhappy, and the one has nothing to do with the other."""
    chance = np.random.default_rng([seed, 15])
    yearly, badness = chance.gamma(0.8, 10.0, pairs), chance.beta(0.5, 1.5, pairs)
    consumer = np.repeat(np.arange(1, pairs + 1), chance.poisson(yearly * 720 / 365))
    occurred = ((FIRST_DAY + chance.random(consumer.size) * 720) * DAY).astype(np.int64)
    is_bad = chance.random(consumer.size) < badness[consumer - 1]
    return pa.table(
        {
            "consumer_id": consumer,
            "brand_id": np.ones(consumer.size, np.int64),
            "kind": np.where(is_bad, REVIEWS[1], REVIEWS[0]),
            "occurred_us": occurred,
            "day": occurred // DAY,
            "magnitude": chance.uniform(0.5, 1.0, consumer.size),
            "trust": np.ones(consumer.size),
            "value": pa.nulls(consumer.size, pa.float64()),
        }
    )


def read_scores(ledger: pa.Table, points) -> np.ndarray:
    """The score of every pair at the end of two years."""
    sample = draw_sample(
        ledger, points, outcome="Product Reviewed", cutoff_us=(FIRST_DAY + 720) * DAY, horizon_days=0
    )
    ones = np.ones(len(sample.kinds))
    balances = compute_balances(fold_sample(sample, ones), build_design(points, sample.kinds), ones)
    return compute_scores(balances.balance, points.constants)


def _name(with_points: bool) -> str:
    return "points and half-lives" if with_points else "half-lives only"


if __name__ == "__main__":
    main()
