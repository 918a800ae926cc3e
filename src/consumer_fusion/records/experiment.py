"""An experiment: an action that some consumers received and others did not, assigned before it began."""

from __future__ import annotations

from typing import Literal

from consumer_fusion.records.table import Column, Table

Arm = Literal["treated", "held_out"]

EXPERIMENTS = Table(
    name="experiments",
    grain="one comparison of consumers assigned to an action with others who were not",
    writer="causal.experiments",
    columns=(
        Column("experiment_id", "text", "Id of the experiment; points that it decides are marked with it."),
        Column("title", "text", "Title, as entered by the brand."),
        Column("brand_id", "integer", "The brand of the action."),
        Column("kind", "text", "Key of the action in the points table, `Campaign Received`."),
        Column("outcome", "text", "Key of the kind of event that it is meant to cause."),
        Column("horizon_days", "real", "Number of days after `outcome_from_us` in which outcomes count."),
        Column("is_randomised", "boolean", "Whether the assignment was randomised."),
        Column("origin", "text", "Origin of the assignment: product, or file for a list drawn elsewhere."),
        Column("seed", "integer", "Random seed of the assignment.", is_optional=True),
        Column("digest", "text", "Digest of the list of consumers and arms."),
        Column("recorded_us", "integer", "Time when the list was recorded here, by this machine's clock."),
        Column("starts_us", "integer", "Earliest time of the action."),
        Column("outcome_from_us", "integer", "Start of the outcomes."),
        Column("report", "text", "The result, as JSON.", is_optional=True),
        Column("measured_us", "integer", "Time of the last measurement.", is_optional=True),
        Column("override", "text", "The points that it decides, as JSON.", is_optional=True),
        Column("applied_us", "integer", "Time since when they are in force.", is_optional=True),
        Column(
            "withdrawn_us",
            "integer",
            "Time of its withdrawal, which ends its effect on points.",
            is_optional=True,
        ),
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
        Column("arm", "text", "treated or held_out: the assigned arm, regardless of what then happened."),
        Column("stratum", "text", "The stratum within which arms were assigned."),
    ),
    primary_key=("experiment_id", "consumer_id"),
    indexes=(("consumer_id",),),
    subject="consumer_id",
    erasure="delete rows",
)
