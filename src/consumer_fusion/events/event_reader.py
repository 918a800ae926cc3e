"""Reading events: the sealed segments, the inbox and the derived events, as one relation.

Segments are pruned by bucket and day before the engine opens a file. Merged consumers are read under the
canonical consumer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.records.event import ATTACHMENTS, DERIVED_EVENTS, EVENTS, LEDGER_COLUMNS
from consumer_fusion.records.identity import IDENTITIES
from consumer_fusion.records.segment import Segment
from consumer_fusion.records.timestamps import to_day
from consumer_fusion.settings import BUCKET_COUNT
from consumer_fusion.storage.duckdb import quote_paths
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.segments import UNATTRIBUTED_BUCKET, list_segments
from consumer_fusion.storage.store import RangeCondition, Session, Where

FOLDED_MARK = "folded_sequence"
NEWEST_MARK = "newest_occurred_us"
FOLDED_DERIVED_MARK = "folded_derived_sequence"
FOLD_COLUMNS = ("consumer_id", "brand_id", "kind_id", "day", "occurred_us", "magnitude", "trust")
"""The columns of an event that a fold reads."""
_SELECTED_BY = ("consumer_id", "brand_id", "kind_id", "occurred_us", "day")
NO_EVENTS = "no_events"
"""Table for the events of a store without any."""
FEW_MEMBERS = 200
"""Maximum number of consumers that are looked up one by one."""


@dataclass(frozen=True, slots=True)
class EventSource:
    """Events of a session of the store, as a relation for a query.

    Attributes:
        relation: SQL text of a relation in parentheses.
        tables: Tables to which the relation refers.
    """

    relation: str
    tables: dict[str, pa.Table] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether it is known without a query that there are no events."""
        return NO_EVENTS in self.tables


@dataclass(frozen=True, slots=True)
class EventSelection:
    """Selection of events; None for all.

    Attributes:
        consumers: Canonical consumers.
        brand_ids: Brands.
        kind_ids: Kinds.
        until_us: Last time, inclusive.
        times_us: Times; they replace `min_day` and `max_day`.
        min_day: First UTC day.
        max_day: Last UTC day.
        is_folded_only: Whether to leave out inbox rows that are not in the state yet.
        is_attributed_only: Whether to leave out events with an unknown consumer or brand.
    """

    consumers: Collection[int] | None = None
    brand_ids: Collection[int] | None = None
    kind_ids: Collection[int] | None = None
    until_us: int | None = None
    times_us: Collection[int] | None = None
    min_day: int | None = None
    max_day: int | None = None
    is_folded_only: bool = False
    is_attributed_only: bool = True


def read_identity_map(session: Session, consumers: Collection[int] | None = None) -> dict[int, int]:
    """The canonical consumer of every absorbed consumer.

    Args:
        session: Session of the store.
        consumers: Consumers for which the map must be complete, as members or canonical ones; None for all.
    """
    if consumers is None or len(consumers) > FEW_MEMBERS:
        parts = [session.read(IDENTITIES)]
    else:
        parts = [session.read(IDENTITIES, {name: list(consumers)}) for name in ("member_id", "canonical_id")]
    return {
        member: root
        for rows in parts
        for member, root in zip(rows["member_id"].to_pylist(), rows["canonical_id"].to_pylist(), strict=True)
    }


def find_canonical(session: Session, consumer_id: int) -> int:
    """The canonical consumer of a consumer; `map_canonical` finds those of many."""
    return map_canonical(session, [consumer_id])[consumer_id]


def map_canonical(session: Session, consumers: Collection[int]) -> dict[int, int]:
    """The canonical consumers of these consumers, by one query for all."""
    canonical = {each: each for each in consumers}
    if canonical:
        keys = pa.table({"member_id": pa.array(list(canonical), pa.int64())})
        rows = session.read_matching(IDENTITIES, keys, columns=("member_id", "canonical_id"))
        canonical.update(zip(rows["member_id"].to_pylist(), rows["canonical_id"].to_pylist(), strict=True))
    return canonical


def find_members(session: Session, consumers: Collection[int]) -> list[int]:
    """All consumers with the same canonical consumers as these, including themselves."""
    canonical = set(map_canonical(session, consumers).values())
    return list_members(read_identity_map(session, canonical), canonical)


def list_members(identity_map: dict[int, int], consumers: Collection[int]) -> list[int]:
    """The consumers and all that were absorbed by them."""
    wanted = set(consumers)
    return sorted(wanted | {member for member, root in identity_map.items() if root in wanted})


