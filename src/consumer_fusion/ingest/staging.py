"""Staging: an import becomes checked Parquet parts in a folder of its own, and goes on where it was interrupted.

Nothing here knows what is in the store already; see `acceptance` for that.
"""
# The text is put together from parts of this package only; what people give is quoted by `quote_text`.
# ruff: noqa: S608

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from consumer_fusion.engines import Engine, quote_paths
from consumer_fusion.ingest.event_lines import select_event_lines
from consumer_fusion.ingest.formats import Reading
from consumer_fusion.ingest.parts import LINE, POSITION, Part, make_broken, read_line_parts
from consumer_fusion.ingest.validation import (
    CANONICAL_COLUMNS,
    check_rows,
    quote_text,
    select_accepted,
    select_rejected,
)
from consumer_fusion.records.event import Event
from consumer_fusion.stores import finish_file, sync_folder

ROWS_PER_PART = 500_000
STAGE_FILE = "stage.json"
Progress = Callable[[int, int | None], None]

CANONICAL_SCHEMA = pa.schema([(name, pa.string()) for name in CANONICAL_COLUMNS])
"""What `stage_batches` takes: texts, with JSON objects for identifiers and properties."""


@dataclass(frozen=True, slots=True)
class Staging:
    """The checked rows of an import.

    Attributes:
        accepted_files: Parquet files of rows that are events.
        rejected_files: Parquet files of rows that are none, with the reason.
        row_count: Rows met.
        accepted_count: Rows of the accepted files.
        rejected_count: Rows of the rejected files.
    """

    accepted_files: tuple[Path, ...]
    rejected_files: tuple[Path, ...]
    row_count: int
    accepted_count: int
    rejected_count: int


@dataclass(slots=True)
class _Stage:
    """How far a staging got; written after each part, so that it can go on."""

    received_us: int
    row_count: int = 0
    parts: list[dict[str, int]] = field(default_factory=list)
    is_numbered: bool = False
    is_complete: bool = False


def stage_files(
    engine: Engine,
    files: Sequence[Path],
    reading: Reading,
    folder: Path,
    *,
    received_us: int,
    tolerance_hours: float,
    progress: Progress | None = None,
) -> Staging:
    """Read files into checked parts; go on where an earlier call for the same files was interrupted.

    Args:
        engine: Where the queries run.
        files: The files; see `find_files`.
        reading: How their rows become events.
        folder: A folder that belongs to this import alone.
        received_us: When rows reached us that do not say so; an interrupted import keeps its first moment.
        tolerance_hours: How much later than that an event may say that it occurred.
        progress: Called with the rows done and, where it can be told or estimated, how many there are.

    Raises:
        InputError: A file cannot be read.
        MappingError: The mapping does not fit the files.
    """
    stage = _read_stage(folder) or _Stage(received_us)
    if not stage.is_complete:
        parts = read_line_parts(files, rows_per_part=ROWS_PER_PART, skip_rows=stage.row_count)
        canonical = select_event_lines(reading.source, reading.brand)
        _stage_parts(engine, parts, canonical, folder, stage, tolerance_hours, progress, reading.source)
    return _describe(folder, stage)


def stage_batches(
    engine: Engine,
    batches: Iterable[pa.RecordBatch],
    folder: Path,
    *,
    received_us: int,
    tolerance_hours: float,
    progress: Progress | None = None,
) -> Staging:
    """Check rows of the canonical text columns (`CANONICAL_SCHEMA`) exactly as those of files are.

    It always begins anew, because batches cannot be found again. A rejected row is kept as an event line.
    """
    for path in folder.glob("*") if folder.exists() else ():
        path.unlink()
    stage = _Stage(received_us)
    _stage_parts(engine, _gather(batches), _CANONICAL_ROWS, folder, stage, tolerance_hours, progress, "events")
    return _describe(folder, stage)


def stage_events(
    engine: Engine,
    events: Iterable[Event],
    folder: Path,
    *,
    received_us: int,
    tolerance_hours: float,
    progress: Progress | None = None,
) -> Staging:
    """Check events exactly as the rows of files are; see `stage_batches`."""
    return stage_batches(
        engine, _write_batches(events), folder,
        received_us=received_us, tolerance_hours=tolerance_hours, progress=progress,
    )  # fmt: skip


_AS_JSON = ", ".join(
    f"'{name}': coalesce(try_cast({name} as json), to_json({name}))"
    if name in ("identifiers", "properties")
    else f"'{name}': {name}"
    for name in CANONICAL_COLUMNS
)
_CANONICAL_ROWS = f"""
select {POSITION} as position, cast(json_merge_patch('{{}}', to_json({{{_AS_JSON}}})) as varchar) as raw,
    cast(null as varchar) as content, cast(null as varchar) as problem, {", ".join(CANONICAL_COLUMNS)}
from lines"""


def _write_batches(events: Iterable[Event], rows_per_batch: int = 50_000) -> Iterator[pa.RecordBatch]:
    rows: list[tuple[str | None, ...]] = []
    for event in events:
        rows.append(_write_texts(event))
        if len(rows) == rows_per_batch:
            yield _make_batch(rows)
            rows = []
    if rows:
        yield _make_batch(rows)


def _make_batch(rows: Sequence[tuple[str | None, ...]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array(column, pa.string()) for column in zip(*rows, strict=True)], schema=CANONICAL_SCHEMA
    )


