"""Corrections: changed versions of stored events, kept for review, applied or undone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from consumer_fusion.errors import ConflictError, NotFoundError
from consumer_fusion.events.deduplication import KEY, Duplicates
from consumer_fusion.events.entities import find_keys, name_entities
from consumer_fusion.ingest.arrow_events import CANONICAL_SCHEMA
from consumer_fusion.ingest.staging import Staging
from consumer_fusion.records.ids import keep_possible
from consumer_fusion.records.import_record import CORRECTIONS, Correction, CorrectionStatus
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.store import Session

_AT_A_TIME = 10_000
_COPIED = (
    "source",
    "event_id",
    "precision",
    "consumer",
    "brand",
    "kind",
    "channel",
    "currency",
    "text",
    "properties",
)


def list_changed(
    engine: Engine, staging: Staging, duplicates: Duplicates, *, with_unchanged: bool = False
) -> Iterator[pa.RecordBatch]:
    """The present versions of events that are stored already: `position`, `source`, `event_id` and `newer`.

    Of several rows of one event the last one of the import counts; if it equals the stored event, nothing changed.

    Args:
        engine: Engine to read the rows with.
        staging: Validated rows.
        duplicates: Rows that are stored already.
        with_unchanged: Whether to include rows equal to the stored event.
    """
    chosen = "" if with_unchanged else "where is_changed"
    return engine.stream(
        f"select position, source, event_id, newer from {_last_told(staging, duplicates)} {chosen} order by position",
        step="list corrected events",
        rows_per_batch=_AT_A_TIME,
    )


def forget_returned(session: Session, engine: Engine, staging: Staging, duplicates: Duplicates) -> int:
    """Delete waiting corrections of events whose present version equals the stored one again.

    Returns:
        Number of deleted corrections.
    """
    waiting = session.read(
        CORRECTIONS, {"applied_us": None}, columns=("correction_id", "source_id", "event_id")
    )
    if not waiting.num_rows:
        return 0
    names = name_entities(session, waiting["source_id"].to_pylist())
    sources = pa.array([names[each] for each in waiting["source_id"].to_pylist()], pa.string())
    returned = engine.read(
        f"""select w.correction_id from {_last_told(staging, duplicates)} t
        join waiting w on w.source = t.source and w.event_id = t.event_id where not t.is_changed""",
        step="find corrections that were taken back",
        tables={"waiting": waiting.append_column("source", sources)},
    )
    return session.delete_matching(CORRECTIONS, returned)


def _last_told(staging: Staging, duplicates: Duplicates) -> str:
    """The relation of the last rows of an import for each event that is stored already."""
    # An identity claimed by a browser must not become trusted because a user applies the correction.
    names = (*_COPIED, "value", "trust", *(() if staging.claimed_by else ("identifiers",)))
    return f"""(
        select position, source, event_id, is_changed, newer from (
            select s.position, s.source, coalesce(d.known_id, s.event_id) as event_id, d.is_changed,
                {_write_newer("s", names)} as newer, row_number() over (
                    partition by s.source, coalesce(d.known_id, s.event_id) order by abs(s.position) desc) as place
            from {staging.accepted} s join {duplicates.relation} d on d.position = s.position
        ) latest where place = 1
    )"""


def _write_newer(row: str, names: Sequence[str]) -> str:
    """An event as a JSON object of the canonical texts, without its time of arrival."""
    texts = {name: f"cast({row}.{name} as varchar)" for name in names}
    texts["occurred_at"] = f"cast(make_timestamp({row}.occurred_us) as varchar)"
    listed = ", ".join(f"'{name}': {text}" for name, text in texts.items())
    return f"cast(json_merge_patch('{{}}', to_json({{{listed}}})) as varchar)"


def serialise_stored(session: Session, engine: Engine, events: pa.Table) -> dict[tuple[int, str], str]:
    """Stored events as such JSON objects, by their keys; of copies of one event the one with its parties."""
    rows = engine.read(
        "select *, cast(make_timestamp(occurred_us) as varchar) as occurred_at, "
        "cast(make_timestamp(received_us) as varchar) as received_at from events "
        "order by consumer_id <> 0 and brand_id <> 0",
        step="write down the stored events",
        tables={"events": events},
    ).to_pylist()
    names = name_entities(
        session, {row[name] for row in rows for name in ("source_id", "consumer_id", "brand_id")} - {0}
    )
    written: dict[tuple[int, str], str] = {}
    for row in rows:
        given = {
            **{name: row[name] for name in _COPIED if name in row},
            "occurred_at": row["occurred_at"], "received_at": row["received_at"],
            "source": names[row["source_id"]], "consumer": names.get(row["consumer_id"]),
            "brand": names.get(row["brand_id"]), "trust": repr(row["trust"]),
            "value": None if row["value"] is None else repr(row["value"]),
        }  # fmt: skip
        text = json.dumps(
            {name: value for name, value in given.items() if value is not None}, ensure_ascii=False
        )
        written[row["source_id"], row["event_id"]] = text
    return written


def keep_corrections(
    session: Session, rows: Sequence[Mapping[str, Any]], *, now_us: int,
    former: Mapping[tuple[int, str], str] | None = None,
) -> None:  # fmt: skip
    """Store the present versions of changed events.

    A version that is waiting already or was undone by a user is not stored again; any other waiting version is deleted.

    Args:
        session: A writing session.
        rows: Rows with `source`, `event_id` and `newer`.
        now_us: Present time.
        former: Versions stored before, by source and event, if the newer ones are applied now.
    """
    sources = find_keys(session, "source", sorted({row["source"] for row in rows}))
    versions = {(sources[row["source"]], row["event_id"]): row["newer"] for row in rows}
    keys = _to_keys(versions)
    waiting: list[int] = []
    for known in session.read_matching(CORRECTIONS, keys).to_pylist():
        key = (known["source_id"], known["event_id"])
        is_waiting = known["applied_us"] is None
        if (
            former is None
            and known["newer"] == versions.get(key)
            and (is_waiting or known["undone_us"] is not None)
        ):
            del versions[key]
        elif is_waiting:
            waiting.append(known["correction_id"])
    if waiting:
        session.delete_matching(CORRECTIONS, pa.table({"correction_id": pa.array(waiting, pa.int64())}))
    consumers = find_keys(
        session,
        "consumer",
        sorted({key for text in versions.values() if (key := json.loads(text).get("consumer"))}),
    )
    session.insert(
        CORRECTIONS,
        ("source_id", "event_id", "consumer_id", "newer", "former", "found_us", "applied_us"),
        [
            (*key, consumers.get(json.loads(text).get("consumer", ""), 0), text,
             None if former is None else former.get(key), now_us, None if former is None else now_us)
            for key, text in versions.items()
        ],
    )  # fmt: skip


def find_undone_corrections(session: Session, rows: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Source and event of those rows whose version was undone by a user."""
    sources = find_keys(session, "source", sorted({row["source"] for row in rows}))
    versions = {(sources.get(row["source"], 0), row["event_id"]): row for row in rows}
    return {
        (versions[key]["source"], known["event_id"])
        for known in session.read_matching(CORRECTIONS, _to_keys(versions)).to_pylist()
        if known["undone_us"] is not None
        and versions[key := (known["source_id"], known["event_id"])]["newer"] == known["newer"]
    }


