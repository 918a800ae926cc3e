"""Schema version 5: experiments, who was assigned in them, and the points that they decided.

What stands here is what a release wrote; it is never changed again.
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

_STATEMENTS = (
    """
CREATE TABLE experiment_assignments (
    experiment_id TEXT NOT NULL,
    consumer_id BIGINT NOT NULL,
    arm TEXT NOT NULL,
    stratum TEXT NOT NULL,
    PRIMARY KEY (experiment_id, consumer_id)
)
    """,
    """
CREATE INDEX experiment_assignments_by_consumer_id ON experiment_assignments (consumer_id)
    """,
    """
CREATE TABLE experiments (
    experiment_id TEXT NOT NULL,
    title TEXT NOT NULL,
    brand_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    horizon_days DOUBLE NOT NULL,
    is_randomised BOOLEAN NOT NULL,
    origin TEXT NOT NULL,
    seed BIGINT,
    digest TEXT NOT NULL,
    recorded_us BIGINT NOT NULL,
    starts_us BIGINT NOT NULL,
    outcome_from_us BIGINT NOT NULL,
    report TEXT,
    measured_us BIGINT,
    override TEXT,
    applied_us BIGINT,
    withdrawn_us BIGINT,
    PRIMARY KEY (experiment_id)
)
    """,
    """
CREATE INDEX experiments_by_brand_id ON experiments (brand_id)
    """,
)


def upgrade() -> None:
    """Bring the store from the revision before to this one."""
    for statement in _STATEMENTS:
        op.execute(statement)
