"""Deduplication: finding staged rows that are stored already, and those of them that changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from consumer_fusion.events.entities import find_keys, read_keys
from consumer_fusion.events.sealed_ids import find_sealed
from consumer_fusion.ingest.staging import Staging
from consumer_fusion.ingest.validation import quote_text, sort_members
from consumer_fusion.records.event import EVENTS
from consumer_fusion.storage.duckdb import quote_paths
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.scratch import Scratch, StoredResult
from consumer_fusion.storage.segments import list_segments
from consumer_fusion.storage.store import Session

LOOKUP_LIMIT = 50_000
SAME_MOMENT_MICROSECONDS = 60_000_000
"""Clients correct their clock at every attempt, so that the same event may be sent with a slightly different time."""
KEY = ("source_id", "event_id")
CONTENT = (
    "consumer_id", "brand_id", "occurred_us", "kind", "channel", "value", "currency", "text", "trust", "properties",
)  # fmt: skip
_SHARED_FORMER_IDS = tuple(
    f"row-{hashlib.md5(b'|' * bars, usedforsecurity=False).hexdigest()}-" for bars in range(8)
)
"""Prefixes of the ids that all rows with a blank key of a group shared under the former rule."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Staged rows that are stored already, or occurred earlier in their import.

    Attributes:
        relation: SQL text of `position`, `known_id` (the stored id; null within the import), `is_changed`.
        count: Number of duplicates.
        changed_count: Number of duplicates with other content.
    """

    relation: str
    count: int
    changed_count: int


def find_duplicates(
    session: Session,
    folder: Path,
    staging: Staging,
    *,
    is_last_taken: bool = False,
) -> Duplicates:
    """Find the staged rows whose (source, event id) is stored already, or occurs more than once in the import.

    Rows without an id of their own are also recognised by the id that they had under the former rule (decision 0018).

    Args:
        session: Session of the store.
        folder: Folder of the workspace.
        staging: Validated rows.
        is_last_taken: Whether the last of several rows with one id in the import counts, not the first.
    """
    rows, scratch = staging.accepted, staging.scratch
    engine = scratch.engine
    sources = read_keys(session, "source")
    record, tables = _read_known(session, engine, folder, rows, sources)
    order = "desc" if is_last_taken else "asc"
    parts = [
        # Within the import: only ids whose hash occurs twice are compared in full, which keeps ten million in memory.
        f"""
        select position, taken_position, cast(null as varchar) as known_id, 'own' as rule from (
            select s.position, first_value(s.position) over same as taken_position, row_number() over same as nth
            from {rows} s join (
                select hash(source, event_id) as h from {rows} group by h having count(*) > 1
            ) twice on twice.h = hash(s.source, s.event_id)
            window same as (partition by s.source, s.event_id order by abs(s.position) {order})
        ) numbered where nth > 1
        """
    ]
    parts.append(_match_sql(rows, record, "event_id", "'own'"))
    tables |= {"sources": sources}
    own = scratch.keep("known", " union ".join(parts), step="find duplicates", tables=tables)
    found, found_rows = own.row_count, own.relation
    # A completely known import needs no second look-up.
    new = f"(select * from {rows} where former_id <> event_id and position not in "
    new += f"(select position from {own.relation}))"
    is_shared = " or ".join(f"starts_with(s.former_id, {quote_text(each)})" for each in _SHARED_FORMER_IDS)
    rule = f"case when {is_shared} then 'shared' else 'former' end"
    if engine.read(
        f"select 1 from {rows} where former_id <> event_id limit 1", step="look for former ids"
    ).num_rows:
        former = scratch.keep(
            "formerly_known",
            _match_sql(new, record, "former_id", rule),
            step="find duplicates by their former ids",
            tables=tables,
        )
        found += former.row_count
        found_rows = f"(select * from {own.relation} union all select * from {former.relation})"
    if not found:
        empty = "(select cast(0 as bigint) as position, '' as known_id, false as is_changed where false)"
        return Duplicates(empty, 0, 0)
    # Where the id is a hash of the content, or all texts are equal, nothing changed. The rest is compared by content,
    # which costs more.
    compared = f"(select d.* from {found_rows} d join {rows} s on s.position = d.position "
    compared += "where not s.is_generated or d.rule = 'shared')"
    tables |= _number_parties(session, engine, rows, compared)
    suspects = scratch.keep(
        "suspects",
        f"{_compare_sql(rows, compared, record, _hash)} select distinct position from compared where is_changed",
        step="compare duplicates by their text",
        tables=tables,
    )
    if not suspects.row_count:
        all_found = f"select position, max(known_id) as known_id, false as is_changed from {found_rows}"
        kept = scratch.keep("duplicates", f"{all_found} group by position", step="keep duplicates")
        return Duplicates(kept.relation, kept.row_count, 0)
    suspected = f"(select * from {compared} c where position in (select position from {suspects.relation}))"
    kept = scratch.keep(
        "duplicates",
        f"""{_compare_sql(rows, suspected, record, _digest)}
        select position, max(known_id) as known_id,
            -- An attached event may have two copies; a former id only compares text.
            coalesce(bool_and(is_changed) filter (known_id is not null), bool_and(is_changed))
                and bool_and(rule = 'own') as is_changed
        from (
            select * from compared where not (rule = 'shared' and is_changed)
            union all
            select position, known_id, rule, false from {found_rows}
            where position not in (select position from found)
        ) compared_rows
        group by position""",
        step="compare duplicates",
        tables=tables,
    )
    return Duplicates(kept.relation, kept.row_count, _count_changed(engine, kept))


def _match_sql(rows: str, known: str, name: str, rule: str) -> str:
    return f"""
        select s.position, cast(null as bigint) as taken_position, e.event_id as known_id, {rule} as rule
        from {rows} s join sources k on k.entity_key = s.source
        join {known} e on e.source_id = k.entity_id and e.event_id = s.{name}
    """


def _read_known(
    session: Session, engine: Engine, folder: Path, rows: str, sources: pa.Table
) -> tuple[str, dict[str, pa.Table]]:
    """The relation of stored events that may match the staged ones, and its tables."""
    keys = engine.read(
        f"""
        select distinct k.entity_id as source_id, s.event_id
        from (select source, unnest([event_id, former_id]) as event_id from {rows}) s
        join sources k on k.entity_key = s.source where s.event_id is not null limit {LOOKUP_LIMIT + 1}
        """,
        step="list the ids of the import",
        tables={"sources": sources},
    )
    columns = (*KEY, *CONTENT)
    segments = list_segments(session)
    # A few are looked up by key, however many are stored; for many it is faster to read all.
    if keys.num_rows <= LOOKUP_LIMIT:
        tables = {"hot_events": session.read_matching(EVENTS, keys, columns=columns)}
        record = "hot_events"
        if keys.num_rows and segments:
            tables["sealed_events"] = find_sealed(engine, folder, segments, keys, columns=columns)
            record = "(select * from hot_events union all select * from sealed_events)"
    else:
        tables = {"hot_events": session.read(EVENTS, columns=columns)}
        record = "hot_events"
        if segments:
            listed = ", ".join(columns)
            sealed = f"read_parquet({quote_paths([folder / each.path for each in segments])})"
            record = f"(select {listed} from hot_events union all select {listed} from {sealed})"
    return record, tables


def _number_parties(session: Session, engine: Engine, rows: str, compared: str) -> dict[str, pa.Table]:
    """The numbers of the consumers and brands of the duplicates, as far as they are known."""
    tables: dict[str, pa.Table] = {}
    for entity_type in ("consumer", "brand"):
        keys = engine.read(
            f"select distinct s.{entity_type} as key from {rows} s "
            f"join {compared} d on d.position = s.position "
            f"where s.{entity_type} is not null",
            step="list the parties of duplicates",
        )
        numbers: dict[str, int] = {}
        for batch in keys.to_batches(max_chunksize=100_000):
            numbers |= find_keys(session, entity_type, batch.column(0).to_pylist())
        tables[f"known_{entity_type}s"] = pa.table(
            {
                "key": pa.array(list(numbers), pa.string()),
                "number": pa.array(list(numbers.values()), pa.int64()),
            }
        )
    return tables


_WORDS = ("kind", "channel", "currency", "text")


def _hash(row: str) -> str:
    """A digest of the text of an event, fast and valid for one run."""
    words = ", ".join(f"cast({row}.{name} as varchar)" for name in (*_WORDS, "properties"))
    return f"hash({words}, cast({row}.value as double), cast(coalesce({row}.trust, 1) as double))"


def _digest(row: str) -> str:
    """A digest of the content of an event."""
    numbers = (f"{row}.value + 0", f"coalesce({row}.trust, 1)")
    properties = sort_members(f"nullif(cast({row}.properties as varchar), '{{}}')")
    listed = ", ".join(
        f"cast({value} as varchar)" for value in (*(f"{row}.{name}" for name in _WORDS), *numbers, properties)
    )
    return f"md5_number_lower(cast(to_json([{listed}]) as varchar))"


def _compare_sql(rows: str, found: str, record: str, digest: Callable[[str], str]) -> str:
    """The beginning of a query: `compared` has the duplicates found, each with whether its content differs.

    A row without a consumer or brand does not contradict the stored one, and neither does a mere time of arrival.
    """
    moved = f"m.occurred_us <> m.received_us and abs(m.occurred_us - %s.occurred_us) >= {SAME_MOMENT_MICROSECONDS}"
    return f"""
