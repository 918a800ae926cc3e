"""An experiment: an action that some got and others did not, with who was to get it recorded before it began."""

from __future__ import annotations

from typing import Literal

from consumer_fusion.records.table import Column, Table

Arm = Literal["treated", "held_out"]

EXPERIMENTS = Table(
    name="experiments",
    grain="one comparison of consumers who were to get an action with others who were not",
    writer="causal.experiments",
    columns=(
        Column("experiment_id", "text", "Its id; points that it decides are stamped with it."),
        Column("title", "text", "What was tried, in the words of the brand."),
        Column("brand_id", "integer", "The brand that acts."),
        Column("kind", "text", "Key of the action in the points table, `Campaign Received`."),
        Column("outcome", "text", "Key of the kind of event that it is to bring about."),
        Column("horizon_days", "real", "So long after `outcome_from_us` outcomes are counted."),
        Column("is_randomised", "boolean", "Whether chance alone decided who was to get it."),
        Column("origin", "text", "Who drew: product, or file for a list that was drawn elsewhere."),
        Column("seed", "integer", "By which the list was drawn here.", is_optional=True),
        Column("digest", "text", "Of the list of consumers and arms."),
        Column("recorded_us", "integer", "When the list was recorded here, by this machine's clock."),
        Column("starts_us", "integer", "From when on the action may reach anybody."),
        Column("outcome_from_us", "integer", "From when on outcomes are counted."),
        Column("report", "text", "What was found, as JSON.", is_optional=True),
        Column("measured_us", "integer", "When it was measured last.", is_optional=True),
        Column("override", "text", "The points that it decides, as JSON.", is_optional=True),
        Column("applied_us", "integer", "Since when they are in force.", is_optional=True),
        Column("withdrawn_us", "integer", "When it was withdrawn; it decides nothing.", is_optional=True),
    ),
    primary_key=("experiment_id",),
    indexes=(("brand_id",),),
    scope="rules",
)

EXPERIMENT_ASSIGNMENTS = Table(
    name="experiment_assignments",
    grain="one consumer of an experiment",
    writer="causal.experiments",
    columns=(
        Column("experiment_id", "text", "The experiment."),
        Column("consumer_id", "integer", "The consumer."),
        Column("arm", "text", "treated or held_out: what was decided, whatever then happened."),
        Column("stratum", "text", "The group that was divided by itself."),
    ),
    primary_key=("experiment_id", "consumer_id"),
    indexes=(("consumer_id",),),
    subject="consumer_id",
    erasure="delete rows",
)
