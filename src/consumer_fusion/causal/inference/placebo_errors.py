"""Placebo trails: what a fitted series says of chance, class by class, kept so that it is fitted once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from consumer_fusion.causal.filters.fitted_series import HORIZONS, ErrorSequence, FittedSeries
from consumer_fusion.causal.inference.placebo_rules import PlaceboCalibration, PlaceboRule
from consumer_fusion.causal.inference.rule_learning import QUESTIONS, learn_rule, trace_errors


@dataclass(frozen=True, slots=True)
class ClassTrail:
    """The placebo errors of one series in one class of windows.

    Attributes:
        form: `single` or `controls`.
        question: `fixed` for an interval at the declared end, `looks`, `delays`, `temporary`, `ending`.
        days: Length of the windows.
        trail: The errors.
    """

    form: str
    question: str
    days: int
    trail: ErrorSequence

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        trail = self.trail
        return {
            "form": self.form,
            "question": self.question,
            "days": self.days,
            "length": trail.length,
            "step": trail.step,
            "source": trail.source,
            "u": [round(float(value), 5) for value in trail.u],
            "origins": [int(day) for day in trail.origins],
            "ages": None if trail.ages is None else [int(age) for age in trail.ages],
            "maxima": None if trail.maxima is None else [_write_size(value) for value in trail.maxima],
        }


def _write_size(value: float) -> float | None:
    return round(float(value), 5) if np.isfinite(value) else None


def read_class_trail(raw: Mapping[str, Any]) -> ClassTrail:
    """What `ClassTrail.as_dict` wrote."""
    ages, maxima = raw.get("ages"), raw.get("maxima")
    trail = ErrorSequence(
        source=str(raw["source"]),
        u=np.array(raw["u"], np.float64),
        origins=np.array(raw["origins"], np.int64),
        length=int(raw["length"]),
        ages=None if ages is None else np.array(ages, np.float64),
        maxima=None if maxima is None else np.array(maxima, np.float64),
        step=int(raw["step"]),
    )
    return ClassTrail(str(raw["form"]), str(raw["question"]), int(raw["days"]), trail)


def list_trails(
    fitted: FittedSeries, horizons: Sequence[int] = HORIZONS, questions: Sequence[str] = QUESTIONS
) -> list[ClassTrail]:
    """The placebo errors of a fitted series in every class of windows that it is long enough for."""
    trails = [
        ClassTrail(fitted.form, question, days, trace_errors(fitted, days, question))
        for question in questions
        for days in horizons
    ]
    return [each for each in trails if np.isfinite(each.trail.sizes).any()]


def learn_from_trails(trails: Iterable[ClassTrail], *, name: str) -> PlaceboCalibration:
    """The rules of every class, from trails that were kept.

    Args:
        trails: Of many series.
        name: What the calibration is called in every result.
    """
    classes: dict[tuple[str, str, int], list[ErrorSequence]] = {}
    for each in trails:
        classes.setdefault((each.form, each.question, each.days), []).append(each.trail)
    rules: dict[tuple[str, str, int], PlaceboRule] = {}
    for key, members in sorted(classes.items()):
        rule = learn_rule(members)
        if rule is not None:
            rules[key] = rule
    return PlaceboCalibration(name, rules)
