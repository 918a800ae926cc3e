"""Schema version 8: What sources say now of events on record.

What stands here is what a release wrote; it is never changed again.
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"

_STATEMENTS = (
    """
CREATE TABLE corrections (
    correction_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    source_id BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    consumer_id BIGINT NOT NULL,
    newer TEXT NOT NULL,
    former TEXT,
    found_us BIGINT NOT NULL,
    applied_us BIGINT,
    undone_us BIGINT
)
    """,
    """
CREATE INDEX corrections_by_source_id_event_id ON corrections (source_id, event_id)
    """,
)


def upgrade() -> None:
    """Bring the store from the revision before to this one."""
    for statement in _STATEMENTS:
        op.execute(statement)
