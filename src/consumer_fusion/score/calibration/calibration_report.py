"""Report of a calibration: what was learnt, whether it helps, what was kept and why."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from consumer_fusion.i18n.messages import STORED, Message
from consumer_fusion.i18n.translation import N_
from consumer_fusion.records.points import PointsTable
from consumer_fusion.records.schema import Schema, describe
from consumer_fusion.records.timestamps import write_moment
from consumer_fusion.score.calibration.link_functions import LinkFunction
from consumer_fusion.score.calibration.validity import (
    ReliabilityBin,
    ValidityMeasures,
)
from consumer_fusion.score.points.points_table import apply_multipliers

PLACEBO_LIMIT = 0.2
"""A kind of random events must be learnt below this share of the points of the kind it imitates."""
LEAST_GAIN_ERRORS = 2.0
"""Minimum gain on held-out pairs, in standard errors; chance exceeds one of them in a sixth of all cases."""
UNHAPPY_BELOW = 45.0
MOST_LIFTED_SHARE = 0.01
"""Maximum share of the relationships below that score that may be shown as above neutral: returning is not always
being happy."""


class CalibrationReport(Schema):
    """Result of one calibration."""

    outcome: str = describe("Outcome", "Key of the kind that was predicted.")
    horizon_days: float = describe("Days", "Horizon of the forecast.")
    cutoff_us: int = describe("Cutoff", "Cutoff between past and future, in microseconds since 1970.")
    seed: int = describe("Seed", "Random seed of the split and of the draws.")
    points_version: str = describe("Points before", "Version of the points table before the calibration.")
    calibrated_version: str = describe(
        "Points after", "Version of the table once the calibration is applied."
    )
    pairs_trained: int = describe("Trained on", "Pairs of the half from which the other half was forecast.")
    cutoffs_trained: int = describe("Cutoffs", "Number of cutoffs, a horizon apart.")
    pairs_held_out: int = describe(
        "Held out",
        "Pairs on which the measures are taken, each forecast from the half that does not contain it.",
    )
    outcomes_held_out: int = describe("Outcomes held out", "Number of those that had the outcome.")
    multipliers: Mapping[str, float] = describe(
        "Multipliers",
        "Learnt multiplier by key; in force only if `is_better` and applied. Empty where only half-lives were to be "
        "learnt.",
    )
    half_life_factors: Mapping[str, float] = describe("Half-lives", "Learnt factor of the half-life by key.")
    negativity: float = describe(
        "Negativity", "Shared weight of negative kinds; that of the points table where none could be learnt."
    )
    scale_drift: float = describe(
        "Drift", "Geometric mean of the multipliers of positive kinds, weighted by contribution, minus 1."
    )
    link: LinkFunction = describe("Link", "Link from the calibrated balance to outcome and money.")
    default_link: LinkFunction = describe("Link before", "Link from the balance before the calibration.")
    before: ValidityMeasures = describe("Before", "Held-out measures of the points before the calibration.")
    after: ValidityMeasures = describe("After", "Held-out measures of the learnt points.")
    gain: float = describe("Gain", "Mean held-out log-loss before, minus that after.")
    gain_error: float = describe("Standard error of the gain", "Its bootstrap standard error.")
    unhappy_pairs: int = describe("Unhappy", "Held-out pairs below 45 by the points before the calibration.")
    lifted_pairs: int = describe(
        "Lifted", "Number of those that would be above neutral by the learnt points."
    )
    is_better: bool = describe(
        "Better",
        "Whether the gain exceeds two of its errors, the placebo kind stayed below its limit and the unhappy stay "
        "unhappy; otherwise the points stay.",
    )
    kept_kinds: Mapping[str, Message] = describe("Kept", "By key: why a kind in the ledger kept its points.")
    placebo_share: float | None = describe(
        "Placebo",
        "Points learnt for a placebo kind of random events, as a share of those of the kind it imitates.",
        form="share",
    )
    reliability: tuple[ReliabilityBin, ...] = describe(
        "Reliability",
        "Forecast and observed shares of held-out pairs, in ten bins, of the better of the two.",
    )


class CalibrationResult(CalibrationReport):
    """A calibration, and whether it was put in force."""

    sentences: tuple[str, ...] = describe("Findings", "The report in sentences.")
    is_applied: bool = describe("Applied", "Whether it was put in force.")
    objection: str | None = describe("Objection", "Why it may not come into force; null if it may.")


def find_objection(report: CalibrationReport) -> str:
    """Why the learnt points may not come into force, as a sentence; empty if there is no objection."""
    if not report.half_life_factors:
        return N_("there was nothing to learn")
    if not report.gain > LEAST_GAIN_ERRORS * report.gain_error:
        return Message(
            "what was learnt is not clearly better on held-out pairs (a gain of more than {errors} standard "
            "errors is required)",
            errors=f"{LEAST_GAIN_ERRORS:g}",
        )
    if report.placebo_share is not None and report.placebo_share > PLACEBO_LIMIT:
        return Message(
            "what was learnt forecasts better, but from the same outcomes a kind of random events would get {share} of "
            "the points of the kind it imitates (at most {limit} may be)",
            share=f"{report.placebo_share:.0%}",
            limit=f"{PLACEBO_LIMIT:.0%}",
        )
    return object_to_lifting(report.unhappy_pairs, report.lifted_pairs)


def object_to_lifting(unhappy_pairs: int, lifted_pairs: int) -> str:
    """Why unhappy relationships may not be shown as happy, as a sentence; empty where (almost) none would be.

    Args:
        unhappy_pairs: Relationships below 45 before.
        lifted_pairs: Number of those that would be above neutral.
    """
    if lifted_pairs <= MOST_LIFTED_SHARE * unhappy_pairs:
        return ""
    return Message(
        "what was learnt forecasts better, but it would show {lifted} of {unhappy} relationships under {score} as "
        "above neutral: here unhappy consumers keep buying, and the score must show that they are unhappy",
        lifted=f"{lifted_pairs:,}",
        unhappy=f"{unhappy_pairs:,}",
        score=f"{UNHAPPY_BELOW:g}",
    )


def write_report(report: CalibrationReport) -> dict[str, Any]:
    """The stored form, in which messages keep their values."""
    return report.model_dump(mode="json", context=STORED)


def read_report(content: Mapping[str, Any]) -> CalibrationReport:
    """The report that `write_report` wrote; better only if it also meets today's criteria."""
    report = CalibrationReport.model_validate(content)
    return report.model_copy(update={"is_better": report.is_better and not find_objection(report)})


def apply_calibration(
    points: PointsTable, report: CalibrationReport, protect: Collection[str] = ()
) -> PointsTable:
    """The points table with what was learnt, or unchanged where that is not better on held-out pairs.

    Args:
        points: Table before the calibration.
        report: Result of the calibration.
        protect: Keys set by the workspace, which stay as they are.
    """
    if not report.is_better:
        return points
    return apply_multipliers(points, report.multipliers, report.half_life_factors, protect)


def find_link(
    report: CalibrationReport | None, points: PointsTable, outcome: str, horizon_days: float
) -> LinkFunction | None:
    """The link of a calibration, if it is for this outcome and horizon and was fitted to these points."""
    if report is None or (report.outcome, report.horizon_days) != (outcome, horizon_days):
        return None
    by_version = {report.calibrated_version: report.link, report.points_version: report.default_link}
    return by_version.get(points.version)


def write_sentences(report: CalibrationReport) -> tuple[str, ...]:
    """The report as sentences, the verdict first."""
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
    """The number of decimals, at least 4, at which every value except 0 shows two digits."""
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
