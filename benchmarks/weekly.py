"""Do the laws of chance hold for weekly series? `python benchmarks/weekly.py`

Weekly sales with nothing done to them, with and without a season of the year, are asked about windows of one, two and
four weeks in their last half year: how often is p below .05? The same with +20%: how often is it found, and how often
does the interval hold it? Exit status 1 where the mean level is not .03 to .07.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from consumer_fusion.causal.effects.step_fitting import calibrate_steps, fit_steps
from consumer_fusion.causal.inference.effect import Effect
from consumer_fusion.causal.inference.estimation import measure_effect
from consumer_fusion.causal.inference.placebo_rules import PlaceboCalibration, load_reference_library
from consumer_fusion.causal.series.metric_store import MetricSeries
from consumer_fusion.causal.series.series import DailySeries, Window
from consumer_fusion.causal.series.steps import Steps

LENGTHS = (1, 2, 4)
HALF_YEAR = 26
LIFT = 0.2


def main() -> None:
    """Measure, print, and exit with 1 on a miss."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=100, help="series of each kind")
    options = parser.parse_args()
    library = load_reference_library()
    levels = []
    for season in (0.0, 0.15):
        for weeks in (80, 110, 156, 208, 260):
            for length in LENGTHS:
                level, power, coverage = measure(library, options.series, weeks, length, season)
                # Without three years a season cannot be told, which is said beside the effect.
                is_counted = season == 0.0 or weeks >= 156
                levels += [level] * is_counted
                print(
                    f"season {season:.2f}  {weeks:3d} weeks  window of {length}: p < .05 in {level:.2f}"
                    f"{'' if is_counted else ' (said to be unsure)'}; +20% found in {power:.2f}, "
                    f"held in {coverage:.2f}",
                    flush=True,
                )
    mean = float(np.mean(levels))
    print(f"mean level {mean:.3f}, asked .03 to .07")
    sys.exit(0 if 0.03 <= mean <= 0.07 else 1)


def measure(
    library: PlaceboCalibration, count: int, weeks: int, length: int, season: float
) -> tuple[float, float, float]:
    """How often p is below .05 without and with an effect, and how often the interval holds it."""
    called, found, held = [], [], []
    for seed in range(count):
        chance = np.random.default_rng([seed, weeks, length])
        start = weeks - int(chance.integers(length + 1, HALF_YEAR))
        sales = simulate_weeks(chance, weeks, season)
        called.append(ask(library, sales, start, length).p_value < 0.05)
        sales[start : start + length] *= 1 + LIFT
        effect = ask(library, sales, start, length)
        found.append(effect.p_value < 0.05)
        held.append(effect.low <= LIFT <= effect.high)
    return float(np.mean(called)), float(np.mean(found)), float(np.mean(held))


def simulate_weeks(chance: np.random.Generator, weeks: int, season: float) -> np.ndarray:
    """Sales that wander, with noise, a wave over the year, and three strong weeks at its end."""
    place = np.arange(weeks)
    level = np.cumsum(chance.normal(0, 0.02, weeks))
    year = season * np.cos(2 * np.pi * place / 52) + 2 * season * (place % 52 >= 49)
    return np.exp(6.5 + level + year + chance.normal(0, 0.06, weeks))


def ask(library: PlaceboCalibration, sales: np.ndarray, start: int, length: int) -> Effect:
    """The effect of a window, as the product measures a weekly series."""
    own = MetricSeries("sales", "sales", 1, 0, None, None, DailySeries("", 0, sales), steps=Steps("week"))
    window = Window(start, start + length - 1)
    fitted = fit_steps(own, [], country="", windows=[window])
    calibration = calibrate_steps(own, fitted, window, library)
    return measure_effect(fitted, window, calibration=calibration, kind="open")


if __name__ == "__main__":
    main()
