"""Schema version 2: states in blocks.

A revision is never changed once it is released.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

_STATEMENTS = (
    """
CREATE TABLE pairs (
    consumer_id BIGINT NOT NULL,
    brand_id BIGINT NOT NULL,
    PRIMARY KEY (consumer_id, brand_id)
)
 WITHOUT ROWID
    """,
    """
CREATE TABLE state_blocks (
    brand_id BIGINT NOT NULL,
    first_place BIGINT NOT NULL,
    state_count BIGINT NOT NULL,
    states BLOB NOT NULL,
    PRIMARY KEY (brand_id, first_place)
)
    """,
)


# All states wait as changes, until a job moves them into blocks.
_MOVES = (
    "ALTER TABLE pair_kind_states RENAME TO state_changes",
    "DROP INDEX pair_kind_states_by_brand_id",
    "CREATE INDEX state_changes_by_brand_id ON state_changes (brand_id)",
    "INSERT INTO pairs SELECT DISTINCT consumer_id, brand_id FROM state_changes",
)


def upgrade() -> None:
    """Bring the store from the revision before to this one."""
    for statement in (*_STATEMENTS, *_MOVES):
        op.execute(statement)
