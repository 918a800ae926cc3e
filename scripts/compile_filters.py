"""Compile the filters of effects ahead of their first use, and keep them on disk: `python scripts/compile_filters.py`.

Without it every process that comes first compiles them for itself, test workers side by side for instance.
"""

import numpy as np

from consumer_fusion.causal.filters.fitted_series import fit_series
from consumer_fusion.causal.inference.estimation import measure_effect
from consumer_fusion.causal.inference.placebo_rules import load_reference_library
from consumer_fusion.causal.series.series import DailySeries, Window


def main() -> None:
    """Measure one effect with days on both sides, which takes every filter there is."""
    days = np.arange(120.0)
    window = Window(90, 96)
    fitted = fit_series(DailySeries("sales", 0, 10 + days % 7), horizons=(window.days,), actions=(window,))
    measure_effect(fitted, window, calibration=load_reference_library(), kind="temporary")


if __name__ == "__main__":
    main()
