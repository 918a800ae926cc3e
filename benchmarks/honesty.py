"""Gates C and D: is the score honest about what it does not know, and hard to game? `python benchmarks/honesty.py`

Gate C: 80% intervals hold in simulation in every band of evidence; a kind that does nothing is learnt to be worth
next to nothing; a targeted campaign is not calibrated from observation; where nothing happened, nothing is claimed.
Gate D: three attacks end where the model says, not higher. Exit status 1 on any miss.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from consumer_fusion.errors import RefusedError
from consumer_fusion.records.points import PointsTable
from consumer_fusion.score.calibration.calibration import calibrate
from consumer_fusion.score.fold.dispersions import measure_dispersions
from consumer_fusion.score.model.ledger import LedgerEntry, fold_ledger
from consumer_fusion.score.model.reading import read_pair
from consumer_fusion.score.points.points_table import load_points
from consumer_fusion.simulate.known_health import simulate_known_health
from consumer_fusion.simulate.known_ledgers import Ledger, build_world, simulate_ledger

ORDER = "Order Completed"
CAMPAIGN = "Campaign Received"
DAY = 86_400_000_000
NOW_DAY = 20_600
BANDS = ((0.0, 0.5), (0.5, 3.0), (3.0, 10.0), (10.0, math.inf))
"""Evidence: how many events, decayed, say anything of a pair."""

FURTHER_FAILURES = (0.0, 0.36, 0.7)
"""How many further failures each failure brings: complaints come in runs."""

PLACEBO_LIMIT = 0.20
ATTACK_TOLERANCE = 2.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured, and what it has to be."""

    gate: str
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
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--pairs", type=int, default=4_000, help="pairs of each simulated world")
    parser.add_argument("--seeds", type=int, default=3, help="worlds of each kind")
    options = parser.parse_args()
    points = load_points()
    figures = [
        *(
            figure
            for further in FURTHER_FAILURES
            for figure in measure_coverage(points, options.pairs, further)
        ),
        *measure_placebos(points, options.pairs, options.seeds),
        *measure_refusal(points, options.pairs),
        *measure_emptiness(points),
        *measure_attacks(points),
    ]
    if options.json:
        print(json.dumps([write_figure(figure) for figure in figures], indent=2))
    else:
        print_figures(figures)
    sys.exit(0 if all(figure.is_met for figure in figures) else 1)


def measure_coverage(points: PointsTable, pairs: int, further: float) -> list[Figure]:
    """How often the 80% interval holds the true score, by evidence, where one failure brings so many further ones."""
    world = simulate_known_health(pairs, 1, further_failures=further)
    points = replace(points, dispersions=learn_from(world.events, points))
    truth = dict(
        zip(
            world.truth["consumer_id"].to_pylist(),
            world.truth["fusion_score"].to_pylist(),
            strict=True,
        )
    )
    ledgers: dict[int, list[LedgerEntry]] = defaultdict(list)
    columns = ("consumer_id", "event_id", "occurred_us", "day", "kind", "magnitude", "trust")
    for consumer_id, *event in zip(*(world.events[name].to_pylist() for name in columns), strict=True):
        ledgers[consumer_id].append(LedgerEntry(*event))
    held: list[list[bool]] = [[] for _ in BANDS]
    widths: list[list[float]] = [[] for _ in BANDS]
    for consumer_id, score in truth.items():
        reading = read_pair(fold_ledger(ledgers[consumer_id], world.as_of_us, points), points)
        band = next(place for place, (low, high) in enumerate(BANDS) if low <= reading.evidence < high)
        held[band].append(reading.low <= score <= reading.high)
        widths[band].append(reading.high - reading.low)
    return [
        Figure(
            "C",
            f"80% intervals hold, evidence {low:g} to {high:g}, {further:g} further failures each",
            float(np.mean(held[band])) if held[band] else math.nan,
            0.80,
            0.99,
            f"{len(held[band]):,} pairs, mean width {np.mean(widths[band]):.1f}"
            if held[band]
            else "no pairs",
        )
        for band, (low, high) in enumerate(BANDS)
    ]


def learn_from(events: pa.Table, points: PointsTable) -> dict[str, float]:
    """The dispersions that a workspace with these events learns."""
    names = sorted(set(events["kind"].to_pylist()))
    numbers = {name: number for number, name in enumerate(names)}
    kind_id = pa.array([numbers[name] for name in events["kind"].to_pylist()], pa.int64())
    found = measure_dispersions(
        events.append_column("kind_id", kind_id),
        {numbers[name]: points.kinds[name].half_life_days for name in names},
    )
    return {names[number]: dispersion for number, (dispersion, _) in found.items()}


def measure_placebos(points: PointsTable, pairs: int, seeds: int) -> list[Figure]:
    """The points that calibration leaves a kind that does nothing, as a share of an order's.

    A kind that takes points keeps half of them whatever outcomes say: health is not return.
    """
    figures = []
    for placebo, most in (
        ("Event Attended", PLACEBO_LIMIT),
        ("Ticket Resolved/first contact", PLACEBO_LIMIT),
        ("Service Failed", math.inf),
    ):
        shares, made_up = [], []
        for seed in range(1, seeds + 1):
            ledger = simulate_ledger(build_world("placebo kind", placebo=placebo), pairs, seed)
            report = calibrate(
                write_ledger(ledger),
                points,
                outcome=ORDER,
                horizon_days=ledger.truth.horizon_days,
                cutoff_us=ledger.truth.cutoffs_us[-2],
                with_points=True,
            )
            learnt = {
                key: multiplier * sum(abs(entry.points) for entry in points.kinds[key].entries)
                for key, multiplier in report.multipliers.items()
            }
            shares.append(learnt[placebo] / learnt[ORDER])
            made_up.append(report.placebo_share or 0.0)
        before = sum(abs(entry.points) for entry in points.kinds[placebo].entries) / 9.0
        figures.append(
            Figure(
                "C",
                f"placebo '{placebo}', largest share of an order's points",
                max(shares),
                0.0 if most < math.inf else 0.5 * before * 0.95,
                most,
                f"{seeds} worlds of {pairs:,} pairs; {before:.2f} before",
            )
        )
        figures.append(
            Figure(
                "C",
                "the report's own made-up kind in the same worlds, largest",
                max(made_up),
                0.0,
                PLACEBO_LIMIT,
            )
        )
    return figures


