"""The texts of the fold and of the score give the same numbers on every engine that is here as on DuckDB.

DuckDB is always here; each of the others is skipped with the reason where it is not (CONTRIBUTING.md, "Other engines").
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.score.fold.array_folding import KindArrays, fold_events_table
from consumer_fusion.score.fold.decay import fold_kinds_at
from consumer_fusion.score.model.scoring_sql import build_kind_points, write_scores_query
from consumer_fusion.score.query_texts import read_query
from pair_ledgers import POINTS as SHIPPED

pytestmark = pytest.mark.slow

POSTGRES = "CONSUMER_FUSION_TEST_POSTGRES"
"""Names a PostgreSQL server whose temporary tables the tests may use: a connection string."""
KINDS = ("Order Completed", "Service Failed", "Complaint Published", "Page Viewed", "Email Opened")
UNTRUSTED = "Email Opened"
POINTS = replace(
    SHIPPED,
    kinds={**SHIPPED.kinds, UNTRUSTED: replace(SHIPPED.kinds[UNTRUSTED], trust=0.0)},
    dispersions={"Service Failed": 9.0},
    rhythms={2**62 + 1: 0.4},
)
KIND_IDS = {key: number for number, key in enumerate(KINDS, start=1)}
NOW_US = 1_780_000_000_000_000
OLDEST_DAYS = 35 * 365
KEY = ["consumer_id", "brand_id", "kind_id"]
TEXTS = ("fold_arrived", "fold_sealed", "fold_late")


class DuckDB:
    """The engine of the product."""

    def read(self, text, tables):
        with duckdb.connect() as connection:
            for name, table in tables.items():
                connection.register(name, table)
            return connection.execute(text).to_arrow_table()


class ClickHouse:
    """ClickHouse in this process."""

    def __init__(self, folder):
        self.session = pytest.importorskip("chdb.session", reason="chdb is not installed (extra `engines`)")
        self.folder = folder

    def read(self, text, tables):
        session = self.session.Session()
        # As in the standard: a row without a partner has nulls, and a column has them only where it says so.
        session.query("set join_use_nulls = 1")
        session.query("set schema_inference_make_columns_nullable = 0")
        for name, table in tables.items():
            path = write_table(self.folder, name, table)
            session.query(
                f"create or replace table {name} engine = Memory as select * from file('{path}', Parquet)"
            )
        answer = session.query(text, "ArrowStream").bytes()
        session.close()
        return pa.ipc.open_stream(answer).read_all()


class PostgreSQL:
    """A server that somebody started."""

    def __init__(self, folder):
        self.library = pytest.importorskip("psycopg", reason="psycopg is not installed (extra `engines`)")
        if POSTGRES not in os.environ:
            pytest.skip(f"no PostgreSQL server is named in {POSTGRES}")

    def read(self, text, tables):
        types = {pa.int64(): "bigint", pa.float64(): "double precision"}
        with self.library.connect(os.environ[POSTGRES]) as connection, connection.cursor() as cursor:
            cursor.execute("create domain pg_temp.double as double precision")
            for name, table in tables.items():
                columns = ", ".join(f"{field.name} {types[field.type]}" for field in table.schema)
                cursor.execute(f"create temporary table {name} ({columns})")
                with cursor.copy(f"copy {name} from stdin") as copy:
                    for row in zip(*(column.to_pylist() for column in table.columns)):
                        copy.write_row(row)
            cursor.execute(text)
            names = [column.name for column in cursor.description]
            rows = cursor.fetchall()
            connection.rollback()
        columns = zip(*rows) if rows else [()] * len(names)
        return pa.table({name: [plain(value) for value in column] for name, column in zip(names, columns)})


class Spark:
    """Spark in this process, with two workers."""

    def __init__(self, folder):
        self.library = pytest.importorskip("pyspark.sql", reason="pyspark is not installed (extra `engines`)")
        if not os.environ.get("JAVA_HOME") and shutil.which("java") is None:
            pytest.skip("there is no Java for Spark")
        self.folder = folder

    def read(self, text, tables):
        settings = {
            "spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2", "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1", "spark.sql.warehouse.dir": str(self.folder),
        }  # fmt: skip
        builder = self.library.SparkSession.builder.master("local[2]")
        for name, value in settings.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        for name, table in tables.items():
            session.read.parquet(str(write_table(self.folder, name, table))).createOrReplaceTempView(name)
        rows = session.sql(text)
        columns = zip(*rows.collect())
        return pa.table(dict(zip(rows.columns, map(list, columns)))) if rows.count() else pa.table({})


ENGINES = {"chdb": ClickHouse, "postgresql": PostgreSQL, "spark": Spark}


def plain(value):
    """A sum of integers is exact in PostgreSQL, and comes as a decimal."""
    return value if isinstance(value, (str, float, int)) else float(value)


def write_table(folder, name, table):
    path = folder / f"{name}.parquet"
    pq.write_table(table, path)
    return path


@pytest.fixture(scope="module")
def duck():
    return DuckDB()


@pytest.fixture(scope="module", params=ENGINES)
def engine(request, tmp_path_factory):
    return ENGINES[request.param](tmp_path_factory.mktemp("tables"))


def invent_events(count, seed=3):
    """Events of all ages up to 35 years, many on one day, of keys beyond what a double holds, some without trust."""
    random = np.random.default_rng(seed)
    is_recent = random.random(count) < 0.5
    age_days = np.where(is_recent, random.integers(0, 5, count), random.integers(0, OLDEST_DAYS, count))
    day = NOW_US // DAY_MICROSECONDS - age_days
    occurred = np.minimum(day * DAY_MICROSECONDS + random.integers(0, DAY_MICROSECONDS, count), NOW_US)
    # Consumers of recent events have many a day, the others one or two in all.
    consumer = np.where(
        is_recent,
        random.integers(0, max(count // 150, 1), count),
        random.integers(1_000, 1_000 + count, count),
    )
    columns = {
        "consumer_id": 2**62 + consumer,
        "brand_id": 2**62 + random.integers(0, 3, count),
        "kind_id": random.integers(1, len(KINDS) + 2, count),  # one of them without points
        "occurred_us": occurred,
        "day": day,
        "magnitude": random.uniform(0.25, 3.0, count),
        "trust": np.where(random.random(count) < 0.05, 0.0, random.uniform(0.3, 1.0, count)),
    }
    keys = list(zip(*(columns[name] for name in (*KEY, "day"))))
    counts = {}
    for key, trust in zip(keys, columns["trust"]):
        counts[key] = counts.get(key, 0) + (trust > 0)
    columns["same_day_count"] = np.array([max(counts[key], 1) for key in keys], np.int64)
    columns["is_old"] = random.integers(0, 2, count)
    return pa.table(
        {
            name: pa.array(values, pa.float64() if values.dtype == float else pa.int64())
            for name, values in columns.items()
        }
    )


EVENTS = invent_events(6_000)
FOLD_KINDS = fold_kinds_at(
    POINTS, {key: KIND_IDS.get(key, 10_000 + number) for number, key in enumerate(POINTS.kinds)}, NOW_US
)
FOLD_TABLES = {"events": EVENTS, "fold_kinds": FOLD_KINDS}


def write_fold(name):
    return read_query("fold", name).substitute(events="events")


def assert_equal(found, wanted, keys):
    """The same rows; every number of them to 1e-9 of itself."""
    assert found.num_rows == wanted.num_rows
    order = [(name, "ascending") for name in keys]
    found, wanted = (table.select(wanted.column_names).sort_by(order) for table in (found, wanted))
    for name in wanted.column_names:
        if pa.types.is_string(wanted.schema.field(name).type):
            assert found[name].to_pylist() == wanted[name].to_pylist()
        elif name in keys:
            assert list(map(int, found[name].to_pylist())) == wanted[name].to_pylist()
        else:
            numbers = (np.array(table[name].to_pylist(), float) for table in (found, wanted))
            np.testing.assert_allclose(*numbers, rtol=1e-9, atol=1e-100, err_msg=name)


def test_the_events_hold_what_engines_differ_in(duck):
    states = duck.read(write_fold("fold_arrived"), FOLD_TABLES)
    assert min(EVENTS["consumer_id"].to_pylist()) >= 2**62
    assert max(EVENTS["same_day_count"].to_pylist()) > 2
    assert EVENTS["trust"].to_pylist().count(0.0) > 100
    assert states["y"].to_pylist().count(0.0) > 50  # without trust, or too old to count
    assert min(value for value in states["y"].to_pylist() if value) < 1e-80


def test_the_arrays_fold_as_the_texts_do(duck):
    by_arrays = fold_events_table(
        EVENTS.drop_columns(["same_day_count", "is_old"]), KindArrays.from_table(FOLD_KINDS)
    )
    for name in ("fold_arrived", "fold_sealed"):
        assert_equal(duck.read(write_fold(name), FOLD_TABLES), by_arrays, KEY)


@pytest.mark.parametrize("name", TEXTS)
def test_a_fold_gives_the_same_states(name, engine, duck):
    wanted = duck.read(write_fold(name), FOLD_TABLES)
    assert wanted.num_rows > 300
    assert_equal(engine.read(write_fold(name), FOLD_TABLES), wanted, KEY)


@pytest.mark.parametrize("name", TEXTS)
def test_a_fold_of_nothing_is_nothing(name, engine):
    assert engine.read(write_fold(name), {**FOLD_TABLES, "events": EVENTS.slice(0, 0)}).num_rows == 0


def test_states_give_the_same_scores(engine, duck):
    states = duck.read(write_fold("fold_arrived"), FOLD_TABLES)
    sums = [*KEY, "x", "y", "q", "r", "u"]
    tables = {"decayed_states": states.select(sums), "kind_points": build_kind_points(POINTS, KIND_IDS)}
    text = write_scores_query(POINTS)
    wanted = duck.read(text, tables)
    assert wanted.num_rows > 100
    assert len(set(wanted["symbiosis"].to_pylist())) >= 4
    assert_equal(engine.read(text, tables), wanted, KEY[:2])


def test_no_states_give_no_scores(engine):
    states = pa.table(
        {
            **{name: pa.array([], pa.int64()) for name in KEY},
            **{name: pa.array([], pa.float64()) for name in "xyqru"},
        }
    )
    tables = {"decayed_states": states, "kind_points": build_kind_points(POINTS, KIND_IDS)}
    assert engine.read(write_scores_query(POINTS), tables).num_rows == 0
