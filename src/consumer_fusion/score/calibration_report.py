"""The report of a calibration: what was learnt, whether it helps, what was left alone and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from consumer_fusion.kit.moments import write_moment
from consumer_fusion.records.points import PointsTable
from consumer_fusion.score.links import Link
from consumer_fusion.score.points_table import apply_multipliers
from consumer_fusion.score.validity import Measures, ReliabilityBin, read_measures, write_bins

PLACEBO_LIMIT = 0.2
"""A kind of random events must be learnt below this share of the points of what it imitates."""


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """What one calibration found.

    Attributes:
        outcome: Key of the kind that was predicted.
        horizon_days: How far ahead.
        cutoff_us: The moment that split past from future.
        seed: By which pairs were split and drawn.
        points_version: The points table that it started from.
        calibrated_version: The version that the table has once it is applied.
        pairs_trained: Pairs of a half, that the other half was forecast from.
        cutoffs_trained: At how many cutoffs, a horizon apart.
        pairs_held_out: Pairs on which the measures are taken, each by the lesson of the half that it is not in.
        outcomes_held_out: How many of those had the outcome.
        multipliers: By key: what was learnt; in force only if `is_better` and applied.
        half_life_factors: By key, likewise.
        negativity: The shared weight of negative kinds; of the points table where none could be learnt.
        scale_drift: Geometric mean of the multipliers, weighted by contribution, minus 1.
        link: From the calibrated balance to outcome and money.
        default_link: The same from the balance of the points it started from.
        before: Held-out measures of the points it started from.
        after: Held-out measures of what was learnt.
        gain: Mean held-out log-loss before minus after.
        gain_error: Its bootstrap standard error.
        is_better: Whether the gain exceeds its error; otherwise the points stay.
        kept_kinds: By key: why a kind in the ledger kept its points.
        placebo_share: Points learnt for a made-up kind of random events, as a share of what it imitates.
        reliability: Forecast against observed on held-out pairs, in ten bins, of what is better.
        sentences: The same for a person to read.
    """

    outcome: str
    horizon_days: float
    cutoff_us: int
    seed: int
    points_version: str
    calibrated_version: str
    pairs_trained: int
    cutoffs_trained: int
    pairs_held_out: int
    outcomes_held_out: int
    multipliers: Mapping[str, float]
    half_life_factors: Mapping[str, float]
    negativity: float
    scale_drift: float
    link: Link
    default_link: Link
    before: Measures
    after: Measures
    gain: float
    gain_error: float
    is_better: bool
    kept_kinds: Mapping[str, str]
    placebo_share: float | None
    reliability: tuple[ReliabilityBin, ...]
    sentences: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON holds it."""
        content = {name: getattr(self, name) for name in self.__slots__}
        content |= {name: asdict(content[name]) for name in ("link", "default_link", "before", "after")}
        content |= {name: dict(content[name]) for name in ("multipliers", "half_life_factors", "kept_kinds")}
        return content | {"reliability": write_bins(self.reliability), "sentences": list(self.sentences)}


def read_report(content: Mapping[str, Any]) -> CalibrationReport:
    """The report that `CalibrationReport.as_dict` wrote."""
    return CalibrationReport(
        **{
            **content,
            "link": Link(**content["link"]),
            "default_link": Link(**content["default_link"]),
            "before": read_measures(content["before"]),
            "after": read_measures(content["after"]),
            "reliability": tuple(ReliabilityBin(**part) for part in content["reliability"]),
            "sentences": tuple(content["sentences"]),
        }
    )


def apply_calibration(
    points: PointsTable, report: CalibrationReport, protect: Collection[str] = ()
) -> PointsTable:
    """The points table with what was learnt, or as it was where that is not better on held-out pairs.

    Args:
        points: The table that the calibration started from.
        report: What it found.
        protect: Keys that the workspace set itself; they keep theirs.
    """
    if not report.is_better:
        return points
    return apply_multipliers(points, report.multipliers, report.half_life_factors, protect)


def find_link(
    report: CalibrationReport | None, points: PointsTable, outcome: str, horizon_days: float
) -> Link | None:
    """The link of a calibration, if it is of this outcome and horizon and was fitted to these points."""
    if report is None or (report.outcome, report.horizon_days) != (outcome, horizon_days):
        return None
    by_version = {report.calibrated_version: report.link, report.points_version: report.default_link}
    return by_version.get(points.version)


def write_sentences(report: CalibrationReport) -> tuple[str, ...]:
    """Say a report in plain sentences, the verdict first."""
    return (
        *_write_verdict(report),
        *_write_changes(report.multipliers, report.half_life_factors),
        *_write_placebo(report.placebo_share),
        *_write_kept(report.kept_kinds),
    )


def _write_verdict(report: CalibrationReport) -> Sequence[str]:
    earlier = "" if report.cutoffs_trained == 1 else f" and {report.cutoffs_trained - 1} earlier cutoffs"
    question = (
        f"The question: would '{report.outcome}' follow within {report.horizon_days:g} days of "
        f"{write_moment(report.cutoff_us)}{earlier}? Each half of {report.pairs_held_out:,} pairs was forecast by "
        f"what the other half taught; it followed for {report.outcomes_held_out:,} of them."
    )
    before, after = report.before, report.after
    change = (
        f"log-loss {before.log_loss:.4f} to {after.log_loss:.4f} (gain {report.gain:.4f}, standard error "
        f"{report.gain_error:.4f}), ranking (AUC) {before.auc:.3f} to {after.auc:.3f}, calibration error "
        f"{before.calibration_error:.3f} to {after.calibration_error:.3f}."
    )
    if report.is_better:
        return (f"The learnt points forecast better than those in force: {change}", question)
    return (
        f"The points in force stay: what was learnt is not clearly better on pairs it had not seen: {change}",
        question,
    )


def _write_changes(multipliers: Mapping[str, float], factors: Mapping[str, float]) -> Sequence[str]:
    return [
        f"{key}: points x {multiplier:.2f}, half-life x {factors[key]:.2f}."
        for key, multiplier in sorted(multipliers.items(), key=lambda item: -item[1])
    ]


def _write_placebo(share: float | None) -> Sequence[str]:
    if share is None:
        return ()
    verdict = "as it should be" if share < PLACEBO_LIMIT else "too much: read the multipliers with care"
    return (
        f"A made-up kind of random events was learnt at {share:.0%} of the points of the kind it imitates; "
        f"{verdict}.",
    )


def _write_kept(kept: Mapping[str, str]) -> Sequence[str]:
    by_reason: dict[str, list[str]] = {}
    for key, reason in kept.items():
        by_reason.setdefault(reason, []).append(key)
    return [f"Left as they are ({reason}): {', '.join(keys)}." for reason, keys in by_reason.items()]
