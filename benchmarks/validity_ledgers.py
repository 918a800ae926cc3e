"""The ledgers of the validity benchmark: real data as annotated events, as the shipped mappings would bring it in.

One function a data set, so that the way in can be exchanged (`load_ledger`). Money is sized as the product does:
clip(log2(1 + amount / ref), .25, 3) with ref the brand's median positive order.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

_DAY = 86_400_000_000

_QUERIES = {
    # A row is an order; genuine repeats are kept.
    "cdnow": """
        select cast(column0 as bigint) as consumer_id, 1 as brand_id,
            case when dollars > 0 then 'Order Completed' else 'Order Completed/no payment' end as kind,
            strptime(column1, '%Y%m%d') as occurred, dollars as value
        from (select column0, column1, cast(column3 as double) as dollars
              from read_csv('{folder}/cdnow/CDNOW_master.txt', delim='\t', header=false, skip=1,
                            columns={{'line': 'varchar'}})
              , lateral (select string_split_regex(trim(line), '\\s+') as parts)
              , lateral (select parts[1] as column0, parts[2] as column1, parts[4] as column3))
    """,
    # An invoice is an order; C: refund; A: adjustment, nothing a consumer did; nothing paid: no points.
    "online_retail": """
        select any_value(CustomerID) as consumer_id, 1 as brand_id,
            case when InvoiceNo like 'C%' then 'Order Refunded'
                 when InvoiceNo like 'A%' then 'Adjustment'
                 when sum(Quantity * UnitPrice) <= 0 then 'Order Completed/no payment'
                 else 'Order Completed' end as kind,
            min(InvoiceDate) as occurred, sum(Quantity * UnitPrice) as value
        from read_parquet('{folder}/online_retail/lines.parquet')
        group by InvoiceNo
        having any_value(CustomerID) is not null
    """,
    # Household and retailer: a basket is an order, a redemption a coupon applied.
    "completejourney": """
        select cast(household_id as bigint) as consumer_id, 1 as brand_id,
            case when sum(sales_value) > 0 then 'Order Completed' else 'Order Completed/no payment' end as kind,
            min(transaction_timestamp) as occurred, sum(sales_value) as value
        from read_parquet('{folder}/completejourney/transactions_sample.parquet')
        group by household_id, basket_id
        union all
        select household_id, 1, 'Coupon Applied', redemption_date, null
        from read_parquet('{folder}/completejourney/coupon_redemptions.parquet')
    """,
}


def load_ledger(name: str, folder: Path) -> pa.Table:
    """The annotated ledger of one data set: consumer_id, brand_id, kind, occurred_us, day, magnitude, trust, value."""
    query = _QUERIES[name].format(folder=folder)
    events = duckdb.sql(
        f"select *, epoch_us(occurred) as occurred_us from ({query}) order by occurred_us, consumer_id, kind"
    ).to_arrow_table()
    value = events.column("value").to_numpy(zero_copy_only=False).astype(np.float64)
    kind = np.asarray(events.column("kind").to_pylist())
    reference = float(np.median(value[(kind == "Order Completed") & (value > 0)]))
    is_money = np.isfinite(value) & ((kind == "Order Completed") | (kind == "Order Refunded"))
    amount = np.where(is_money, np.abs(np.nan_to_num(value)), 0.0)
    sized = np.clip(np.log2(1.0 + amount / reference), 0.25, 3.0)
    occurred_us = events.column("occurred_us").to_numpy().astype(np.int64)
    return pa.table(
        {
            "consumer_id": events.column("consumer_id").cast(pa.int64()),
            "brand_id": events.column("brand_id").cast(pa.int64()),
            "kind": pa.array(kind),
            "occurred_us": occurred_us,
            "day": occurred_us // _DAY,
            "magnitude": np.where(is_money, sized, 1.0),
            "trust": np.ones(occurred_us.size),
            "value": value,
        }
    )
