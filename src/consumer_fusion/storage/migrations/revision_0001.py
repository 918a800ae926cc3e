"""Schema version 1 of the store: every table and index of the first release.

A revision is never changed once it is released.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

_STATEMENTS = (
    """
CREATE TABLE account_brands (
    account_id TEXT NOT NULL,
    brand TEXT NOT NULL,
    PRIMARY KEY (account_id, brand)
)
 WITHOUT ROWID
    """,
    """
CREATE TABLE actions (
    action_id TEXT NOT NULL,
    brand_id BIGINT NOT NULL,
    title TEXT NOT NULL,
    action_type TEXT NOT NULL,
    starts_us BIGINT NOT NULL,
    ends_us BIGINT,
    region TEXT,
    segment TEXT,
    assignment TEXT NOT NULL,
    expected_effect TEXT NOT NULL,
    delay_days BIGINT NOT NULL,
    effect_days BIGINT,
    windows TEXT NOT NULL,
    origin TEXT NOT NULL,
    declared_us BIGINT NOT NULL,
    withdrawn_us BIGINT,
    PRIMARY KEY (action_id)
)
    """,
    """
CREATE INDEX actions_by_brand_id ON actions (brand_id)
    """,
    """
CREATE TABLE api_tokens (
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
CREATE INDEX api_tokens_by_account_id ON api_tokens (account_id)
    """,
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
CREATE TABLE audit_entries (
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
CREATE INDEX audit_entries_by_actor_id ON audit_entries (actor_id)
    """,
    """
CREATE INDEX audit_entries_by_consumer_id ON audit_entries (consumer_id)
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
    """
CREATE TABLE brand_rhythms (
    brand_id BIGINT NOT NULL,
    usual_gap_days BIGINT NOT NULL,
    gap_count BIGINT NOT NULL,
    half_life_days DOUBLE NOT NULL,
    PRIMARY KEY (brand_id)
)
    """,
    """
CREATE TABLE brand_spreads (
    brand_id BIGINT NOT NULL,
    value BIGINT NOT NULL,
    pairs_up_to BIGINT NOT NULL,
    as_of_us BIGINT NOT NULL,
    points_version TEXT NOT NULL,
    PRIMARY KEY (brand_id, value)
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
    """
CREATE TABLE deliveries (
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
CREATE INDEX deliveries_by_consumer_id_brand_id ON deliveries (consumer_id, brand_id)
    """,
    """
CREATE INDEX deliveries_by_status_next_us ON deliveries (status, next_us)
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
CREATE TABLE effects (
    action_id TEXT NOT NULL,
    metric TEXT NOT NULL,
    series TEXT NOT NULL,
    brand_id BIGINT NOT NULL,
    consumer_id BIGINT NOT NULL,
    label TEXT NOT NULL,
    relative DOUBLE,
    estimate_log DOUBLE,
    se_log DOUBLE,
    is_log BOOLEAN NOT NULL,
    measured_us BIGINT NOT NULL,
    digest TEXT NOT NULL,
    report TEXT NOT NULL,
    PRIMARY KEY (action_id, metric)
)
    """,
    """
CREATE INDEX effects_by_consumer_id ON effects (consumer_id)
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
CREATE INDEX events_by_day ON events (day)
    """,
    """
CREATE TABLE experiment_assignments (
    experiment_id TEXT NOT NULL,
    consumer_id BIGINT NOT NULL,
    arm TEXT NOT NULL,
    stratum TEXT NOT NULL,
    PRIMARY KEY (experiment_id, consumer_id)
)
    """,
    """
CREATE INDEX experiment_assignments_by_consumer_id ON experiment_assignments (consumer_id)
    """,
    """
CREATE TABLE experiments (
    experiment_id TEXT NOT NULL,
    title TEXT NOT NULL,
    brand_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    outcome TEXT NOT NULL,
    horizon_days DOUBLE NOT NULL,
    is_randomised BOOLEAN NOT NULL,
    origin TEXT NOT NULL,
    seed BIGINT,
    digest TEXT NOT NULL,
    recorded_us BIGINT NOT NULL,
    starts_us BIGINT NOT NULL,
    outcome_from_us BIGINT NOT NULL,
    report TEXT,
    measured_us BIGINT,
    override TEXT,
    applied_us BIGINT,
    withdrawn_us BIGINT,
    PRIMARY KEY (experiment_id)
)
    """,
    """
CREATE INDEX experiments_by_brand_id ON experiments (brand_id)
    """,
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
    is_claim BOOLEAN NOT NULL,
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
CREATE TABLE kind_dispersions (
    kind_id BIGINT NOT NULL,
    dispersion DOUBLE NOT NULL,
    event_count BIGINT NOT NULL,
    PRIMARY KEY (kind_id)
)
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
    tie TEXT NOT NULL,
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
CREATE TABLE notice_standings (
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
CREATE TABLE one_time_links (
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
CREATE INDEX one_time_links_by_account_id ON one_time_links (account_id)
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
CREATE TABLE placebo_libraries (
    library_id TEXT NOT NULL,
    series_count BIGINT NOT NULL,
    window_count BIGINT NOT NULL,
    content TEXT NOT NULL,
    made_us BIGINT NOT NULL,
    PRIMARY KEY (library_id)
)
    """,
    """
CREATE TABLE placebos (
    series TEXT NOT NULL,
    brand_id BIGINT NOT NULL,
    consumer_id BIGINT NOT NULL,
    digest TEXT NOT NULL,
    window_count BIGINT NOT NULL,
    content TEXT NOT NULL,
    measured_us BIGINT NOT NULL,
    PRIMARY KEY (series)
)
    """,
    """
CREATE INDEX placebos_by_consumer_id ON placebos (consumer_id)
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
    """
CREATE TABLE series (
    series_id TEXT NOT NULL,
    metric TEXT NOT NULL,
    kind TEXT NOT NULL,
    brand_id BIGINT NOT NULL,
    consumer_id BIGINT NOT NULL,
    region TEXT,
    product TEXT,
    imported_us BIGINT NOT NULL,
    PRIMARY KEY (series_id)
)
    """,
    """
CREATE INDEX series_by_metric ON series (metric)
    """,
    """
CREATE TABLE series_days (
    series_id TEXT NOT NULL,
    day BIGINT NOT NULL,
    value DOUBLE NOT NULL,
    reading_count DOUBLE,
    consumer_id BIGINT NOT NULL,
    PRIMARY KEY (series_id, day)
)
 WITHOUT ROWID
    """,
    """
CREATE INDEX series_days_by_consumer_id ON series_days (consumer_id)
    """,
    """
CREATE TABLE staff_accounts (
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
CREATE TABLE subscriptions (
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
CREATE TABLE write_keys (
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
    """Create the schema of version 1 in an empty file."""
    for statement in _STATEMENTS:
        op.execute(statement)