def name_parties(former: Iterable[str]) -> pa.Table:
    """The parties of stored events: `source`, `event_id`, `consumer` and `brand`.

    Args:
        former: Events in the form of `serialise_stored`.
    """
    events = [json.loads(each) for each in former]
    return pa.table(
        {
            name: pa.array([each.get(name) for each in events], pa.string())
            for name in ("source", "event_id", "consumer", "brand")
        }
    )


def list_corrections(
    session: Session, correction_ids: Sequence[int] | None = None, *, limit: int | None = None
) -> tuple[Correction, ...]:
    """Corrections, the newest first.

    Raises:
        NotFoundError: A number does not exist.
    """
    where = None if correction_ids is None else {"correction_id": keep_possible(correction_ids)}
    rows = session.read(CORRECTIONS, where, order_by=("correction_id",)).to_pylist()
    missing = set(correction_ids or ()) - {row["correction_id"] for row in rows}
    if missing:
        raise NotFoundError(
            f"There is no correction {', '.join(map(str, sorted(missing)))}.",
            hint="`fusion corrections list` shows their numbers.",
        )
    names = name_entities(session, {row["source_id"] for row in rows})
    found = [
        Correction(
            correction_id=row["correction_id"], source=names[row["source_id"]], event_id=row["event_id"],
            status=_tell_status(row), newer=json.loads(row["newer"]),
            former=None if row["former"] is None else json.loads(row["former"]), found_us=row["found_us"],
        )
        for row in reversed(rows)
    ]  # fmt: skip
    return tuple(found if limit is None else found[:limit])


