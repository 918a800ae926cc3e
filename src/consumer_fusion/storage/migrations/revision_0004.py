"""Schema version 4: sessions and tries to sign in have a file of their own; accounts count their epochs.

Sessions are not carried over: staff sign in once more.

What stands here is what a release wrote; it is never changed again.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

_STATEMENTS = (
    "DROP TABLE staff_sessions",
    "DROP TABLE sign_in_failures",
    """
CREATE TABLE staff_accounts_anew (
    account_id TEXT NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    has_all_brands BOOLEAN NOT NULL,
    password TEXT,
    created_us BIGINT NOT NULL,
    disabled_us BIGINT,
    session_epoch BIGINT NOT NULL,
    PRIMARY KEY (account_id),
    UNIQUE (email)
)
    """,
    """
INSERT INTO staff_accounts_anew SELECT account_id, email, name, role, has_all_brands, password, created_us,
    disabled_us, 0 FROM staff_accounts
    """,
    "DROP TABLE staff_accounts",
    "ALTER TABLE staff_accounts_anew RENAME TO staff_accounts",
)


def upgrade() -> None:
    """Bring the store from the revision before to this one."""
    for statement in _STATEMENTS:
        op.execute(statement)
