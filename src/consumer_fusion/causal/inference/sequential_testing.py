"""Sequential testing: the maximum over daily looks at a placebo, which gives a boundary that holds at all of them.

Looking each day and stopping at the first significant result finds effects in far more than one case in twenty. The
boundary is taken from the maxima of placebos that are looked at in the same way (a sup-boundary by calibration).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from consumer_fusion.causal.filters.fitted_series import FittedSeries, PlaceboErrors

DAILY_LOOKS = 14
"""Number of days with a look on each; later, every second day stands for its neighbour."""
DELAYS = tuple(range(15))
"""The delays in days that a search tries by default."""


def list_looks(length: int) -> tuple[int, ...]:
    """The lengths at which a running window is looked at."""
    looks = [*range(1, min(length, DAILY_LOOKS) + 1), *range(DAILY_LOOKS + 2, length + 1, 2), length]
    return tuple(dict.fromkeys(looks))


def find_maxima(
    fitted: FittedSeries, specs: Sequence[tuple[int, int]], *, before_day: int | None = None
) -> PlaceboErrors:
    """The largest standardised error among windows from one origin, at every origin that no action touches.

    Args:
        fitted: The series.
        specs: The windows: days skipped after the origin, length.
        before_day: Only windows that end before this day.
    """
    fitted.add_windows(specs)
    reach = max(gap + length for gap, length in specs)
    # An origin counts where the longest stretch of days after it is free of actions.
    longest = max(specs, key=lambda spec: (sum(spec), spec[1]))
    errors = [fitted.errors(length, gap) for gap, length in specs]
    sizes = np.max(np.abs(np.stack([error.e / error.s for error in errors])), axis=0)
    free = fitted.find_placebo_origins(reach, 0, before_day) & np.isfinite(sizes)
    free &= np.isfinite(fitted.errors(longest[1], longest[0]).e)
    index = np.flatnonzero(free)
    return fitted.list_placebos(index, sizes[index], np.ones(index.size))


def find_look_maxima(fitted: FittedSeries, length: int, *, before_day: int | None = None) -> PlaceboErrors:
    """The largest standardised error among the looks at a running window."""
    return find_maxima(fitted, [(0, look) for look in list_looks(length)], before_day=before_day)


def find_delay_maxima(
    fitted: FittedSeries, length: int, delays: Sequence[int], *, before_day: int | None = None
) -> PlaceboErrors:
    """The largest standardised error among windows with increasing delays."""
    return find_maxima(fitted, [(delay, length) for delay in delays], before_day=before_day)
