"""An effect: the measured change of a metric through an action, with its uncertainty and method."""

from __future__ import annotations

from typing import Literal

from consumer_fusion.records.table import Column, Table

EvidenceLabel = Literal["cannot_tell", "changed_after", "consistent_with_cause", "caused"]
"""Strength of the evidence for an effect, from none to a randomised comparison."""

EFFECTS = Table(
    name="effects",
    grain="one action and one metric, as last measured",
    writer="causal.effects",
    columns=(
        Column("action_id", "text", "The action."),
        Column("metric", "text", "The metric."),
        Column("series", "text", "The measured series."),
        Column("brand_id", "integer", "The brand of the action."),
        Column("consumer_id", "integer", "The consumer of the series; 0 for none."),
        Column("label", "text", "cannot_tell, changed_after, consistent_with_cause or caused."),
        Column("relative", "real", "The effect as a share of the expected value.", is_optional=True),
        Column(
            "estimate_log", "real", "The effect on the scale on which estimates are pooled.", is_optional=True
        ),
        Column("se_log", "real", "Its standard error on that scale.", is_optional=True),
        Column("is_log", "boolean", "Whether that scale is logarithmic; else it is relative."),
        Column("measured_us", "integer", "Time of the measurement."),
        Column("digest", "text", "Digest of the inputs; while it is unchanged, so is the effect."),
        Column("report", "text", "The full result, as JSON."),
    ),
    primary_key=("action_id", "metric"),
    indexes=(("consumer_id",),),
    subject="consumer_id",
    erasure="delete rows",
    scope="actions",
)

PLACEBOS = Table(
    name="placebos",
    grain="one series whose past was measured as if something had happened, for the calibration of effects",
    writer="causal.effects",
    columns=(
        Column("series", "text", "The series."),
        Column("brand_id", "integer", "The brand of the series; 0 for none."),
        Column("consumer_id", "integer", "The consumer of the series; 0 for none."),
        Column("digest", "text", "Digest of its days; while it is unchanged, it is not measured again."),
        Column("window_count", "integer", "Number of windows that do not overlap."),
        Column("content", "text", "Errors and expected errors by horizon, as JSON."),
        Column("measured_us", "integer", "Time of the measurement."),
    ),
    primary_key=("series",),
    indexes=(("consumer_id",),),
    subject="consumer_id",
    erasure="delete rows",
    scope="actions",
)

PLACEBO_LIBRARIES = Table(
    name="placebo_libraries",
    grain="one null distribution of placebo errors learnt from this workspace's own series",
    writer="causal.effects",
    columns=(
        Column("library_id", "text", "Id of the library."),
        Column("series_count", "integer", "Number of series."),
        Column("window_count", "integer", "Number of windows that do not overlap."),
        Column("content", "text", "The calibration, as JSON."),
        Column("made_us", "integer", "Time of the calibration."),
    ),
    primary_key=("library_id",),
)
