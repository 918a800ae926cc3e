"""Every way in gives the same event for the same fact."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumer_fusion.ingest.arrow_events import write_batches
from consumer_fusion.ingest.formats import choose_reading, find_files
from consumer_fusion.ingest.staging import stage_batches, stage_files
from consumer_fusion.records.event import Event
from consumer_fusion.storage.duckdb import DuckDBEngine
from staged_rows import read_staged

FACT = {
    "event_id": "o1", "occurred_us": 1780689600000000, "precision": "second", "consumer": "anna", "brand": "north",
    "kind": "Order Completed", "channel": "web", "value": 25.5, "currency": "EUR",
}  # fmt: skip
MAPPING = """
[source]
name = "shop"
time_zone = "Europe/Berlin"
[fields]
event_id = "id"
occurred_at = "at"
consumer = "who"
brand = { constant = "north" }
channel = { constant = "web" }
value = "total"
currency = { constant = "eur" }
[identifiers]
account = "who"
[kind]
default = "Order Completed"
"""
ROW = {"id": "o1", "at": "2026-06-05 22:00:00", "who": "anna", "total": "25.5"}


def write_csv(folder: Path) -> Path:
    path = folder / "a.csv"
    path.write_text("\n".join([",".join(ROW), ",".join(ROW.values())]), encoding="utf-8")
    return path


def write_mapped_lines(folder: Path) -> Path:
    path = folder / "a.jsonl"
    path.write_text(json.dumps(ROW), encoding="utf-8")
    return path


def write_parquet(folder: Path) -> Path:
    path = folder / "a.parquet"
    moment = datetime(2026, 6, 5, 22)  # noqa: DTZ001  a local time is what such files hold
    pq.write_table(pa.table({"id": ["o1"], "at": [moment], "who": ["anna"], "total": [25.5]}), path)
    return path


def write_event_line(folder: Path) -> Path:
    fields = {"event_id": "o1", "occurred_at": "2026-06-05T20:00:00Z", "consumer": "anna", "brand": "north"}
    more = {"kind": "Order Completed", "channel": "web", "value": 25.5, "currency": "EUR"}
    path = folder / "a.ndjson"
    path.write_text(json.dumps({**fields, **more, "identifiers": {"account": "anna"}}), encoding="utf-8")
    return path


def write_segment_call(folder: Path) -> Path:
    call = {
        "type": "track",
        "event": "Order Completed",
        "messageId": "o1",
        "userId": "anna",
        "channel": "web",
    }
    properties = {"revenue": 25.5, "currency": "EUR", "brand": "north"}
    path = folder / "a.ndjson"
    path.write_text(
        json.dumps({**call, "timestamp": "2026-06-05T20:00:00.000Z", "properties": properties}),
        encoding="utf-8",
    )
    return path


def write_cloud_event(folder: Path) -> Path:
    data = {
        "brand": "north",
        "channel": "web",
        "value": 25.5,
        "currency": "EUR",
        "identifiers": {"account": "anna"},
    }
    event = {"specversion": "1.0", "id": "o1", "source": "shop", "type": "Order Completed", "subject": "anna"}
    path = folder / "a.ndjson"
    path.write_text(
        json.dumps({**event, "time": "2026-06-05T22:00:00+02:00", "data": data}), encoding="utf-8"
    )
    return path


WAYS = {
    "csv": (write_csv, "mapping"),
    "mapped lines": (write_mapped_lines, "mapping"),
    "parquet": (write_parquet, "mapping"),
    "events": (write_event_line, "events"),
    "segment": (write_segment_call, "segment"),
    "cloudevents": (write_cloud_event, "cloudevents"),
}


@pytest.mark.parametrize("way", WAYS)
def test_one_fact_is_one_event_whichever_way_it_comes(tmp_path, way):
    write, form = WAYS[way]
    if form == "mapping":
        (tmp_path / "map.toml").write_text(MAPPING, encoding="utf-8")
        reading = choose_reading(map_file=tmp_path / "map.toml")
    else:
        reading = choose_reading(format=form, source="shop")
    staging = stage_files(
        DuckDBEngine(threads=1), find_files([write(tmp_path)]), reading, tmp_path / "staged",
        received_us=1_900_000_000_000_000, tolerance_hours=24,
    )  # fmt: skip
    assert staging.rejected_count == 0
    (row,) = read_staged(staging)
    assert {name: row[name] for name in FACT} == FACT
    assert row["source"] == "shop"
    assert json.loads(row["identifiers"]) == {"account": "anna"}


def test_one_fact_of_a_program_is_the_same_event(tmp_path):
    event = Event(
        event_id="o1", occurred_at=datetime(2026, 6, 5, 20, tzinfo=UTC), kind="Order Completed", consumer="anna",
        brand="north", channel="web", value=25.5, currency="EUR", source="shop", identifiers={"account": "anna"},
    )  # fmt: skip
    staging = stage_batches(
        DuckDBEngine(threads=1),
        write_batches([event]),
        tmp_path / "staged",
        received_us=1_900_000_000_000_000,
        tolerance_hours=24,
    )
    (row,) = read_staged(staging)
    assert {name: row[name] for name in FACT} == FACT
    assert json.loads(row["identifiers"]) == {"account": "anna"}
