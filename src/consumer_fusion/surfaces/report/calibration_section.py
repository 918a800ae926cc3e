"""The section of the page about a calibration: what was learnt from outcomes, and whether it holds."""

from __future__ import annotations

from consumer_fusion.surfaces.report.columns import write_counts, write_number
from consumer_fusion.surfaces.report.figures import Figure, Section, make_figure
from consumer_fusion.surfaces.report.page import CalibrationSummary
from consumer_fusion.surfaces.report.tables import ColumnView, make_table
from consumer_fusion.views.charts.labels import write_share, write_time
from consumer_fusion.views.charts.reliability import draw_reliability


def make_calibration_section(calibration: CalibrationSummary) -> Section:
    """What was learnt from outcomes, and whether it is in force."""
    state = "Its points are in force." if calibration.is_applied else "Its points are not in force."
    sentences = (
        f"Forecast: would '{calibration.outcome}' follow within {calibration.horizon_days:g} days of "
        f"{write_time(calibration.cutoff_us)} UTC? {state}",
        *calibration.sentences,
    )
    figures: tuple[Figure, ...] = ()
    if calibration.reliability.num_rows:
        series = (
            [ColumnView("series", "forecast")] if "series" in calibration.reliability.column_names else []
        )
        figures = (
            make_figure(
                "Did forecasts come true",
                "On the dashed line a forecast of 30% came true in 30% of the pairs. Bars below count pairs.",
                lambda look: draw_reliability(calibration.reliability, look, outcome=calibration.outcome),
                make_table(
                    "reliability",
                    "Forecast and what happened, on pairs that were not learnt from",
                    [
                        *series,
                        ColumnView("predicted", "forecast", write_share, is_number=True),
                        ColumnView("observed", "came true", write_share, is_number=True),
                        write_counts("pair_count", "pairs"),
                    ],
                    calibration.reliability.to_pylist(),
                ),
            ),
        )
    tables = []
    if calibration.measures.num_rows:
        tables.append(
            make_table(
                "calibration-measures",
                "Before and after, on pairs that were not learnt from",
                [
                    ColumnView("measure", "measure"),
                    write_number("before", "before", 4),
                    write_number("after", "after", 4),
                ],
                calibration.measures.to_pylist(),
            )
        )
    if calibration.multipliers.num_rows:
        tables.append(
            make_table(
                "calibration-multipliers",
                "What was learnt about each kind of event",
                [
                    ColumnView("kind", "kind"),
                    write_number("multiplier", "points times", 2),
                    write_number("half_life_factor", "half-life times", 2),
                ],
                calibration.multipliers.to_pylist(),
            )
        )
    return Section(
        name="calibration", heading="Calibration", sentences=sentences, figures=figures, tables=tuple(tables)
    )
