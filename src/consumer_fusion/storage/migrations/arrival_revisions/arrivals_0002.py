"""Schema version 2 of the file of arrivals: events of one source that arrived together are one row.

A revision is never changed once it is released.
"""

from __future__ import annotations

STATEMENTS = (
    "ALTER TABLE arrivals RENAME TO single_arrivals",
    """
CREATE TABLE arrivals (
    sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    format TEXT NOT NULL,
    source TEXT NOT NULL,
    brand TEXT,
    trust_rule TEXT NOT NULL,
    trust_limit DOUBLE,
    received_us BIGINT NOT NULL,
    event_count BIGINT NOT NULL,
    lines TEXT NOT NULL
)
    """,
    """
INSERT INTO arrivals
SELECT sequence, format, source, brand, trust_rule, trust_limit, received_us, 1, line FROM single_arrivals
    """,
    "DROP TABLE single_arrivals",
)
