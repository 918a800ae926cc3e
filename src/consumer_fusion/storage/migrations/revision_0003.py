"""Schema version 3: snapshots of brands, in place of summaries of their scores.

A revision is never changed once it is released.
"""

from __future__ import annotations

STATEMENTS = (
    "DROP TABLE brand_spreads",
    """
CREATE TABLE brand_snapshots (
    snapshot_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    brand_id BIGINT NOT NULL,
    is_complete BOOLEAN NOT NULL,
    as_of_us BIGINT NOT NULL,
    points_version TEXT NOT NULL,
    newest_change BIGINT NOT NULL,
    pairs BIGINT NOT NULL,
    mean DOUBLE,
    lower_quartile DOUBLE,
    median DOUBLE,
    upper_quartile DOUBLE,
    mean_confidence DOUBLE,
    mutualism BIGINT NOT NULL,
    commensal BIGINT NOT NULL,
    one_sided BIGINT NOT NULL,
    harmed BIGINT NOT NULL,
    neutral BIGINT NOT NULL,
    unknown BIGINT NOT NULL
)
    """,
    """
CREATE INDEX brand_snapshots_by_brand_id ON brand_snapshots (brand_id)
    """,
    """
CREATE TABLE changed_pairs (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    brand_id BIGINT NOT NULL,
    consumer_id BIGINT NOT NULL,
    oldest_us BIGINT NOT NULL
)
    """,
    """
CREATE INDEX changed_pairs_by_brand_id_sequence ON changed_pairs (brand_id, sequence)
    """,
    """
CREATE TABLE snapshot_scores (
    snapshot_id BIGINT NOT NULL,
    first_consumer_id BIGINT NOT NULL,
    scores BLOB NOT NULL,
    PRIMARY KEY (snapshot_id, first_consumer_id)
)
    """,
)
