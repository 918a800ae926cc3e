"""The report of a calibration: what was learnt, whether it helps, what was left alone and why."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from consumer_fusion.i18n.translation import N_
from consumer_fusion.records.points import PointsTable
from consumer_fusion.records.timestamps import write_moment
from consumer_fusion.score.calibration.link_functions import LinkFunction
from consumer_fusion.score.calibration.validity import (
    ReliabilityBin,
    ValidityMeasures,
    read_measures,
    write_bins,
)
from consumer_fusion.score.points.points_table import apply_multipliers

PLACEBO_LIMIT = 0.2
"""A kind of random events must be learnt below this share of the points of what it imitates."""
LEAST_GAIN_ERRORS = 2.0
"""The gain on held-out pairs must exceed so many standard errors: chance exceeds one in a sixth of all worlds."""
UNHAPPY_BELOW = 45.0
MOST_LIFTED_SHARE = 0.01
"""So many of the relationships under that score may be told as above neutral: who returns is not always well."""


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
        multipliers: By key: what was learnt; in force only if `is_better` and applied. Empty where only half-lives were
            to be learnt.
        half_life_factors: By key, likewise.
        negativity: The shared weight of negative kinds; of the points table where none could be learnt.
        scale_drift: Geometric mean of the multipliers of what gives points, weighted by contribution, minus 1.
        link: From the calibrated balance to outcome and money.
        default_link: The same from the balance of the points it started from.
        before: Held-out measures of the points it started from.
        after: Held-out measures of what was learnt.
        gain: Mean held-out log-loss before minus after.
        gain_error: Its bootstrap standard error.
        unhappy_pairs: Held-out pairs under 45 by the points it started from.
        lifted_pairs: Of those, how many would be above neutral by what was learnt.
        is_better: Whether the gain exceeds two of its errors, the made-up kind stayed below its limit and the unhappy
            stay unhappy; otherwise the points stay.
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
    link: LinkFunction
    default_link: LinkFunction
    before: ValidityMeasures
    after: ValidityMeasures
    gain: float
    gain_error: float
    unhappy_pairs: int
    lifted_pairs: int
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


def find_objection(report: CalibrationReport) -> str:
    """Why what was learnt may not come into force, in words; empty where nothing is said against it."""
    if not report.half_life_factors:
        return N_("there was nothing to learn")
    if not report.gain > LEAST_GAIN_ERRORS * report.gain_error:
        return N_(
            "what was learnt is not clearly better on pairs it had not seen (a gain of more than {errors} standard "
            "errors is asked for)"
        ).format(errors=f"{LEAST_GAIN_ERRORS:g}")
    if report.placebo_share is not None and report.placebo_share > PLACEBO_LIMIT:
        return N_(
            "what was learnt forecasts better, but from the same outcomes a kind of random events would get {share} of "
            "the points of the kind it imitates (at most {limit} may be)"
        ).format(share=f"{report.placebo_share:.0%}", limit=f"{PLACEBO_LIMIT:.0%}")
    return object_to_lifting(report.unhappy_pairs, report.lifted_pairs)


def object_to_lifting(unhappy_pairs: int, lifted_pairs: int) -> str:
    """Why the unhappy may not be told as happy, in words; empty where (almost) none of them are.

    Args:
        unhappy_pairs: Relationships under 45 before.
        lifted_pairs: How many of them would be above neutral.
    """
    if lifted_pairs <= MOST_LIFTED_SHARE * unhappy_pairs:
        return ""
    return N_(
        "what was learnt forecasts better, but it would tell {lifted} of {unhappy} relationships under {score} as "
        "above neutral: here unhappy people keep coming, and the score is to say that they are unhappy"
    ).format(lifted=f"{lifted_pairs:,}", unhappy=f"{unhappy_pairs:,}", score=f"{UNHAPPY_BELOW:g}")


def read_report(content: Mapping[str, Any]) -> CalibrationReport:
    """The report that `CalibrationReport.as_dict` wrote, in force only by what is asked today."""
    report = CalibrationReport(
        **{
            **dict.fromkeys(("unhappy_pairs", "lifted_pairs"), 0),
            **content,
            "link": LinkFunction(**content["link"]),
            "default_link": LinkFunction(**content["default_link"]),
            "before": read_measures(content["before"]),
            "after": read_measures(content["after"]),
            "reliability": tuple(ReliabilityBin(**part) for part in content["reliability"]),
            "sentences": tuple(content["sentences"]),
        }
    )
    return replace(report, is_better=report.is_better and not find_objection(report))


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
) -> LinkFunction | None:
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
    decimals = _count_decimals(report.gain, report.gain_error)
    change = (
        f"log-loss {before.log_loss:.{decimals}f} to {after.log_loss:.{decimals}f} (gain {report.gain:.{decimals}f}, "
        f"standard error {report.gain_error:.{decimals}f}), ranking (AUC) {before.auc:.3f} to {after.auc:.3f}, "
        f"calibration error {before.calibration_error:.3f} to {after.calibration_error:.3f}."
    )
    if report.is_better:
        return (
            f"What was learnt forecasts better than the points before any calibration: {change}",
            question,
        )
    return (f"The points in force stay: {find_objection(report)}. {change[0].upper()}{change[1:]}", question)


def _count_decimals(*values: float) -> int:
    """So many decimals that each value but 0 shows two digits; at least 4."""
    return max([4, *(1 - math.floor(math.log10(abs(value))) for value in values if value != 0.0)])


def _write_changes(multipliers: Mapping[str, float], factors: Mapping[str, float]) -> Sequence[str]:
    ordered = sorted(factors, key=lambda key: (-multipliers.get(key, 1.0), -factors[key]))
    return [
        f"{key}: {f'points x {multipliers[key]:.2f}, ' if key in multipliers else ''}half-life x {factors[key]:.2f}."
        for key in ordered
    ]


def _write_placebo(share: float | None) -> Sequence[str]:
    if share is None:
        return ()
    verdict = (
        "as it should be" if share <= PLACEBO_LIMIT else "too much, so that nothing of it comes into force"
    )
    return (
        f"A made-up kind of random events was learnt at {share:.0%} of the points of the kind it imitates; "
        f"{verdict}.",
    )


def _write_kept(kept: Mapping[str, str]) -> Sequence[str]:
    by_reason: dict[str, list[str]] = {}
    for key, reason in kept.items():
        by_reason.setdefault(reason, []).append(key)
    return [f"Left as they are ({reason}): {', '.join(keys)}." for reason, keys in by_reason.items()]