def list_known_to_brands(
    session: Session, engine: Engine, folder: Path, consumers: Collection[int], brand_ids: Collection[int]
) -> set[int]:
    """Those of the consumers, as sources named them, with an event at one of the brands."""
    selection = EventSelection(consumers=sorted(consumers), brand_ids=sorted(brand_ids))
    source = open_events(session, folder, selection, columns=("consumer_id", "brand_id"), is_merged=False)
    rows = engine.read(
        f"select distinct consumer_id from {source.relation}",
        step="find consumers that brands know",
        tables=source.tables,
    )
    return set(rows["consumer_id"].to_pylist())


def find_newest(session: Session, engine: Engine, folder: Path) -> int:
    """The time of the newest stored event, read from all of them; 0 where there is none."""
    source = open_events(
        session, folder, EventSelection(is_attributed_only=False), columns=("occurred_us",), is_merged=False
    )
    found = engine.read(
        f"select max(occurred_us) as newest from {source.relation}",
        step="find the newest stored event",
        tables=source.tables,
    )
    return int(found["newest"][0].as_py() or 0)


def open_events(
    session: Session,
    folder: Path,
    selection: EventSelection = EventSelection(),
    *,
    columns: Sequence[str] = FOLD_COLUMNS,
    segments: Sequence[Segment] | None = None,
    only_segments: bool = False,
    is_merged: bool = True,
) -> EventSource:
    """The selected attributed events, each under its canonical consumer.

    Args:
        session: Session of the store.
        folder: Folder of the workspace.
        selection: Events to read.
        columns: Columns to read, of `LEDGER_COLUMNS`.
        segments: Segments to read instead of those of the manifest.
        only_segments: Whether to leave out inbox and derived events.
        is_merged: Whether consumers are canonical; otherwise they are as named by their source, also in the selection.
    """
    if selection.times_us:
        # So that files and row groups without any of them are skipped.
        first, last = to_day(min(selection.times_us)), to_day(max(selection.times_us))
        selection = replace(selection, min_day=first, max_day=last)
    identity_map = read_identity_map(session, selection.consumers) if is_merged else {}
    members = None if selection.consumers is None else list_members(identity_map, selection.consumers)
    tables: dict[str, pa.Table] = {}
    parts: list[str] = []
    paths = [
        folder / each.path
        for each in (list_segments(session) if segments is None else segments)
        if each.bucket != UNATTRIBUTED_BUCKET and _may_hold(each, selection, members)
    ]
    unattributed = [
        folder / each.path
        for each in (list_segments(session) if not selection.is_attributed_only else ())
        if each.bucket == UNATTRIBUTED_BUCKET
    ]
    listed = ", ".join(columns)
    if members is not None and len(members) > 1000:
        tables["wanted_consumers"] = pa.table({"consumer_id": pa.array(members, pa.int64())})
    if selection.times_us is not None and len(selection.times_us) > 1000:
        tables["wanted_times"] = pa.table({"occurred_us": pa.array(selection.times_us, pa.int64())})
    condition = _write_conditions(selection, members)
    if paths:
        stored = ", ".join(_sealed_column(name) for name in columns)
        parts.append(f"select {stored} from read_parquet({quote_paths(paths)}){condition}")
    if unattributed:
        # An attached event is in the inbox by now; its sealed copy stays where it was and no longer counts.
        tables["attached_events"] = session.read(ATTACHMENTS, columns=("source_id", "event_id"))
        stored = ", ".join(_sealed_column(name) for name in columns)
        parts.append(
            f"select {stored} from read_parquet({quote_paths(unattributed)}) u{condition} and not exists "
            "(select 1 from attached_events a where a.source_id = u.source_id and a.event_id = u.event_id)"
        )
    if not only_segments:
        for name, table, mark in (
            ("inbox", EVENTS, FOLDED_MARK),
            ("derived", DERIVED_EVENTS, FOLDED_DERIVED_MARK),
        ):
            rows = _read_hot(session, table, mark, selection, members, columns)
            if rows.num_rows:
                tables[f"{name}_events"] = rows
                parts.append(f"select {listed} from {name}_events{condition}")
    if not parts:
        tables[NO_EVENTS] = _empty(columns)
        parts.append(f"select {listed} from {NO_EVENTS}")
    relation = " union all ".join(parts)
    if identity_map:
        tables["identity_map"] = _to_table(identity_map)
        renamed = ", ".join(
            "coalesce(i.canonical_id, e.consumer_id) as consumer_id" if name == "consumer_id" else f"e.{name}"
            for name in columns
        )
        relation = (
            f"select {renamed} from ({relation}) e left join identity_map i on i.member_id = e.consumer_id"
        )
    return EventSource(f"({relation})", tables)