def _tell_status(row: Mapping[str, Any]) -> CorrectionStatus:
    return (
        "undone"
        if row["undone_us"] is not None
        else "applied"
        if row["applied_us"] is not None
        else "waiting"
    )


def note_applied(
    session: Session, corrections: Sequence[Correction], former: Mapping[tuple[int, str], str], now_us: int
) -> None:
    """Record that corrections were applied, and the versions stored before.

    Raises:
        ConflictError: One of them is applied already, perhaps since it was read, or a later one of the same event is,
            or two are for one event.
        NotFoundError: One of them is no longer there.
    """
    corrections = list_corrections(session, [each.correction_id for each in corrections])
    sources = find_keys(session, "source", sorted({each.source for each in corrections}))
    if len({(each.source, each.event_id) for each in corrections}) < len(corrections):
        raise ConflictError(
            "Several of these corrections are for the same event; only one of them can be applied.",
            hint="Apply the right one: `fusion corrections list` shows their content.",
        )
    for each in corrections:
        if each.status == "applied":
            raise ConflictError(
                f"The correction {each.correction_id} is applied already.",
                hint="`fusion corrections undo` takes it back.",
            )
        _check_last(session, each, sources[each.source])
        before = former.get((sources[each.source], each.event_id)) or json.dumps(each.newer)
        session.update(
            CORRECTIONS,
            {"former": before, "applied_us": now_us, "undone_us": None},
            {"correction_id": each.correction_id},
        )


def _check_last(session: Session, correction: Correction, source_id: int) -> None:
    """Check that no later correction of the event is applied: undoing works in reverse order only.

    Raises:
        ConflictError: A later one is applied.
    """
    for row in session.read(
        CORRECTIONS, {"source_id": source_id, "event_id": correction.event_id}
    ).to_pylist():
        if row["correction_id"] > correction.correction_id and _tell_status(row) == "applied":
            raise ConflictError(
                f"The correction {row['correction_id']} of the same event is later.",
                hint=f"Undo it first: fusion corrections undo {row['correction_id']}",
            )


def note_undone(session: Session, correction: Correction, now_us: int) -> None:
    """Record that a correction was undone.

    Raises:
        ConflictError: It is not applied, or no longer, or a later one of the same event is.
        NotFoundError: It is no longer there.
    """
    (correction,) = list_corrections(session, [correction.correction_id])
    if correction.status != "applied":
        raise ConflictError(
            f"The correction {correction.correction_id} is not applied, so there is nothing to undo.",
            hint="`fusion corrections list` shows the applied ones.",
        )
    source_id = find_keys(session, "source", [correction.source])[correction.source]
    _check_last(session, correction, source_id)
    session.update(CORRECTIONS, {"undone_us": now_us}, {"correction_id": correction.correction_id})


def write_texts(versions: Sequence[Mapping[str, str]]) -> pa.RecordBatch:
    """The versions in corrections, as rows of the canonical text columns."""
    return pa.RecordBatch.from_arrays(
        [pa.array([each.get(name) for each in versions], pa.string()) for name in CANONICAL_SCHEMA.names],
        schema=CANONICAL_SCHEMA,
    )


def _to_keys(versions: Mapping[tuple[int, str], object]) -> pa.Table:
    return pa.table(
        {
            KEY[0]: pa.array([key[0] for key in versions], pa.int64()),
            KEY[1]: pa.array([key[1] for key in versions], pa.string()),
        }
    )
