"""Ledgers for the tests of the score: short ways to write events, and random ones."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.model.ledger import LedgerEntry, fold_ledger
from consumer_fusion.score.model.reading import read_pair
from consumer_fusion.score.points.points_table import load_points

POINTS = load_points()
EVIDENCE_KINDS = [key for key, kind in POINTS.kinds.items() if kind.entries]
NOW_DAY = 20_000
NOW_US = NOW_DAY * DAY_MICROSECONDS + DAY_MICROSECONDS // 2

FOLLOWERS_GAINED = 100_000
FOUNDING_MAGNITUDE = 0.2 * math.log10(1 + FOLLOWERS_GAINED)


def write_event(kind, days_ago=0.0, magnitude=1.0, trust=1.0, event_id=None, **details):
    """An event so many days before the tests' now."""
    occurred_us = NOW_US - round(days_ago * DAY_MICROSECONDS)
    return LedgerEntry(
        event_id=event_id or f"{kind} {days_ago:g} days ago",
        occurred_us=occurred_us,
        day=occurred_us // DAY_MICROSECONDS,
        kind=kind,
        magnitude=magnitude,
        trust=trust,
        **details,
    )


def repeat_event(kind, times, every_days=0.0, **details):
    """Events of one kind at equal distances, the last one now."""
    return [
        write_event(kind, days_ago=place * every_days, event_id=f"{kind} number {place}", **details)
        for place in range(times)
    ]


def score(entries, days_later=0.0, points=POINTS):
    """The score of a ledger."""
    return read(entries, days_later, points).fusion_score


def read(entries, days_later=0.0, points=POINTS):
    """The whole reading of a ledger."""
    as_of_us = NOW_US + round(days_later * DAY_MICROSECONDS)
    return read_pair(fold_ledger(entries, as_of_us, points), points)


def list_founding_events():
    """The artist and the sweater: seen with it, and a week later the tweet against the waiters."""
    seen = write_event(
        "Association Observed/gained",
        days_ago=7,
        magnitude=FOUNDING_MAGNITUDE,
        event_id="E1",
        properties={"followers_gained": FOLLOWERS_GAINED},
    )
    harmed = write_event(
        "Reputation Harmed",
        event_id="E4",
        parent_event_id="E3",
        sentence="the sweater was worn in the scene; onlookers sided with the waiters",
    )
    return seen, harmed


# Times lie on a grid of six hours, so that events of one kind often fall on one day and even one moment.
entries = st.builds(
    lambda number, kind, quarter_days, magnitude, trust: write_event(
        kind, days_ago=quarter_days / 4, magnitude=magnitude, trust=trust, event_id=f"e{number:06}"
    ),
    number=st.integers(0, 999_999),
    kind=st.sampled_from(EVIDENCE_KINDS),
    quarter_days=st.integers(0, 2_000),
    magnitude=st.floats(0, 3),
    trust=st.sampled_from([0.0, 0.25, 1.0]),
)
few_kinds = st.sampled_from(["Order Completed", "Page Viewed", "Service Failed", "CSAT Answered/negative"])
busy_entries = st.builds(
    lambda number, kind, quarter_days, magnitude: write_event(
        kind, days_ago=quarter_days / 4, magnitude=magnitude, event_id=f"e{number:06}"
    ),
    number=st.integers(0, 999_999),
    kind=few_kinds,
    quarter_days=st.integers(0, 20),
    magnitude=st.floats(0.25, 3),
)
ledgers = st.lists(st.one_of(entries, busy_entries), max_size=40, unique_by=lambda entry: entry.event_id)
