"""Schema version 1 of the file of arrivals: events that arrived and were not yet read.

A revision is never changed once it is released.
"""

from __future__ import annotations

STATEMENTS = (
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
