"""Replacement: changed events of a source replace the stored ones, in the transaction of their landing."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from consumer_fusion.events.corrections import (
    find_undone_corrections,
    keep_corrections,
    list_changed,
    name_parties,
    serialise_stored,
)
from consumer_fusion.events.deduplication import Duplicates, exclude_rows
from consumer_fusion.events.entities import find_keys
from consumer_fusion.events.event_reader import map_canonical
from consumer_fusion.events.landing import Landing
from consumer_fusion.events.rewriting import remove_events


@dataclass(frozen=True, slots=True)
class Replacement:
    """Result of the replacement of an import.

    Attributes:
        duplicates: Rows that are skipped, without those that replace stored events.
        parties: Parties of the replaced events, by `source` and `event_id`.
        count: Number of replaced events.
        newest_us: Time of the newest of them, as stored before; None where none was replaced.
        taken: The removed events, as they were.
    """

    duplicates: Duplicates
    parties: pa.Table
    count: int
    newest_us: int | None
    taken: pa.Table


def replace_events(landing: Landing) -> Replacement:
    """Remove the stored events that an import changes, so that its rows land in their place.

    If the landing notes what was replaced, every row replaces its event; otherwise only rows that differ do, except
    those of corrections that a user undid, and corrections are recorded.
    """
    workspace, session, staging, note = (
        landing.workspace,
        landing.session,
        landing.staging,
        landing.note_replaced,
    )
    duplicates = landing.duplicates
    assert duplicates is not None
    engine = workspace.engine
    rows = [
        row
        for batch in list_changed(engine, staging, duplicates, with_unchanged=note is not None)
        for row in batch.to_pylist()
    ]
    if note is None:
        undone = find_undone_corrections(session, rows)
        rows = [row for row in rows if (row["source"], row["event_id"]) not in undone]
    sources = find_keys(session, "source", sorted({row["source"] for row in rows}))
    keys = pa.table(
        {
            "source_id": pa.array([sources.get(row["source"], 0) for row in rows], pa.int64()),
            "event_id": pa.array([row["event_id"] for row in rows], pa.string()),
        }
    )
    taken = remove_events(session, engine, workspace.folder, keys, workspace.now_us)
    former = serialise_stored(session, engine, taken)
    # A row of an event that occurs twice within this import replaces no stored event.
    rows = [row for row in rows if (sources.get(row["source"], 0), row["event_id"]) in former]
    if note is not None:
        note(session, former)
    elif rows:
        keep_corrections(session, rows, now_us=workspace.now_us, former=former)
    owners = {each for each in taken["consumer_id"].to_pylist() if each}
    landing.refold_consumers |= set(map_canonical(session, owners).values())
    positions = [row["position"] for row in rows]
    left = exclude_rows(landing.scratch, duplicates, positions)
    newest_us = max(taken["occurred_us"].to_pylist(), default=None)
    return Replacement(left, name_parties(former.values()), len(rows), newest_us, taken)
