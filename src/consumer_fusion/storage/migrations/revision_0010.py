"""Schema version 10: Keys of consumers that are e-mail addresses are in lower case.

Where two keys of an older release differ only in their case, the first one is written so and the others stay.
What stands here is what a release wrote; it is never changed again.
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"

_STATEMENTS = (
    """
UPDATE OR IGNORE entities SET entity_key = lower(entity_key)
    WHERE entity_type = 'consumer' AND entity_key <> lower(entity_key) AND entity_key LIKE '%_@_%._%'
        AND entity_key NOT GLOB '*[ \t\r\n]*' AND entity_key NOT LIKE '%@%@%'
    """,
)


def upgrade() -> None:
    """Bring the store from the revision before to this one."""
    for statement in _STATEMENTS:
        op.execute(statement)
