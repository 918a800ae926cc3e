"""What a row costs to import: processor time by stage, and memory, against a bare floor and peers in the same rounds.

The floor is DuckDB reading the same file and writing its rows, in order, to Parquet. Measured are the import of a file
into an empty workspace, into one with a stored merge, and after another file of the same years and consumers. Each
runs in a process of its own; the limit of the compute engine is the shipped one.

The peers are what is written by hand for the same file, and do less. All read the times, give consumers and brands
numbers, keep an order that is in the file twice once, and leave the rows such that those of a pair are found quickly.

    polars, pandas    one Parquet file for each of sixteen parts, sorted by pair, kind and time; what another file has
                      brought is not looked at, and memory grows with the file
    SQLite            rows that are parsed in Python, in one transaction; the order is unique, also among files, and an
                      index leads from brand, consumer and time to the rows; it is built once, after the rows

What only an import does: it checks every row and keeps those it refuses, with the reason; it knows rows of other files;
it continues where it was killed; it turns names into kinds and amounts into magnitudes; it derives events, resolves
identities (the peers leave out the addresses of `--identifiers`), and folds states, from which scores are read at once.

    python benchmarks/import_size.py --rows 2000000
    python benchmarks/import_size.py --rows 2000000 --all-new
    python benchmarks/import_size.py --rows 10000000 --csv --again --rounds 1 --json
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow.parquet as pq
from measuring import (
    Stopwatch,
    Summary,
    Target,
    check_agreement,
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
from consumer_fusion.settings import BUCKET_COUNT

MICROSECONDS_A_ROW = 5.0
MOST_GIGABYTES = 0.4
MOST_EXTRA = 1.1
LABELS = {
    "floor": "floor: read the file, write it in order",
    "first": "first import",
    "merged": "the same with a stored merge",
    "second": "a second file of the same years and consumers",
    "again": "the first file again, which adds nothing",
    "polars": "peer: polars by hand",
    "pandas": "peer: pandas by hand",
    "sqlite": "peer: SQLite by hand",
}
PEERS = ("polars", "pandas", "sqlite")
COLUMNS = ("order", "at", "who", "shop", "what", "channel", "amount")
BATCH_ROWS = 10_000
TABLES = """
    create table keys (number integer primary key, type text not null, key text not null, unique (type, key));
    create table events (
        "order" text primary key, at_us integer not null, consumer integer not null, brand integer not null,
        kind text not null, channel text, amount real, currency text
    );
