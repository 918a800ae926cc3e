"""The shipped mappings on the real data sets that they are for."""

from __future__ import annotations

from collections import Counter

import pyarrow.compute as pc
import pytest

from consumer_fusion.ingest.formats import choose_reading, find_files
from consumer_fusion.ingest.staging import stage_files


@pytest.fixture
def stage(desk, data, examples):
    """Stage files of the data folder through a shipped mapping and read the accepted rows."""

    def run(mapping: str, files: str):
        reading = choose_reading(map_file=examples / f"{mapping}.toml")
        staging = stage_files(
            desk.engine, find_files([str(data / files)]), reading, desk.folder / "staged",
            received_us=1_900_000_000_000_000, tolerance_hours=24,
        )  # fmt: skip
        assert staging.rejected_count == 0
        return staging, staging.scratch.engine.read(f"select * from {staging.accepted}", step="test")

    return run


def test_online_retail_lines_become_invoices(stage):
    staging, events = stage("online_retail/mapping", "online_retail/lines.parquet")
    assert (staging.row_count, len(events)) == (541_909, 25_900)
    assert Counter(events["kind"].to_pylist()) == {
        "Order Completed": 19_959, "Order Refunded": 3_836, "Stock Adjusted": 2_102, "Balance Adjusted": 3,
    }  # fmt: skip
    assert events["consumer"].null_count == 3_710
    refunds = events.filter(pc.equal(events["kind"], "Order Refunded"))
    assert pc.min(refunds["value"]).as_py() > 0


def test_online_retail_days_as_csv_give_the_invoices_of_the_whole_file(stage, desk):
    _, days = stage("online_retail/mapping", "online_retail/by_day/*.csv")
    desk.folder = desk.folder / "whole"
    _, whole = stage("online_retail/mapping", "online_retail/lines.parquet")
    columns = ["event_id", "occurred_us", "consumer", "kind", "value"]
    wanted = whole.filter(pc.is_in(whole["event_id"], days["event_id"])).select(columns).sort_by("event_id")
    assert days.select(columns).sort_by("event_id").to_pylist() == wanted.to_pylist()


def test_cdnow_keeps_its_repeats(stage):
    _, events = stage("cdnow/mapping", "cdnow/CDNOW_master.txt")
    assert len(events) == len(set(events["event_id"].to_pylist())) == 69_659
    assert len(set(events["consumer"].to_pylist())) == 23_570
    assert sum(not each.endswith("-1") for each in events["event_id"].to_pylist()) == 255
    assert set(events["precision"].to_pylist()) == {"day"}


def test_completejourney_lines_are_orders_from_manufacturers(stage):
    _, events = stage("completejourney/transactions", "completejourney/transactions_sample.parquet")
    assert len(events) == 75_000
    assert events["brand"].null_count == 222
    assert len(set(events["brand"].drop_null().to_pylist())) == 2_430
    assert len(set(events["consumer"].to_pylist())) == 2_377


@pytest.mark.parametrize(
    ("mapping", "files", "count", "kind"),
    [
        ("retailer", "transactions_sample.parquet", 47_243, "Order Completed"),
        ("redemptions", "coupon_redemptions.parquet", 2_102, "Coupon Applied"),
        ("campaigns", "campaigns.parquet", 6_589, "Campaign Received"),
    ],
)
def test_completejourney_and_its_retailer(stage, mapping, files, count, kind):
    _, events = stage(f"completejourney/{mapping}", f"completejourney/{files}")
    assert len(events) == count
    assert set(events["kind"].to_pylist()) == {kind}
    assert set(events["brand"].to_pylist()) == {"completejourney-retailer"}
