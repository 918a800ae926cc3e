"""Rhythms: how often a brand's consumers order, and how fast what they do therefore fades.

An order of a month ago is old for a grocer and new for a furniture house. The half-life of a brand's orders is two and
a half times the gap that three of four orders come within (`docs/decisions/0026`); kinds that follow the rhythm are
stretched or shortened in the same proportion. Like the references for money they depend on which events are on record
and on nothing else.
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
"""A record that is not so many usual gaps long has not seen the longer ones yet."""
STEPS_A_DOUBLING = 2
"""Half-lives are rounded to steps of the square root of 2, so that they seldom move."""
SHORTEST_STEP, LONGEST_STEP = -3, 6
"""From 32 days to 720."""


def renew_rhythms(
    session: Session,
    engine: Engine,
    folder: Path,
    brand_ids: Collection[int] | None,
    fresh: EventSource | None = None,
) -> set[int]:
    """Bring the rhythms of some brands to the events on record and those about to be.

    Orders before the month of the brand's newest money count, so that those of the running month move nothing.

    Args:
        session: A writing session, in which the references for money are those of the same events.
        engine: Where to compute.
        folder: The workspace.
        brand_ids: Brands; None for all.
        fresh: Events that are about to land, as `renew_references` takes them.

    Returns:
        The brands whose half-lives are others now.
    """
    chosen = None if brand_ids is None else sorted(brand_ids)
    until = begin_last_month(session, chosen)
    # As their sources name them: a merge changes who somebody is, not how often people order.
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
        gaps: Days from an order to the next of the same consumer, in rising order.
        counts: How often each occurred.
        days_on_record: From the first order to the last.
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
    """What each brand's rhythm multiplies half-lives with; brands that keep the shipped ones are left out."""
    rows = session.read(BRAND_RHYTHMS, columns=("brand_id", "half_life_days")).to_pylist()
    factors = {row["brand_id"]: row["half_life_days"] / RHYTHM_HALF_LIFE_DAYS for row in rows}
    return {brand_id: factor for brand_id, factor in factors.items() if factor != 1.0}


def pace_points(points: PointsTable, brand_id: int) -> PointsTable:
    """The points as they fade for the consumers of one brand."""
    factor = points.rhythms.get(brand_id, 1.0)
    if factor == 1.0:
        return points
    kinds = {
        key: replace(kind, half_life_days=kind.half_life_days * factor) if kind.follows_rhythm else kind
        for key, kind in points.kinds.items()
    }
    return replace(points, kinds=kinds)


def list_half_lives(points: PointsTable) -> set[float]:
    """Every half-life at which some brand's events fade."""
    factors = {1.0, *points.rhythms.values()}
    return {
        kind.half_life_days * (factor if kind.follows_rhythm else 1.0)
        for kind in points.kinds.values()
        for factor in factors
    }
