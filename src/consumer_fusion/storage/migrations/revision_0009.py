"""Schema version 9: How a brand's scores are spread, in values by which any place is told closely.

What stands here is what a release wrote; it is never changed again.
"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"

_STATEMENTS = (
    # Nothing is lost: it is made anew when a place in a large brand is asked for.
    """
DROP TABLE IF EXISTS brand_histograms
    """,
    """
CREATE TABLE brand_spreads (
    brand_id BIGINT NOT NULL,
    value BIGINT NOT NULL,
    pairs_up_to BIGINT NOT NULL,
    as_of_us BIGINT NOT NULL,
    points_version TEXT NOT NULL,
    PRIMARY KEY (brand_id, value)
)
    """,
)


def upgrade() -> None:
    """Bring the store from the revision before to this one."""
    for statement in _STATEMENTS:
        op.execute(statement)
