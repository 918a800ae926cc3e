"""What the households of Complete Journey did around campaign 18, as arrays and as events of the product."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

CAMPAIGN = 18
START = datetime(2017, 10, 30, tzinfo=UTC)
WEEKS = 8
DAY = np.timedelta64(1, "D")

FEATURES = (
    "spend, last 8 weeks", "spend, 8 weeks before", "spend, all before", "trips, last 8 weeks", "trips, all before",
    "weeks with a trip", "coupons redeemed", "large campaigns before", "small campaigns before",
    "demographics known", "age group", "income group",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Households:
    """All households that were seen or written to, with what they did around a moment."""

    before: np.ndarray
    after: np.ndarray
    is_reached: np.ndarray
    features: np.ndarray


def describe_households(folder: Path, moment: datetime) -> Households:
    """What every household did before and after a moment, and whether campaign 18 was for it."""
    lines = pq.read_table(folder / "transactions_sample.parquet")
    sent = pq.read_table(folder / "campaigns.parquet")
    when = pq.read_table(folder / "campaign_descriptions.parquet")
    redeemed = pq.read_table(folder / "coupon_redemptions.parquet")
    people = pq.read_table(folder / "demographics.parquet")
    of_line = pc.cast(lines["household_id"], pa.int64()).to_numpy()
    ids = np.union1d(of_line, sent["household_id"].to_numpy())
    row, value = np.searchsorted(ids, of_line), lines["sales_value"].to_numpy()
    at = lines["transaction_timestamp"].to_numpy().astype("datetime64[s]")
    start = np.datetime64(moment.replace(tzinfo=None))
    window = WEEKS * 7 * DAY
    is_past = at < start

    def add(rows: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(rows, weights=weights, minlength=ids.size).astype(float)

    def spend(first: np.datetime64, end: np.datetime64) -> np.ndarray:
        is_within = (at >= first) & (at < end)
        return add(row[is_within], value[is_within])

    def count_trips(is_counted: np.ndarray) -> np.ndarray:
        baskets = lines["basket_id"].to_numpy()[is_counted]
        _, first = np.unique(baskets, return_index=True)
        return add(row[is_counted][first])

    weeks = np.unique(np.stack([row[is_past], lines["week"].to_numpy()[is_past]]), axis=1)[0]
    starts = dict(zip(when["campaign_id"].to_pylist(), when["start_date"].to_numpy().astype("datetime64[s]")))
    is_large = dict(
        zip(when["campaign_id"].to_pylist(), (t == "Type A" for t in when["campaign_type"].to_pylist()))
    )
    campaign = sent["campaign_id"].to_numpy()
    target = np.searchsorted(ids, sent["household_id"].to_numpy())
    is_before = np.array([starts[one] < start for one in campaign.tolist()])
    large = np.array([is_large[one] for one in campaign.tolist()])
    coupon_row = np.searchsorted(ids, redeemed["household_id"].to_numpy())
    is_coupon = redeemed["redemption_date"].to_numpy().astype("datetime64[s]") < start
    is_coupon &= np.isin(redeemed["household_id"].to_numpy(), ids)
    known = {row["household_id"]: row for row in people.to_pylist()}
    ages = ("19-24", "25-34", "35-44", "45-54", "55-64", "65+")
    incomes = sorted(
        {row["income"] for row in known.values()},
        key=lambda text: int("".join(filter(str.isdigit, text[:3])) or 0),
    )

    def place(one: int, field: str, order: tuple[str, ...] | list[str]) -> float:
        found = known.get(one, {}).get(field)
        return float(order.index(found)) if found in order else (len(order) - 1) / 2.0

    is_recent = is_past & (at >= start - window)
    before = spend(start - window, start)
    columns = [
        before,
        spend(start - 2 * window, start - window),
        add(row[is_past], value[is_past]),
        count_trips(is_recent),
        count_trips(is_past),
        add(weeks.astype(np.int64)),
        add(coupon_row[is_coupon]),
        add(target[is_before & large]),
        add(target[is_before & ~large]),
        np.array([float(one in known) for one in ids.tolist()]),
        np.array([place(one, "age", ages) for one in ids.tolist()]),
        np.array([place(one, "income", incomes) for one in ids.tolist()]),
    ]
    # Money and counts have long tails.
    features = np.column_stack([*(np.log1p(np.maximum(one, 0.0)) for one in columns[:9]), *columns[9:]])
    return Households(
        before=before,
        after=spend(start, start + window),
        is_reached=np.isin(ids, sent["household_id"].to_numpy()[campaign == CAMPAIGN]),
        features=features,
    )


def write_events(folder: Path) -> pa.Table:
    """Baskets as orders and campaigns as what the brand sent, in the product's own columns."""
    lines = pq.read_table(folder / "transactions_sample.parquet")
    baskets = lines.group_by(["household_id", "basket_id"]).aggregate(
        [("sales_value", "sum"), ("transaction_timestamp", "min")]
    )
    when = pq.read_table(folder / "campaign_descriptions.parquet").select(["campaign_id", "start_date"])
    sent = pq.read_table(folder / "campaigns.parquet").join(when, "campaign_id")
    count = sent.num_rows
    orders = pa.table(
        {
            "source": pa.array(["loyalty"] * baskets.num_rows),
            "event_id": pc.binary_join_element_wise("basket", baskets["basket_id"], "-"),
            "occurred_at": baskets["transaction_timestamp_min"].cast(pa.timestamp("us", "UTC")),
            "kind": pa.array(["Order Completed"] * baskets.num_rows),
            "consumer": baskets["household_id"],
            "brand": pa.array(["retailer"] * baskets.num_rows),
            "value": baskets["sales_value_sum"],
        }
    )
    letters = pa.table(
        {
            "source": pa.array(["loyalty"] * count),
            "event_id": pc.binary_join_element_wise(
                "campaign",
                pc.cast(sent["campaign_id"], pa.string()),
                pc.cast(sent["household_id"], pa.string()),
                "-",
            ),
            "occurred_at": sent["start_date"].cast(pa.timestamp("us", "UTC")),
            "kind": pa.array(["Campaign Received"] * count),
            "consumer": pc.cast(sent["household_id"], pa.string()),
            "brand": pa.array(["retailer"] * count),
            "value": pa.nulls(count, pa.float64()),
        }
    )
    return pa.concat_tables([orders, letters])