"""
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


def import_file(folder: Path, name: str, workspace: Path) -> tuple[int, dict[str, float]]:
    """Import a file; returns the number of rows accepted, and the processor seconds of every stage."""
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
            reading = choose_reading(map_file=folder / "mapping.toml")
            accepted = fusion.import_files(opened, [pattern], reading).accepted
    finally:
        pipeline.list_stages = lambda: stages  # type: ignore[assignment]
    return accepted, seconds


def prepare_floor(folder: Path) -> Callable[[], Mapping[str, float]]:
    """The bare work: the file read, and its rows written in the order of consumer, brand, kind and time."""
    path = find_file(folder)
    connection = duckdb.connect()
    connection.execute("set threads = 1")

    def run() -> Mapping[str, float]:
        (written,) = connection.execute(
            f'copy (select * from \'{path}\' order by who, shop, what, "at", "order") '
            f"to '{folder / 'floor.out'}' (format parquet, compression zstd)"
        ).fetchall()
        return {"rows": written[0]}

    return run


def find_file(folder: Path) -> Path:
    """The first file."""
    (path,) = folder.glob("first.[cp]*")
    return path


def prepare_output(folder: Path, peer: str) -> Path:
    """An empty folder for what a peer writes."""
    output = folder / peer
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir()
    return output


def prepare_polars(folder: Path) -> Callable[[], Mapping[str, float]]:
    """Read, number, sort and write with polars."""
    os.environ["POLARS_MAX_THREADS"] = "1"  # as the floor; more threads cost more processor time, never less
    import polars as pl

    path, output = find_file(folder), prepare_output(folder, "polars")

    def number_keys(rows: pl.DataFrame, column: str, number: str) -> pl.DataFrame:
        keys = rows.select(pl.col(column).unique(maintain_order=True)).with_row_index(number, offset=1)
        keys.write_parquet(output / f"{column}.parquet")
        return rows.join(keys, on=column, how="left").drop(column)

    def run() -> Mapping[str, float]:
        read = pl.read_csv if path.suffix == ".csv" else pl.read_parquet
        rows = read(path, columns=list(COLUMNS)).unique("order", keep="first", maintain_order=True)
        rows = rows.with_columns(
            pl.col("at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC"),
            pl.lit("EUR").alias("currency"),
        )
        rows = number_keys(number_keys(rows, "who", "consumer"), "shop", "brand")
        rows = rows.sort("consumer", "brand", "what", "at", "order")
        for bucket in range(BUCKET_COUNT):
            part = rows.filter(pl.col("consumer") % BUCKET_COUNT == bucket)
            part.write_parquet(output / f"bucket-{bucket}.parquet", compression="zstd")
        return {"rows": len(rows)}

    return run


def prepare_pandas(folder: Path) -> Callable[[], Mapping[str, float]]:
    """Read, number, sort and write with pandas."""
    import pandas as pd

    path, output = find_file(folder), prepare_output(folder, "pandas")

    def run() -> Mapping[str, float]:
        if path.suffix == ".csv":
            rows = pd.read_csv(path, usecols=list(COLUMNS), engine="pyarrow")
        else:
            rows = pd.read_parquet(path, columns=list(COLUMNS))
        rows = rows.drop_duplicates("order")
        rows["at"] = pd.to_datetime(rows["at"], format="%Y-%m-%dT%H:%M:%SZ", utc=True)
        rows["currency"] = "EUR"
        for column, number in (("who", "consumer"), ("shop", "brand")):
            rows[number], keys = pd.factorize(rows.pop(column))
            pd.DataFrame({column: keys}).to_parquet(output / f"{column}.parquet")
        rows = rows.sort_values(["consumer", "brand", "what", "at", "order"])
        for bucket, part in rows.groupby(rows["consumer"] % BUCKET_COUNT):
            part.to_parquet(output / f"bucket-{bucket}.parquet", compression="zstd", index=False)
        return {"rows": len(rows)}

    return run


def prepare_sqlite(folder: Path) -> Callable[[], Mapping[str, float]]:
    """Parse each row in Python, and insert it into a table with a unique id and an index for pairs."""
    path, output = find_file(folder), prepare_output(folder, "sqlite")
    connection = sqlite3.connect(output / "events.db", isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.executescript(TABLES)

    def read_rows() -> Iterable[tuple[str, ...]]:
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    yield tuple(row[name] for name in COLUMNS)
            return
        for batch in pq.ParquetFile(path).iter_batches(BATCH_ROWS, columns=list(COLUMNS)):
            yield from zip(*(batch[name].to_pylist() for name in COLUMNS), strict=True)

    def run() -> Mapping[str, float]:
        numbers: dict[tuple[str, str], int] = {}

        def number_key(role: str, key: str) -> int:
            return numbers.setdefault((role, key), len(numbers) + 1)

        def parse_rows() -> Iterable[tuple[object, ...]]:
            for order, at, who, shop, what, channel, amount in read_rows():
                at_us = int(datetime.fromisoformat(at).timestamp()) * 1_000_000
                consumer, brand = number_key("consumer", who), number_key("brand", shop)
                yield order, at_us, consumer, brand, what, channel, float(amount), "EUR"

        connection.execute("begin immediate")
        connection.executemany("insert or ignore into events values (?, ?, ?, ?, ?, ?, ?, ?)", parse_rows())
        connection.executemany(
            "insert into keys values (?, ?, ?)", ((number, *key) for key, number in numbers.items())
        )
        connection.execute("create index pairs on events (brand, consumer, at_us)")
        connection.execute("commit")
        return {"rows": connection.total_changes - len(numbers)}

    return run


def prepare_import(name: str, before: str, folder: Path) -> Callable[[], Mapping[str, float]]:
    """An import into a copy of a prepared workspace."""
    workspace = folder / "imported"
    shutil.rmtree(workspace, ignore_errors=True)
    shutil.copytree(folder / before, workspace)

    def run() -> Mapping[str, float]:
        accepted, seconds = import_file(folder, name, workspace)
        return {"rows": accepted, **{f"figure_{stage}": found for stage, found in seconds.items()}}

    return run


TASKS = {
    "floor": prepare_floor,
    "first": partial(prepare_import, "first", "empty"),
    "merged": partial(prepare_import, "first", "merged"),
    "second": partial(prepare_import, "second", "filled"),
    "again": partial(prepare_import, "first", "filled"),
    "polars": prepare_polars,
    "pandas": prepare_pandas,
    "sqlite": prepare_sqlite,
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
    problems = check_agreement([[summaries[name] for name in ("floor", "first", *PEERS)]])
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
                "targets": [each.to_json() for each in targets], "disagreements": problems,
            })
        )  # fmt: skip
    else:
        print(f"{given.rows:,} rows, {given.rounds} rounds, {describe_machine()}")
        print(write_table(summaries.values(), LABELS))
        for name in PEERS:
            ratio = summaries["first"].ratio / summaries[name].ratio
            print(f"{LABELS['first']}: {ratio:.2f} x {LABELS[name].removeprefix('peer: ')}")
        for name in (name for name in tasks if name not in PEERS):
            print(f"{LABELS[name]}: {summaries[name].cpu_seconds / given.rows * 1e6:.2f} us a row, of which")
            print(write_stages(summaries[name], given.rows))
        print(write_targets(targets))
        print("\n".join(problems) or "All have kept the same number of rows.")
    sys.exit(1 if problems or not all(each.is_met for each in targets) else 0)


if __name__ == "__main__":
    main()
