"""Schema version 2 of the store: states in blocks, and no list of sealed ids beside the digests of the segments.

All states wait as changes, until a job moves them into blocks. A revision is never changed once it is released.
"""

from __future__ import annotations

STATEMENTS = (
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
    "ALTER TABLE pair_kind_states RENAME TO state_changes",
    "DROP INDEX pair_kind_states_by_brand_id",
    "CREATE INDEX state_changes_by_brand_id ON state_changes (brand_id)",
    "INSERT INTO pairs SELECT DISTINCT consumer_id, brand_id FROM state_changes",
    "DROP TABLE seen_events",
)
