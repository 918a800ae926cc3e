"""What an experiment found: the report that is kept and told, and the points that would follow."""

from __future__ import annotations

from dataclasses import dataclass

from consumer_fusion.operations import Schema, describe
from consumer_fusion.records.effect import EvidenceLabel
from consumer_fusion.score.calibration.experiment_overrides import PointsOverride


class GroupEffect(Schema):
    """The effect in a group that was divided by itself."""

    group: str = describe("Group", "Its name.")
    raw: float = describe(
        "Raw estimate", "Share with the outcome, treated minus held out, as measured.", form="change"
    )
    effect: float = describe("Pooled estimate", "The same, drawn towards all groups.", form="change")
    low: float = describe("Low", "Lower end of its robust 95% interval.", form="change")
    high: float = describe("High", "Upper end.", form="change")


class ExperimentReport(Schema):
    """What an experiment found."""

    experiment_id: str = describe("Experiment", "The experiment.")
    grade: EvidenceLabel = describe(
        "Evidence",
        "`caused` where chance divided the people and that was on record before; else what it compares to.",
    )
    treated_count: int = describe("Treated", "People who were to get the action.")
    held_out_count: int = describe("Held out", "People who were not.")
    left_out_count: int = describe("Left out", "People who were in both arms under two keys.")
    share_without: float = describe("Without", "Share of those held out with the outcome.", form="share")
    effect: float = describe(
        "Effect", "Share with the outcome, treated minus held out, adjusted.", form="change"
    )
    low: float = describe("Low", "Lower end of its 95% interval.", form="change")
    high: float = describe("High", "Upper end.", form="change")
    p_value: float = describe("p", "Of no effect.", form="p_value")
    naive: float = describe("Unadjusted", "The same difference without any adjustment.", form="change")
    log_odds: float | None = describe(
        "Log odds", "Of the outcome, treated against held out; null where it came for too few."
    )
    log_odds_error: float | None = describe("Standard error of the log odds", "Of the log odds.")
    reached_treated: float = describe(
        "Treated, reached",
        "Share of the treated whom the action reached before outcomes counted.",
        form="share",
    )
    reached_held_out: float = describe("Held out, reached", "The same of those held out.", form="share")
    points: float | None = describe(
        "Points", "The points that it speaks for, shrunk once; null without a calibrated link.", form="points"
    )
    points_error: float | None = describe("Standard error", "Of the points.", form="points")
    facet: str = describe("Facet", "Where they would count.")
    groups: tuple[GroupEffect, ...] = describe(
        "Groups", "By group that was divided by itself: the effect, drawn towards all as far as it is noisy."
    )
    refusals: tuple[str, ...] = describe("Refusals", "Why it decides no points; empty if it may.")
    sentences: tuple[str, ...] = describe("Findings", "The same for people.")


@dataclass(frozen=True, slots=True)
class ExperimentFinding:
    """A report, and the points that would follow from it."""

    report: ExperimentReport
    override: PointsOverride | None