def read_events(
    session: Session,
    engine: Engine,
    folder: Path,
    selection: EventSelection,
    *,
    columns: Sequence[str],
    segments: Sequence[Segment] | None = None,
    only_segments: bool = False,
) -> pa.Table:
    """The selected attributed events, each under its canonical consumer, in any order: for few events.

    The engine reads segments only. Events of the inbox and derived ones are selected as they leave the store, because
    planning a query over them takes several times longer than that.

    Args:
        session: Session of the store.
        engine: Engine to read segments with.
        folder: Folder of the workspace.
        selection: Events to read.
        columns: Columns to read, of `LEDGER_COLUMNS`.
        segments: Segments to read instead of those of the manifest.
        only_segments: Whether to leave out inbox and derived events.
    """
    identity_map = read_identity_map(session, selection.consumers)
    members = None if selection.consumers is None else list_members(identity_map, selection.consumers)
    selection = replace(selection, consumers=members)
    needed = tuple(dict.fromkeys((*columns, *_SELECTED_BY)))
    schema = _empty(columns).schema
    parts = [schema.empty_table()]
    if not only_segments:
        for table, mark in ((EVENTS, FOLDED_MARK), (DERIVED_EVENTS, FOLDED_DERIVED_MARK)):
            rows = _read_hot(session, table, mark, selection, members, needed)
            parts.append(rows.filter(_find_selected(rows, selection)).select(columns).cast(schema))
    stored = open_events(
        session, folder, selection, columns=columns, segments=segments, only_segments=True, is_merged=False
    )
    if not stored.is_empty:
        text = f"select * from {stored.relation} e"
        parts.append(engine.read(text, step="read sealed events", tables=stored.tables).cast(schema))
    events = pa.concat_tables(parts)
    if identity_map:
        known, own = _to_table(identity_map), events["consumer_id"].combine_chunks()
        place = pc.index_in(own, known["member_id"].combine_chunks())
        canonical = pc.coalesce(known["canonical_id"].combine_chunks().take(place), own)
        events = events.set_column(events.column_names.index("consumer_id"), "consumer_id", canonical)
    return events.select(columns)


def _find_selected(rows: pa.Table, selection: EventSelection) -> npt.NDArray[np.bool_]:
    """Whether each row meets the selection, with the conditions of `_write_conditions`."""
    consumer_id, brand_id, kind_id, occurred_us, day = (rows[name].to_numpy() for name in _SELECTED_BY)
    is_selected = np.ones(rows.num_rows, np.bool_)
    if selection.is_attributed_only:
        is_selected &= (consumer_id != 0) & (brand_id != 0)
    for values, wanted in (
        (consumer_id, selection.consumers),
        (brand_id, selection.brand_ids),
        (kind_id, selection.kind_ids),
        (occurred_us, selection.times_us),
    ):
        if wanted is not None:
            is_selected &= np.isin(values, np.fromiter(wanted, np.int64))
    if selection.until_us is not None:
        is_selected &= occurred_us <= selection.until_us
    if selection.min_day is not None:
        is_selected &= day >= selection.min_day
    if selection.max_day is not None:
        is_selected &= day <= selection.max_day
    return is_selected


def find_pairs_of(engine: Engine, events: EventSource) -> set[tuple[int, int]]:
    """The pairs of events: consumer, as stored, and brand."""
    found = engine.read(
        f"select distinct consumer_id, brand_id from {events.relation} e where consumer_id <> 0 and brand_id <> 0",
        step="find the pairs of events", tables=events.tables,
    )  # fmt: skip
    return set(zip(found["consumer_id"].to_pylist(), found["brand_id"].to_pylist(), strict=True))


def _may_hold(segment: Segment, selection: EventSelection, members: Collection[int] | None) -> bool:
    if members is not None and len(members) < 4 * BUCKET_COUNT:
        if segment.bucket not in {member % BUCKET_COUNT for member in members}:
            return False
    if selection.min_day is not None and segment.max_day < selection.min_day:
        return False
    return selection.max_day is None or segment.min_day <= selection.max_day


