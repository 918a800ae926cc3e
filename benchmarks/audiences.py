"""Known truths of the comparisons of people: do the intervals hold what is true? `python benchmarks/audiences.py`

Randomised audiences (regression-adjusted, HC2), looking ten times, exposures chosen by what people did (cross-fitted
and doubly robust), rankings by uplift, many small effects shrunk, and panels with few periods. Exit status 1 on any
miss. `--seeds` moves all seeds.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import asdict, dataclass

import numpy as np

from consumer_fusion.causal.designs.audiences import compare_randomised
from consumer_fusion.causal.designs.confidence_sequences import follow_randomised
from consumer_fusion.causal.designs.exposures import adjust_exposure
from consumer_fusion.causal.designs.panels import measure_panel
from consumer_fusion.causal.designs.uplift import draw_qini, rank_uplift
from consumer_fusion.causal.inference.shrinkage import shrink_effects


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured, and what it has to be."""

    name: str
    measured: float
    lowest: float
    highest: float
    note: str = ""

    @property
    def is_met(self) -> bool:
        return self.lowest <= self.measured <= self.highest


def main() -> None:
    """Measure everything, print it, and exit with 1 if anything misses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=0, help="added to every seed; 0 are the committed ones")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    options = parser.parse_args()
    started = time.process_time()
    figures = [
        *measure_randomised(options.seeds),
        *measure_looks(options.seeds),
        *measure_exposures(options.seeds),
        *measure_rankings(options.seeds),
        *measure_shrinkage(options.seeds),
        *measure_panels(options.seeds),
    ]
    seconds = time.process_time() - started
    if options.json:
        told = [asdict(figure) | {"is_met": figure.is_met} for figure in figures]
        print(json.dumps({"figures": told, "cpu_seconds": round(seconds, 1)}, indent=2))
    else:
        for figure in figures:
            verdict = "pass" if figure.is_met else "MISS"
            asked = f"asked {figure.lowest:g} to {figure.highest:g}"
            note = f"  ({figure.note})" if figure.note else ""
            print(f"{verdict}  {figure.name:66s} {figure.measured:8.3f}  {asked}{note}")
        print(f"{seconds:.1f} CPU seconds")
    sys.exit(0 if all(figure.is_met for figure in figures) else 1)


def allow(share: float, count: int, *, low: float = 0.0, high: float = 1.0) -> tuple[float, float]:
    """A share within two standard errors of so many tries."""
    error = 2.0 * math.sqrt(share * (1.0 - share) / count)
    return max(low, share - error), min(high, share + error)


def measure_randomised(seeds: int, count: int = 2_000) -> list[Figure]:
    """People whose spending is skewed and mostly known before; the effect differs from person to person."""
    held, sharper = [], []
    for seed in range(seeds, seeds + count):
        chance = np.random.default_rng(seed)
        known = chance.normal(size=(400, 3))
        is_treated = np.zeros(400, dtype=bool)
        is_treated[chance.permutation(400)[:160]] = True
        own = 0.5 + 0.5 * known[:, 1]
        outcome = chance.exponential(1.0, 400) + 1.5 * known[:, 0] + own * is_treated
        found, plain = (
            compare_randomised(outcome, is_treated, known),
            compare_randomised(outcome, is_treated),
        )
        held.append(found.low <= own.mean() <= found.high)
        sharper.append(found.standard_error / plain.standard_error)
    low, _ = allow(0.95, count)
    return [
        Figure(
            "randomised, 400 people: 95% intervals hold",
            float(np.mean(held)),
            low,
            0.98,
            f"{count} audiences",
        ),
        Figure("  their width over that of the plain difference", float(np.mean(sharper)), 0.0, 0.8),
    ]


def measure_looks(seeds: int, count: int = 400) -> list[Figure]:
    """Ten looks at an audience without an effect."""
    looks = range(100, 1_001, 100)
    fooled, plainly = [], []
    for seed in range(seeds, seeds + count):
        chance = np.random.default_rng(seed)
        known = chance.normal(size=(1_000, 2))
        is_treated = chance.random(1_000) < 0.4
        outcome = chance.exponential(1.0, 1_000) + known[:, 0]
        sequence = follow_randomised(outcome, is_treated, looks, share_treated=0.4, features=known)
        fooled.append(any(look.low > 0 or look.high < 0 for look in sequence))
        plainly.append(
            any(compare_randomised(outcome[:one], is_treated[:one]).p_value < 0.05 for one in looks)
        )
    _, high = allow(0.05, count)
    return [
        Figure(
            "ten looks without an effect: flagged at any",
            float(np.mean(fooled)),
            0.0,
            high,
            f"{count} audiences",
        ),
        Figure("  the same with plain intervals, for comparison", float(np.mean(plainly)), 0.1, 1.0),
    ]


def measure_exposures(seeds: int, count: int = 300) -> list[Figure]:
    """A brand that writes to those who spend more, and more the next time too."""
    figures = []
    for estimand, words in (("exposed", "those reached"), ("everyone", "everybody")):
        held, adjusted, naive = [], [], []
        for seed in range(seeds, seeds + count):
            chance = np.random.default_rng(seed)
            known = chance.normal(size=(1_500, 4))
            wish = known[:, 0] + 0.5 * np.maximum(known[:, 1], 0.0) - 0.5
            is_reached = chance.random(1_500) < 1 / (1 + np.exp(-wish))
            before = 2.0 * known[:, 0] + chance.normal(size=1_500)
            after = before + known[:, 0] + np.maximum(known[:, 1], 0) + chance.normal(size=1_500) + is_reached
            found = adjust_exposure(
                before, after, is_reached, known, feature_names=list("abcd"), estimand=estimand
            )
            held.append(found.adjusted.low <= 1.0 <= found.adjusted.high)
            adjusted.append(found.adjusted.effect)
            naive.append(found.naive.effect)
        low, _ = allow(0.94, count)
        figures += [
            Figure(f"chosen, effect on {words}: 95% intervals hold", float(np.mean(held)), low, 1.0,
                   f"{count} audiences of 1,500"),
            Figure("  bias that is left, of an effect of 1", float(np.mean(adjusted)) - 1.0, -0.02, 0.02,
                   f"naive {np.mean(naive) - 1.0:+.2f}"),
        ]  # fmt: skip
    return figures


def measure_rankings(seeds: int, count: int = 300) -> list[Figure]:
    """Rankings of people some of whom are helped, and of people who are all helped alike."""
    held, worthless = [], []
    for seed in range(seeds, seeds + count):
        chance = np.random.default_rng(seed)
        known = chance.normal(size=(1_000, 4))
        is_treated = chance.random(1_000) < 0.3
        own = np.maximum(known[:, 0], 0.0)
        noise = chance.normal(size=1_000) + 2.0 * known[:, 1]
        guess = known[:, 0] + 0.5 * known[:, 2]
        curve = draw_qini(noise + own * is_treated, is_treated, guess, share_treated=0.3)
        gained = np.cumsum(own[np.argsort(-guess)]) / own.size
        held.append(curve.low <= gained.mean() - gained[-1] / 2 <= curve.high)
        alike = rank_uplift(noise + 0.4 * is_treated, is_treated, known, share_treated=0.3)
        worthless.append(alike.curve.is_better_than_chance)
    low, _ = allow(0.95, count)
    _, high = allow(0.025, count)
    return [
        Figure(
            "Qini: 95% intervals hold the true area", float(np.mean(held)), low, 1.0, f"{count} audiences"
        ),
        Figure("  rankings called better though all are helped alike", float(np.mean(worthless)), 0.0, high),
    ]


def measure_shrinkage(seeds: int, count: int = 40) -> list[Figure]:
    """500 small effects of which most are next to nothing, as measured and drawn towards their mean."""
    held, of_raw, of_shrunk, width, top_raw, top_shrunk, top_true = [], [], [], [], [], [], []
    for seed in range(seeds, seeds + count):
        chance = np.random.default_rng(seed)
        part = chance.random(500)
        truth = np.where(
            part < 0.7,
            chance.normal(0.0, 0.01, 500),
            np.where(part < 0.95, chance.normal(0.03, 0.03, 500), chance.normal(0.12, 0.05, 500)),
        )
        error = 0.09 * chance.choice([0.5, 1.0, 1.5], 500)
        found = truth + error * chance.normal(size=500)
        shrunk = shrink_effects(found, error, ["promotion"] * 500)
        means = np.array([one.mean for one in shrunk])
        held.append(np.mean([one.low <= true <= one.high for one, true in zip(shrunk, truth)]))
        of_raw.append(np.mean((found - truth) ** 2))
        of_shrunk.append(np.mean((means - truth) ** 2))
        width.append(np.mean([one.high - one.low for one in shrunk]) / np.mean(2 * 1.96 * error))
        top_raw.append(truth[np.argsort(-found)[:20]].mean())
        top_shrunk.append(truth[np.argsort(-means)[:20]].mean())
        top_true.append(np.sort(truth)[-20:].mean())
    return [
        Figure("many effects: robust intervals hold", float(np.mean(held)), 0.95, 1.0, f"{count} x 500 effects"),
        Figure("  their width over the raw ones", float(np.mean(width)), 0.0, 0.8),
        Figure("  error over the raw one", math.sqrt(np.mean(of_shrunk) / np.mean(of_raw)), 0.0, 0.35),
        Figure("  true mean of the top 20, shrunk over raw", float(np.mean(top_shrunk) / np.mean(top_raw)), 1.0, 9.0,
               f"raw {np.mean(top_raw):.3f}, shrunk {np.mean(top_shrunk):.3f}, best {np.mean(top_true):.3f}"),
    ]  # fmt: skip


def measure_panels(seeds: int, count: int = 200) -> list[Figure]:
    """Panels of 31 periods with 25 donors and common shocks, with and without an effect."""
    flagged, effects, contradictions = [], [], 0
    for seed in range(seeds, seeds + count):
        chance = np.random.default_rng(seed)
        factors = np.column_stack(
            [np.linspace(120, 70, 31), 8 * np.sin(np.arange(31) / 3), np.full(31, 30.0)]
        )
        matrix = factors @ chance.uniform(0.3, 1.2, (3, 25)) + chance.normal(0.0, 2.0, (31, 25))
        treated = factors @ chance.uniform(0.4, 1.1, 3) + chance.normal(0.0, 2.0, 31)
        names = [str(number) for number in range(25)]
        quiet = measure_panel(treated, matrix, 19, donor_names=names)
        lifted = measure_panel(treated - 20.0 * (np.arange(31) >= 19), matrix, 19, donor_names=names)
        flagged.append(quiet.p_value <= 0.05)
        effects.append(lifted.effect)
        contradictions += sum(
            (one.p_value <= 0.05) != (one.low > 0 or one.high < 0) for one in (quiet, lifted)
        )
    _, high = allow(0.05, count)
    return [
        Figure(
            "panels without an effect: p at most 5%", float(np.mean(flagged)), 0.0, high, f"{count} panels"
        ),
        Figure("  bias of a planted -20", float(np.mean(effects)) + 20.0, -1.0, 1.0),
        Figure("  p and interval contradict each other", float(contradictions), 0.0, 0.0),
    ]


if __name__ == "__main__":
    main()
