"""Made-up event streams with bursts and late arrivals, and the states that a plain fold of them gives."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from consumer_fusion.events.entities import name_entities
from consumer_fusion.records.event import Event
from consumer_fusion.records.timestamps import to_day, to_microseconds
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.model.ledger import LedgerEntry, fold_ledger
from consumer_fusion.score.points.points_table import load_points
from consumer_fusion.score.queries.score_queries import read_states
from consumer_fusion.workspace import STORE_FILE, create_workspace, open_workspace
from copied_workspaces import copy_made

POINTS = load_points()
START = datetime(2025, 1, 1, tzinfo=UTC)
NOW = datetime(2061, 1, 1, tzinfo=UTC)
# Half-lives of 7, 30, 90 and 180 days; one with less trust, one whose magnitude is stated, one without points.
KINDS = (
    "Page Viewed",
    "Email Opened",
    "Email Link Clicked",
    "Store Visited",
    "Service Failed",
    "Message Received",
)
SUMS = ("x", "y", "q", "r", "u")


def invent_event(number, occurred_at, consumer="ada", brand="mill", kind="Store Visited", **more):
    return Event(
        event_id=f"event-{number:05d}",
        occurred_at=occurred_at,
        consumer=consumer,
        brand=brand,
        kind=kind,
        **more,
    )


def invent_stream(count, seed=1, days=12, consumers=9, brands=2):
    """Events of few pairs on few days, so that many share their day; in no order."""
    chance = random.Random(seed)
    events = []
    for number in range(count):
        kind = chance.choice(KINDS)
        events.append(
            invent_event(
                number,
                # Squared, so that some days are crowded; whole hours, so that moments coincide.
                START + timedelta(hours=int(days * 24 * chance.random() ** 2)),
                consumer=f"consumer-{chance.randrange(consumers)}",
                brand=f"brand-{chance.randrange(brands)}",
                kind=kind,
                trust=chance.choice((None, 0.5)),
                properties={"severity": chance.choice((0.25, 0.5, 1.0))} if kind == "Service Failed" else {},
            )
        )
    chance.shuffle(events)
    return events


def cut_stream(events, sizes):
    """The stream in batches of these sizes, the last one with all that is left."""
    batches, start = [], 0
    for size in sizes:
        batches.append(events[start : start + size])
        start += size
    return [batch for batch in (*batches, events[start:]) if batch]


def fold_plainly(events, as_of, same_person=None):
    """What the plain reference makes of the events: sums by consumer, brand and kind."""
    ledgers = defaultdict(list)
    for event in events:
        at = to_microseconds(event.occurred_at)
        severity = float(event.properties.get("severity", 1.0)) if event.kind == "Service Failed" else 1.0
        trust = (1.0 if event.trust is None else event.trust) * POINTS.kinds[event.kind].trust
        consumer = (same_person or {}).get(event.consumer, event.consumer)
        ledgers[consumer, event.brand].append(
            LedgerEntry(event.event_id, at, to_day(at), event.kind, magnitude=severity, trust=trust)
        )
    return {
        (*pair, state.kind): tuple(getattr(state, name) for name in SUMS)
        for pair, entries in ledgers.items()
        for state in fold_ledger(entries, to_microseconds(as_of), POINTS)
        if POINTS.kinds[state.kind].entries
    }


def read_folded(workspace, as_of):
    """What the workspace says: sums by consumer, brand and kind."""
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        states = read_states(force.open(workspace, session), to_microseconds(as_of)).to_pylist()
        numbers = {row[name] for row in states for name in ("consumer_id", "brand_id")}
        names = name_entities(session, numbers)
    keys = {number: key for key, number in force.kind_ids.items()}
    folded = defaultdict(lambda: [0.0] * len(SUMS))
    for row in states:
        total = folded[names[row["consumer_id"]], names[row["brand_id"]], keys[row["kind_id"]]]
        for place, name in enumerate(SUMS):
            total[place] += row[name]
    return {key: tuple(sums) for key, sums in folded.items()}


def assert_same_states(found, expected):
    assert found.keys() == expected.keys()
    for key, sums in expected.items():
        for name, wanted, got in zip(SUMS, sums, found[key], strict=True):
            assert math.isclose(wanted, got, rel_tol=1e-9, abs_tol=1e-300), (key, name, wanted, got)


@contextmanager
def open_new(folder, clock=lambda: NOW):
    """The workspace in a folder; it is made when there is none."""
    if not (folder / STORE_FILE).exists():
        copy_made(folder, create_workspace)
    with open_workspace(folder, clock=clock) as workspace:
        yield workspace
