"""Schema version 7: Which source told which identifier, and at which brand.

What stands here is what a release wrote; it is never changed again.
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"

_STATEMENTS = (
    """
CREATE TABLE identifier_sightings (
    identifier_type TEXT NOT NULL,
    identifier_value TEXT NOT NULL,
    consumer_id BIGINT NOT NULL,
    source_id BIGINT NOT NULL,
    brand_id BIGINT NOT NULL,
    is_claim BOOLEAN NOT NULL,
    PRIMARY KEY (identifier_type, identifier_value, consumer_id, source_id, brand_id, is_claim)
)
    """,
    """
CREATE INDEX identifier_sightings_by_consumer_id ON identifier_sightings (consumer_id)
    """,
)


def upgrade() -> None:
    """Bring the store from the revision before to this one."""
    for statement in _STATEMENTS:
        op.execute(statement)
