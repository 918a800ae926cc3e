"""Grids: folds at a ladder of half-lives, between which learning interpolates instead of folding again.

A fold is smooth in the logarithm of the half-life, and its slope is known exactly; a cubic through values and
slopes a quarter apart (Hermite) is off by less than one part in ten thousand. Each rung is computed on first use.
"""

from __future__ import annotations

import math

import numpy as np

from consumer_fusion.score.calibration.samples import FoldedSums, IntArray, Sample
from consumer_fusion.score.calibration.validity import FloatArray

_STEP = 0.25


class FoldGrid:
    """The folds of one sample by kind, at half-lives multiplied by e^(position / 4).

    Args:
        sample: Sample to fold.
    """

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self._rows: list[IntArray] = [
            np.flatnonzero(sample.event_kind == kind) for kind in range(len(sample.kinds))
        ]
        self._rungs: dict[tuple[int, int], tuple[FloatArray, ...]] = {}

    def fold(self, log_half_life: FloatArray) -> FoldedSums:
        """The fold with half-lives multiplied by e to these powers, one per kind."""
        shape = (self._sample.pair_count, len(self._sample.kinds))
        x, y, x_slope, y_slope = (np.zeros(shape) for _ in range(4))
        for kind, power in enumerate(float(one) for one in log_half_life):
            below = math.floor(power / _STEP)
            part = power / _STEP - below
            first = self._find_rung(kind, below)
            if part == 0.0:
                x[:, kind], y[:, kind], x_slope[:, kind], y_slope[:, kind] = first
                continue
            second = self._find_rung(kind, below + 1)
            x[:, kind], x_slope[:, kind] = _interpolate(part, first[0], first[2], second[0], second[2])
            y[:, kind], y_slope[:, kind] = _interpolate(part, first[1], first[3], second[1], second[3])
        return FoldedSums(x, y, x_slope, y_slope)

    def _find_rung(self, kind: int, place: int) -> tuple[FloatArray, ...]:
        """Sums of one kind by pair, and their slopes, at one rung; computed once."""
        if (kind, place) not in self._rungs:
            sample, rows = self._sample, self._rows[kind]
            half_life = sample.half_life_days[kind] * math.exp(place * _STEP) * sample.event_pace[rows]
            decays = math.log(2.0) * sample.event_age_days[rows] / half_life
            weight = sample.event_weight[rows] * np.exp(-decays)
            sized = weight * sample.event_magnitude[rows]
            self._rungs[kind, place] = tuple(
                np.asarray(np.bincount(sample.event_pair[rows], values, sample.pair_count), np.float64)
                for values in (sized, weight, sized * decays, weight * decays)
            )
        return self._rungs[kind, place]


def _interpolate(
    part: float, value: FloatArray, slope: FloatArray, next_value: FloatArray, next_slope: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The Hermite cubic between two rungs and its derivative by the logarithm of the half-life."""
    rest = 1.0 - part
    rise = next_value - value
    interpolated = (
        value
        + rise * (part * part * (3.0 - 2.0 * part))
        + (_STEP * part * rest) * (rest * slope - part * next_slope)
    )
    derivative = (
        rise * (6.0 * part * rest / _STEP)
        + slope * (rest * (1.0 - 3.0 * part))
        + next_slope * (part * (3.0 * part - 2.0))
    )
    return interpolated, derivative
