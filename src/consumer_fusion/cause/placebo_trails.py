"""Placebo trails: what a fitted series says of chance, class by class, kept so that it is fitted once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from consumer_fusion.cause.calibration import Calibration, ErrorTrail, Rule, learn_rule, trace_errors
from consumer_fusion.cause.fitting import HORIZONS, FittedSeries


@dataclass(frozen=True, slots=True)
class ClassTrail:
    """The placebo errors of one series in one class of windows.

    Attributes:
        form: `single` or `controls`.
        question: `fixed`: an interval at the declared end.
        days: Length of the windows.
        trail: The errors.
    """

    form: str
    question: str
    days: int
    trail: ErrorTrail


def list_trails(fitted: FittedSeries, horizons: Sequence[int] = HORIZONS) -> list[ClassTrail]:
    """The placebo errors of a fitted series in every class of windows that it is long enough for."""
    trails = [ClassTrail(fitted.form, "fixed", days, trace_errors(fitted, days)) for days in horizons]
    return [each for each in trails if each.trail.u.size]


def learn_from_trails(trails: Iterable[ClassTrail], *, name: str) -> Calibration:
    """The rules of every class, from trails that were kept.

    Args:
        trails: Of many series.
        name: What the calibration is called in every result.
    """
    classes: dict[tuple[str, str, int], list[ErrorTrail]] = {}
    for each in trails:
        classes.setdefault((each.form, each.question, each.days), []).append(each.trail)
    rules: dict[tuple[str, str, int], Rule] = {}
    for key, members in sorted(classes.items()):
        rule = learn_rule(members)
        if rule is not None:
            rules[key] = rule
    return Calibration(name, rules)
