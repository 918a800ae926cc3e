"""Schema version 13: How often the consumers of a brand order.

What stands here is what a release wrote; it is never changed again.
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"

_STATEMENTS = (
    """
CREATE TABLE IF NOT EXISTS brand_rhythms (
    brand_id BIGINT NOT NULL,
    usual_gap_days BIGINT NOT NULL,
    gap_count BIGINT NOT NULL,
    half_life_days DOUBLE NOT NULL,
    PRIMARY KEY (brand_id)
)
    """,
)


def upgrade() -> None:
    """Bring the store from the revision before to this one."""
    for statement in _STATEMENTS:
        op.execute(statement)
