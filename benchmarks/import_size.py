"""What a row costs to import: processor time by stage, and memory, against a bare floor in the same rounds.

The floor is DuckDB reading the same file and writing its rows, in order, to Parquet. Measured are the import of a file
into an empty workspace, into one with a stored merge, and after another file of the same years and consumers. Each
runs in a process of its own; the limit of the compute engine is the shipped one.

    python benchmarks/import_size.py --rows 2000000
    python benchmarks/import_size.py --rows 2000000 --all-new
    python benchmarks/import_size.py --rows 10000000 --csv --again --rounds 1 --json
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
from measuring import (
    Stopwatch,
    Summary,
    Target,
    describe_machine,
    run_one_task,
    run_rounds,
    write_table,
    write_targets,
)

import consumer_fusion as fusion
from consumer_fusion import pipeline
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.operations import Stage

MICROSECONDS_A_ROW = 5.0
MOST_GIGABYTES = 0.4
MOST_EXTRA = 1.1
LABELS = {
    "floor": "floor: read the file, write it in order",
    "first": "first import",
    "merged": "the same with a stored merge",
    "second": "a second file of the same years and consumers",
    "again": "the first file again, which adds nothing",
}
MAPPING = """
[source]
name = "shops"

[fields]
event_id = "order"
occurred_at = "at"
consumer = "who"
brand = "shop"
channel = "channel"
value = "amount"
currency = { constant = "EUR" }

