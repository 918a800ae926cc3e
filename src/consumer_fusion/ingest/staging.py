"""Staging: validated rows of an import. Files are resumable after an interruption; arrivals stay in memory.

The content of the store is not known here; see `events.deduplication` for that.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from consumer_fusion.errors import MappingError
from consumer_fusion.i18n.messages import Message, as_message, parse_message, write_message
from consumer_fusion.ingest.arrow_events import SELECT_BATCH_ROWS, gather_batches
from consumer_fusion.ingest.cloudevents import select_cloud_events
from consumer_fusion.ingest.event_lines import select_event_lines
from consumer_fusion.ingest.formats import ImportFormat
from consumer_fusion.ingest.mapping import FileMapping
from consumer_fusion.ingest.mapping_checks import check_fit, read_lookups
from consumer_fusion.ingest.mapping_query import count_matches, describe_problems, finish_groups, map_rows
from consumer_fusion.ingest.row_batches import PART_BYTES, RowBatch, read_lines_as_part, read_parts
from consumer_fusion.ingest.row_groups import add_raw_rows, keep_rows, read_groups, write_groups
from consumer_fusion.ingest.segment import select_segment_calls
from consumer_fusion.ingest.trust import limit_trust
from consumer_fusion.ingest.validation import (
    PROBLEMS,
    REJECTED_COLUMNS,
    ROW_PROBLEM,
    check_rows,
    select_accepted,
    select_judged,
    select_raws,
    select_rejected,
)
from consumer_fusion.storage.duckdb import quote_paths
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.scratch import FileScratch, MemoryScratch, Scratch, StoredResult
from consumer_fusion.storage.segments import finish_file, sync_folder

ROWS_PER_PART = 125_000
LINES_PER_PART = 5_000
"""The same for arrivals: while it is checked, a line takes up to sixty times its own size in memory."""
FIRST_ROWS = 1_000
FEWEST_FAILED = 3
"""Minimum number of failed rows for a conclusion about the whole file."""
LIKELY_KEYS: Mapping[str, str] = MappingProxyType({
    "invalid_time": "`source.time_format` and `source.time_zone`", "missing_time": "`fields.occurred_at`",
    "occurred_in_future": "`source.time_format` and `source.time_zone`", "missing_id": "`fields.event_id`",
    "invalid_number": "`source.decimal` and `source.thousands`", "missing_kind": "`kind.default` and `kind.column`",
    "invalid_currency": "`fields.currency`", "invalid_trust": "`fields.trust`", "invalid_json": "`source.format`",
    "broken_line": "`source.delimiter`, `source.quote` and `source.skip_lines`",
    "invalid_encoding": "`source.encoding`", "invalid_received_at": "`fields.received_at`",
})  # fmt: skip
"""Keys of a mapping that are likely wrong where most rows are rejected for one reason."""
STAGE_FILE = "stage-2.json"
"""Progress of a staging; the name changes with the content of its parts, so that another release begins again."""
Progress = Callable[[int, int | None], None]


def _tell_nobody(done_rows: int, total_rows: int | None) -> None:
    """A progress callback that does nothing."""


@dataclass(frozen=True, slots=True)
class Staging:
    """The validated rows of an import.

    Attributes:
        scratch: Scratch for derived results.
        accepted: Relation of accepted rows; empty where there are none.
        rejected: Relation of rejected rows, with the reason; empty where there are none.
        row_count: Number of rows read.
        accepted_count: Number of accepted rows.
        rejected_count: Number of rejected rows.
        nobody_count: Number of events whose consumer key is a placeholder.
        resolved: Numbers of rows that were rejected before and are accepted now.
        claimed_by: Source whose identifiers are claims; see `ImportFormat.claimed_by`.
    """

    scratch: Scratch
    accepted: str
    rejected: str
    row_count: int
    accepted_count: int
    rejected_count: int
    nobody_count: int = 0
    resolved: tuple[int, ...] = ()
    claimed_by: str | None = None


@dataclass(slots=True)
class _Stage:
    """Progress of a staging; written after each part, so that it can be resumed."""

    received_us: int
    placeholders: list[str] = field(default_factory=list)
    row_count: int = 0
    kept_count: int = 0
    is_kept: bool = False
    last_position: int = 0
    parts: list[dict[str, int]] = field(default_factory=list)
    resolved: list[int] = field(default_factory=list)
    is_numbered: bool = False
    is_complete: bool = False


def stage_files(
    engine: Engine,
    files: Sequence[Path],
    reading: ImportFormat,
    folder: Path,
    *,
    received_us: int,
    tolerance_hours: float,
    progress: Progress = _tell_nobody,
    has_lines: bool = False,
    pending: pa.Table | None = None,
    row_limit: int | None = None,
    placeholders: Sequence[str] = (),
) -> Staging:
    """Read files into validated parts; resume where an earlier call for the same files was interrupted.

    Args:
        engine: Engine to run the queries with.
        files: The files; see `find_files`.
        reading: Format of their rows.
        folder: Folder used by this import alone.
        received_us: Time of arrival of rows that have none; an interrupted import keeps its first one.
        tolerance_hours: Maximum time by which an event may occur after that, in hours.
        progress: Called with the number of rows done and, where it is known or estimated, in total.
        has_lines: Whether each line is an event, whatever it looks like; otherwise a file may be one array of events.
        pending: Rows that were rejected before (`list_pending`), to find those that are accepted now.
        row_limit: Maximum number of rows.
        placeholders: Further placeholder keys of consumers.

    Raises:
        InputError: A file cannot be read.
        MappingError: The mapping does not fit the files.
    """
    stage = _read_stage(folder) or _Stage(received_us, [*map(str.lower, placeholders)])
    if stage.is_complete:
        return replace(_describe(engine, folder, stage), claimed_by=reading.claimed_by)
    if not stage.parts and not stage.kept_count:
        _clear_folder(folder)
    mapping = reading.mapping
    lookups: dict[str, pa.Table] = {}
    if mapping is not None:
        check_fit(engine, mapping, files)
        lookups = read_lookups(engine, mapping, [files[0].parent, *map(Path, reading.lookup_folders)])
    parts = read_parts(
        files, mapping.layout if mapping else None, rows_per_part=ROWS_PER_PART, skip_rows=stage.row_count,
        has_lines=has_lines, row_limit=row_limit,
    )  # fmt: skip
    if mapping is not None and mapping.group_by:
        _stage_grouped(engine, reading, parts, lookups, folder, stage, tolerance_hours, progress, pending)
    else:
        for part in parts:
            canonical = _select_canonical(reading, part)
            _stage_part(
                engine, part, canonical, folder, stage, tolerance_hours,
                lookups=lookups, is_expanding=reading.format == "segment",
                has_refunds=mapping is not None and mapping.refund is not None,
                details=describe_problems(mapping) if mapping else {}, pending=pending,
            )  # fmt: skip
            progress(stage.row_count, round(stage.row_count / part.fraction))
    return replace(_finish(engine, folder, stage, progress), claimed_by=reading.claimed_by)


def _clear_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in (*folder.glob("*.parquet"), *folder.glob("*.unfinished")):
        path.unlink()


def _select_canonical(reading: ImportFormat, part: RowBatch) -> str:
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
    placeholders: Sequence[str] = (),
) -> Staging:
    """Validate rows of the canonical text columns (`CANONICAL_SCHEMA`) exactly like those of files.

    It always begins again, because batches cannot be resumed. A rejected row is stored as an event line.
    """
    _clear_folder(folder)
    stage = _Stage(received_us, [*map(str.lower, placeholders)])
    for part in gather_batches(batches, ROWS_PER_PART):
        _stage_part(engine, part, SELECT_BATCH_ROWS, folder, stage, tolerance_hours)
        progress(stage.row_count, None)
    return _finish(engine, folder, stage, progress)


def check_first_rows(
    engine: Engine,
    files: Sequence[Path],
    reading: ImportFormat,
    folder: Path,
    *,
    received_us: int,
    tolerance_hours: float,
    placeholders: Sequence[str] = (),
) -> None:
    """Check that the first rows of files can be read in their format.

    Args:
        engine: Engine to run the queries with.
        files: The files.
        reading: Format of their rows.
        folder: Folder for this check alone.
        received_us: Time of arrival of rows that have none.
        tolerance_hours: Maximum time by which an event may occur after that, in hours.
        placeholders: Further placeholder keys of consumers.

    Raises:
        MappingError: Most of them are rejected, for one reason; the message names the key that is likely wrong.
    """
    staging = stage_files(
        engine,
        files,
        reading,
        folder,
        received_us=received_us,
        tolerance_hours=tolerance_hours,
        row_limit=FIRST_ROWS,
        placeholders=placeholders,
    )
    if reading.mapping is not None and reading.mapping.joins:
        _check_joins(engine, files, reading, reading.mapping)
    codes: Counter[str] = Counter()
    messages: dict[str, str] = {}
    for code, message in read_rejected(engine, staging):
        codes[code] += 1
        messages.setdefault(code, message)
    count = staging.accepted_count + staging.rejected_count
    code, failed = next(iter(codes.most_common(1)), ("", 0))
    if failed < FEWEST_FAILED or failed <= count / 2:
        return
    likely = (
        LIKELY_KEYS.get(code) if reading.mapping else f"`--format {reading.format}`, or a mapping (--map)"
    )
    raise MappingError(
        f"{failed:,} of the first {count:,} rows are rejected for one reason, so nothing was imported. "
        f"{messages[code]}",
        hint=(f"Look at {likely}. " if likely else "")
        + "To import the other rows and set these aside, use --set-aside.",  # words: as is
        where=str(files[0]),
    )


def _check_joins(engine: Engine, files: Sequence[Path], reading: ImportFormat, mapping: FileMapping) -> None:
    lookups = read_lookups(engine, mapping, [files[0].parent, *map(Path, reading.lookup_folders)])
    parts = read_parts(files, mapping.layout, rows_per_part=FIRST_ROWS, row_limit=FIRST_ROWS)
    counts = [
        engine.read(
            count_matches(mapping, part), step="count matches", tables={"lines": part.rows, **lookups}
        ).to_pylist()[0]
        for part in parts
    ]
    for number, join in enumerate(mapping.joins, start=1):
        given = sum(count[f"given_{number}"] for count in counts)
        if given >= FEWEST_FAILED and not any(count[f"matched_{number}"] for count in counts):
            ours, theirs = ", ".join(own for own, _ in join.keys), ", ".join(their for _, their in join.keys)
            raise MappingError(
                f"None of the first {given:,} rows has a match in {join.file}: no `{ours}` equals a `{theirs}`.",
                hint=f"Look at `join[{number}].on`; keys must match exactly, so 17850.0 is not 17850. "
                "To import the rows without these columns, use --set-aside.",  # words: as is
                where=str(files[0]),
            )


def stage_lines(
    engine: Engine,
    lines: Sequence[str],
    reading: ImportFormat,
    *,
    received_us: int,
    tolerance_hours: float,
    placeholders: Sequence[str] = (),
) -> Staging:
    """Validate arrived lines, in memory; each is an event, or several in some formats.

    Args:
        engine: Engine to run the queries with.
        lines: The lines.
        reading: Format of the lines; it has no mapping.
        received_us: Time of arrival of events that have none.
        tolerance_hours: Maximum time by which an event may occur after that, in hours.
        placeholders: Further placeholder keys of consumers.
    """
    scratch = MemoryScratch(engine)
    parts: list[pa.Table] = []
    refused: list[pa.Table] = []
    row_count = last_position = 0
    for some in _cut_lines(lines):
        part = read_lines_as_part(some, last_position)
        checked = check_rows(
            _select_canonical(reading, part),
            received_us=received_us,
            tolerance_hours=tolerance_hours,
            placeholders=[*map(str.lower, placeholders)],
        )
        tables = {"lines": part.rows, "staged": pa.table({"last_position": [last_position]})}
        judged = engine.read(select_judged(checked), step="check arrivals", tables=tables)
        is_accepted = pc.is_null(judged["code"])
        parts.append(judged.drop_columns(["code"]).filter(is_accepted))
        # The reasons are read with a second look at all rows, as long as the first; mostly there are none.
        if parts[-1].num_rows < judged.num_rows:
            refused.append(engine.read(select_rejected(checked), step="check arrivals", tables=tables))
        row_count += len(part.rows)
        last_position = pc.max(judged["position"]).as_py() or last_position
    rows = pa.concat_tables(parts)
    rejected = StoredResult("", 0)
    if refused:
        rejections = pa.concat_tables(refused)
        rejected = StoredResult(scratch.keep_table("rejected", rejections), rejections.num_rows)
    accepted = scratch.keep_table("accepted", rows)
    if pc.any(rows["is_generated"]).as_py():
        repeats = scratch.keep("repeats", _select_all_repeats(accepted), step="number equal rows")
        if repeats.row_count:
            numbered = _select_numbered(accepted, repeats.relation, rows.column_names)
            accepted = scratch.keep("numbered", numbered, step="number equal rows").relation
    return Staging(
        scratch, accepted, rejected.relation, row_count, rows.num_rows, rejected.row_count,
        nobody_count=pc.sum(rows["is_nobody"]).as_py() or 0, claimed_by=reading.claimed_by,
    )  # fmt: skip


def _cut_lines(lines: Sequence[str]) -> Iterator[Sequence[str]]:
    """The lines in parts, the long ones in smaller parts."""
    begin = size = 0
    for end, line in enumerate(lines):
        if end - begin == LINES_PER_PART or (size and size + len(line) > PART_BYTES):
            yield lines[begin:end]
            begin, size = end, 0
        size += len(line)
    if begin < len(lines):
        yield lines[begin:]


def reject_lines(engine: Engine, lines: Sequence[str], reading: ImportFormat, code: str) -> Staging:
    """A staging in which every line is rejected as received, for lines that no query can read.

    Args:
        engine: Engine to run the queries with.
        lines: The lines.
        reading: Format in which they were to be read.
        code: Code of the reason, one of `PROBLEMS`.
    """
    raws = [line.encode("utf-8", "backslashreplace").decode() for line in lines]
    columns: list[Sequence[object]] = [
        [*range(1, len(raws) + 1)], [reading.source] * len(raws), [code] * len(raws),
        [
            write_message(Message(ROW_PROBLEM, position=position, message=as_message(PROBLEMS[code])))
            for position in range(1, len(raws) + 1)
        ],
        raws, [None] * len(raws),
    ]  # fmt: skip
    types = (pa.int64(), pa.string(), pa.string(), pa.string(), pa.string(), pa.string())
    rejected = pa.table(
        {name: pa.array(cells, each) for name, cells, each in zip(REJECTED_COLUMNS, columns, types)}
    )
    scratch = MemoryScratch(engine)
    return Staging(scratch, "", scratch.keep_table("rejected", rejected), len(raws), 0, len(raws))


def read_rejected(engine: Engine, staging: Staging) -> Iterator[tuple[str, Message]]:
    """The reasons of the rejected rows: code and message, in their order."""
    if staging.rejected:
        rows = engine.read(
            f"select code, message from {staging.rejected} order by position", step="read the reasons"
        ).to_pylist()
        yield from ((row["code"], parse_message(row["message"])) for row in rows)


def _stage_grouped(
    engine: Engine,
    reading: ImportFormat,
    parts: Iterator[RowBatch],
    lookups: dict[str, pa.Table],
    folder: Path,
    stage: _Stage,
    tolerance_hours: float,
    progress: Progress,
    pending: pa.Table | None,
) -> None:
    mapping = reading.mapping
    if mapping is None:
        return
    if not stage.is_kept:
        for part in parts:
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
            complete=lambda rejected: add_raw_rows(mapping, kept, rejected), details=describe_problems(mapping),
            has_refunds=mapping.refund is not None, pending=pending,
        )  # fmt: skip


def _stage_part(
    engine: Engine,
    part: RowBatch,
    canonical: str,
    folder: Path,
    stage: _Stage,
    tolerance_hours: float,
    *,
    lookups: dict[str, pa.Table] | None = None,
    is_expanding: bool = False,
    has_refunds: bool = False,
    complete: Callable[[str], str] = lambda rejected: rejected,
    details: Mapping[str, str] = MappingProxyType({}),
    pending: pa.Table | None = None,
) -> None:
    number = len(stage.parts) + 1
    checked = check_rows(
        canonical,
        received_us=stage.received_us,
        tolerance_hours=tolerance_hours,
        placeholders=stage.placeholders,
    )
    tables = {
        "lines": part.rows,
        "staged": pa.table({"last_position": [stage.last_position]}),
        **(lookups or {}),
    }
    accepted_file = folder / f"accepted-{number:04d}.parquet"
    accepted = _write_part(engine, select_accepted(checked), accepted_file, tables)
    rejected = 0
    if is_expanding or has_refunds or accepted != len(part.rows):
        rejected_file = folder / f"rejected-{number:04d}.parquet"
        rejected = _write_part(engine, complete(select_rejected(checked, details)), rejected_file, tables)
    if pending is not None and pending.num_rows and accepted:
        stage.resolved += _find_resolved(engine, complete(select_raws(checked)), pending, tables)
    nobody = pc.sum(pq.read_table(accepted_file, columns=["is_nobody"])["is_nobody"]).as_py() or 0
    stage.parts.append({"accepted": accepted, "rejected": rejected, "nobody": nobody})
    if is_expanding:  # a line may contain several events; then positions count events, not lines
        stage.last_position += accepted + rejected
    else:
        stage.last_position = part.last_position
    if not stage.is_kept:
        stage.row_count = part.last_position
    # The part and its end are stored together, so that no row is staged twice.
    _write_stage(folder, stage)


def _find_resolved(
    engine: Engine, accepted: str, pending: pa.Table, tables: dict[str, pa.Table]
) -> list[int]:
    found = engine.read(
        f"select distinct p.rejection_id from ({accepted}) a join pending p on p.source = a.source and p.raw = a.raw",
        step="find accepted rows on the list of rejected ones",
        tables={**tables, "pending": pending},
    )
    numbers: list[int] = found["rejection_id"].to_pylist()
    return numbers


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
    return _describe(engine, folder, stage)


def _number_repeats(engine: Engine, folder: Path, stage: _Stage) -> None:
    """Assign the ids `...-1`, `...-2` to rows of equal content, by their order in the import.

    Equal rows are interchangeable, so that the same files always yield the same set of ids. The ids of the rows
    under the former rule are numbered likewise.
    """
    if stage.is_numbered:
        return
    files = [file for file in _list_files(folder, stage, "accepted") if _has_made_ids(file)]
    repeats_file = folder / "repeats.parquet"
    if files and not repeats_file.exists():
        repeats = _select_all_repeats(f"read_parquet({quote_paths(files)})")
        _write_part(engine, repeats, repeats_file, {})
    if files and pq.read_metadata(repeats_file).num_rows:
        for file in files:
            rows, repeats = (f"read_parquet({quote_paths([each])})" for each in (file, repeats_file))
            _write_part(engine, _select_numbered(rows, repeats, pq.read_schema(file).names), file, {})
    stage.is_numbered = True
    _write_stage(folder, stage)


def _select_all_repeats(rows: str) -> str:
    return f"""select coalesce(e.position, f.position) as position, e.event_id, f.former_id
        from ({_select_repeats(rows, "event_id")}) e
        full join ({_select_repeats(rows, "former_id")}) f on f.position = e.position"""


def _select_numbered(rows: str, repeats: str, names: Sequence[str]) -> str:
    columns = ", ".join(
        f"coalesce(r.{name}, a.{name}) as {name}" if name in ("event_id", "former_id") else f"a.{name}"
        for name in names
    )
    return (
        f"select {columns} from {rows} a left join {repeats} r on r.position = a.position order by a.position"
    )


def _has_made_ids(file: Path) -> bool:
    return bool(pc.any(pq.read_table(file, columns=["is_generated"])["is_generated"]).as_py())


def _select_repeats(rows: str, name: str) -> str:
    """The positions of rows whose generated id occurs more than once, with their numbered id."""
    # A hash collision costs nothing but memory: both keep their number 1.
    return f"""
        select position, substr({name}, 1, length({name}) - 1) ||
            row_number() over (partition by {name} order by position) as {name}
        from {rows} where is_generated and hash({name}) in (
            select h from (select hash({name}) as h from {rows} where is_generated) group by h having count(*) > 1
        )"""


def _list_files(folder: Path, stage: _Stage, what: str) -> tuple[Path, ...]:
    return tuple(
        folder / f"{what}-{number:04d}.parquet"
        for number, part in enumerate(stage.parts, start=1)
        if part[what]
    )


def _describe(engine: Engine, folder: Path, stage: _Stage) -> Staging:
    results = folder / "landing"
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    accepted, rejected = (_list_files(folder, stage, what) for what in ("accepted", "rejected"))
    return Staging(
        scratch=FileScratch(engine, results),
        accepted=f"read_parquet({quote_paths(list(accepted))})" if accepted else "",
        rejected=f"read_parquet({quote_paths(list(rejected))})" if rejected else "",
        row_count=stage.row_count,
        accepted_count=sum(part["accepted"] for part in stage.parts),
        rejected_count=sum(part["rejected"] for part in stage.parts),
        nobody_count=sum(part["nobody"] for part in stage.parts),
        resolved=tuple(stage.resolved),
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
