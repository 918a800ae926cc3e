"""Money references: the usual order of a brand in each month, by which its money is sized.

The reference of a month is the median of the brand's orders of the twelve months before it; while those are fewer than
thirty, of its first thirty. It depends only on the set of stored events: not on the order in which they arrived, nor on
the batches they arrived in (`docs/decisions/0020`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.events.event_reader import EventSelection, EventSource, open_events
from consumer_fusion.records.points import BRAND_REFERENCES
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.store import Session, Where

ORDER_KIND = "Order Completed"
LEAST_ORDERS = 30
"""Minimum number of orders in the twelve months before; otherwise this many of the first orders count."""
MONTHS = 12
GRID_STEP = 1.02
"""Step of the grid to which amounts are rounded, so that a reference rarely changes."""
_ALL_TIME_US = 2**62
SIZE_COLUMNS = (
    "consumer_id",
    "brand_id",
    "event_id",
    "kind",
    "value",
    "currency",
    "trust",
    "occurred_us",
    "day",
)
_MONTH = "cast(date_diff('month', date '1970-01-01', date '1970-01-01' + cast(day as integer)) as bigint)"
IS_ORDER = f"kind = '{ORDER_KIND}' and value > 0 and trust >= 1"
_STEP = f"case when {IS_ORDER} then cast(floor(ln(value) / ln({GRID_STEP!r}) + 0.5) as bigint) end"

Integers = npt.NDArray[np.int64]
Key = tuple[int, str]
"""A brand and a currency; the currency is empty where events name none."""
Reference = tuple[int, float, int]
"""The start of a month, the amount, and the time before which orders affect it."""
MOVED_SCHEMA = pa.schema(
    [("brand_id", pa.int64()), ("currency", pa.string()), ("from_us", pa.int64()), ("to_us", pa.int64())]
)


@dataclass(frozen=True, slots=True)
class _MoneyHistogram:
    """Distribution of the money of one brand and currency, by month and size.

    Attributes:
        month: Months since 1970, by row.
        step: Position on the grid of amounts; the smallest number for money that is no order.
        count: Number of events.
    """

    month: Integers
    step: Integers
    count: Integers

    @property
    def is_order(self) -> npt.NDArray[np.bool_]:
        """The rows of orders that form a reference."""
        return self.step > _NO_ORDER


_NO_ORDER = -(2**62)


def update_references(
    session: Session, engine: Engine, folder: Path, fresh: EventSource | None = None,
    *, taken: pa.Table | None = None, with_all_brands: bool = False,
) -> tuple[pa.Table, dict[int, int]]:  # fmt: skip
    """Update the references to the stored events and those about to land.

    Usually nothing is due, since only orders of earlier months matter: then no stored event is read.

    Args:
        session: A writing session.
        engine: Engine to compute with.
        folder: Folder of the workspace.
        fresh: Events that are about to land: consumer_id, brand_id, event_id, kind, value, currency, trust,
            occurred_us, day.
        taken: Events removed in this transaction: kind, value, currency, brand_id,
            occurred_us.
        with_all_brands: Whether to update all brands, also those with nothing due.

    Returns:
        The periods in which stored money now has another size: brand_id, currency, from_us, to_us
        (exclusive); and the number of orders of each brand that was updated.
    """
    fresh_sizes = _measure_sizes(engine, fresh) if fresh is not None else {}
    known = _read_known(session)
    due = _find_due(engine, known, fresh, fresh_sizes, taken)
    if not due and not with_all_brands:
        return MOVED_SCHEMA.empty_table(), {}
    brands = None if with_all_brands else sorted({brand_id for brand_id, _ in due})
    due |= {key for key in {*known, *fresh_sizes} if brands is not None and key[0] in brands}
    recorded = open_events(session, folder, EventSelection(brand_ids=brands), columns=SIZE_COLUMNS)
    recorded_sizes = {} if recorded.is_empty else _measure_sizes(engine, recorded)
    keys = {*recorded_sizes, *fresh_sizes, *known} if with_all_brands else due
    sizes = {key: _join_sizes(recorded_sizes.get(key), fresh_sizes.get(key)) for key in keys}
    sources = [each for each in (recorded, fresh) if each is not None and not each.is_empty]
    found = _compute_all(engine, sources, sizes)
    for brand_id, currency in keys:
        session.delete(BRAND_REFERENCES, {"brand_id": brand_id, "currency": currency})
    rows = ((*key, *row) for key, references in found.items() for row in references)
    session.insert(BRAND_REFERENCES, BRAND_REFERENCES.column_names, rows)
    orders = dict.fromkeys((brand_id for brand_id, _ in keys), 0)
    for (brand_id, _), each in sizes.items():
        orders[brand_id] += int(each.count[each.is_order].sum())
    return _list_moved(recorded_sizes, known, found), orders


def find_wrong_references(session: Session, engine: Engine, folder: Path) -> pa.Table:
    """Periods in which the references differ from those of the stored events, as `update_references` returns them."""
    recorded = open_events(session, folder, columns=SIZE_COLUMNS)
    sizes = _measure_sizes(engine, recorded)
    return _list_moved(sizes, _read_known(session), _compute_all(engine, [recorded], sizes))


def _compute_all(
    engine: Engine, events: list[EventSource], sizes: Mapping[Key, _MoneyHistogram]
) -> dict[Key, list[Reference]]:
    first = _list_first_orders(engine, events, sizes)
    nothing = (np.zeros(0, np.int64), _ALL_TIME_US)
    return {key: _compute_references(sizes[key], *first.get(key, nothing)) for key in sorted(sizes)}


def begin_last_month(session: Session, brand_ids: Collection[int] | None) -> pa.Table:
    """The start of the last month in which brands have money: brand_id and until_us, for some brands or for all."""
    where: Where = {} if brand_ids is None else {"brand_id": list(brand_ids)}
    rows = session.read(BRAND_REFERENCES, where, columns=("brand_id", "valid_from_us"))
    last = rows.group_by("brand_id").aggregate([("valid_from_us", "max")])
    return last.rename_columns(["brand_id", "until_us"])


def _measure_sizes(engine: Engine, events: EventSource) -> dict[Key, _MoneyHistogram]:
    """Attributed money by brand, currency, month and size."""
    rows = engine.read(
        f"""
        select brand_id, coalesce(currency, '') as currency, {_MONTH} as month,
               coalesce({_STEP}, {_NO_ORDER}) as step, count(*) as count
        from {events.relation} e where value is not null and brand_id <> 0 and consumer_id <> 0
        group by 1, 2, 3, 4 order by 1, 2, 3, 4
        """,
        step="measure how large orders are",
        tables=events.tables,
    )
    columns = [rows[name].to_numpy() for name in ("month", "step", "count")]
    brand, currency = rows["brand_id"].to_numpy(), rows["currency"].to_numpy(zero_copy_only=False)
    is_first = np.ones(brand.size, np.bool_)
    is_first[1:] = (brand[1:] != brand[:-1]) | (currency[1:] != currency[:-1])
    begins = np.flatnonzero(is_first)
    return {
        (int(brand[start]), str(currency[start])): _MoneyHistogram(
            *(column[start:stop] for column in columns)
        )
        for start, stop in zip(begins, np.append(begins, brand.size)[1:], strict=True)
    }


def _read_known(session: Session) -> dict[Key, list[Reference]]:
    """The references in force, by brand and currency."""
    known: dict[Key, list[Reference]] = {}
    for row in session.read(BRAND_REFERENCES, order_by=BRAND_REFERENCES.primary_key).to_pylist():
        key = (row["brand_id"], row["currency"])
        known.setdefault(key, []).append((row["valid_from_us"], row["amount"], row["depends_until_us"]))
    return known


def _find_due(
    engine: Engine, known: Mapping[Key, list[Reference]], fresh: EventSource | None,
    fresh_sizes: Mapping[Key, _MoneyHistogram], taken: pa.Table | None,
) -> set[Key]:  # fmt: skip
    """The brands and currencies whose references may change."""
    due: set[Key] = set()
    doubtful: dict[Key, int] = {}
    # What a brand's consumers pay in another currency also counts for their order frequency (`rhythms`).
    until: dict[int, int] = {}
    for (brand_id, _), references in known.items():
        until[brand_id] = max(until.get(brand_id, -_ALL_TIME_US), *(each[2] for each in references))
    for key, sizes in fresh_sizes.items():
        rows = known.get(key)
        if rows is None:
            if sizes.is_order.any():
                due.add(key)
        elif sizes.month.max() > _find_month(rows[-1][0]):
            due.add(key)
        elif sizes.is_order.any():
            until_us = until[key[0]]
            earliest = int(sizes.month[sizes.is_order].min())
            if _begin_month(earliest + 1) <= until_us:
                due.add(key)
            elif _begin_month(earliest) < until_us:
                doubtful[key] = until_us
    if taken is not None:
        for row in taken.filter(pc.equal(taken["kind"], ORDER_KIND)).to_pylist():
            key = (row["brand_id"], row["currency"] or "")
            if row["occurred_us"] < until.get(row["brand_id"], -_ALL_TIME_US):
                due.add(key)
    if doubtful and fresh is not None:
        due |= _find_early(engine, fresh, doubtful)
    return due


def _find_early(engine: Engine, fresh: EventSource, until_us: Mapping[Key, int]) -> set[Key]:
    """The keys with an order before a given time."""
    table = pa.table(
        {
            "brand_id": pa.array([brand_id for brand_id, _ in until_us], pa.int64()),
            "currency": pa.array([currency for _, currency in until_us], pa.string()),
            "until_us": pa.array(until_us.values(), pa.int64()),
        }
    )
    rows = engine.read(
        f"""
        select distinct u.brand_id, u.currency from {fresh.relation} e
        join orders_until u on u.brand_id = e.brand_id and u.currency = coalesce(e.currency, '')
        where {IS_ORDER} and consumer_id <> 0 and e.occurred_us < u.until_us
        """,
        step="find orders that move a reference",
        tables={**fresh.tables, "orders_until": table},
    )
    return set(zip(rows["brand_id"].to_pylist(), rows["currency"].to_pylist(), strict=True))


def _join_sizes(*parts: _MoneyHistogram | None) -> _MoneyHistogram:
    there = [part for part in parts if part is not None]
    if not there:
        return _MoneyHistogram(*(np.zeros(0, np.int64) for _ in range(3)))
    return _MoneyHistogram(
        *(np.concatenate([getattr(part, name) for part in there]) for name in ("month", "step", "count"))
    )


def _list_first_orders(
    engine: Engine, events: list[EventSource], sizes: Mapping[Key, _MoneyHistogram]
) -> dict[Key, tuple[Integers, int]]:
    """The sizes of the first orders of each key, and the time from which a further order changes nothing."""
    if not events:
        return {}
    early: list[tuple[int, str, int]] = []
    for (brand_id, currency), each in sizes.items():
        months, counts = _count_orders(each)
        if months.size:
            place = min(int(np.searchsorted(np.cumsum(counts), LEAST_ORDERS)), months.size - 1)
            early.append((brand_id, currency, _begin_month(int(months[place]) + 1) // DAY_MICROSECONDS))
    names = ("brand_id", "currency", "until_day")
    listed = ", ".join(f"e.{name}" for name in SIZE_COLUMNS)
    relation = " union all ".join(f"select {listed} from {each.relation} e" for each in events)
    rows = engine.read(
        f"""
        select brand_id, currency, {_STEP} as step, occurred_us from (
            select e.* replace (u.currency as currency), row_number() over (
                partition by e.brand_id, u.currency order by e.occurred_us, e.event_id, e.value
            ) as place
            from ({relation}) e
            join early_orders u on u.brand_id = e.brand_id and u.currency = coalesce(e.currency, '')
            where {IS_ORDER} and e.consumer_id <> 0 and e.day < u.until_day
        ) f where place <= {LEAST_ORDERS} order by brand_id, currency, place
        """,
        step="find the brands' first orders",
        tables={
            **{name: table for each in events for name, table in each.tables.items()},
            "early_orders": pa.table(
                {name: pa.array(column, kind) for name, column, kind in zip(
                    names, zip(*early) if early else ([], [], []), (pa.int64(), pa.string(), pa.int64()), strict=True
                )}
            ),
        },
    )  # fmt: skip
    found: dict[Key, tuple[Integers, int]] = {}
    grouped: dict[Key, list[tuple[int, int]]] = {}
    for brand_id, currency, step, occurred_us in zip(*(rows[name].to_pylist() for name in rows.column_names)):
        grouped.setdefault((brand_id, currency), []).append((step, occurred_us))
    for key, orders in grouped.items():
        until_us = orders[-1][1] + 1 if len(orders) == LEAST_ORDERS else _ALL_TIME_US
        found[key] = (np.array([step for step, _ in orders], np.int64), until_us)
    return found


def _count_orders(sizes: _MoneyHistogram) -> tuple[Integers, Integers]:
    """The months with orders and their numbers of orders, in ascending order."""
    months, place = np.unique(sizes.month[sizes.is_order], return_inverse=True)
    counts = np.zeros(months.size, np.int64)
    np.add.at(counts, place, sizes.count[sizes.is_order])
    return months, counts


def _compute_references(
    sizes: _MoneyHistogram, first_steps: Integers, first_until_us: int
) -> list[Reference]:
    """The reference of each month, from that of the first order to that of the last money."""
    is_order = sizes.is_order
    if not is_order.any():
        return []
    start = int(sizes.month[is_order].min())
    months = np.arange(start, int(sizes.month.max()) + 1)
    steps, place = np.unique(sizes.step[is_order], return_inverse=True)
    counts = np.zeros((months.size + 1, steps.size), np.int64)
    np.add.at(counts, (sizes.month[is_order] - start + 1, place), sizes.count[is_order])
    before = np.cumsum(counts, axis=0)[:-1]
    before[MONTHS:] -= before[:-MONTHS].copy()
    totals = before.sum(axis=1)
    middle = np.argmax(np.cumsum(before, axis=1) >= (totals[:, None] + 1) // 2, axis=1)
    early = int(np.sort(first_steps)[(first_steps.size - 1) // 2])
    rows: list[Reference] = []
    for month, total, place_of_median in zip(months, totals, middle, strict=True):
        begin_us = _begin_month(int(month))
        is_enough = total >= LEAST_ORDERS
        step = int(steps[place_of_median]) if is_enough else early
        rows.append((begin_us, GRID_STEP**step, begin_us if is_enough else max(begin_us, first_until_us)))
    return rows


def _list_moved(
    sizes: Mapping[Key, _MoneyHistogram],
    before: Mapping[Key, list[Reference]],
    after: Mapping[Key, list[Reference]],
) -> pa.Table:
    """The months with stored money whose reference has changed."""
    moved: list[dict[str, object]] = []
    for key, rows in after.items():
        months = np.unique(sizes[key].month).tolist() if key in sizes else []
        for month in months:
            from_us, to_us = _begin_month(month), _begin_month(month + 1)
            if _find_amount(before.get(key, []), from_us) != _find_amount(rows, from_us):
                moved.append({"brand_id": key[0], "currency": key[1], "from_us": from_us, "to_us": to_us})
    return pa.Table.from_pylist(moved, schema=MOVED_SCHEMA)


def _find_amount(rows: list[Reference], moment_us: int) -> float | None:
    """The reference at a given time: the last one that has begun, or the first."""
    begun = [amount for begin_us, amount, _ in rows if begin_us <= moment_us]
    return begun[-1] if begun else rows[0][1] if rows else None


def _begin_month(month: int) -> int:
    """The start of a month, given in months since 1970."""
    return int(np.datetime64(month, "M").astype("datetime64[D]").astype(np.int64)) * DAY_MICROSECONDS


def _find_month(moment_us: int) -> int:
    """The month of a time, in months since 1970."""
    return int(np.datetime64(moment_us, "us").astype("datetime64[M]").astype(np.int64))
