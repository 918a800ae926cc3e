"""Rejected rows: stored as received, listed, corrected, retried or dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from consumer_fusion.errors import InputError, NotFoundError
from consumer_fusion.i18n.messages import Message, parse_message, write_message
from consumer_fusion.i18n.translation import N_
from consumer_fusion.ingest.formats import ImportFormat, read_reading
from consumer_fusion.ingest.mapping_query import list_columns
from consumer_fusion.ingest.row_batches import read_columns, read_parts
from consumer_fusion.ingest.staging import Staging, read_rejected, stage_files
from consumer_fusion.ingest.validation import ROW_PROBLEM
from consumer_fusion.records.ids import keep_possible
from consumer_fusion.records.import_record import IMPORTS, REJECTIONS, Rejection
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.store import RangeCondition, Session, Value

UNREADABLE_CODES = frozenset({"broken_line", "invalid_encoding", "invalid_json", "engine_failed"})
"""Reasons of texts that are no row of their format at all."""
_COLUMNS = ("import_id", "source", "position", "code", "message", "raw", "consumer_key", "rejected_us")


@dataclass(frozen=True, slots=True)
class RetryFiles:
    """Rows to be retried, as files that are imported like any other.

    Attributes:
        reading: Format of the files.
        files: Files with the rows.
        rejection_ids: Rejections to delete once the files are imported; a row that fails again keeps its number.
    """

    reading: ImportFormat
    files: tuple[Path, ...]
    rejection_ids: tuple[int, ...]


def store_rejections(
    session: Session,
    engine: Engine,
    import_id: str,
    staging: Staging,
    now_us: int,
    *,
    retried: Sequence[int] = (),
) -> int:
    """Update the list of rejected rows with a staging: one entry per row, whose number stays the same.

    A row on the list keeps its number and gets its present reason; an accepted one leaves the list.

    Args:
        session: A writing session.
        engine: Engine to compare rows with.
        import_id: The import.
        staging: Result of its staging.
        now_us: Present time.
        retried: Rejected rows that the import read again, possibly corrected.

    Returns:
        Number of rejected rows, whether stored before or not.
    """
    rejected = _match_rejected(session, engine, staging, retried)
    former = _read_places(session) if retried else {}
    kept = {row["rejection_id"] for row in rejected if row["rejection_id"] is not None}
    new = [row for row in rejected if row["rejection_id"] is None]
    if len(retried) == len(new) == 1 and retried[0] not in kept:
        new[0]["rejection_id"] = retried[0]  # the row that was to be corrected, and is rejected again
        kept.add(retried[0])
    gone = ({*retried} | {*staging.resolved}) - kept
    if gone:
        drop_rejections(session, sorted(gone))
    taken: set[tuple[int, str]] = set()
    for row in sorted(rejected, key=lambda each: each["rejection_id"] is None):
        row |= {"import_id": import_id, "rejected_us": now_us}
        if retried:
            _set_place(row, former, taken)
        number = row["rejection_id"]
        if number is not None:
            session.update(REJECTIONS, {name: row[name] for name in _COLUMNS}, {"rejection_id": number})
    fresh = (tuple(row[name] for name in _COLUMNS) for row in rejected if row["rejection_id"] is None)
    session.insert(REJECTIONS, _COLUMNS, fresh, ignore=True)
    return staging.rejected_count


def _read_places(session: Session) -> dict[int, tuple[str, int]]:
    """The import of each row on the list, and its row number there."""
    columns = ("rejection_id", "import_id", "position")
    rows = session.read(REJECTIONS, columns=columns).to_pylist()
    return {row["rejection_id"]: (row["import_id"], row["position"]) for row in rows}


def _set_place(
    row: dict[str, Any], former: Mapping[int, tuple[str, int]], taken: set[tuple[int, str]]
) -> None:
    """Give a row that was read again its row number in the file that it came from, also in its message.

    Rows of several imports may have the same row number; a second one keeps its import too, since the two together
    identify a row.
    """
    import_id, position = former.get(row["rejection_id"], (row["import_id"], row["position"]))
    if (position, row["code"]) not in taken:
        taken.add((position, row["code"]))
    elif row["rejection_id"] in former:
        row["import_id"] = import_id
    else:
        position = 1 + max(each for each, _ in taken)
        taken.add((position, row["code"]))
    if position != row["position"]:
        row["position"] = position
        told = parse_message(row["message"])
        if told.template == ROW_PROBLEM:
            row["message"] = write_message(Message(told.template, **{**told.values, "position": position}))


def list_pending(session: Session) -> pa.Table:
    """The rejected rows in original form, for imports that may accept them now: rejection_id, source, raw."""
    return session.read(REJECTIONS, columns=("rejection_id", "source", "raw"))


def _match_rejected(
    session: Session, engine: Engine, staging: Staging, retried: Sequence[int]
) -> list[dict[str, Any]]:
    """The rejected rows of a staging, each with its number on the list; None for new ones.

    Rows of equal text are matched by their number.
    """
    if not staging.rejected_count:
        return []
    rows: list[dict[str, Any]] = engine.read(
        f"""
        with listed as (
            select rejection_id, source, raw,
                row_number() over (partition by source, raw order by not is_retried, rejection_id) as place
            from (select k.*, t.rejection_id is not null as is_retried
                  from known k left join retried t on t.rejection_id = k.rejection_id)
        ),
        rejected as (
            select *, row_number() over (partition by source, raw order by position) as place
            from {staging.rejected}
        )
        select l.rejection_id, r.source, r.position, r.code, r.message, r.raw, r.consumer_key
        from rejected r left join listed l on l.source = r.source and l.raw = r.raw and l.place = r.place
        order by r.position
        """,
        step="find rejected rows on the list",
        tables={
            "known": list_pending(session),
            "retried": pa.table({"rejection_id": pa.array(retried, pa.int64())}),
        },
    ).to_pylist()
    return rows


def list_rejections(
    session: Session,
    *,
    rejection_ids: Sequence[int] | None = None,
    code: str | None = None,
    after: int = 0,
    limit: int | None = None,
) -> tuple[Rejection, ...]:
    """The rejected rows, oldest first; those with a higher number than `after`.

    Raises:
        NotFoundError: A number does not exist.
    """
    where: dict[str, Value | RangeCondition | Sequence[Value]] = {}
    if rejection_ids is not None:
        where["rejection_id"] = keep_possible(rejection_ids)
    elif after:
        where["rejection_id"] = RangeCondition(above=after)
    if code is not None:
        where["code"] = code
    names = tuple(Rejection.__dataclass_fields__)
    rows = session.read(REJECTIONS, where, columns=names, order_by=("rejection_id",), limit=limit).to_pylist()
    missing = sorted(set(rejection_ids or ()) - {row["rejection_id"] for row in rows}) if code is None else []
    if missing and limit is None:
        raise NotFoundError(
            Message("There is no rejected row {missing}.", missing=", ".join(map(str, missing))),
            hint="List them with `fusion rejected list`.",
        )
    return tuple(Rejection(**row | {"message": parse_message(row["message"])}) for row in rows)


def count_rejections(session: Session) -> dict[str, int]:
    """Number of rejected rows by the code of the reason, the most frequent first."""
    return dict(Counter(session.read(REJECTIONS, columns=("code",))["code"].to_pylist()).most_common())


def drop_rejections(session: Session, rejection_ids: Sequence[int] | None = None) -> int:
    """Delete rejected rows, all or some of them, and return their number."""
    if rejection_ids is None:
        return session.delete(REJECTIONS)
    return session.delete_matching(
        REJECTIONS, pa.table({"rejection_id": pa.array(rejection_ids, pa.int64())})
    )


def prepare_retries(
    session: Session,
    folder: Path,
    *,
    rejection_ids: Sequence[int] | None = None,
    corrected: Mapping[int, str] | None = None,
    reading: ImportFormat | None = None,
) -> tuple[RetryFiles, ...]:
    """Write rejected rows to files again, one retry for each format in which they were read.

    Args:
        session: Session of the store.
        folder: Folder for the files, used by this retry alone.
        rejection_ids: Rows to retry; None for all.
        corrected: Corrected raw rows, by number.
        reading: Present format; None for that of their import.

    Raises:
        NotFoundError: A number does not exist.
    """
    chosen = {each.rejection_id: each for each in list_rejections(session, rejection_ids=rejection_ids)}
    columns = ("rejection_id", "import_id")
    imports = dict(
        zip(*(session.read(REJECTIONS, columns=columns)[name].to_pylist() for name in columns), strict=True)
    )
    by_reading: dict[str, list[Rejection]] = {}
    readings = session.read(IMPORTS, columns=("import_id", "reading"))
    texts = dict(zip(readings["import_id"].to_pylist(), readings["reading"].to_pylist(), strict=True))
    for number, each in chosen.items():
        raw = (corrected or {}).get(number, each.raw)
        by_reading.setdefault(texts[imports[number]], []).append(replace(each, raw=raw))
    folder.mkdir(parents=True, exist_ok=True)
    retries = []
    for number, (text, rejections) in enumerate(by_reading.items(), start=1):
        before = read_reading(text)
        again = _read_rows_again(before if reading is None else replace(reading, source=before.source))
        files = tuple(_write_files(rejections, again, folder, f"retry-{number:04d}"))
        retries.append(RetryFiles(again, files, tuple(each.rejection_id for each in rejections)))
    return tuple(retries)


def require_readable(
    engine: Engine,
    retry: RetryFiles,
    before: Rejection,
    folder: Path,
    *,
    received_us: int,
    tolerance_hours: float,
) -> None:
    """Check that a corrected text is one row in the format that it will be read in; the row may still be invalid.

    Args:
        engine: Engine to read it with.
        retry: The corrected text, as files.
        before: The row as stored.
        folder: Folder for this check alone.
        received_us: Present time.
        tolerance_hours: Maximum time by which an event may occur after that, in hours.

    Raises:
        InputError: It cannot be read, or is several rows; the hint says what is needed.
    """
    mapping = retry.reading.mapping
    if mapping is None or before.raw.lstrip().startswith("{"):
        needed = N_("Give one JSON object, on one line.")
    elif mapping.layout.has_header:
        needed = N_("Give the header line of the file and, on the next line, the corrected row.")
    else:
        needed = N_("Give one row, as in its file.")
    if _is_one_row(retry):
        staging = stage_files(
            engine, retry.files, retry.reading, folder, received_us=received_us, tolerance_hours=tolerance_hours,
            has_lines=True,
        )  # fmt: skip
        if all(code not in UNREADABLE_CODES for code, _ in read_rejected(engine, staging)):
            return
    raise InputError(
        "The corrected text is not a row in the format of its import. The stored row stays as it is.",
        hint=needed,
    )


def _is_one_row(retry: RetryFiles) -> bool:
    """Whether files hold one row, with all columns that their format needs."""
    mapping = retry.reading.mapping
    layout = mapping.layout if mapping else None
    try:
        if mapping is not None and layout is not None:
            columns = [read_columns(file, layout) for file in retry.files]
            if not all(each is None or {*list_columns(mapping)} <= {*each} for each in columns):
                return False
        parts = read_parts(retry.files, layout, rows_per_part=1, has_lines=True)
        return sum(len(part.rows) for part in parts) == 1
    except InputError:
        return False


def _read_rows_again(reading: ImportFormat) -> ImportFormat:
    """The format of stored rows: in UTF-8, with their header but without the lines above it."""
    if reading.mapping is None:
        return reading
    layout = replace(reading.mapping.layout, format=None, encoding="utf-8", skip_lines=0)
    return replace(reading, mapping=replace(reading.mapping, layout=layout))


def _write_files(
    rejections: Sequence[Rejection], reading: ImportFormat, folder: Path, name: str
) -> Iterator[Path]:
    """Rows with one header go into one file; a malformed one has its own, so that it affects no other."""
    layout = reading.mapping.layout if reading.mapping else None
    texts: dict[tuple[str, str, int], list[str]] = {}
    for each in rejections:
        has_header = layout is not None and layout.has_header
        # A row of a file with a header is stored below it; a single line came from JSON, whatever it looks like.
        is_object = (
            layout is None or each.raw.lstrip().startswith("{") or (has_header and "\n" not in each.raw)
        )
        header, _, row = each.raw.partition("\n") if has_header and not is_object else ("", "", each.raw)
        place = each.rejection_id if each.code == "broken_line" else 0
        texts.setdefault((".jsonl" if is_object else ".csv", header, place), []).append(row)
    for number, ((ending, header, _), rows) in enumerate(texts.items(), start=1):
        path = folder / f"{name}-{number:04d}{ending}"
        path.write_text("\n".join([header, *rows] if header else rows) + "\n", encoding="utf-8")
        yield path
