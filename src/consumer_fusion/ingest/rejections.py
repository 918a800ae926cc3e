"""Rows that could not be taken: kept as they came, listed, corrected, tried again or dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from consumer_fusion.engines import Engine, quote_paths
from consumer_fusion.errors import NotFoundError
from consumer_fusion.ingest.formats import Reading, read_reading
from consumer_fusion.ingest.staging import Staging
from consumer_fusion.records.intake import IMPORTS, REJECTIONS, Rejection
from consumer_fusion.stores import Between, Row, Session, Value

_COLUMNS = ("import_id", "source", "position", "code", "message", "raw", "consumer_key", "rejected_us")


@dataclass(frozen=True, slots=True)
class Retry:
    """Rows to be tried again, as files that are imported like any other.

    Attributes:
        reading: How the files are read.
        files: The rows.
        rejection_ids: The rejections that go once the files are imported; what fails again becomes a new one.
    """

    reading: Reading
    files: tuple[Path, ...]
    rejection_ids: tuple[int, ...]


def store_rejections(session: Session, engine: Engine, import_id: str, staging: Staging, now_us: int) -> int:
    """Keep the rejected rows of a staging; those that an earlier import of the same rows left are not kept twice.

    Returns:
        How many rows were rejected, kept before or not.
    """
    if staging.rejected_files:
        known = session.read(REJECTIONS, columns=("source", "code", "raw"))
        rows = engine.stream(
            f"""
            select r.source, r.position, r.code, r.message, r.raw, r.consumer_key
            from read_parquet({quote_paths(list(staging.rejected_files))}) r
            where not exists (select 1 from known k where k.source = r.source and k.code = r.code and k.raw = r.raw)
            """,
            step="keep rejected rows",
            tables={"known": known},
        )
        session.insert(REJECTIONS, _COLUMNS, _write_rows(rows, import_id, now_us), ignore=True)
    return staging.rejected_count


def _write_rows(batches: Iterator[pa.RecordBatch], import_id: str, now_us: int) -> Iterator[Row]:
    for batch in batches:
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield (import_id, *row, now_us)


def list_rejections(
    session: Session,
    *,
    rejection_ids: Sequence[int] | None = None,
    code: str | None = None,
    limit: int | None = None,
) -> tuple[Rejection, ...]:
    """The rejected rows, oldest first.

    Raises:
        NotFoundError: One of the numbers is of no rejection.
    """
    where: dict[str, Value | Between | Sequence[Value]] = {}
    if rejection_ids is not None:
        where["rejection_id"] = list(rejection_ids)
    if code is not None:
        where["code"] = code
    names = tuple(Rejection.__dataclass_fields__)
    rows = session.read(REJECTIONS, where, columns=names, order_by=("rejection_id",), limit=limit).to_pylist()
    missing = sorted(set(rejection_ids or ()) - {row["rejection_id"] for row in rows}) if code is None else []
    if missing and limit is None:
        raise NotFoundError(
            f"There is no rejected row {', '.join(map(str, missing))}.",
            hint="List them with `fusion rejected list`.",
        )
    return tuple(Rejection(**row) for row in rows)


def count_rejections(session: Session) -> dict[str, int]:
    """How many rejected rows there are, by the code of the reason, the most frequent first."""
    return dict(Counter(session.read(REJECTIONS, columns=("code",))["code"].to_pylist()).most_common())


def drop_rejections(session: Session, rejection_ids: Sequence[int] | None = None) -> int:
    """Forget rejected rows, all or some of them, and return how many there were."""
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
) -> tuple[Retry, ...]:
    """Write rejected rows into files again, one retry for each way in which they were read.

    Args:
        session: One moment of the store.
        folder: Where the files go; it belongs to this retry alone.
        rejection_ids: Which rows; None for all.
        corrected: Their raw rows as somebody corrected them, by number.

    Raises:
        NotFoundError: One of the numbers is of no rejection.
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
        reading = _read_rows_again(read_reading(text))
        files = tuple(_write_files(rejections, reading, folder, f"retry-{number:04d}"))
        retries.append(Retry(reading, files, tuple(each.rejection_id for each in rejections)))
    return tuple(retries)


def _read_rows_again(reading: Reading) -> Reading:
    """The reading of rows that were kept: in UTF-8, with their header but without what stood above it."""
    if reading.mapping is None:
        return reading
    layout = replace(reading.mapping.layout, format=None, encoding="utf-8", skip_lines=0)
    return replace(reading, mapping=replace(reading.mapping, layout=layout))


def _write_files(
    rejections: Sequence[Rejection], reading: Reading, folder: Path, name: str
) -> Iterator[Path]:
    """Rows with one header go into one file; a broken one has its own, so that it breaks no other."""
    layout = reading.mapping.layout if reading.mapping else None
    texts: dict[tuple[str, str, int], list[str]] = {}
    for each in rejections:
        is_object = layout is None or each.raw.lstrip().startswith("{")
        header, _, row = (
            each.raw.partition("\n") if not is_object and layout and layout.has_header else ("", "", each.raw)
        )
        place = each.rejection_id if each.code == "broken_line" else 0
        texts.setdefault((".jsonl" if is_object else ".csv", header, place), []).append(row)
    for number, ((ending, header, _), rows) in enumerate(texts.items(), start=1):
        path = folder / f"{name}-{number:04d}{ending}"
        path.write_text("\n".join([header, *rows] if header else rows) + "\n", encoding="utf-8")
        yield path
