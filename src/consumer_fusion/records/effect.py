"""An effect: the measured difference that an action made to a metric, with its uncertainty and how it was found."""

from __future__ import annotations

from typing import Literal

from consumer_fusion.records.table import Column, Table

EvidenceLabel = Literal["cannot_tell", "changed_after", "consistent_with_cause", "caused"]
"""What may be said of an effect, from nothing to a randomised comparison."""

EFFECTS = Table(
    name="effects",
    grain="one action and one metric, as measured last",
    writer="causal.effects",
    columns=(
        Column("action_id", "text", "The action."),
        Column("metric", "text", "The metric."),
        Column("series", "text", "Which series was measured."),
        Column("brand_id", "integer", "The brand that did it."),
        Column("consumer_id", "integer", "The consumer whose series it is; 0 for none."),
        Column("label", "text", "cannot_tell, changed_after, consistent_with_cause or caused."),
        Column("relative", "real", "The effect as a share of what was expected.", is_optional=True),
        Column("estimate_log", "real", "The effect on the scale on which it is shrunk.", is_optional=True),
        Column("se_log", "real", "Its standard error on that scale.", is_optional=True),
        Column("is_log", "boolean", "Whether that scale is logarithmic; else it is relative."),
        Column("measured_us", "integer", "When it was measured."),
        Column("digest", "text", "Of what it was computed from; while that stays, so does the effect."),
        Column("report", "text", "Everything that was found, as JSON."),
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
        Column("series", "text", "Which series."),
        Column("brand_id", "integer", "The brand whose it is; 0 for none."),
        Column("consumer_id", "integer", "The consumer whose it is; 0 for none."),
        Column("digest", "text", "Of its days; while that stays, it is not measured again."),
        Column("window_count", "integer", "How many windows that do not overlap it gives."),
        Column("content", "text", "Errors and expected errors by horizon, as JSON."),
        Column("measured_us", "integer", "When."),
    ),
    primary_key=("series",),
    indexes=(("consumer_id",),),
    subject="consumer_id",
    erasure="delete rows",
    scope="actions",
)

PLACEBO_LIBRARIES = Table(
    name="placebo_libraries",
    grain="one law of placebo errors that was learnt from this workspace's own series",
    writer="causal.effects",
    columns=(
        Column("library_id", "text", "Its id."),
        Column("series_count", "integer", "Of how many series."),
        Column("window_count", "integer", "Of how many windows that do not overlap."),
        Column("content", "text", "The calibration, as JSON."),
        Column("made_us", "integer", "When it was learnt."),
    ),
    primary_key=("library_id",),
)