def measure_refusal(points: PointsTable, pairs: int) -> list[Figure]:
    """Whether a targeted campaign is left alone, and what observation would have made of it."""
    ledger = simulate_ledger("targeted campaign", pairs, 1)
    question = {
        "outcome": ORDER,
        "horizon_days": ledger.truth.horizon_days,
        "cutoff_us": ledger.truth.cutoffs_us[-2],
        "with_points": True,
        "with_placebo": False,
    }
    try:
        calibrate(write_ledger(ledger), points, learn=[CAMPAIGN], **question)
        refusal = ""
    except RefusedError as error:
        refusal = error.message
    report = calibrate(write_ledger(ledger), points, **question)
    is_kept = CAMPAIGN in report.kept_kinds and CAMPAIGN not in report.multipliers
    return [
        Figure("C", "targeted campaign: asked to learn it, refuses", float(bool(refusal)), 1, 1, refusal),
        Figure(
            "C",
            "targeted campaign: keeps its points in a whole calibration",
            float(is_kept),
            1,
            1,
            f"a naive comparison credits {compare_naively(ledger):+.2f} log-odds, the truth is "
            f"{ledger.truth.campaign_effect:+.2f}",
        ),
    ]


def compare_naively(ledger: Ledger) -> float:
    """The log-odds of ordering among those who got the campaign, minus those who did not."""
    ordered = ledger.truth.health["has_ordered"].to_numpy(zero_copy_only=False)
    treated = ledger.assignments["is_treated"].to_numpy(zero_copy_only=False)
    shares = [float(ordered[treated == is_treated].mean()) for is_treated in (True, False)]
    with_it, without = (math.log(share / (1.0 - share)) for share in shares)
    return with_it - without


def measure_emptiness(points: PointsTable) -> list[Figure]:
    """What is said of a pair that nothing is known of."""
    reading = read_pair([], points)
    return [
        Figure("C", "no events: confidence", reading.confidence, 0, 0, f"'{reading.symbiosis}'"),
        Figure(
            "C", "no events: score", reading.fusion_score, 50, 50, f"{reading.low:.1f} to {reading.high:.1f}"
        ),
    ]


def measure_attacks(points: PointsTable) -> list[Figure]:
    """The three attacks of the design, through the plain reference of the score."""
    gifts = [(age, 100) for age in range(30)]
    trusted = attack(points, ("Gift Received",), gifts, trust=1.0)
    unconfirmed = attack(points, ("Gift Received",), gifts, trust=points.kinds["Gift Received"].trust)
    views = attack(points, ("Page Viewed",), [(0, 10_000)], trust=1.0)
    complaints = attack(points, ("Complaint Published", "Service Failed"), [(0, 100)], trust=1.0)
    return [
        _expect("10,000 page views in a day", views.fusion_score, 50.6),
        _expect("100 self-logged gifts a day for 30 days, at full trust", trusted.fusion_score, 63.2),
        _expect("the same as they are trusted", unconfirmed.fusion_score, 58.8),
        Figure("D", "what the consumer gives by it (50 is nothing)", unconfirmed.consumer_to_brand, 50, 50),
        _expect("100 complaints by one person in a day", complaints.fusion_score, 25.6),
    ]


def attack(points: PointsTable, kinds: Sequence[str], days: Sequence[tuple[int, int]], trust: float):
    """Read a pair after so many events of each kind on so many days, some days ago."""
    now_us = NOW_DAY * DAY + DAY - 1
    entries = [
        LedgerEntry(f"{kind} {age} {number}", now_us - age * DAY, NOW_DAY - age, kind, trust=trust)
        for kind in kinds
        for age, count in days
        for number in range(count)
    ]
    return read_pair(fold_ledger(entries, now_us, points), points)


def write_ledger(ledger: Ledger) -> pa.Table:
    """The events with the money of the orders beside them, as calibration takes them."""
    return ledger.events.append_column("value", ledger.values.cast(pa.float64()))


def write_figure(figure: Figure) -> dict[str, object]:
    return {
        "gate": figure.gate,
        "name": figure.name,
        "measured": figure.measured,
        "asked": [figure.lowest, figure.highest],
        "is_met": figure.is_met,
        "note": figure.note,
    }


def print_figures(figures: Sequence[Figure], write: Callable[[str], None] = print) -> None:
    for figure in figures:
        verdict = "pass" if figure.is_met else "MISS"
        asked = (
            f"{figure.lowest:g} to {figure.highest:g}"
            if figure.lowest < figure.highest
            else f"{figure.lowest:g}"
        )
        note = f"  ({figure.note})" if figure.note else ""
        write(f"{verdict}  {figure.gate}  {figure.name:62s} {figure.measured:8.3f}  asked {asked}{note}")


def _expect(name: str, measured: float, expected: float) -> Figure:
    return Figure(
        "D", name, measured, expected - ATTACK_TOLERANCE, expected + ATTACK_TOLERANCE, f"design {expected}"
    )


if __name__ == "__main__":
    main()
