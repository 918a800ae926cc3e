"""A calibration: multipliers and half-lives learnt from outcomes, with the report that decides whether they apply."""

from __future__ import annotations

from consumer_fusion.records.table import Column, Table

CALIBRATIONS = Table(
    name="calibrations",
    grain="one calibration run",
    writer="score.calibration_runs",
    columns=(
        Column("calibration_id", "text", "Id of the calibration."),
        Column("outcome", "text", "The predicted kind of event."),
        Column("horizon_days", "real", "Horizon of the forecast, in days."),
        Column("cutoff_us", "integer", "Cutoff between past and future."),
        Column("report", "text", "Multipliers, half-lives, link and measures, as JSON."),
        Column("is_applied", "boolean", "Whether its points are in force."),
        Column("made_us", "integer", "Time of the calibration."),
    ),
    primary_key=("calibration_id",),
    scope="rules",
)
