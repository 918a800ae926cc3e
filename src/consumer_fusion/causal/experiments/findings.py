"""The result of an experiment: the stored report, and the points that would follow."""

from __future__ import annotations

from dataclasses import dataclass

from consumer_fusion.i18n.messages import Message
from consumer_fusion.operations import Schema, describe
from consumer_fusion.records.effect import EvidenceLabel
from consumer_fusion.score.calibration.experiment_overrides import PointsOverride


class GroupEffect(Schema):
    """The effect in a stratum."""

    group: str = describe("Group", "Its name.")
    raw: float = describe(
        "Raw estimate", "Share with the outcome, treated minus held out, as measured.", form="change"
    )
    effect: float = describe("Pooled estimate", "The same, pooled with all strata.", form="change")
    low: float = describe("Low", "Lower end of its robust 95% interval.", form="change")
    high: float = describe("High", "Upper end.", form="change")


class ExperimentReport(Schema):
    """The report of an experiment."""

    experiment_id: str = describe("Experiment", "The experiment.")
    grade: EvidenceLabel = describe(
        "Evidence",
        "`caused` where the assignment was randomised and recorded in advance; else the evidence of a comparison.",
    )
    treated_count: int = describe("Treated", "Number of people who were to get the action.")
    held_out_count: int = describe("Held out", "Number of people who were not.")
    left_out_count: int = describe("Left out", "Number of people who were in both arms under two keys.")
    share_without: float = describe("Without", "Share of those held out with the outcome.", form="share")
    effect: float = describe(
        "Effect", "Share with the outcome, treated minus held out, adjusted.", form="change"
    )
    low: float = describe("Low", "Lower end of its 95% interval.", form="change")
    high: float = describe("High", "Upper end.", form="change")
    p_value: float = describe("p", "Two-sided p-value of no effect.", form="p_value")
    naive: float = describe("Unadjusted", "The same difference without any adjustment.", form="change")
    log_odds: float | None = describe(
        "Log odds", "Log-odds ratio of the outcome, treated against held out; null where too few had it."
    )
    log_odds_error: float | None = describe("Standard error of the log odds", "Its standard error.")
    reached_treated: float = describe(
        "Treated, reached",
        "Share of the treated whom the action reached before outcomes counted.",
        form="share",
    )
    reached_held_out: float = describe("Held out, reached", "The same for those held out.", form="share")
    points: float | None = describe(
        "Points", "The points that the result implies, shrunk; null without a calibrated link.", form="points"
    )
    points_error: float | None = describe("Standard error", "Standard error of the points.", form="points")
    facet: str = describe("Facet", "The facet in which they would count.")
    groups: tuple[GroupEffect, ...] = describe(
        "Groups", "The effect by stratum, pooled with all strata by how noisy it is."
    )
    refusals: tuple[Message, ...] = describe("Refusals", "Reasons why it decides no points; empty if it may.")
    sentences: tuple[Message, ...] = describe("Findings", "The findings, in sentences.")


@dataclass(frozen=True, slots=True)
class ExperimentFinding:
    """A report, and the points that would follow from it."""

    report: ExperimentReport
    override: PointsOverride | None
