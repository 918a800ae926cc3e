"""The cases of the cause benchmark: placebo dates on real and simulated series, drawn by seed.

The seeds were written here before any method was tuned. Every case is cut out of its series: so many days before the
date, the window, and (for temporary effects) days after it; nothing else of the series is shown to anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from cause_data import Family
from cause_worlds import draw_family, draw_single

from consumer_fusion.causal.series.series import DailySeries, Window

Floats = npt.NDArray[np.float64]

SEED = 4_711
"""Of all cases; `--seeds N` runs N further ones, from SEED + 1 on."""
TUNING_SEED = 90_001
"""Cases to look at while tuning: never those of the gates."""

BEFORE_DAYS = 180
WINDOW_DAYS = 14
AFTER_DAYS = 28
LAST_YEAR_DAYS = 364
MOST_CONTROLS = 8
PLANTED = 0.10
KNOWN_SHARE = 0.7
"""Of the days before and of the window must have a value for a date to be drawn."""


@dataclass(frozen=True, slots=True)
class Case:
    """A date at which nothing is known to have happened.

    Attributes:
        source: City and period it is of.
        block: Source and month: cases of one block hang together.
        series: What is shown: days before, window, days after.
        controls: Sister series on the same days.
        country: Whose holidays.
        window: The days in question.
        level: Mean of the days before, to which errors are compared.
    """

    source: str
    block: str
    series: DailySeries
    controls: tuple[DailySeries, ...]
    country: str | None
    window: Window
    level: float

    @property
    def before(self) -> int:
        """How many days are shown before the window."""
        return self.window.start_day - self.series.first_day

    def plant(self, relative: float = PLANTED) -> Case:
        """The same case with so much more in the window."""
        values = self.series.values.copy()
        values[self.before : self.before + self.window.days] *= 1 + relative
        return replace(self, series=replace(self.series, values=values))

    def cut_after(self) -> Case:
        """The same case as it looked on the last day of the window."""
        stop = self.before + self.window.days
        return replace(
            self,
            series=_take(self.series, 0, stop),
            controls=tuple(_take(each, 0, stop) for each in self.controls),
        )

    def tell_peers(self) -> tuple[Floats, Floats]:
        """Values and controls (a column each) up to the last day of the window, as peers want them."""
        short = self.cut_after()
        columns = [each.values for each in short.controls]
        return short.series.values, np.column_stack(columns) if columns else np.zeros(
            (short.series.values.size, 0)
        )


def draw_real(
    families: Sequence[Family],
    count: int,
    seed: int,
    *,
    before: int = BEFORE_DAYS,
    window: int = WINDOW_DAYS,
    after: int = 0,
    with_controls: bool = False,
) -> list[Case]:
    """Random dates on real series, source by source in turn.

    Args:
        families: Where they may come from; only those with sisters when controls are wanted.
        count: How many.
        seed: Same seed, same cases.
        before: Days shown before the window.
        window: Days in question.
        after: Days shown after it.
        with_controls: Whether each comes with up to eight sisters.
    """
    chance = np.random.default_rng([seed, before, window, after, with_controls])
    pools = []
    for family in families:
        pool = family.control_series if with_controls else family.series
        pool = tuple(each for each in pool if each.values.size >= before + window + after)
        if pool and (len(pool) > 1 or not with_controls):
            pools.append((family, pool))
    cases: list[Case] = []
    attempts = 0
    while len(cases) < count and attempts < 50 * count:
        family, pool = pools[attempts % len(pools)]
        attempts += 1
        lengths = np.array([each.values.size - before - window - after + 1.0 for each in pool])
        at = int(chance.choice(len(pool), p=lengths / lengths.sum()))
        start = before + int(chance.integers(0, int(lengths[at])))
        others = [other for other in range(len(pool)) if other != at]
        picked = chance.permutation(others)[:MOST_CONTROLS] if with_controls else []
        span = (start - before, start + window + after)
        case = _cut_case(family, pool[at], [pool[int(other)] for other in picked], span, before, window)
        if case is not None:
            cases.append(case)
    return cases


def _cut_case(
    family: Family,
    series: DailySeries,
    control_series: Iterable[DailySeries],
    span: tuple[int, int],
    before: int,
    window: int,
) -> Case | None:
    own = _take(series, *span)
    known = np.isfinite(own.values)
    if known[:before].mean() < KNOWN_SHARE or known[before : before + window].mean() < KNOWN_SHARE:
        return None
    level = float(np.nanmean(own.values[:before]))
    if level <= 0:
        return None
    start_day = own.first_day + before
    return Case(
        source=family.name,
        block=f"{family.name} {start_day // 30}",
        series=own,
        controls=tuple(_take(each, *span) for each in control_series),
        country=family.country,
        window=Window(start_day, start_day + window - 1),
        level=level,
    )


def draw_simulated(
    count: int, seed: int, *, with_controls: bool = False, window: int = WINDOW_DAYS, after: int = 0
) -> list[Case]:
    """Simulated series, each a world of its own; they come in ten sources, so that they can be split like real ones."""
    cases = []
    days = BEFORE_DAYS + window + after
    for number in range(count):
        chance = np.random.default_rng([seed, number, with_controls, 17])
        source = f"simulated {number % 10}"
        if with_controls:
            series, control_series = draw_family(chance, days, f"world {number}", source)
        else:
            series, control_series = draw_single(chance, days, f"world {number}", source), ()
        start_day = series.first_day + BEFORE_DAYS
        cases.append(
            Case(
                source=source,
                block=f"world {number}",
                series=series,
                controls=control_series,
                country=None,
                window=Window(start_day, start_day + window - 1),
                level=float(series.values[:BEFORE_DAYS].mean()),
            )
        )
    return cases


def count_windows(families: Sequence[Family], before: int = BEFORE_DAYS) -> dict[str, int]:
    """By source: how many windows that do not overlap its period holds, however many series it has."""
    windows = {}
    for family in families:
        # Pieces of one period follow each other; sisters of one piece lie beside each other.
        pieces = {(each.first_day, each.values.size) for each in family.series}
        windows[family.name] = sum(max(size - before, 0) // WINDOW_DAYS for _, size in pieces)
    return windows


def _take(series: DailySeries, start: int, stop: int) -> DailySeries:
    return DailySeries(
        name=series.name,
        first_day=series.first_day + start,
        values=series.values[start:stop].copy(),
        source=series.source,
    )