def _write_texts(event: Event) -> tuple[str | None, ...]:
    def write_time(moment: datetime | None) -> str | None:
        return None if moment is None else moment.isoformat()

    return (
        event.source, event.event_id, write_time(event.occurred_at), event.precision, write_time(event.received_at),
        event.consumer, event.brand, event.kind, event.channel,
        None if event.value is None else repr(float(event.value)), event.currency, event.text,
        None if event.trust is None else repr(float(event.trust)),
        json.dumps(dict(event.identifiers)) if event.identifiers else None,
        json.dumps(dict(event.properties)) if event.properties else None,
    )  # fmt: skip


def _gather(batches: Iterable[pa.RecordBatch]) -> Iterator[Part]:
    gathered: list[pa.RecordBatch] = []
    position = 0

    def join() -> Part:
        table = pa.Table.from_batches(gathered).select(list(CANONICAL_COLUMNS)).cast(CANONICAL_SCHEMA)
        positions = pa.array(range(position - len(table) + 1, position + 1), pa.int64())
        return Part(table.append_column(POSITION, positions), make_broken([]), position, 0.0)

    for batch in batches:
        gathered.append(batch)
        position += len(batch)
        if sum(map(len, gathered)) >= ROWS_PER_PART:
            yield join()
            gathered = []
    if gathered:
        yield join()


def _stage_parts(
    engine: Engine,
    parts: Iterable[Part],
    canonical: str,
    folder: Path,
    stage: _Stage,
    tolerance_hours: float,
    progress: Progress | None,
    source: str,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    checked = check_rows(canonical, received_us=stage.received_us, tolerance_hours=tolerance_hours)
    for part in parts:
        number = len(stage.parts) + 1
        tables = {"lines": part.rows, "broken": part.broken}
        accepted = _write_part(engine, select_accepted(checked), folder / f"accepted-{number:04d}.parquet", tables)
        rejected = 0
        if accepted != len(part.rows) or len(part.broken):
            refused = f"""select * from ({select_rejected(checked)}) union all
                select position, {quote_text(source)}, code, message, raw, null from broken"""
            rejected = _write_part(engine, refused, folder / f"rejected-{number:04d}.parquet", tables)
        stage.row_count = part.last_position
        stage.parts.append({"accepted": accepted, "rejected": rejected})
        _write_stage(folder, stage)
        if progress is not None:
            progress(stage.row_count, round(stage.row_count / part.fraction) if part.fraction else None)
    _number_repeats(engine, folder, stage)
    stage.is_complete = True
    _write_stage(folder, stage)
    if progress is not None:
        progress(stage.row_count, stage.row_count)


def _write_part(engine: Engine, sql: str, path: Path, tables: dict[str, pa.Table]) -> int:
    unfinished = path.with_suffix(".unfinished")
    count = engine.write(sql, unfinished, step=f"stage {path.stem}", tables=tables)
    finish_file(unfinished, path)
    return count


def _number_repeats(engine: Engine, folder: Path, stage: _Stage) -> None:
    """Give rows of equal content the ids `...-1`, `...-2`, by their order in the import.

    Equal rows are interchangeable, so that the same files always give the same set of ids.
    """
    if stage.is_numbered:
        return
    files = _list_files(folder, stage, "accepted")
    repeats_file = folder / "repeats.parquet"
    if files and not repeats_file.exists():
        staged = f"(select position, event_id from read_parquet({quote_paths(list(files))}) where is_generated)"
        _write_part(
            engine,
            f"""select position, substr(event_id, 1, length(event_id) - 1) ||
                row_number() over (partition by event_id order by position) as event_id
            from {staged} where event_id in (select event_id from {staged} group by event_id having count(*) > 1)""",
            repeats_file,
            {},
        )
    if files and pq.read_metadata(repeats_file).num_rows:
        for file in files:
            names = pq.read_schema(file).names
            columns = ", ".join(
                "coalesce(r.event_id, a.event_id) as event_id" if name == "event_id" else f"a.{name}" for name in names
            )
            _write_part(
                engine,
                f"""select {columns} from read_parquet({quote_paths([file])}) a
                left join read_parquet({quote_paths([repeats_file])}) r
                on r.position = a.position and a.is_generated order by a.position""",
                file,
                {},
            )
    stage.is_numbered = True
    _write_stage(folder, stage)


def _list_files(folder: Path, stage: _Stage, what: str) -> tuple[Path, ...]:
    return tuple(
        folder / f"{what}-{number:04d}.parquet" for number, part in enumerate(stage.parts, start=1) if part[what]
    )


def _describe(folder: Path, stage: _Stage) -> Staging:
    return Staging(
        accepted_files=_list_files(folder, stage, "accepted"),
        rejected_files=_list_files(folder, stage, "rejected"),
        row_count=stage.row_count,
        accepted_count=sum(part["accepted"] for part in stage.parts),
        rejected_count=sum(part["rejected"] for part in stage.parts),
    )


def _read_stage(folder: Path) -> _Stage | None:
    path = folder / STAGE_FILE
    return _Stage(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def _write_stage(folder: Path, stage: _Stage) -> None:
    unfinished = folder / f"{STAGE_FILE}.unfinished"
    with unfinished.open("w", encoding="utf-8") as file:
        json.dump({name: getattr(stage, name) for name in _Stage.__slots__}, file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(folder / STAGE_FILE)
    sync_folder(folder)


__all__ = ["CANONICAL_SCHEMA", "LINE", "Progress", "Staging", "stage_batches", "stage_events", "stage_files"]
