"""Daily series and windows of days, the input of the engine."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from consumer_fusion.errors import InputError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DailySeries:
    """A series with one number a day.

    Attributes:
        name: Its name, for people.
        first_day: The UTC day of the first value, as days since 1970.
        values: One value for each day without gaps in the days; NaN where a day is missing, never a filled-in 0.
        counts: Number of readings behind each value, where the values are means.
        source: Its family of series; a family never calibrates itself while a library is learnt.
    """

    name: str
    first_day: int
    values: Floats
    counts: Floats | None = None
    source: str = ""

    def __post_init__(self) -> None:
        """Check that there is one value a day.

        Raises:
            InputError: The values are not one row of numbers, or the counts are not as many.
        """
        if self.values.ndim != 1:
            raise InputError(
                f"The series '{self.name}' has values in {self.values.ndim} dimensions.",
                hint="Give one value for each day.",
            )
        if self.counts is not None and self.counts.shape != self.values.shape:
            raise InputError(
                f"The series '{self.name}' has {self.values.size} values and {self.counts.size} counts.",
                hint="Give one count for each value.",
            )

    @property
    def last_day(self) -> int:
        """The day of the last value."""
        return self.first_day + self.values.size - 1


@dataclass(frozen=True, slots=True)
class Window:
    """Days from `start_day` to `end_day`, both included."""

    start_day: int
    end_day: int

    def __post_init__(self) -> None:
        """Refuse a window that ends before it starts.

        Raises:
            InputError: The end lies before the start.
        """
        if self.end_day < self.start_day:
            raise InputError(
                f"The window ends on day {self.end_day}, before it starts on day {self.start_day}.",
                hint="Give the first and the last day.",
            )

    @property
    def days(self) -> int:
        """Number of its days."""
        return self.end_day - self.start_day + 1

    def shift(self, days: int) -> Window:
        """The window shifted by a number of days."""
        return Window(self.start_day + days, self.end_day + days)

    def overlaps(self, other: Window, margin: int = 0) -> bool:
        """Whether the two share a day, or are within `margin` days of each other."""
        return self.start_day <= other.end_day + margin and other.start_day <= self.end_day + margin


def difference_cumulative(series: DailySeries) -> DailySeries:
    """The daily increments of a running total such as the number of followers.

    A day is known only if it and the day before it are. Falls stay negative: followers do leave.
    """
    values = np.diff(series.values, prepend=np.nan)
    return replace(series, values=values, counts=None)


def align_values(series: DailySeries, first_day: int, days: int) -> Floats:
    """The values of a series on the given days; NaN where it has none and where one is infinite."""
    aligned = np.full(days, np.nan)
    start = max(first_day, series.first_day)
    stop = min(first_day + days, series.last_day + 1)
    if stop > start:
        aligned[start - first_day : stop - first_day] = series.values[
            start - series.first_day : stop - series.first_day
        ]
    return np.where(np.isfinite(aligned), aligned, np.nan)
