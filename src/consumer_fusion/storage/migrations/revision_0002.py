"""Schema version 2: access, audit, subscriptions and deliveries.

What stands here is what a release wrote; it is never changed again.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

_STATEMENTS = (
    """
CREATE TABLE IF NOT EXISTS account_brands (
    account_id TEXT NOT NULL,
    brand TEXT NOT NULL,
    PRIMARY KEY (account_id, brand)
)
 WITHOUT ROWID
    """,
    """
CREATE TABLE IF NOT EXISTS api_tokens (
    token_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    ending TEXT NOT NULL,
    account_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    brands TEXT,
    created_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    revoked_us BIGINT,
    used_us BIGINT,
    PRIMARY KEY (token_id),
    UNIQUE (digest)
)
    """,
    """
CREATE INDEX IF NOT EXISTS api_tokens_by_account_id ON api_tokens (account_id)
    """,
    """
CREATE TABLE IF NOT EXISTS audit_entries (
    audit_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at_us BIGINT NOT NULL,
    actor_type TEXT NOT NULL,
    actor_id TEXT NOT NULL,
    action TEXT NOT NULL,
    object_id TEXT,
    consumer_id BIGINT,
    brand_id BIGINT,
    detail TEXT NOT NULL,
    salt TEXT NOT NULL,
    detail_digest TEXT NOT NULL,
    chain_digest TEXT NOT NULL
)
    """,
    """
CREATE INDEX IF NOT EXISTS audit_entries_by_actor_id ON audit_entries (actor_id)
    """,
    """
CREATE INDEX IF NOT EXISTS audit_entries_by_consumer_id ON audit_entries (consumer_id)
    """,
    """
CREATE TABLE IF NOT EXISTS deliveries (
    delivery_id TEXT NOT NULL,
    subscription_id TEXT NOT NULL,
    notice_type TEXT NOT NULL,
    consumer_id BIGINT NOT NULL,
    brand_id BIGINT NOT NULL,
    body TEXT NOT NULL,
    status TEXT NOT NULL,
    tries BIGINT NOT NULL,
    next_us BIGINT NOT NULL,
    answer TEXT,
    created_us BIGINT NOT NULL,
    delivered_us BIGINT,
    PRIMARY KEY (delivery_id)
)
    """,
    """
CREATE INDEX IF NOT EXISTS deliveries_by_consumer_id_brand_id ON deliveries (consumer_id, brand_id)
    """,
    """
CREATE INDEX IF NOT EXISTS deliveries_by_status_next_us ON deliveries (status, next_us)
    """,
    """
CREATE TABLE IF NOT EXISTS notice_standings (
    consumer_id BIGINT NOT NULL,
    brand_id BIGINT NOT NULL,
    fusion_score DOUBLE NOT NULL,
    symbiosis TEXT NOT NULL,
    points_version TEXT NOT NULL,
    seen_us BIGINT NOT NULL,
    PRIMARY KEY (consumer_id, brand_id)
)
 WITHOUT ROWID
    """,
    """
CREATE TABLE IF NOT EXISTS one_time_links (
    digest TEXT NOT NULL,
    purpose TEXT NOT NULL,
    account_id TEXT,
    created_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    used_us BIGINT,
    PRIMARY KEY (digest)
)
    """,
    """
CREATE INDEX IF NOT EXISTS one_time_links_by_account_id ON one_time_links (account_id)
    """,
    """
CREATE TABLE IF NOT EXISTS sign_in_failures (
    subject TEXT NOT NULL,
    failures BIGINT NOT NULL,
    failed_us BIGINT NOT NULL,
    blocked_until_us BIGINT NOT NULL,
    PRIMARY KEY (subject)
)
    """,
    """
CREATE INDEX IF NOT EXISTS sign_in_failures_by_failed_us ON sign_in_failures (failed_us)
    """,
    """
CREATE TABLE IF NOT EXISTS staff_accounts (
    account_id TEXT NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    has_all_brands BOOLEAN NOT NULL,
    password TEXT,
    created_us BIGINT NOT NULL,
    disabled_us BIGINT,
    PRIMARY KEY (account_id),
    UNIQUE (email)
)
    """,
    """
CREATE TABLE IF NOT EXISTS staff_sessions (
    digest TEXT NOT NULL,
    account_id TEXT NOT NULL,
    origin TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    seen_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    PRIMARY KEY (digest)
)
    """,
    """
CREATE INDEX IF NOT EXISTS staff_sessions_by_account_id ON staff_sessions (account_id)
    """,
    """
CREATE TABLE IF NOT EXISTS subscriptions (
    subscription_id TEXT NOT NULL,
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    types TEXT NOT NULL,
    brand TEXT,
    line DOUBLE NOT NULL,
    quiet_hours DOUBLE NOT NULL,
    is_internal BOOLEAN NOT NULL,
    created_us BIGINT NOT NULL,
    withdrawn_us BIGINT,
    PRIMARY KEY (subscription_id)
)
    """,
    """
CREATE TABLE IF NOT EXISTS write_keys (
    key_id TEXT NOT NULL,
    digest TEXT NOT NULL,
    ending TEXT NOT NULL,
    source TEXT NOT NULL,
    brand TEXT,
    kind TEXT NOT NULL,
    trust DOUBLE,
    signing_secret TEXT,
    replaces_key_id TEXT,
    created_us BIGINT NOT NULL,
    expires_us BIGINT,
    revoked_us BIGINT,
    used_us BIGINT,
    PRIMARY KEY (key_id),
    UNIQUE (digest)
)
    """,
)


def upgrade() -> None:
    """Bring the store from the revision before to this one."""
    for statement in _STATEMENTS:
        op.execute(statement)
