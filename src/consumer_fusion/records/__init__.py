"""Records: one module per noun, with its frozen dataclass and the table that stores it.

`TABLES` lists every table, for erasure, migrations and the architecture tests.
"""

from __future__ import annotations

from consumer_fusion.records.access import (
    ACCOUNT_BRANDS,
    API_TOKENS,
    ONE_TIME_LINKS,
    SIGN_IN_FAILURES,
    STAFF_ACCOUNTS,
    STAFF_SESSIONS,
    WRITE_KEYS,
)
from consumer_fusion.records.action import ACTIONS
from consumer_fusion.records.alert import DELIVERIES, NOTICE_STANDINGS, SUBSCRIPTIONS
from consumer_fusion.records.arrival import ARRIVALS
from consumer_fusion.records.association import ASSOCIATIONS
from consumer_fusion.records.audit import AUDIT_ENTRIES
from consumer_fusion.records.calibration import CALIBRATIONS
from consumer_fusion.records.effect import EFFECTS, PLACEBO_LIBRARIES, PLACEBOS
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.event import ATTACHMENTS, DERIVED_EVENTS, EVENTS
from consumer_fusion.records.experiment import EXPERIMENT_ASSIGNMENTS, EXPERIMENTS
from consumer_fusion.records.identity import (
    IDENTIFIER_SIGHTINGS,
    IDENTIFIERS,
    IDENTITIES,
    IDENTITY_CONFLICTS,
    MERGES,
)
from consumer_fusion.records.import_record import CORRECTIONS, IMPORTS, REJECTIONS
from consumer_fusion.records.pair_state import BRAND_SPREADS, LANDMARKS, PAIR_KIND_STATES
from consumer_fusion.records.points import (
    BRAND_REFERENCES,
    BRAND_RHYTHMS,
    KIND_DISPERSIONS,
    KINDS,
    POINTS_VERSIONS,
)
from consumer_fusion.records.segment import MARKS, SEEN_EVENTS, SEGMENTS
from consumer_fusion.records.series import SERIES, SERIES_DAYS
from consumer_fusion.records.table import Table

TABLES: tuple[Table, ...] = (
    EVENTS,
    DERIVED_EVENTS,
    ATTACHMENTS,
    ENTITIES,
    IDENTIFIERS,
    MERGES,
    IDENTITIES,
    IDENTIFIER_SIGHTINGS,
    IDENTITY_CONFLICTS,
    ASSOCIATIONS,
    KINDS,
    POINTS_VERSIONS,
    BRAND_REFERENCES,
    BRAND_RHYTHMS,
    KIND_DISPERSIONS,
    PAIR_KIND_STATES,
    LANDMARKS,
    BRAND_SPREADS,
    SEGMENTS,
    SEEN_EVENTS,
    MARKS,
    IMPORTS,
    REJECTIONS,
    CORRECTIONS,
    CALIBRATIONS,
    EXPERIMENTS,
    EXPERIMENT_ASSIGNMENTS,
    ARRIVALS,
    WRITE_KEYS,
    STAFF_ACCOUNTS,
    ACCOUNT_BRANDS,
    STAFF_SESSIONS,
    API_TOKENS,
    ONE_TIME_LINKS,
    SIGN_IN_FAILURES,
    AUDIT_ENTRIES,
    SUBSCRIPTIONS,
    NOTICE_STANDINGS,
    DELIVERIES,
    ACTIONS,
    SERIES,
    SERIES_DAYS,
    EFFECTS,
    PLACEBOS,
    PLACEBO_LIBRARIES,
)
"""Every table of a workspace's store."""

__all__ = ["TABLES"]
