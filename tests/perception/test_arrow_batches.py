"""The perceiver over Arrow batches, as Spark calls it: the same outputs as message by message."""

from __future__ import annotations

import json
import sys

import pyarrow as pa
import pytest

from consumer_fusion.errors import InputError
from consumer_fusion.perception.arrow_batches import PERCEIVED_SCHEMA, perceive_batches
from consumer_fusion.perception.shipped_perceiver import load_perceiver
from consumer_fusion.records.perception import ConsumerMessage

TEXTS = ["You charged me twice.", "Il maglione è bellissimo!", None, "What time do you open?"]


def make_batches():
    table = pa.table({"id": ["a", "b", "c", "d"], "text": pa.array(TEXTS, pa.string())})
    return iter(table.to_batches(max_chunksize=3))


def test_batches_are_read_like_single_messages_and_keep_their_other_columns():
    found = pa.Table.from_batches(perceive_batches(make_batches())).to_pylist()
    alone = load_perceiver().perceive([ConsumerMessage(text or "") for text in TEXTS])
    assert [row["id"] for row in found] == ["a", "b", "c", "d"]
    for row, each in zip(found, alone, strict=True):
        assert row["model"] == each.model
        assert (
            row["negative"] == pytest.approx(each.polarity.get("negative"), abs=2e-3)
            or row["negative"] is None
        )
        assert [aspect for aspect, *_ in json.loads(row["aspects"])] == [one.aspect for one in each.aspects]
    assert "text" not in found[0]


def test_the_columns_are_those_of_the_schema():
    (batch, *_) = perceive_batches(make_batches())
    names = [column.split()[0] for column in PERCEIVED_SCHEMA.split(", ")]
    assert batch.schema.names == ["id", *names]


def test_a_batch_without_words_is_refused():
    with pytest.raises(InputError, match="no column text"):
        list(perceive_batches(iter(pa.table({"words": ["a"]}).to_batches())))


def test_spark_runs_it(monkeypatch):
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed (extra `engines`)")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    spark = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    try:
        messages = spark.createDataFrame([("a", TEXTS[0]), ("b", TEXTS[1])], "id string, text string")
        rows = messages.mapInArrow(perceive_batches, f"id string, {PERCEIVED_SCHEMA}").collect()
    finally:
        spark.stop()
    assert {row["id"]: row["language"] for row in rows} == {"a": "en", "b": "it"}
