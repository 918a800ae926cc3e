"""Accepting staged events: keys become numbers, events become durable.

Reading and validating files is `staging`, which of the rows are here already is `duplicates`; what an event is worth
is not known here.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from consumer_fusion.engines import Engine, quote_paths
from consumer_fusion.kit.characters import check_name
from consumer_fusion.kit.consumer_keys import fold_key
from consumer_fusion.kit.ids import make_id
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.event import EVENTS, SEGMENT_COLUMNS
from consumer_fusion.records.segment import Segment
from consumer_fusion.settings import BUCKET_COUNT
from consumer_fusion.stores import (
    UNATTRIBUTED_BUCKET,
    Between,
    Session,
    Value,
    Where,
    finish_file,
    place_segment,
)

INBOX_COLUMNS = EVENTS.column_names[1:]
_COMPARED_KEYS = 5_000
_SEGMENT_NAMES = tuple(column.name for column in SEGMENT_COLUMNS if column.name != "same_day_count")


def read_keys(session: Session, entity_type: str) -> pa.Table:
    """All keys of a type with their numbers: entity_key, entity_id."""
    return session.read(ENTITIES, {"entity_type": entity_type}, columns=("entity_key", "entity_id"))


def find_keys(session: Session, entity_type: str, keys: Sequence[str]) -> dict[str, int]:
    """The numbers of those of the keys that are known."""
    wanted = pa.table(
        {"entity_type": pa.array([entity_type] * len(keys)), "entity_key": pa.array(keys, pa.string())}
    )
    found = session.read_matching(ENTITIES, wanted, columns=("entity_key", "entity_id"))
    return dict(zip(found["entity_key"].to_pylist(), found["entity_id"].to_pylist()))


def find_nearest_key(session: Session, entity_type: str, key: str) -> str | None:
    """The known key that is most like one that is not known, such as one mistyped; None where none is like it."""
    known: list[str] = []
    for opening in dict.fromkeys((key[:2], key[:2].lower(), key[:2].upper(), key[:2].title())):
        between = Between(above=opening, at_most=f"{opening}\U0010ffff")
        where: Where = {"entity_type": entity_type, "entity_key": between}
        known += session.read(ENTITIES, where, columns=("entity_key",), limit=_COMPARED_KEYS)[
            "entity_key"
        ].to_pylist()
    by_folded = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(key.casefold(), list(by_folded), n=1, cutoff=0.75)
    return by_folded[near[0]] if near else None


def name_entities(session: Session, entity_ids: Iterable[int]) -> dict[int, str]:
    """The keys of the numbers."""
    wanted = pa.table({"entity_id": pa.array(sorted(set(entity_ids)), pa.int64())})
    found = session.read_matching(ENTITIES, wanted, columns=("entity_id", "entity_key"))
    return dict(zip(found["entity_id"].to_pylist(), found["entity_key"].to_pylist()))


def ensure_keys(session: Session, entity_type: str, keys: Iterable[str]) -> dict[str, int]:
    """The numbers of the keys; keys that are new get one.

    Args:
        session: A writing session.
        entity_type: consumer, brand or source.
        keys: Keys outside.
    """
    wanted = list(dict.fromkeys(keys))
    known = find_keys(session, entity_type, wanted)
    new = [key for key in wanted if key not in known]
    if new:
        session.insert(ENTITIES, ("entity_type", "entity_key"), ((entity_type, key) for key in new))
        known |= find_keys(session, entity_type, new)
    return known


def declare_keys(session: Session, entity_type: str, keys: Iterable[str]) -> dict[str, int]:
    """The numbers of keys that people wrote; see `ensure_keys`, whose keys were checked when their events came.

    A new key of a consumer is folded as those of events are, so that events meet it.

    Raises:
        InputError: A new one holds a character that no key may hold.
    """
    wanted = list(dict.fromkeys(keys))
    known = find_keys(session, entity_type, wanted)
    new = {key: fold_key(key) if entity_type == "consumer" else key for key in wanted if key not in known}
    for key in new.values():
        check_name(f"The key of a {entity_type}", key)
    numbers = ensure_keys(session, entity_type, new.values())
    return known | {key: numbers[folded] for key, folded in new.items()}


def write_keys(
    session: Session, engine: Engine, staged_sql: str, column: str, entity_type: str, path: Path
) -> None:
    """Give every distinct value of a staged column its number, and write both to a Parquet file, batch by batch."""
    batches = engine.read(
        f"select distinct {column} as key from {staged_sql} where {column} is not null order by 1",
        step=f"list the keys of the column {column}",
    )
    keys: list[pa.Table] = []
    for batch in batches.to_batches(max_chunksize=100_000):
        numbers = ensure_keys(session, entity_type, batch.column(0).to_pylist())
        keys.append(
            pa.table(
                {
                    "entity_key": pa.array(list(numbers), pa.string()),
                    "entity_id": pa.array(list(numbers.values()), pa.int64()),
                }
            )
        )
    schema = pa.schema([("entity_key", pa.string()), ("entity_id", pa.int64())])
    table = pa.concat_tables(keys) if keys else schema.empty_table()
    pq.write_table(table, path)


def land_in_inbox(session: Session, events: Mapping[str, Sequence[Value]]) -> int:
    """Put annotated events, column by column, into the inbox and return how many were new."""
    rows = zip(*(events[name] for name in INBOX_COLUMNS), strict=True)
    return session.insert(EVENTS, INBOX_COLUMNS, rows, ignore=True)


def write_segments(
    engine: Engine,
    folder: Path,
    events_sql: str,
    tables: Mapping[str, pa.Table],
    *,
    buckets: Sequence[int] = (*range(BUCKET_COUNT), UNATTRIBUTED_BUCKET),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Segment]:
    """Write events into sealed files, one a bucket, sorted by pair, kind and time.

    Args:
        engine: Where to compute.
        folder: The workspace.
        events_sql: A relation of annotated events with the columns of a segment but the last.
        tables: What the relation refers to.
        buckets: Which buckets to write.
        progress: Called with buckets done and buckets in all.

    Returns:
        The segments; they exist once the caller enters them into the manifest.
    """
    listed = ", ".join(_SEGMENT_NAMES)
    segments: list[Segment] = []
    for done, bucket in enumerate(buckets):
        chosen = (
            "consumer_id = 0 or brand_id = 0"
            if bucket == UNATTRIBUTED_BUCKET
            else f"consumer_id <> 0 and brand_id <> 0 and consumer_id % {BUCKET_COUNT} = {bucket}"
        )
        segment_id = make_id()
        final = place_segment(folder, segment_id, bucket)
        unfinished = final.with_suffix(".parquet.unfinished")
        count = engine.write(
            f"""
            select {listed}, cast(sum(case when trust > 0 then 1 else 0 end)
                over (partition by consumer_id, brand_id, kind_id, day) as bigint) as same_day_count
            from {events_sql} e where {chosen}
            order by consumer_id, brand_id, kind_id, occurred_us, source_id, event_id
            """,
            unfinished,
            step="seal events",
            tables=tables,
        )
        progress(done + 1, len(buckets))
        if not count:
            unfinished.unlink()
            continue
        days = engine.read(
            f"select min(day) as first, max(day) as last from read_parquet({quote_paths([unfinished])})",
            step="read the days of a segment",
        ).to_pylist()[0]
        digest = finish_file(unfinished, final)
        segments.append(
            Segment(
                segment_id=segment_id,
                path=str(final.relative_to(folder)),
                bucket=bucket,
                row_count=count,
                min_day=days["first"],
                max_day=days["last"],
                sha256=digest,
            )
        )
    return segments
