"""Schema version 1: events, identities, points, states, segments, imports; the first that was released.

What stands here is what a release wrote; it is never changed again.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

_STATEMENTS = (
    """
CREATE TABLE associations (
    association_id TEXT NOT NULL,
    consumer_id BIGINT NOT NULL,
    brand_id BIGINT NOT NULL,
    evidence TEXT NOT NULL,
    strength DOUBLE NOT NULL,
    is_commercial BOOLEAN NOT NULL,
    valid_from_us BIGINT NOT NULL,
    valid_to_us BIGINT,
    declared_us BIGINT NOT NULL,
    withdrawn_us BIGINT,
    PRIMARY KEY (association_id)
)
    """,
    """
CREATE INDEX associations_by_consumer_id ON associations (consumer_id)
    """,
    """
CREATE TABLE attachments (
    source_id BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    consumer_id BIGINT NOT NULL,
    brand_id BIGINT NOT NULL,
    reason TEXT NOT NULL,
    attached_us BIGINT NOT NULL,
    PRIMARY KEY (source_id, event_id)
)
    """,
    """
CREATE TABLE brand_histograms (
    brand_id BIGINT NOT NULL,
    bin BIGINT NOT NULL,
    pair_count BIGINT NOT NULL,
    as_of_us BIGINT NOT NULL,
    points_version TEXT NOT NULL,
    PRIMARY KEY (brand_id, bin)
)
    """,
    """
CREATE TABLE brand_references (
    brand_id BIGINT NOT NULL,
    currency TEXT NOT NULL,
    valid_from_us BIGINT NOT NULL,
    amount DOUBLE NOT NULL,
    PRIMARY KEY (brand_id, currency, valid_from_us)
)
    """,
    """
CREATE TABLE calibrations (
    calibration_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    horizon_days DOUBLE NOT NULL,
    cutoff_us BIGINT NOT NULL,
    report TEXT NOT NULL,
    is_applied BOOLEAN NOT NULL,
    made_us BIGINT NOT NULL,
    PRIMARY KEY (calibration_id)
)
    """,
    """
CREATE TABLE derived_events (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    source_id BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    occurred_us BIGINT NOT NULL,
    precision TEXT NOT NULL,
    received_us BIGINT NOT NULL,
    day BIGINT NOT NULL,
    consumer_id BIGINT NOT NULL,
    brand_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    kind_id BIGINT NOT NULL,
    channel TEXT,
    value DOUBLE,
    currency TEXT,
    text TEXT,
    trust DOUBLE NOT NULL,
    magnitude DOUBLE NOT NULL,
    properties TEXT,
    parent_source_id BIGINT NOT NULL,
    parent_event_id TEXT NOT NULL,
    association_id TEXT,
    sentence TEXT NOT NULL,
    UNIQUE (source_id, event_id)
)
    """,
    """
CREATE INDEX derived_events_by_consumer_id_brand_id ON derived_events (consumer_id, brand_id)
    """,
    """
CREATE INDEX derived_events_by_parent_event_id ON derived_events (parent_event_id)
    """,
    """
CREATE TABLE entities (
    entity_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    entity_type TEXT NOT NULL,
    entity_key TEXT NOT NULL,
    UNIQUE (entity_type, entity_key)
)
    """,
    """
CREATE TABLE events (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    source_id BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    occurred_us BIGINT NOT NULL,
    precision TEXT NOT NULL,
    received_us BIGINT NOT NULL,
    day BIGINT NOT NULL,
    consumer_id BIGINT NOT NULL,
    brand_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    kind_id BIGINT NOT NULL,
    channel TEXT,
    value DOUBLE,
    currency TEXT,
    text TEXT,
    trust DOUBLE NOT NULL,
    magnitude DOUBLE NOT NULL,
    properties TEXT,
    UNIQUE (source_id, event_id)
)
    """,
    """
CREATE INDEX events_by_consumer_id_brand_id ON events (consumer_id, brand_id)
    """,
    """
CREATE TABLE identifiers (
    identifier_type TEXT NOT NULL,
    identifier_value TEXT NOT NULL,
    strength TEXT NOT NULL,
    consumer_id BIGINT NOT NULL,
    seen_us BIGINT NOT NULL,
    PRIMARY KEY (identifier_type, identifier_value)
)
    """,
    """
