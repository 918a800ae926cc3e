"""Staging: an import becomes checked Parquet parts in a folder of its own, and goes on where it was interrupted.

Nothing here knows what is in the store already; see `acceptance` for that.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from consumer_fusion.engines import Engine, quote_paths
from consumer_fusion.ingest.batches import SELECT_BATCH_ROWS, gather_batches, write_batches
from consumer_fusion.ingest.cloudevents import select_cloud_events
from consumer_fusion.ingest.event_lines import select_event_lines
from consumer_fusion.ingest.formats import Reading
from consumer_fusion.ingest.grouping import add_raw_rows, keep_rows, read_groups, write_groups
from consumer_fusion.ingest.lookups import check_fit, read_lookups
from consumer_fusion.ingest.mapping_query import finish_groups, map_rows
from consumer_fusion.ingest.parts import Part, read_parts
from consumer_fusion.ingest.segment import select_segment_calls
from consumer_fusion.ingest.trust import limit_trust
from consumer_fusion.ingest.validation import check_rows, select_accepted, select_rejected
from consumer_fusion.records.event import Event
from consumer_fusion.stores import finish_file, sync_folder

ROWS_PER_PART = 500_000
STAGE_FILE = "stage.json"
Progress = Callable[[int, int | None], None]


def _tell_nobody(done_rows: int, total_rows: int | None) -> None:
    """The progress of an import that nobody watches."""


@dataclass(frozen=True, slots=True)
class Staging:
    """The checked rows of an import.

    Attributes:
        folder: Where they are.
        accepted_files: Parquet files of rows that are events.
        rejected_files: Parquet files of rows that are none, with the reason.
        row_count: Rows met.
        accepted_count: Rows of the accepted files.
        rejected_count: Rows of the rejected files.
        claimed_by: The source whose identifiers are claims; see `Reading.claimed_by`.
    """

    folder: Path
    accepted_files: tuple[Path, ...]
    rejected_files: tuple[Path, ...]
    row_count: int
    accepted_count: int
    rejected_count: int
    claimed_by: str | None = None


@dataclass(slots=True)
class _Stage:
    """How far a staging got; written after each part, so that it can go on."""

    received_us: int
    row_count: int = 0
    kept_count: int = 0
    is_kept: bool = False
    last_position: int = 0
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
    progress: Progress = _tell_nobody,
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
    if stage.is_complete:
        return replace(_describe(folder, stage), claimed_by=reading.claimed_by)
    folder.mkdir(parents=True, exist_ok=True)
    mapping = reading.mapping
    lookups: dict[str, pa.Table] = {}
    if mapping is not None:
        check_fit(engine, mapping, files)
        lookups = read_lookups(engine, mapping, [files[0].parent, *map(Path, reading.lookup_folders)])
    if mapping is not None and mapping.group_by:
        _stage_grouped(engine, reading, files, lookups, folder, stage, tolerance_hours, progress)
    else:
        layout = mapping.layout if mapping else None
        for part in read_parts(files, layout, rows_per_part=ROWS_PER_PART, skip_rows=stage.row_count):
            canonical = _select_canonical(reading, part)
            _stage_part(
                engine, part, canonical, folder, stage, tolerance_hours,
                lookups=lookups, is_expanding=reading.format == "segment",
            )  # fmt: skip
            progress(stage.row_count, round(stage.row_count / part.fraction))
    return replace(_finish(engine, folder, stage, progress), claimed_by=reading.claimed_by)


def _select_canonical(reading: Reading, part: Part) -> str:
    if reading.mapping is not None:
        return map_rows(reading.mapping, part, reading.source, reading.brand)
    select = {"segment": select_segment_calls, "cloudevents": select_cloud_events}.get(
        reading.format, select_event_lines
    )
    return limit_trust(select(reading.source, reading.brand), reading.trust_rule, reading.trust_limit)


def stage_batches(
    engine: Engine,
    batches: Iterable[pa.RecordBatch],
    folder: Path,
    *,
    received_us: int,
    tolerance_hours: float,
    progress: Progress = _tell_nobody,
) -> Staging:
    """Check rows of the canonical text columns (`CANONICAL_SCHEMA`) exactly as those of files are.

    It always begins anew, because batches cannot be found again. A rejected row is kept as an event line.
    """
    for path in folder.glob("*") if folder.exists() else ():
        path.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    stage = _Stage(received_us)
    for part in gather_batches(batches, ROWS_PER_PART):
        _stage_part(engine, part, SELECT_BATCH_ROWS, folder, stage, tolerance_hours)
        progress(stage.row_count, None)
    return _finish(engine, folder, stage, progress)


def stage_events(
    engine: Engine,
    events: Iterable[Event],
    folder: Path,
    *,
    received_us: int,
    tolerance_hours: float,
    progress: Progress = _tell_nobody,
) -> Staging:
    """Check events exactly as the rows of files are; see `stage_batches`."""
    return stage_batches(
        engine, write_batches(events), folder,
        received_us=received_us, tolerance_hours=tolerance_hours, progress=progress,
    )  # fmt: skip


def _stage_grouped(
    engine: Engine, reading: Reading, files: Sequence[Path], lookups: dict[str, pa.Table], folder: Path, stage: _Stage,
    tolerance_hours: float, progress: Progress,
) -> None:  # fmt: skip
    mapping = reading.mapping
    if mapping is None:
        return
    if not stage.is_kept:
        for part in read_parts(files, mapping.layout, rows_per_part=ROWS_PER_PART, skip_rows=stage.row_count):
            stage.kept_count += 1
            keep_rows(engine, mapping, part, lookups, folder / f"kept-{stage.kept_count:04d}.parquet")
            stage.row_count = part.last_position
            _write_stage(folder, stage)
            progress(stage.row_count, round(stage.row_count / part.fraction))
        stage.is_kept = True
        _write_stage(folder, stage)
    kept = [folder / f"kept-{number:04d}.parquet" for number in range(1, stage.kept_count + 1)]
    if not kept:
        return
    write_groups(engine, mapping, kept, folder)
    canonical = finish_groups(mapping, "lines", reading.source, reading.brand)
    for part in read_groups(folder, ROWS_PER_PART, stage.last_position):
        _stage_part(
            engine, part, canonical, folder, stage, tolerance_hours,
            complete=lambda rejected: add_raw_rows(mapping, kept, rejected),
        )  # fmt: skip


def _stage_part(
    engine: Engine,
    part: Part,
    canonical: str,
    folder: Path,
    stage: _Stage,
    tolerance_hours: float,
    *,
    lookups: dict[str, pa.Table] | None = None,
    is_expanding: bool = False,
    complete: Callable[[str], str] = lambda rejected: rejected,
) -> None:
    number = len(stage.parts) + 1
    checked = check_rows(canonical, received_us=stage.received_us, tolerance_hours=tolerance_hours)
    tables = {
        "lines": part.rows,
        "staged": pa.table({"last_position": [stage.last_position]}),
        **(lookups or {}),
    }
    accepted_file = folder / f"accepted-{number:04d}.parquet"
    accepted = _write_part(engine, select_accepted(checked), accepted_file, tables)
    rejected = 0
    if is_expanding or accepted != len(part.rows):
        rejected_file = folder / f"rejected-{number:04d}.parquet"
        rejected = _write_part(engine, complete(select_rejected(checked)), rejected_file, tables)
    stage.parts.append({"accepted": accepted, "rejected": rejected})
    if is_expanding:  # a line may hold several events; then positions count events, not lines
        stage.last_position += accepted + rejected
    else:
        stage.last_position = part.last_position
    if not stage.is_kept:
        stage.row_count = part.last_position
    # The part and how far it reaches come into force together, so that no row is staged twice.
    _write_stage(folder, stage)


def _write_part(engine: Engine, sql: str, path: Path, tables: dict[str, pa.Table]) -> int:
    unfinished = path.with_suffix(".unfinished")
    count = engine.write(sql, unfinished, step=f"stage {path.stem}", tables=tables)
    finish_file(unfinished, path)
    return count


def _finish(engine: Engine, folder: Path, stage: _Stage, progress: Progress) -> Staging:
    _number_repeats(engine, folder, stage)
    stage.is_complete = True
    _write_stage(folder, stage)
    progress(stage.row_count, stage.row_count)
    return _describe(folder, stage)


def _number_repeats(engine: Engine, folder: Path, stage: _Stage) -> None:
    """Give rows of equal content the ids `...-1`, `...-2`, by their order in the import.

    Equal rows are interchangeable, so that the same files always give the same set of ids.
    """
    if stage.is_numbered:
        return
    files = _list_files(folder, stage, "accepted")
    repeats_file = folder / "repeats.parquet"
    if files and not repeats_file.exists():
        staged = (
            f"(select position, event_id from read_parquet({quote_paths(list(files))}) where is_generated)"
        )
        _write_part(
            engine,
            f"""select position, substr(event_id, 1, length(event_id) - 1) ||
                row_number() over (partition by event_id order by position) as event_id
            from {staged} where hash(event_id) in (
                -- A hash that two ids share costs nothing but memory, which it saves: both keep their number 1.
                select h from (select hash(event_id) as h from {staged}) group by h having count(*) > 1
            )""",
            repeats_file,
            {},
        )
    if files and pq.read_metadata(repeats_file).num_rows:
        for file in files:
            names = pq.read_schema(file).names
            columns = ", ".join(
                "coalesce(r.event_id, a.event_id) as event_id" if name == "event_id" else f"a.{name}"
                for name in names
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
        folder / f"{what}-{number:04d}.parquet"
        for number, part in enumerate(stage.parts, start=1)
        if part[what]
    )


def _describe(folder: Path, stage: _Stage) -> Staging:
    return Staging(
        folder=folder,
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
