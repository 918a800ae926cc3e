"""Small workspaces for the tests of landing, sealing, repairing and looking after: a moment, some events, questions."""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from unittest import mock

import consumer_fusion as fusion
from consumer_fusion import inspection
from consumer_fusion.events import compaction
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.event import EVENTS
from consumer_fusion.score.queries import answers
from consumer_fusion.storage.duckdb import quote_paths
from consumer_fusion.storage.segments import list_segments
from copied_workspaces import copy_made

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


@contextmanager
def open_small(folder, *, days_later=0.0, **settings):
    """Open the workspace of a folder, made where there is none, at the tests' now; settings by name."""
    if not (folder / "fusion.db").exists():
        copy_made(folder, fusion.create_workspace)
    named = {
        f"CONSUMER_FUSION_{name.upper()}": str(value) for name, value in {"threads": 1, **settings}.items()
    }
    now = NOW + timedelta(days=days_later)
    with mock.patch.dict(os.environ, named), fusion.open_workspace(folder, clock=lambda: now) as workspace:
        yield workspace


def make_small(folder, events):
    """Have a workspace with these events in a folder; for `copied_workspaces`."""
    with open_small(folder) as workspace:
        fusion.import_events(workspace, events)


def make_order(number, *, days_ago=10.0, consumer="ann", brand="bakery", source="shop", **fields):
    """An order, by its number."""
    return fusion.Event(
        event_id=f"order-{number}",
        source=source,
        occurred_at=NOW - timedelta(days=days_ago),
        kind=fields.pop("kind", "Order Completed"),
        consumer=consumer,
        brand=brand,
        value=fields.pop("value", 20.0),
        currency="EUR",
        **fields,
    )


def make_orders(count, *, days=100, consumers=7, brands=3):
    """Orders over some days, several of a pair on a day, in no order of time."""
    return [
        make_order(
            number,
            days_ago=3 + (number * 37 % days) + number % 5 / 10,
            consumer=f"consumer-{number % consumers}",
            brand=f"brand-{number % brands}",
            value=10.0 + number % 9,
        )
        for number in range(count)
    ]


def write_lines(path, events):
    """Events as a file in the product's own format."""
    lines = []
    for event in events:
        line = {
            name: getattr(event, name)
            for name in ("event_id", "source", "kind", "consumer", "brand", "value")
        }
        lines.append(json.dumps({**line, "occurred_at": event.occurred_at.isoformat()}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def seal(workspace):
    """Seal whatever may be sealed."""
    return compaction.seal_inbox(workspace, is_forced=True)


def read_scores(workspace, as_of=NOW):
    """The scores by consumer and brand."""
    rows = answers.score_pairs(workspace, as_of=as_of)
    return {(row["consumer"], row["brand"]): row["fusion_score"] for row in rows.to_pylist()}


def find_problems(workspace, *, is_quick=False):
    """What the doctor finds wrong."""
    return [each.name for each in inspection.check_workspace(workspace, is_quick=is_quick) if not each.is_ok]


def count_places(workspace):
    """How often each event is kept, in the inbox and in segments together, by source and id."""
    with workspace.store.reading() as session:
        keys = session.read(ENTITIES, {"entity_type": "source"})
        names = dict(zip(keys["entity_id"].to_pylist(), keys["entity_key"].to_pylist()))
        rows = session.read(EVENTS, columns=("source_id", "event_id"))
        files = [workspace.folder / each.path for each in list_segments(session)]
    kept = Counter(zip(rows["source_id"].to_pylist(), rows["event_id"].to_pylist()))
    if files:
        sealed = workspace.engine.read(
            f"select source_id, event_id from read_parquet({quote_paths(files)})", step="count"
        )
        kept.update(zip(sealed["source_id"].to_pylist(), sealed["event_id"].to_pylist()))
    return Counter({(names[source], event_id): count for (source, event_id), count in kept.items()})


def count_inbox(workspace):
    """How many events are in the inbox."""
    with workspace.store.reading() as session:
        return session.count(EVENTS)


def list_files(workspace):
    """The segment files in the manifest."""
    with workspace.store.reading() as session:
        return [workspace.folder / each.path for each in list_segments(session)]
