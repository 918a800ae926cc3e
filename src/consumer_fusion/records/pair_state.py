"""The folded state of a pair and kind: forward-decayed sums from which every later score is computed.

With weight w = trust x burst x 2^((occurred - landmark) / half-life) and magnitude m of each event
(Cormode et al., "Forward decay", ICDE 2009): x = sum w m, y = sum w, q = sum (w m)^2, r = sum w^2,
u = sum w^2 m. All five are purely additive, so that the order of arrival does not matter.
"""

from __future__ import annotations

from consumer_fusion.records.table import Column, Table

SUMS = ("x", "y", "q", "r", "u")
"""The five additive sums, with the letters of the model (`docs/concepts/score.md`)."""

STATE_COLUMNS: tuple[str, ...] = (
    "consumer_id",
    "brand_id",
    "kind_id",
    "event_count",
    *SUMS,
    "last_occurred_us",
)
"""The columns of states: the pair and kind, the number of folded events, the sums at the landmark of the kind's
half-life, and the time of the newest folded event."""

STATE_BLOCKS = Table(
    name="state_blocks",
    grain="one brand and some dozens of states of its consumers",
    writer="score.states",
    columns=(
        Column("brand_id", "integer", "The brand."),
        Column(
            "first_place",
            "integer",
            "Place of its first consumer; they are ordered by the last four bits of their number, then by the rest.",
        ),
        Column("state_count", "integer", "Number of states."),
        Column(
            "states",
            "bytes",
            "64 bytes a state, little-endian: `consumer_id` (8), `kind_id` and `event_count` (4 each), the sums `x`, "
            "`y`, `q`, `r`, `u` as doubles, `last_occurred_us` (8).",
        ),
    ),
    primary_key=("brand_id", "first_place"),
    erasure="rewrite rows",
    scope="events",
)

STATE_CHANGES = Table(
    name="state_changes",
    grain="one pair and kind whose state has changed since its block was written",
    writer="score.states",
    columns=(
        Column("consumer_id", "integer", "The consumer, after merges."),
        Column("brand_id", "integer", "The brand."),
        Column("kind_id", "integer", "The kind (`kinds`)."),
        Column("event_count", "integer", "Number of folded events to add to those of the block."),
        Column("x", "real", "Sum of weight x magnitude to add, at the landmark of the kind's half-life."),
        Column("y", "real", "Sum of weights to add."),
        Column("q", "real", "Sum of squared weight x magnitude to add."),
        Column("r", "real", "Sum of squared weights to add."),
        Column("u", "real", "Sum of squared weight x magnitude to the first power, to add."),
        Column("last_occurred_us", "integer", "Time of the newest of these events."),
    ),
    primary_key=("consumer_id", "brand_id", "kind_id"),
    indexes=(("brand_id",),),
    subject="consumer_id",
    erasure="delete rows",
    is_clustered=True,
    scope="events",
)

PAIRS = Table(
    name="pairs",
    grain="one pair of consumer and brand that has states, or had",
    writer="score.states",
    columns=(
        Column("consumer_id", "integer", "The consumer, after merges."),
        Column("brand_id", "integer", "The brand."),
    ),
    primary_key=("consumer_id", "brand_id"),
    subject="consumer_id",
    erasure="delete rows",
    is_clustered=True,
    scope="events",
)

LANDMARKS = Table(
    name="landmarks",
    grain="one half-life",
    writer="score.fold.folding",
    columns=(
        Column("half_life_days", "real", "The half-life."),
        Column("landmark_us", "integer", "The time at which a weight is 1."),
    ),
    primary_key=("half_life_days",),
)

CHANGED_PAIRS = Table(
    name="changed_pairs",
    grain="one change of a pair whose brand has a snapshot that does not contain it",
    writer="score.states",
    columns=(
        Column("sequence", "integer", "Number of the change."),
        Column("brand_id", "integer", "The brand."),
        Column("consumer_id", "integer", "The consumer, after merges."),
        Column("oldest_us", "integer", "Time before which no event of the pair was added or removed."),
    ),
    primary_key=("sequence",),
    indexes=(("brand_id", "sequence"),),
    subject="consumer_id",
    erasure="delete rows",
    has_sequence=True,
)

BRAND_SNAPSHOTS = Table(
    name="brand_snapshots",
    grain="the scores of all pairs of a brand at an as-of time, and their summary",
    writer="score.states",
    columns=(
        Column("snapshot_id", "integer", "Number of the snapshot."),
        Column("brand_id", "integer", "The brand."),
        Column(
            "is_complete", "boolean", "Whether all its scores are written; an older one is used until then."
        ),
        Column("as_of_us", "integer", "As-of time of the scores."),
        Column("points_version", "text", "Version of the points that they were read with."),
        Column("newest_change", "integer", "Sequence of the newest of `changed_pairs` that it contains."),
        Column("pairs", "integer", "Number of pairs."),
        Column("mean", "real", "Mean of the scores.", is_optional=True),
        Column("lower_quartile", "real", "25th percentile of the scores.", is_optional=True),
        Column("median", "real", "50th percentile of the scores.", is_optional=True),
        Column("upper_quartile", "real", "75th percentile of the scores.", is_optional=True),
        Column("mean_confidence", "real", "Mean confidence.", is_optional=True),
        Column("mutualism", "integer", "Number of pairs in which both gain."),
        Column(
            "commensal",
            "integer",
            "Number of pairs in which one gains and the other neither gains nor loses.",
        ),
        Column("one_sided", "integer", "Number of pairs in which one gains and the other loses."),
        Column("harmed", "integer", "Number of pairs in which both lose, or one loses and nobody gains."),
        Column("neutral", "integer", "Number of pairs in which neither gains nor loses."),
        Column("unknown", "integer", "Number of pairs with too little evidence."),
    ),
    primary_key=("snapshot_id",),
    indexes=(("brand_id",),),
    has_sequence=True,
)

SNAPSHOT_SCORES = Table(
    name="snapshot_scores",
    grain="some thousand scores of a snapshot, in the order of consumers",
    writer="score.states",
    columns=(
        Column("snapshot_id", "integer", "The snapshot."),
        Column("first_consumer_id", "integer", "The first of its consumers."),
        Column(
            "scores",
            "bytes",
            "37 bytes a pair, little-endian: `consumer_id` (8), `fusion_score` and `change_28_days` as doubles, "
            "`consumer_to_brand`, `brand_to_consumer`, `confidence` as floats, the class of the relationship as its "
            "place in the list of classes (1).",
        ),
    ),
    primary_key=("snapshot_id", "first_consumer_id"),
    erasure="rewrite rows",
)
