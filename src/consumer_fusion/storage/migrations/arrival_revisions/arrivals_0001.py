"""Schema version 1 of the file of arrivals: events that arrived and were not yet read.

A revision is never changed once it is released.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

_STATEMENTS = (
    """
CREATE TABLE arrivals (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    format TEXT NOT NULL,
    source TEXT NOT NULL,
    brand TEXT,
    trust_rule TEXT NOT NULL,
    trust_limit DOUBLE,
    received_us BIGINT NOT NULL,
    line TEXT NOT NULL
)
    """,
    """
CREATE TABLE marks (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name)
)
    """,
)


def upgrade() -> None:
    """Create the schema of version 1 in an empty file."""
    for statement in _STATEMENTS:
        op.execute(statement)
