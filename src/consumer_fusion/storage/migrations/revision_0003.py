"""Schema version 3: declared actions, imported series, measured effects.

What stands here is what a release wrote; it is never changed again.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

_STATEMENTS = (
    """
CREATE TABLE actions (
    action_id TEXT NOT NULL,
    brand_id BIGINT NOT NULL,
    title TEXT NOT NULL,
    action_type TEXT NOT NULL,
    starts_us BIGINT NOT NULL,
    ends_us BIGINT,
    region TEXT,
    segment TEXT,
    assignment TEXT NOT NULL,
    expected_effect TEXT NOT NULL,
    delay_days BIGINT NOT NULL,
    effect_days BIGINT,
    windows TEXT NOT NULL,
    origin TEXT NOT NULL,
    declared_us BIGINT NOT NULL,
    withdrawn_us BIGINT,
    PRIMARY KEY (action_id)
)
    """,
    """
CREATE INDEX actions_by_brand_id ON actions (brand_id)
    """,
    """
CREATE TABLE effects (
    action_id TEXT NOT NULL,
    metric TEXT NOT NULL,
    series TEXT NOT NULL,
    brand_id BIGINT NOT NULL,
    consumer_id BIGINT NOT NULL,
    label TEXT NOT NULL,
    relative DOUBLE,
    estimate_log DOUBLE,
    se_log DOUBLE,
    measured_us BIGINT NOT NULL,
    digest TEXT NOT NULL,
    report TEXT NOT NULL,
    PRIMARY KEY (action_id, metric)
)
    """,
    """
CREATE INDEX effects_by_consumer_id ON effects (consumer_id)
    """,
    """
CREATE TABLE placebo_libraries (
    library_id TEXT NOT NULL,
    series_count BIGINT NOT NULL,
    window_count BIGINT NOT NULL,
    content TEXT NOT NULL,
    made_us BIGINT NOT NULL,
    PRIMARY KEY (library_id)
)
    """,
    """
CREATE TABLE placebos (
    series TEXT NOT NULL,
    brand_id BIGINT NOT NULL,
    consumer_id BIGINT NOT NULL,
    digest TEXT NOT NULL,
    window_count BIGINT NOT NULL,
    content TEXT NOT NULL,
    measured_us BIGINT NOT NULL,
    PRIMARY KEY (series)
)
    """,
    """
CREATE INDEX placebos_by_consumer_id ON placebos (consumer_id)
    """,
    """
CREATE TABLE series (
    series_id TEXT NOT NULL,
    metric TEXT NOT NULL,
    kind TEXT NOT NULL,
    brand_id BIGINT NOT NULL,
    consumer_id BIGINT NOT NULL,
    region TEXT,
    product TEXT,
    imported_us BIGINT NOT NULL,
    PRIMARY KEY (series_id)
)
    """,
    """
CREATE INDEX series_by_metric ON series (metric)
    """,
    """
CREATE TABLE series_days (
    series_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    value DOUBLE NOT NULL,
    reading_count DOUBLE,
    consumer_id BIGINT NOT NULL,
    PRIMARY KEY (series_id, day)
)
 WITHOUT ROWID
    """,
    """
CREATE INDEX series_days_by_consumer_id ON series_days (consumer_id)
    """,
)


def upgrade() -> None:
    """Bring the store from the revision before to this one."""
    for statement in _STATEMENTS:
        op.execute(statement)
