"""Placebo errors of fitted series, class by class, stored so that each series is fitted once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from consumer_fusion.causal.filters.fitted_series import HORIZONS, ErrorSequence, FittedSeries
from consumer_fusion.causal.inference.placebo_rules import PlaceboCalibration, PlaceboRule
from consumer_fusion.causal.inference.rule_learning import QUESTIONS, learn_rule, trace_errors


@dataclass(frozen=True, slots=True)
class ClassPlacebos:
    """The placebo errors of one series in one class of windows.

    Attributes:
        form: `single` or `controls`.
        question: `fixed` for an interval at the declared end, `looks`, `delays`, `temporary`, `ending`.
        days: Length of the windows.
        placebos: The errors.
    """

    form: str
    question: str
    days: int
    placebos: ErrorSequence

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        placebos = self.placebos
        return {
            "form": self.form,
            "question": self.question,
            "days": self.days,
            "length": placebos.length,
            "step": placebos.step,
            "source": placebos.source,
            "u": [round(float(value), 5) for value in placebos.u],
            "origins": [int(day) for day in placebos.origins],
            "ages": None if placebos.ages is None else [int(age) for age in placebos.ages],
            "maxima": None if placebos.maxima is None else [_write_size(value) for value in placebos.maxima],
        }


def _write_size(value: float) -> float | None:
    return round(float(value), 5) if np.isfinite(value) else None


def read_class_placebos(raw: Mapping[str, Any]) -> ClassPlacebos:
    """Read the form of `ClassPlacebos.as_dict`."""
    ages, maxima = raw.get("ages"), raw.get("maxima")
    placebos = ErrorSequence(
        source=str(raw["source"]),
        u=np.array(raw["u"], np.float64),
        origins=np.array(raw["origins"], np.int64),
        length=int(raw["length"]),
        ages=None if ages is None else np.array(ages, np.float64),
        maxima=None if maxima is None else np.array(maxima, np.float64),
        step=int(raw["step"]),
    )
    return ClassPlacebos(str(raw["form"]), str(raw["question"]), int(raw["days"]), placebos)


def list_class_placebos(
    fitted: FittedSeries, horizons: Sequence[int] = HORIZONS, questions: Sequence[str] = QUESTIONS
) -> list[ClassPlacebos]:
    """The placebo errors of a fitted series in every class of windows that it is long enough for."""
    placebo_sequences = [
        ClassPlacebos(fitted.form, question, days, trace_errors(fitted, days, question))
        for question in questions
        for days in horizons
    ]
    return [each for each in placebo_sequences if np.isfinite(each.placebos.sizes).any()]


def learn_from_placebos(placebo_sequences: Iterable[ClassPlacebos], *, name: str) -> PlaceboCalibration:
    """Learn the rules of every class from stored placebo errors.

    Args:
        placebo_sequences: Placebo errors of many series.
        name: Name of the calibration in every result.
    """
    classes: dict[tuple[str, str, int], list[ErrorSequence]] = {}
    for each in placebo_sequences:
        classes.setdefault((each.form, each.question, each.days), []).append(each.placebos)
    rules: dict[tuple[str, str, int], PlaceboRule] = {}
    for key, members in sorted(classes.items()):
        rule = learn_rule(members)
        if rule is not None:
            rules[key] = rule
    return PlaceboCalibration(name, rules)