CREATE INDEX identifiers_by_consumer_id ON identifiers (consumer_id)
    """,
    """
CREATE TABLE identities (
    member_id BIGINT NOT NULL,
    canonical_id BIGINT NOT NULL,
    PRIMARY KEY (member_id)
)
    """,
    """
CREATE INDEX identities_by_canonical_id ON identities (canonical_id)
    """,
    """
CREATE TABLE identity_conflicts (
    conflict_id TEXT NOT NULL,
    first_consumer_id BIGINT NOT NULL,
    second_consumer_id BIGINT NOT NULL,
    reason TEXT NOT NULL,
    seen_us BIGINT NOT NULL,
    PRIMARY KEY (conflict_id)
)
    """,
    """
CREATE TABLE imports (
    import_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    reading TEXT NOT NULL,
    status TEXT NOT NULL,
    accepted BIGINT,
    duplicates BIGINT,
    rejected BIGINT,
    unattributed BIGINT,
    started_us BIGINT NOT NULL,
    finished_us BIGINT,
    PRIMARY KEY (import_id)
)
    """,
    """
CREATE INDEX imports_by_fingerprint ON imports (fingerprint)
    """,
    """
CREATE TABLE kinds (
    kind_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind_key TEXT NOT NULL,
    UNIQUE (kind_key)
)
    """,
    """
CREATE TABLE landmarks (
    half_life_days DOUBLE NOT NULL,
    landmark_us BIGINT NOT NULL,
    PRIMARY KEY (half_life_days)
)
    """,
    """
CREATE TABLE marks (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name)
)
    """,
    """
CREATE TABLE merges (
    merge_id TEXT NOT NULL,
    kept_consumer_id BIGINT NOT NULL,
    absorbed_consumer_id BIGINT NOT NULL,
    reason TEXT NOT NULL,
    origin TEXT NOT NULL,
    made_us BIGINT NOT NULL,
    undone_us BIGINT,
    PRIMARY KEY (merge_id)
)
    """,
    """
CREATE INDEX merges_by_absorbed_consumer_id ON merges (absorbed_consumer_id)
    """,
    """
CREATE INDEX merges_by_kept_consumer_id ON merges (kept_consumer_id)
    """,
    """
CREATE TABLE pair_kind_states (
    consumer_id BIGINT NOT NULL,
    brand_id BIGINT NOT NULL,
    kind_id BIGINT NOT NULL,
    event_count BIGINT NOT NULL,
    x DOUBLE NOT NULL,
    y DOUBLE NOT NULL,
    q DOUBLE NOT NULL,
    r DOUBLE NOT NULL,
    u DOUBLE NOT NULL,
    last_occurred_us BIGINT NOT NULL,
    PRIMARY KEY (consumer_id, brand_id, kind_id)
)
 WITHOUT ROWID
    """,
    """
CREATE INDEX pair_kind_states_by_brand_id ON pair_kind_states (brand_id)
    """,
    """
CREATE TABLE points_versions (
    version TEXT NOT NULL,
    content TEXT NOT NULL,
    applied_us BIGINT NOT NULL,
    PRIMARY KEY (version)
)
    """,
    """
CREATE TABLE rejections (
    rejection_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    import_id TEXT NOT NULL,
    source TEXT NOT NULL,
    position BIGINT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    raw TEXT NOT NULL,
    consumer_key TEXT,
    rejected_us BIGINT NOT NULL,
    UNIQUE (import_id, position, code)
)
    """,
    """
CREATE TABLE seen_events (
    source_id BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    sealed_us BIGINT NOT NULL,
    PRIMARY KEY (source_id, event_id)
)
 WITHOUT ROWID
    """,
    """
CREATE TABLE segments (
    segment_id TEXT NOT NULL,
    path TEXT NOT NULL,
    bucket BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    min_day BIGINT NOT NULL,
    max_day BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    sealed_us BIGINT NOT NULL,
    PRIMARY KEY (segment_id)
)
    """,
)


def upgrade() -> None:
    """Bring the store from the revision before to this one."""
    for statement in _STATEMENTS:
        op.execute(statement)
