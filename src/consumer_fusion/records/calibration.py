"""A calibration: multipliers and half-lives learnt from outcomes, with the report that says if they are in force."""

from __future__ import annotations

from consumer_fusion.records.table import Column, Table

CALIBRATIONS = Table(
    name="calibrations",
    grain="one calibration run",
    writer="score.calibration_runs",
    columns=(
        Column("calibration_id", "text", "Its id."),
        Column("outcome", "text", "The kind of event that was predicted."),
        Column("horizon_days", "real", "How far ahead."),
        Column("cutoff_us", "integer", "The moment that split past from future."),
        Column("report", "text", "Multipliers, half-lives, link and measures, as JSON."),
        Column("is_applied", "boolean", "Whether its points are in force."),
        Column("made_us", "integer", "When."),
    ),
    primary_key=("calibration_id",),
    scope="rules",
)
