"""Rhythms: how often a brand's consumers order, and how fast the effect of their events therefore decays.

A month-old order is old for a grocer and new for a furniture shop. The half-life of a brand's orders is two and
a half times the third quartile of the gaps between orders (`docs/decisions/0026`); kinds that follow the rhythm are
stretched or shortened in the same proportion. Like the money references, rhythms depend only on the set of stored
events.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np

from consumer_fusion.events.event_reader import EventSelection, EventSource, open_events
from consumer_fusion.records.points import BRAND_RHYTHMS, RHYTHM_HALF_LIFE_DAYS, PointsTable
from consumer_fusion.score.fold.money_references import IS_ORDER, SIZE_COLUMNS, begin_last_month
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.store import Session

USUAL_SHARE = 0.75
GAPS_A_HALF_LIFE = 2.5
FEWEST_GAPS = 200
LONG_ENOUGH = 4.0
"""Minimum length of the record, in usual gaps; a shorter one has not seen the longer gaps yet."""
STEPS_A_DOUBLING = 2
"""Steps per doubling to which half-lives are rounded, so that they rarely change."""
SHORTEST_STEP, LONGEST_STEP = -3, 6
"""From 32 days to 720."""


def update_rhythms(
    session: Session,
    engine: Engine,
    folder: Path,
    brand_ids: Collection[int] | None,
    fresh: EventSource | None = None,
) -> set[int]:
    """Update the rhythms of some brands to the stored events and those about to land.

    Orders before the month of the brand's newest money count, so that those of the running month change nothing.

    Args:
        session: A writing session, in which the money references are those of the same events.
        engine: Engine to compute with.
        folder: Folder of the workspace.
        brand_ids: Brands; None for all.
        fresh: Events that are about to land, as `update_references` takes them.

    Returns:
        The brands whose half-lives changed.
    """
    chosen = None if brand_ids is None else sorted(brand_ids)
    until = begin_last_month(session, chosen)
    # As their sources name them: a merge changes who a person is, not how often people order.
    recorded = open_events(
        session, folder, EventSelection(brand_ids=chosen), columns=SIZE_COLUMNS, is_merged=False
    )
    listed = ", ".join(f"e.{name}" for name in SIZE_COLUMNS)
    sources = [recorded, *([fresh] if fresh is not None else [])]
    relation = " union all ".join(f"select {listed} from {each.relation} e" for each in sources)
    rows = engine.read(
        f"""
        select brand_id, gap, count(*) as count, max(last_day) - min(first_day) as days from (
            select brand_id, day - lag(day) over (partition by brand_id, consumer_id order by day) as gap,
                   min(day) over (partition by brand_id) as first_day, max(day) over (partition by brand_id) as last_day
            from (
                select distinct e.brand_id, e.consumer_id, e.day from ({relation}) e
                join rhythm_until u on u.brand_id = e.brand_id
                where {IS_ORDER} and e.consumer_id <> 0 and e.occurred_us < u.until_us
            ) d
        ) g where gap is not null group by brand_id, gap order by brand_id, gap
        """,
        step="see how often consumers order",
        tables={
            **{name: table for each in sources for name, table in each.tables.items()},
            "rhythm_until": until,
        },
    )
    found: dict[int, tuple[int, int, float]] = {}
    brand = rows["brand_id"].to_numpy()
    for each in np.unique(brand).tolist():
        part = rows.filter(brand == each)
        gaps, counts = part["gap"].to_numpy(), part["count"].to_numpy()
        days = int(part["days"].to_numpy().max())
        told = choose_half_life(gaps, counts, days)
        if told is not None:
            found[each] = (told[0], int(counts.sum()), told[1])
    where = {} if chosen is None else {"brand_id": chosen}
    known = {row["brand_id"]: row["half_life_days"] for row in session.read(BRAND_RHYTHMS, where).to_pylist()}
    session.delete(BRAND_RHYTHMS, where)
    session.insert(
        BRAND_RHYTHMS, BRAND_RHYTHMS.column_names, ((key, *values) for key, values in found.items())
    )
    usual = RHYTHM_HALF_LIFE_DAYS
    return {
        key for key in {*known, *found} if known.get(key, usual) != (found[key][2] if key in found else usual)
    }


def choose_half_life(gaps: np.ndarray, counts: np.ndarray, days_on_record: int) -> tuple[int, float] | None:
    """The usual gap in days and the half-life of orders that follows; None where too little is known.

    Args:
        gaps: Days from an order to the next of the same consumer, in ascending order.
        counts: Number of occurrences of each gap.
        days_on_record: Days from the first order to the last.
    """
    total = int(counts.sum())
    if total < FEWEST_GAPS:
        return None
    usual = int(gaps[np.searchsorted(np.cumsum(counts), USUAL_SHARE * total)])
    if days_on_record < LONG_ENOUGH * usual:
        return None
    step = round(STEPS_A_DOUBLING * float(np.log2(GAPS_A_HALF_LIFE * usual / RHYTHM_HALF_LIFE_DAYS)))
    step = min(max(step, SHORTEST_STEP), LONGEST_STEP)
    return usual, RHYTHM_HALF_LIFE_DAYS * 2.0 ** (step / STEPS_A_DOUBLING)


def read_rhythms(session: Session) -> dict[int, float]:
    """Factor of the half-lives by brand, from its rhythm; brands with the shipped half-lives are left out."""
    rows = session.read(BRAND_RHYTHMS, columns=("brand_id", "half_life_days")).to_pylist()
    factors = {row["brand_id"]: row["half_life_days"] / RHYTHM_HALF_LIFE_DAYS for row in rows}
    return {brand_id: factor for brand_id, factor in factors.items() if factor != 1.0}


def apply_rhythm(points: PointsTable, brand_id: int) -> PointsTable:
    """The points with the half-lives for the consumers of one brand."""
    factor = points.rhythms.get(brand_id, 1.0)
    if factor == 1.0:
        return points
    kinds = {
        key: replace(kind, half_life_days=kind.half_life_days * factor) if kind.follows_rhythm else kind
        for key, kind in points.kinds.items()
    }
    return replace(points, kinds=kinds)


def list_half_lives(points: PointsTable) -> set[float]:
    """Every half-life with which some brand's events decay."""
    factors = {1.0, *points.rhythms.values()}
    return {
        kind.half_life_days * (factor if kind.follows_rhythm else 1.0)
        for kind in points.kinds.values()
        for factor in factors
    }