def _write_conditions(selection: EventSelection, members: Collection[int] | None) -> str:
    # Only whole numbers are written into the text; they come from the store, never from outside.
    conditions = ["consumer_id <> 0", "brand_id <> 0"] if selection.is_attributed_only else ["1 = 1"]
    if members is not None:
        listed = (
            "select consumer_id from wanted_consumers"
            if len(members) > 1000
            else ", ".join(str(int(member)) for member in members) or "null"
        )
        conditions.append(f"consumer_id in ({listed})")
    for name, wanted in (("brand_id", selection.brand_ids), ("kind_id", selection.kind_ids)):
        if wanted is not None:
            conditions.append(f"{name} in ({', '.join(str(int(each)) for each in wanted) or 'null'})")
    if selection.times_us is not None:
        listed = (
            "select occurred_us from wanted_times"
            if len(selection.times_us) > 1000
            else ", ".join(str(int(each)) for each in selection.times_us) or "null"
        )
        conditions.append(f"occurred_us in ({listed})")
        if selection.times_us:
            first, last = min(selection.times_us), max(selection.times_us)
            conditions.append(f"occurred_us between {int(first)} and {int(last)}")
    if selection.until_us is not None:
        conditions.append(f"occurred_us <= {int(selection.until_us)}")
    if selection.min_day is not None:
        conditions.append(f"day >= {int(selection.min_day)}")
    if selection.max_day is not None:
        conditions.append(f"day <= {int(selection.max_day)}")
    return " where " + " and ".join(conditions)


def _read_hot(
    session: Session,
    table: object,
    mark: str,
    selection: EventSelection,
    members: list[int] | None,
    columns: Sequence[str],
) -> pa.Table:
    assert table is EVENTS or table is DERIVED_EVENTS
    present = [name for name in columns if name in table.column_names]
    newest_sequence = int(session.read_mark(mark) or 0) if selection.is_folded_only else None
    if members is not None and len(members) > FEW_MEMBERS:
        # Looked up by consumer: the inbox may contain many more events than are needed.
        wanted = pa.table({"consumer_id": pa.array(members, pa.int64())})
        rows = session.read_matching(table, wanted, columns=("sequence", *present))
        if newest_sequence is not None:
            rows = rows.filter(pc.less_equal(rows["sequence"], newest_sequence))
        rows = rows.select(present)
    else:
        where: dict[str, object] = {}
        if newest_sequence is not None:
            where["sequence"] = RangeCondition(at_most=newest_sequence)
        if members is not None:
            where["consumer_id"] = members
        if selection.min_day is not None:
            where["day"] = RangeCondition(above=selection.min_day - 1)
        if selection.brand_ids is not None and len(selection.brand_ids) <= FEW_MEMBERS:
            where["brand_id"] = list(selection.brand_ids)
        if selection.times_us is not None and len(selection.times_us) <= FEW_MEMBERS:
            where["occurred_us"] = list(selection.times_us)
        rows = session.read(table, _as_where(where), columns=present)
    for position, name in enumerate(columns):
        if name not in present:
            rows = rows.add_column(position, name, pa.nulls(rows.num_rows, pa.string()))
    return rows


def _as_where(where: dict[str, object]) -> Where:
    return where  # type: ignore[return-value]


def _sealed_column(name: str) -> str:
    return f"cast(null as varchar) as {name}" if name in ("parent_event_id", "sentence") else name


def _empty(columns: Sequence[str]) -> pa.Table:
    types = {column.name: column.type for column in DERIVED_EVENTS.columns}
    arrow = {"integer": pa.int64(), "real": pa.float64(), "text": pa.string()}
    return pa.table({name: pa.array([], arrow[types[name]]) for name in columns})


def _to_table(identity_map: dict[int, int]) -> pa.Table:
    return pa.table(
        {
            "member_id": pa.array(list(identity_map), pa.int64()),
            "canonical_id": pa.array(list(identity_map.values()), pa.int64()),
        }
    )


__all__ = [
    "FOLDED_DERIVED_MARK",
    "FOLDED_MARK",
    "NEWEST_MARK",
    "FOLD_COLUMNS",
    "LEDGER_COLUMNS",
    "EventSource",
    "EventSelection",
    "find_canonical",
    "find_members",
    "find_newest",
    "find_pairs_of",
    "list_known_to_brands",
    "list_members",
    "map_canonical",
    "open_events",
    "read_events",
    "read_identity_map",
]
