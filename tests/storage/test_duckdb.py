"""What only DuckDB has: settings of the database and of each cursor."""

from __future__ import annotations

import threading

import pytest

from consumer_fusion.errors import EngineError, ExhaustedError
from consumer_fusion.storage import duckdb as duckdb_engine
from consumer_fusion.storage.duckdb import DuckDBEngine

SETTINGS = (
    "memory_limit", "threads", "temp_directory", "TimeZone", "enable_progress_bar", "python_enable_replacements",
    "enable_external_file_cache",
)  # fmt: skip


def read_settings(engine):
    listed = ", ".join(f"current_setting('{name}') as \"{name}\"" for name in SETTINGS)
    return engine.read(f"select {listed}", step="read the settings").to_pylist()[0]


def test_the_settings_hold_in_every_thread_and_beside_a_stream(tmp_path):
    spill = tmp_path / "it's spilled"
    engine = DuckDBEngine(spill, memory_limit_mb=300, threads=2)
    found = [read_settings(engine)]
    stream = engine.stream("select range from range(50000)", step="stream", rows_per_batch=2048)
    next(stream)
    threads = [
        threading.Thread(target=lambda: found.append(read_settings(engine)), daemon=True) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    found.append(read_settings(engine))
    stream.close()
    engine.close()
    assert found == 5 * [
        {
            "memory_limit": "286.1 MiB",
            "threads": 2,
            "temp_directory": str(spill),
            "TimeZone": "UTC",
            "enable_progress_bar": False,
            "python_enable_replacements": False,
            "enable_external_file_cache": False,
        }
    ]


def test_a_file_that_was_being_written_when_memory_ran_out_is_not_called_damaged(tmp_path):
    engine = DuckDBEngine(tmp_path / "spill", memory_limit_mb=64, threads=1)
    with pytest.raises(ExhaustedError, match="'write' failed") as caught:
        engine.write(
            "select list(range) as numbers from range(50000000)", tmp_path / "out.parquet", step="write"
        )
    assert "memory_limit_mb" in caught.value.hint
    engine.close()


def test_the_database_is_opened_anew_after_many_calls_but_never_beside_a_stream(monkeypatch):
    monkeypatch.setattr(duckdb_engine, "_RENEWED_AFTER", 3)
    engine = DuckDBEngine(threads=1)
    engine.read("create table noted as select 7 as seven", step="note")
    stream = engine.stream("select range from range(50000)", step="stream", rows_per_batch=2048)
    next(stream)
    for _ in range(5):
        assert engine.read("select seven from noted", step="read the note").to_pylist() == [{"seven": 7}]
    stream.close()
    with pytest.raises(EngineError, match="noted"):
        engine.read("select seven from noted", step="read the note")
    assert read_settings(engine)["TimeZone"] == "UTC"
    engine.close()


def test_an_engine_that_ends_leaves_the_folders_in_its_own_to_others(tmp_path):
    outer, inner = DuckDBEngine(tmp_path / "spilled"), DuckDBEngine(tmp_path / "spilled" / "within" / "deep")
    for engine in (outer, inner):
        engine.read("select 1", step="begin")
    outer.close()
    assert (tmp_path / "spilled" / "within" / "deep").is_dir()
    inner.close()


def test_an_engine_whose_folder_cannot_be_made_says_so_until_it_can(tmp_path):
    (tmp_path / "spilled").write_text("a file in the way")
    engine = DuckDBEngine(tmp_path / "spilled" / "folder")
    for _ in range(2):
        with pytest.raises(ExhaustedError, match="spilled/folder"):
            engine.read("select 1", step="begin")
    (tmp_path / "spilled").unlink()
    assert read_settings(engine)["temp_directory"] == str(tmp_path / "spilled" / "folder")
    engine.close()
