"""Steps of a series: a value a day, a week or a month; each series is measured in its own step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt

from consumer_fusion.causal.series.series import Window
from consumer_fusion.i18n.translation import N_

Unit = Literal["day", "week", "month"]

FEWEST_VALUES = 5
"""With fewer values a weekly or monthly step cannot be recognised."""
_WEEK = 7
_EPOCH = date(1970, 1, 1).toordinal()
_LEAST_MONTH, _MOST_MONTH = 28, 31


@dataclass(frozen=True, slots=True)
class Steps:
    """The step of a series: each value covers one step, which has a number.

    Attributes:
        unit: The period of a step.
        offset: Of weeks: the remainder of their first days by 7, as days since 1970. A week begins on the day that its
            value is given for.
    """

    unit: Unit = "day"
    offset: int = 0

    @property
    def year(self) -> int:
        """Number of steps in a year."""
        return {"day": 364, "week": 52, "month": 12}[self.unit]

    def find_step(self, day: int) -> int:
        """The number of the step that contains a day."""
        if self.unit == "week":
            return (day - self.offset) // _WEEK
        if self.unit == "month":
            told = date.fromordinal(day + _EPOCH)
            return told.year * 12 + told.month - 1
        return day

    def find_first_day(self, step: int) -> int:
        """The first day of a step, as days since 1970."""
        if self.unit == "week":
            return step * _WEEK + self.offset
        if self.unit == "month":
            return date(step // 12, step % 12 + 1, 1).toordinal() - _EPOCH
        return step

    def find_last_day(self, step: int) -> int:
        """The last day of a step."""
        return self.find_first_day(step + 1) - 1

    def cover(self, days: Window) -> Window:
        """The steps that share a day with a window of days."""
        return Window(self.find_step(days.start_day), self.find_step(days.end_day))


DAILY = Steps()


def infer_steps(days: Sequence[int] | npt.NDArray[np.int64]) -> Steps:
    """The step of a series, from its days in order; a day where no other is certain."""
    told = np.asarray(days, dtype=np.int64)
    gaps = np.diff(told)
    if told.size < FEWEST_VALUES or gaps.min() < _WEEK:
        return DAILY
    usual = float(np.median(gaps))
    if usual == _WEEK and not np.any(gaps % _WEEK):
        return Steps("week", int(told[0] % _WEEK))
    months = [Steps("month").find_step(int(day)) for day in told]
    if _LEAST_MONTH <= usual <= _MOST_MONTH and len(set(months)) == len(months):
        return Steps("month")
    return DAILY


STEP_WORDS = {
    "week": N_(
        "The series has one value every 7 days, each for the week that begins on its day: it is measured by the week, "
        "and all days mentioned here are weeks. The size of chance changes is taken from its own past, and where that "
        "is short from daily series."
    ),
    "month": N_(
        "The series has one value a month: it is measured by the month, and all days mentioned here are months. "
        "The size of chance changes is taken from its own past, and where that is short from daily series."
    ),
}
"""Remarks on an effect of a series that is not daily."""
