"""What an experiment found: the report that is kept and told, and the points that would follow."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from consumer_fusion.records.effect import EvidenceLabel
from consumer_fusion.score.calibration.experiment_overrides import PointsOverride


@dataclass(frozen=True, slots=True)
class GroupEffect:
    """The effect in a group that was divided by itself.

    Attributes:
        group: Its name.
        raw: Share with the outcome, treated minus held out, as measured.
        effect: The same, drawn towards all groups.
        low: Lower end of its robust 95% interval.
        high: Upper end.
    """

    group: str
    raw: float
    effect: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ExperimentReport:
    """What an experiment found.

    Attributes:
        experiment_id: The experiment.
        grade: `caused` where chance divided the people and that was on record before; else what it compares to.
        treated_count: People who were to get the action.
        held_out_count: People who were not.
        left_out_count: People who were in both arms under two keys.
        share_without: Share with the outcome among those who were not to get it.
        effect: Share with the outcome, treated minus held out, adjusted.
        low: Lower end of its 95% interval.
        high: Upper end.
        p_value: Of no effect.
        naive: The same difference without any adjustment.
        log_odds: Of the outcome, treated against held out; None where it came for too few.
        log_odds_error: Its standard error.
        reached_treated: Share of the treated whom the action reached before outcomes counted.
        reached_held_out: The same of those held out.
        points: The points that it speaks for, shrunk once; None without a calibrated link.
        points_error: Their standard error.
        facet: Where they would count.
        groups: By group that was divided by itself: the effect, drawn towards all as far as it is noisy.
        refusals: Why it decides no points; empty if it may.
        sentences: The same for people.
    """

    experiment_id: str
    grade: EvidenceLabel
    treated_count: int
    held_out_count: int
    left_out_count: int
    share_without: float
    effect: float
    low: float
    high: float
    p_value: float
    naive: float
    log_odds: float | None
    log_odds_error: float | None
    reached_treated: float
    reached_held_out: float
    points: float | None
    points_error: float | None
    facet: str
    groups: tuple[GroupEffect, ...]
    refusals: tuple[str, ...]
    sentences: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON holds it."""
        content = {name: getattr(self, name) for name in self.__slots__}
        return content | {
            "groups": [asdict(each) for each in self.groups],
            "refusals": list(self.refusals),
            "sentences": list(self.sentences),
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """A report, and the points that would follow from it."""

    report: ExperimentReport
    override: PointsOverride | None