[kind]
column = "what"
"""
IDENTIFIERS = """
[identifiers]
email = "email"
"""


def write_rows(path: Path, rows: int, first: int, *, is_all_new: bool, with_identifiers: bool) -> None:
    """A year of three that looks like a chain of shops: few consumers come often, most seldom.

    Args:
        path: The file, whose ending says its format.
        rows: Number of rows.
        first: Number of the first row, so that two files have different rows.
        is_all_new: Whether each row has a consumer of its own.
        with_identifiers: Whether each row names an e-mail address as well.
    """
    email = ", 'person-' || who || '@example.org' as email" if with_identifiers else ""
    often = f"floor({max(rows // 10, 1)} * power((hash(range + 5) % 1000003) / 1000003.0, 3))"
    layout = "header, delimiter ','" if path.suffix == ".csv" else "format parquet"
    with duckdb.connect() as connection:
        connection.execute("set memory_limit = '1GB'")
        connection.execute("set preserve_insertion_order = false")
        connection.execute(
            f"""copy (
                select 'o-' || n as "order",
                    strftime(make_timestamp(1672531200000000 + ((hash(n) % 94608000) * 1000000)::bigint),
                        '%Y-%m-%dT%H:%M:%SZ') as at,
                    'consumer-' || who as who, 'shop-' || (hash(n + 1) % 40) as shop,
                    case hash(n + 2) % 10 when 0 then 'Order Completed' when 1 then 'Product Added'
                        when 2 then 'Email Opened' when 3 then 'Store Visited' else 'Page Viewed' end as what,
                    case hash(n + 3) % 3 when 0 then 'shop' else 'web' end as channel,
                    (hash(n + 4) % 20000) / 100 as amount{email}
                from (select range as n, ({"range" if is_all_new else often})::bigint as who
                      from range({first}, {first + rows}))
            ) to '{path}' ({layout})"""
        )


def prepare_data(folder: Path, rows: int, *, is_csv: bool, is_all_new: bool, with_identifiers: bool) -> None:
    """Write both files, and the workspaces into which they are imported."""
    ending = "csv" if is_csv else "parquet"
    for name, first in (("first", 0), ("second", rows)):
        write_rows(
            folder / f"{name}.{ending}", rows, first, is_all_new=is_all_new, with_identifiers=with_identifiers
        )
    (folder / "mapping.toml").write_text(
        MAPPING + (IDENTIFIERS if with_identifiers else ""), encoding="utf-8"
    )
    for name in ("empty", "merged", "filled"):
        fusion.create_workspace(folder / name)
    with fusion.open_workspace(folder / "merged") as workspace:
        fusion.import_events(
            workspace,
            [
                fusion.Event(
                    event_id=f"meeting-{consumer}", occurred_at=datetime(2024, 1, 1, tzinfo=UTC), kind="Store Visited",
                    consumer=consumer, brand="shop-1", identifiers={"email": "one-person@example.org"},
                )
                for consumer in ("consumer-1", "consumer-2")
            ],
        )  # fmt: skip
    import_file(folder, "first", folder / "filled")


def import_file(folder: Path, name: str, workspace: Path) -> dict[str, float]:
    """Import a file, and return the processor seconds of every stage."""
    seconds: dict[str, float] = {}
    stages = pipeline.list_stages()
    watch = Stopwatch()

    def run_timed(stage: Stage, landing: pipeline.Landing) -> None:
        if not seconds:
            seconds["read and check"] = watch.read()[0]
        own = Stopwatch()
        stage.run(landing)
        seconds[stage.name] = own.read()[0]

    pipeline.list_stages = lambda: tuple(replace(stage, run=partial(run_timed, stage)) for stage in stages)  # type: ignore[assignment]
    try:
        with fusion.open_workspace(workspace) as opened:
            pattern = str(folder / f"{name}.[cp]*")
            fusion.import_files(opened, [pattern], choose_reading(map_file=folder / "mapping.toml"))
    finally:
        pipeline.list_stages = lambda: stages  # type: ignore[assignment]
    return seconds


def prepare_floor(folder: Path) -> Callable[[], Mapping[str, float]]:
    """The bare work: the file read, and its rows written in the order of consumer, brand, kind and time."""
    (path,) = folder.glob("first.[cp]*")
    connection = duckdb.connect()
    connection.execute("set threads = 1")

    def run() -> Mapping[str, float]:
        connection.execute(
            f'copy (select * from \'{path}\' order by who, shop, what, "at", "order") '
            f"to '{folder / 'floor.out'}' (format parquet, compression zstd)"
        )
        return {}

    return run


def prepare_import(name: str, before: str, folder: Path) -> Callable[[], Mapping[str, float]]:
    """An import into a copy of a prepared workspace."""
    workspace = folder / "imported"
    shutil.rmtree(workspace, ignore_errors=True)
    shutil.copytree(folder / before, workspace)

    def run() -> Mapping[str, float]:
        seconds = import_file(folder, name, workspace)
        return {f"figure_{stage}": found for stage, found in seconds.items()}

    return run


TASKS = {
    "floor": prepare_floor,
    "first": partial(prepare_import, "first", "empty"),
    "merged": partial(prepare_import, "first", "merged"),
    "second": partial(prepare_import, "second", "filled"),
    "again": partial(prepare_import, "first", "filled"),
}


def write_stages(summary: Summary, rows: int) -> str:
    """The stages of the run with the median time that took at least a hundredth of it, in microseconds a row."""
    run = sorted(summary.runs, key=lambda each: each.cpu_seconds)[len(summary.runs) // 2]
    return "\n".join(
        f"    {found / rows * 1e6:>6.2f} {stage}"
        for stage, found in run.figures.items()
        if found > run.cpu_seconds / 100
    )


def list_targets(summaries: Mapping[str, Summary], rows: int) -> list[Target]:
    first = summaries["first"]
    own = first.cpu_seconds / rows * 1e6
    return [
        Target("processor time of a row", own, MICROSECONDS_A_ROW, "us"),
        Target("memory", max(run.peak_gigabytes for run in first.runs), MOST_GIGABYTES, "GB"),
        *(
            Target(LABELS[name], summaries[name].ratio / first.ratio, MOST_EXTRA, "x the first import")
            for name in ("merged", "second")
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--csv", action="store_true", help="files of CSV instead of Parquet")
    parser.add_argument("--all-new", action="store_true", help="each row has a consumer of its own")
    parser.add_argument("--identifiers", action="store_true", help="each row names an e-mail address as well")
    parser.add_argument("--again", action="store_true", help="import the first file a second time as well")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.task:
        run_one_task(TASKS, given.task, given.data)
        return
    with TemporaryDirectory(prefix="fusion-import-") as temporary:
        folder = Path(temporary)
        prepare_data(
            folder,
            given.rows,
            is_csv=given.csv,
            is_all_new=given.all_new,
            with_identifiers=given.identifiers,
        )
        tasks = [name for name in TASKS if name != "floor" and (name != "again" or given.again)]
        summaries = run_rounds(
            Path(__file__), folder, tasks, floor="floor", rounds=given.rounds,
            say=lambda text: print(text, file=sys.stderr),
        )  # fmt: skip
    targets = list_targets(summaries, given.rows)
    if given.json:
        found = {
            name: {
                "microseconds_a_row": round(each.cpu_seconds / given.rows * 1e6, 2),
                "x_floor": round(each.ratio, 2),
                "gigabytes": round(each.peak_gigabytes, 3),
            }
            for name, each in summaries.items()
        }
        print(
            json.dumps({
                "rows": given.rows, "machine": describe_machine(), "tasks": found,
                "targets": [each.to_json() for each in targets],
            })
        )  # fmt: skip
    else:
        print(write_table(summaries.values(), LABELS))
        for name in tasks:
            print(f"{LABELS[name]}: {summaries[name].cpu_seconds / given.rows * 1e6:.2f} us a row, of which")
            print(write_stages(summaries[name], given.rows))
        print(write_targets(targets))
    sys.exit(0 if all(each.is_met for each in targets) else 1)


if __name__ == "__main__":
    main()
