"""Attachment: setting the unknown consumer or brand of an event; the stored event itself is never changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from consumer_fusion.errors import ConflictError, InputError, NotFoundError
from consumer_fusion.events.entities import declare_keys, find_keys
from consumer_fusion.i18n.messages import Message, as_message
from consumer_fusion.ingest.validation import quote_text
from consumer_fusion.records.event import ATTACHMENTS, EVENTS, KINDS_OF_A_BRAND
from consumer_fusion.storage.duckdb import quote_paths
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.segments import UNATTRIBUTED_BUCKET, list_segments
from consumer_fusion.storage.store import RangeCondition, Session, Where

_LISTED = (
    "source_id", "event_id", "occurred_us", "consumer_id", "brand_id", "kind", "channel", "value", "currency", "text",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Attachment:
    """Result of an attachment.

    Attributes:
        source_id: Number of the event's source.
        event_id: Id of the event.
        consumer_id: Present consumer; 0 while unknown.
        brand_id: Present brand; 0 while unknown.
        sequence: Sequence in the inbox; None for a sealed event.
        is_new: Whether a party became known by it; otherwise it was stored before and is not counted again.
    """

    source_id: int
    event_id: str
    consumer_id: int
    brand_id: int
    sequence: int | None
    is_new: bool


def attach_event(
    session: Session, engine: Engine, folder: Path, *, source: str, event_id: str, consumer: str | None = None,
    brand: str | None = None, reason: str, now_us: int,
) -> Attachment:  # fmt: skip
    """Store the consumer or the brand of an event that lacks one.

    Args:
        session: A writing session.
        engine: Engine to look up sealed events with.
        folder: Folder of the workspace.
        source: Source of the event.
        event_id: Id of the event.
        consumer: Key of its consumer, if that was unknown.
        brand: Key of its brand, if that was unknown.
        reason: Reason, as entered by the user.
        now_us: Present time.

    Raises:
        InputError: Neither a consumer nor a brand is given.
        NotFoundError: There is no such event.
        ConflictError: The event has another consumer or brand already.
    """
    if consumer is None and brand is None:
        raise InputError("An event is attached to a consumer, to a brand or to both; neither was given.")
    source_id = find_keys(session, "source", [source]).get(source, 0)
    found = _find_event(session, engine, folder, source_id, event_id)
    if found is None:
        raise NotFoundError(
            Message(
                "There is no event '{event_id}' of the source '{source}'.", event_id=event_id, source=source
            ),
            hint="Both must match exactly (case-sensitive).",
        )
    parties: dict[str, int] = {}
    for entity_type, key in (("consumer", consumer), ("brand", brand)):
        column = f"{entity_type}_id"
        parties[column] = found[column] or 0
        if key is None:
            continue
        wanted = declare_keys(session, entity_type, [key])[key]
        if parties[column] not in (0, wanted):
            raise ConflictError(
                Message(
                    "The event '{event_id}' has a {entity_type} already.",
                    event_id=event_id,
                    entity_type=as_message(entity_type),
                ),
                hint=Message(
                    "Only an event whose {entity_type} is unknown is attached.",
                    entity_type=as_message(entity_type),
                ),
            )
        parties[column] = wanted
    if all(parties[column] == (found[column] or 0) for column in parties):
        return Attachment(
            source_id, event_id, parties["consumer_id"], parties["brand_id"], found["sequence"], False
        )
    session.replace(
        ATTACHMENTS,
        ATTACHMENTS.column_names,
        [(source_id, event_id, parties["consumer_id"], parties["brand_id"], reason, now_us)],
    )
    return Attachment(
        source_id, event_id, parties["consumer_id"], parties["brand_id"], found["sequence"], True
    )


LISTED_KINDS_OF_A_BRAND = ", ".join(f"'{kind}'" for kind in KINDS_OF_A_BRAND)
"""The kinds as a list in SQL."""


def list_unattributed(
    session: Session, engine: Engine, folder: Path, *, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """Events without a consumer or brand, the newest first.

    Args:
        session: Session of the store.
        engine: Engine to read sealed events with.
        folder: Folder of the workspace.
        limit: Maximum number of listed events.

    Returns:
        `source_id`, `event_id`, `occurred_us`, `consumer_id` and `brand_id` (0 while unknown), `kind`, `channel`,
        `value`, `currency` and `text` of each; and the total number.
    """
    hot = pa.concat_tables(
        [
            session.read(EVENTS, {"consumer_id": 0}, columns=_LISTED),
            session.read(EVENTS, {"brand_id": 0, "consumer_id": RangeCondition(above=0)}, columns=_LISTED),
        ]
    )
    listed = ", ".join(_LISTED)
    parts = [f"select {listed} from hot_events"]
    paths = [folder / each.path for each in list_segments(session) if each.bucket == UNATTRIBUTED_BUCKET]
    tables = {"hot_events": hot}
    if paths:
        # An attached event is in the inbox by now; its sealed copy stays where it was.
        tables["attached_events"] = session.read(ATTACHMENTS, columns=("source_id", "event_id"))
        parts.append(
            f"select {listed} from read_parquet({quote_paths(paths)}) u where not exists "
            "(select 1 from attached_events a where a.source_id = u.source_id and a.event_id = u.event_id)"
        )
    rows = engine.read(
        f"select *, count(*) over () as all_count from ({' union all '.join(parts)}) e "
        f"where e.brand_id = 0 or e.kind not in ({LISTED_KINDS_OF_A_BRAND}) "
        f"order by occurred_us desc, source_id, event_id limit {int(limit)}",
        step="list events without a party",
        tables=tables,
    )
    count = int(rows["all_count"][0].as_py()) if rows.num_rows else 0
    return rows.drop_columns(["all_count"]).to_pylist(), count


def _find_event(
    session: Session, engine: Engine, folder: Path, source_id: int, event_id: str
) -> dict[str, int] | None:
    key: Where = {"source_id": source_id, "event_id": event_id}
    columns = ("consumer_id", "brand_id")
    attached = session.read(ATTACHMENTS, key, columns=columns).to_pylist()
    hot: list[dict[str, int]] = session.read(EVENTS, key, columns=(*columns, "sequence")).to_pylist()
    if hot:
        return hot[0] | (attached[0] if attached else {})
    files = [folder / each.path for each in list_segments(session)]
    if not files:
        return None
    # An event that was attached before is also in the file of its consumer.
    sealed: list[dict[str, int]] = engine.read(
        f"""select consumer_id, brand_id, null as sequence from read_parquet({quote_paths(files)})
        where source_id = {int(source_id)} and event_id = {quote_text(event_id)}
        order by consumer_id <> 0 and brand_id <> 0 desc limit 1""",
        step="find a sealed event",
    ).to_pylist()
    return sealed[0] | (attached[0] if attached else {}) if sealed else None


def take_unattributed(session: Session, engine: Engine, folder: Path, attached: Attachment) -> pa.Table:
    """Remove an event from the unattributed ones and return it with its present parties.

    An event of the inbox is deleted there, to arrive again; a sealed one stays in its file, whose events with an
    unknown party are never read.

    Returns:
        One row of `events` without sequence, kind of the points table and magnitude.
    """
    names = [name for name in EVENTS.column_names if name not in ("sequence", "kind_id", "magnitude")]
    if attached.sequence is not None:
        row = session.read(EVENTS, {"sequence": attached.sequence}, columns=names)
        session.delete(EVENTS, {"sequence": attached.sequence})
    else:
        paths = [folder / each.path for each in list_segments(session) if each.bucket == UNATTRIBUTED_BUCKET]
        row = engine.read(
            f"select {', '.join(names)} from read_parquet({quote_paths(paths)}) "
            f"where source_id = {attached.source_id} and event_id = {quote_text(attached.event_id)}",
            step="read a sealed event",
        )
    for name in ("consumer_id", "brand_id"):
        value = pa.array([getattr(attached, name)], pa.int64())
        row = row.set_column(row.column_names.index(name), name, value)
    return row