with found as (select * from {found}),
mine as (
    select s.position, k.entity_id as source_id, s.consumer, s.brand, c.number as consumer_id, b.number as brand_id,
        s.occurred_us, s.received_us, {digest("s")} as digest
    from {rows} s left join sources k on k.entity_key = s.source
    left join known_consumers c on c.key = s.consumer left join known_brands b on b.key = s.brand
    where s.position in (select position from found union select taken_position from found)
),
known as materialized (
    -- By itself, so that no stored event is joined by its source alone: a plan once compared all with all.
    select m.*, d.known_id, d.rule from found d join mine m on m.position = d.position where d.known_id is not null
),
compared as (
    select m.position, m.known_id, m.rule, coalesce(e.event_id is not null and (
            m.consumer is not null and m.consumer_id is distinct from e.consumer_id
            or m.brand is not null and m.brand_id is distinct from e.brand_id
            or {moved % "e"} or m.digest <> {digest("e")}), false) as is_changed
    from known m left join {record} e on e.source_id = m.source_id and e.event_id = m.known_id
    union all
    select d.position, d.known_id, d.rule, m.consumer is not null and m.consumer is distinct from t.consumer
            or m.brand is not null and m.brand is distinct from t.brand
            or {moved % "t"} or m.digest <> t.digest
    from found d join mine m on m.position = d.position join mine t on t.position = d.taken_position
    where d.known_id is null
)"""


def exclude_rows(scratch: Scratch, duplicates: Duplicates, positions: Sequence[int]) -> Duplicates:
    """The duplicates without some rows that are to land nevertheless."""
    kept = scratch.keep(
        "passed_over",
        f"select d.* from {duplicates.relation} d anti join excluded l on l.position = d.position",
        step="let corrected rows in",
        tables={"excluded": pa.table({"position": pa.array(positions, pa.int64())})},
    )
    return Duplicates(kept.relation, kept.row_count, _count_changed(scratch.engine, kept))


def _count_changed(engine: Engine, kept: StoredResult) -> int:
    counted = engine.read(f"select count(*) as n from {kept.relation} where is_changed", step="count changes")
    return int(counted["n"][0].as_py())
