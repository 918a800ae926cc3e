"""Numbers of keys: each key has one, which no other key ever has."""

from __future__ import annotations

import pyarrow as pa
import pytest

from consumer_fusion.events.entities import ensure_keys, number_keys
from consumer_fusion.storage.duckdb import DuckDBEngine
from consumer_fusion.storage.sqlite import STORE_SCHEMA, SQLiteStore


@pytest.fixture
def store(tmp_path):
    store = SQLiteStore(tmp_path / "store.db", STORE_SCHEMA)
    store.create()
    yield store
    store.close()


@pytest.fixture
def number(store, tmp_path):
    """Number the keys of a column, and return them by key."""
    engine = DuckDBEngine(tmp_path / "spill", threads=1)

    class GivenEngine:
        def read(self, sql, *, step, tables=None):
            return engine.read(sql, step=step, tables={"staged": self.rows, **(tables or {})})

    given = GivenEngine()

    def number(keys, entity_type="consumer"):
        given.rows = pa.table({"key": pa.array(keys, pa.string())})
        with store.writing() as session:
            numbered = number_keys(session, given, "staged", "key", entity_type)
        return dict(zip(numbered["entity_key"].to_pylist(), numbered["entity_id"].to_pylist(), strict=True))

    yield number
    engine.close()


def test_new_keys_get_numbers_in_their_order_and_known_ones_keep_theirs(number):
    first = number(["b", "a", None, "b"])
    assert list(first) == ["a", "b"]
    assert first["a"] < first["b"]
    second = number(["c", "b", "0"])
    assert second["b"] == first["b"]
    assert first["b"] < second["0"] < second["c"]


def test_a_key_of_another_type_has_a_number_of_its_own(number):
    assert not set(number(["a", "b"]).values()) & set(number(["a", "b"], "brand").values())


def test_few_keys_among_many_known_ones_are_found(number, store):
    known = number([f"key-{each:04d}" for each in range(500)])
    found = number(["key-0007", "key-0499", "new"])
    assert found["key-0007"] == known["key-0007"]
    assert found["key-0499"] == known["key-0499"]
    assert found["new"] > max(known.values())
    with store.reading() as session:
        assert ensure_keys(session, "consumer", ["new"]) == {"new": found["new"]}


def test_no_keys_have_no_numbers(number):
    assert number([None]) == {}
