"""Schema version 12: How much more than independent events those of a kind vary.

What stands here is what a release wrote; it is never changed again.
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"

_STATEMENTS = (
    """
CREATE TABLE IF NOT EXISTS kind_dispersions (
    kind_id BIGINT NOT NULL,
    dispersion DOUBLE NOT NULL,
    event_count BIGINT NOT NULL,
    PRIMARY KEY (kind_id)
)
    """,
)


def upgrade() -> None:
    """Bring the store from the revision before to this one."""
    for statement in _STATEMENTS:
        op.execute(statement)
