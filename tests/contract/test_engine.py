"""What every engine behind the port keeps to; a new engine is added to `ENGINES` and has to pass all of it."""

from __future__ import annotations

import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumer_fusion.errors import EngineError
from consumer_fusion.storage.duckdb import DuckDBEngine, quote_paths

ENGINES = {"duckdb": lambda folder: DuckDBEngine(folder / "spill", memory_limit_mb=256, threads=1)}
NUMBERS = pa.table(
    {"number": pa.array(range(5000), pa.int64()), "half": pa.array([n / 2 for n in range(5000)])}
)


def run_thread(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


@pytest.fixture(params=sorted(ENGINES))
def engine(request, tmp_path):
    engine = ENGINES[request.param](tmp_path)
    yield engine
    engine.close()


def test_a_query_over_a_given_table_returns_its_rows_with_their_types(engine):
    found = engine.read(
        "select number, half from numbers where number < 3 order by number",
        step="read",
        tables={"numbers": NUMBERS},
    )
    assert found.schema.types == [pa.int64(), pa.float64()]
    assert found.to_pylist() == [{"number": n, "half": n / 2} for n in range(3)]


def test_empty_results_keep_their_columns_and_types(engine):
    found = engine.read(
        "select number from numbers where number < 0", step="read", tables={"numbers": NUMBERS}
    )
    assert found.num_rows == 0
    assert found.schema.field("number").type == pa.int64()


def test_a_given_table_is_known_to_its_own_query_only(engine):
    engine.read("select count(*) from numbers", step="first", tables={"numbers": NUMBERS})
    with pytest.raises(EngineError, match="second"):
        engine.read("select count(*) from numbers", step="second")


def test_a_local_variable_of_the_program_is_no_table(engine):
    secrets = pa.table({"word": ["hidden"]})
    with pytest.raises(EngineError):
        engine.read("select * from secrets", step="peek")
    assert secrets.num_rows == 1


def test_streamed_batches_are_bounded_and_in_order(engine):
    batches = list(
        engine.stream(
            "select number from numbers order by number desc", step="stream", tables={"numbers": NUMBERS},
            rows_per_batch=2048,
        )
    )  # fmt: skip
    assert len(batches) > 1
    assert all(batch.num_rows <= 2048 for batch in batches)
    assert [n for batch in batches for n in batch["number"].to_pylist()] == list(range(4999, -1, -1))


def test_other_queries_between_two_batches_do_not_end_a_stream_early(engine):
    rows = 0
    for batch in engine.stream(
        "select range as number from range(50000)", step="stream", rows_per_batch=2048
    ):
        rows += batch.num_rows
        assert engine.read("select 1 as one", step="between").num_rows == 1
    assert rows == 50_000


def test_a_stream_left_halfway_does_not_hinder_the_next_query(engine):
    stream = engine.stream(
        "select number from numbers", step="stream", tables={"numbers": NUMBERS}, rows_per_batch=2048
    )
    next(stream)
    stream.close()
    assert engine.read("select 1 as one", step="next")["one"].to_pylist() == [1]


def test_closing_waits_for_the_query_of_another_thread(engine):
    """A connection that was closed under a query took the whole process with it."""
    stream = engine.stream(
        "select number from numbers", step="stream", tables={"numbers": NUMBERS}, rows_per_batch=2048
    )
    rows = next(stream).num_rows
    closing = threading.Thread(target=engine.close)
    closing.start()
    closing.join(0.2)
    assert closing.is_alive()
    rows += sum(batch.num_rows for batch in stream)
    closing.join(10)
    assert (rows, closing.is_alive()) == (5000, False)


def test_closing_does_not_wait_for_a_stream_that_its_own_thread_left_halfway(engine):
    stream = engine.stream("select range as number from range(50000)", step="stream", rows_per_batch=2048)
    next(stream)
    closing = run_thread(engine.close)  # another thread would wait
    closing.join(0.2)
    assert closing.is_alive()
    engine.close()
    stream.close()
    closing.join(10)
    assert not closing.is_alive()
    assert engine.read("select 1 as one", step="open again")["one"].to_pylist() == [1]


def test_threads_query_at_the_same_time_while_a_stream_is_half_read(engine):
    """Two threads meet within their queries: each query waits for a batch that only the other's progress allows."""
    stream = engine.stream("select range as number from range(50000)", step="stream", rows_per_batch=2048)
    rows = next(stream).num_rows
    meeting = threading.Barrier(2, timeout=10)
    found = {}

    def query(name):
        half = engine.stream("select range as number from range(50000)", step=name, rows_per_batch=2048)
        next(half)
        meeting.wait()
        found[name] = engine.read(f"select '{name}' as name", step=name)["name"].to_pylist()
        half.close()

    threads = [run_thread(query, name) for name in ("first", "second")]
    for thread in threads:
        thread.join(20)
    assert found == {"first": ["first"], "second": ["second"]}
    assert rows + sum(batch.num_rows for batch in stream) == 50_000


def test_each_thread_sees_its_own_table_of_a_name_that_all_use(engine, tmp_path):
    """Registering, reading and writing side by side, as arrivals and pages do."""
    faults = []

    def work(number):
        table = pa.table({"number": pa.array([number] * 3000, pa.int64())})
        path = tmp_path / f"{number}.parquet"
        for _ in range(20):
            total = engine.read(
                "select sum(number)::bigint as n from numbers", step="add", tables={"numbers": table}
            )
            written = engine.write("select * from numbers", path, step="write", tables={"numbers": table})
            kept = pq.read_table(path)["number"].to_pylist()
            if (total["n"].to_pylist(), written, kept) != ([3000 * number], 3000, [number] * 3000):
                faults.append(number)

    threads = [run_thread(work, number) for number in range(4)]
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert faults == []


def test_a_query_written_to_a_file_keeps_its_order_and_tells_its_rows(engine, tmp_path):
    path = tmp_path / "it's here.parquet"
    written = engine.write(
        "select number from numbers where number % 2 = 0 order by number desc", path, step="write",
        tables={"numbers": NUMBERS},
    )  # fmt: skip
    assert written == 2500
    assert pq.read_table(path)["number"].to_pylist() == list(range(4998, -1, -2))
    back = engine.read(f"select count(*) as n from read_parquet({quote_paths([path])})", step="read back")
    assert back["n"].to_pylist() == [2500]


def test_nothing_written_is_a_file_without_rows(engine, tmp_path):
    path = tmp_path / "empty.parquet"
    assert engine.write("select 1 as one where false", path, step="write") == 0
    assert pq.read_table(path).column_names == ["one"]


def test_a_failing_step_is_named_and_its_data_is_not(engine):
    people = pa.table({"word": ["ada@example.org"]})
    with pytest.raises(EngineError) as caught:
        engine.read("select cast(word as double) from people", step="weigh people", tables={"people": people})
    assert "weigh people" in str(caught.value)
    assert "ada@example.org" not in str(caught.value)


def test_a_failed_query_leaves_the_engine_usable(engine):
    with pytest.raises(EngineError):
        engine.read("select * from nowhere", step="fail")
    assert engine.read("select 2 as two", step="go on")["two"].to_pylist() == [2]


def test_the_functions_of_the_portable_text_give_doubles_of_full_precision(engine):
    row = engine.read(
        "select power(2e0, -5e-1) as p, ln(2e0) as l, exp(1e0) as e, sqrt(2e0) as s, 1e0 / 3e0 as d",
        step="compute",
    ).to_pylist()[0]
    assert row == pytest.approx(
        {
            "p": 0.7071067811865476,
            "l": 0.6931471805599453,
            "e": 2.718281828459045,
            "s": 1.4142135623730951,
            "d": 1 / 3,
        },
        rel=1e-15,
    )


def test_parts_hold_the_rows_of_their_value_without_the_column(engine, tmp_path):
    parts = engine.write_parts(
        "select number, number % 3 - 1 as part from numbers",
        tmp_path / "parts",
        "part",
        step="write parts",
        tables={"numbers": NUMBERS},
    )
    assert sorted(parts) == [-1, 0, 1]
    for value, paths in parts.items():
        found = engine.read(
            f"select * from read_parquet({quote_paths(paths)}, hive_partitioning = false)", step="read"
        )
        assert found.column_names == ["number"]
        assert sorted(found["number"].to_pylist()) == [n for n in range(5000) if n % 3 - 1 == value]


def test_no_rows_make_no_parts(engine, tmp_path):
    empty = "select 1 as number, 1 as part where false"
    assert engine.write_parts(empty, tmp_path / "parts", "part", step="write parts") == {}


def test_a_file_that_was_written_anew_is_read_anew(engine, tmp_path):
    """As each batch of arrivals is: under the same name, of the same size, moments after the one before."""
    path = tmp_path / "batch.parquet"
    columns = ", ".join(
        f"'column {number}' as text_{number}, null::varchar as empty_{number}" for number in range(6)
    )
    written, found = [], []
    for number in range(20):
        path.unlink(missing_ok=True)
        row = {"source": 1 + number % 2 * 3, "moment": 1_795_307_458_995_049 + number * 9_787}
        engine.write(
            f"select {row['source']}::bigint as source, {columns}, {row['moment']}::bigint as moment",
            path,
            step="write",
        )
        batch = f"read_parquet({quote_paths([path])})"
        rows = engine.read(f"select * from {batch} order by text_1, text_2", step="read all")
        engine.read(f"select count(*) from {batch} where source = 0 or moment = 0", step="read some")
        written.append(row)
        found += rows.select(["source", "moment"]).to_pylist()
    assert found == written
