"""Schema version 11: References for money by month, made anew of the orders on record.

What stands here is what a release wrote; it is never changed again.
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"

_STATEMENTS = (
    """
DROP TABLE brand_references
    """,
    """
CREATE TABLE brand_references (
    brand_id BIGINT NOT NULL,
    currency TEXT NOT NULL,
    valid_from_us BIGINT NOT NULL,
    amount DOUBLE NOT NULL,
    depends_until_us BIGINT NOT NULL,
    PRIMARY KEY (brand_id, currency, valid_from_us)
)
    """,
    # Whoever opens the store next puts the points in force, and with them the references.
    """
DELETE FROM marks WHERE name = 'points_version'
    """,
)


def upgrade() -> None:
    """Bring the store from the revision before to this one."""
    for statement in _STATEMENTS:
        op.execute(statement)
