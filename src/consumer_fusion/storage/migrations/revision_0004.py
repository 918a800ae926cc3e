"""Schema version 4: perceptions of messages.

A revision is never changed once it is released.
"""

from __future__ import annotations

STATEMENTS = (
    """
CREATE TABLE learnt_models (
    name TEXT NOT NULL,
    perceiver TEXT NOT NULL,
    digest TEXT NOT NULL,
    weights BLOB NOT NULL,
    report TEXT NOT NULL,
    made_us BIGINT NOT NULL,
    PRIMARY KEY (name)
)
    """,
    """
CREATE TABLE perception_labels (
    source_id BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    consumer_id BIGINT NOT NULL,
    words_digest TEXT NOT NULL,
    polarity TEXT,
    is_failure BOOLEAN,
    is_dissatisfied BOOLEAN,
    is_ironic BOOLEAN,
    blamed TEXT,
    responsible TEXT,
    onlookers_share DOUBLE,
    labelled_by TEXT NOT NULL,
    labelled_us BIGINT NOT NULL,
    PRIMARY KEY (source_id, event_id)
)
    """,
    """
CREATE INDEX perception_labels_by_consumer_id ON perception_labels (consumer_id)
    """,
    """
CREATE TABLE perceptions (
    source_id BIGINT NOT NULL,
    event_id TEXT NOT NULL,
    consumer_id BIGINT NOT NULL,
    brand_id BIGINT NOT NULL,
    occurred_us BIGINT NOT NULL,
    kind TEXT NOT NULL,
    words_digest TEXT NOT NULL,
    listed_us BIGINT NOT NULL,
    is_waiting BOOLEAN NOT NULL,
    model TEXT,
    language TEXT,
    negative DOUBLE,
    neutral DOUBLE,
    positive DOUBLE,
    irony DOUBLE,
    dissatisfaction DOUBLE,
    failure DOUBLE,
    severity DOUBLE,
    harshness DOUBLE,
    repair DOUBLE,
    intent TEXT,
    out_of_scope DOUBLE,
    is_abstained BOOLEAN,
    emotions TEXT,
    aspects TEXT,
    blame TEXT,
    responsible TEXT,
    evidence TEXT,
    PRIMARY KEY (source_id, event_id)
)
    """,
    """
CREATE INDEX perceptions_by_brand_id_occurred_us ON perceptions (brand_id, occurred_us)
    """,
    """
CREATE INDEX perceptions_by_consumer_id ON perceptions (consumer_id)
    """,
    """
CREATE INDEX perceptions_by_is_waiting_occurred_us ON perceptions (is_waiting, occurred_us)
    """,
    # Messages that are stored already are listed by the next run that reads messages.
    """
INSERT INTO marks
SELECT 'has_unlisted_messages', '1' WHERE EXISTS (SELECT 1 FROM events) OR EXISTS (SELECT 1 FROM segments)
    """,
)
