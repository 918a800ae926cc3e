"""Dispersions: how many times as much as independent events those of a kind vary, because they come in runs.

One failure brings others, one complaint the next. Of events of a pair and kind that lie within half a half-life of each
other there are then more than the pair's own rate explains; that excess is what a run adds to the variance of a sum
(Cox and Isham, *Point Processes*, 1980, 2.5). Rates that differ from pair to pair are no runs: each pair is held
against itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from consumer_fusion.events.event_reader import open_events
from consumer_fusion.records.points import KIND_DISPERSIONS
from consumer_fusion.score.points.points_store import read_kind_ids
from consumer_fusion.score.score_context import ScoreContext
from consumer_fusion.storage.store import Session

MOST_EVENTS = 1_000_000
"""Of so many events at most, those of consumers drawn by their number, is it learnt."""
FEWEST_EVENTS = 200
SMALLEST, LARGEST = 1.2, 25.0
"""What is below the first is taken for chance; what is above the second is taken for the second."""
HALF_LIVES = 0.5
"""Events within so many half-lives of each other may be of one run."""
EXCESS_FACTOR = 1.5
"""A few runs tell less of how much they vary than as many events would: without it 80% intervals held 72%."""
_COLUMNS = ("consumer_id", "brand_id", "kind_id", "day", "trust")

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


def learn_dispersions(
    context: ScoreContext,
    event_count: int,
) -> int:
    """Learn the dispersion of every kind from the events on record, in the place of those known before.

    Args:
        context: What scores are read with.
        event_count: How many events are on record.

    Returns:
        How many kinds come in runs.
    """
    source = open_events(context.session, context.folder, columns=_COLUMNS)
    parts = -(-event_count // MOST_EVENTS) or 1
    events = context.engine.read(
        f"select {', '.join(_COLUMNS)} from {source.relation} e where trust > 0 and consumer_id % {parts} = 0",
        step="read events to see which kinds come in runs",
        tables=source.tables,
    )
    found = measure_dispersions(
        events,
        {context.kind_ids[k.key]: k.half_life_days for k in context.points.kinds.values() if k.entries},
    )
    context.session.delete(KIND_DISPERSIONS)
    return context.session.insert(
        KIND_DISPERSIONS,
        KIND_DISPERSIONS.column_names,
        ((kind_id, dispersion, count) for kind_id, (dispersion, count) in sorted(found.items())),
    )


def read_dispersions(session: Session) -> dict[str, float]:
    """The dispersions that were learnt, by key."""
    rows = session.read(KIND_DISPERSIONS).to_pylist()
    if not rows:
        return {}
    names = {number: key for key, number in read_kind_ids(session).items()}
    return {names[row["kind_id"]]: row["dispersion"] for row in rows if row["kind_id"] in names}


def measure_dispersions(
    events: pa.Table, half_life_days: Mapping[int, float]
) -> dict[int, tuple[float, int]]:
    """The dispersion of each kind that comes in runs, and how many events say so.

    Args:
        events: consumer_id, brand_id, kind_id and day, in any order.
        half_life_days: By number of the kinds that are looked at.
    """
    if not events.num_rows:
        return {}
    day, kind = (events[name].to_numpy() for name in ("day", "kind_id"))
    pairs = np.stack([events["consumer_id"].to_numpy(), events["brand_id"].to_numpy()])
    _, pair = np.unique(pairs, axis=1, return_inverse=True)
    pair = pair.reshape(-1)
    first_day = np.full(int(pair.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first_day, pair, day)
    days_known = (day.max() + 1 - first_day).astype(np.float64)
    found: dict[int, tuple[float, int]] = {}
    for number, half_life in half_life_days.items():
        chosen = kind == number
        count = int(chosen.sum())
        if count < FEWEST_EVENTS:
            continue
        dispersion = _measure_kind(pair[chosen], day[chosen], days_known, HALF_LIVES * half_life)
        widened = 1.0 + EXCESS_FACTOR * (dispersion - 1.0)
        if widened >= SMALLEST:
            found[number] = (min(widened, LARGEST), count)
    return found


def _measure_kind(pair: Integers, day: Integers, days_known: Reals, reach_days: float) -> float:
    """Variance of a kind's daily weights, summed over a long time, over what the state takes it for."""
    keys, count = np.unique(np.stack([pair, day]), axis=1, return_counts=True)
    (pair, day), size = keys, days_known.size
    weight = np.log2(1.0 + count)
    begins = np.searchsorted(pair, pair, side="left")
    line = pair * 4.0 * (reach_days + float(np.ptp(day)) + 1.0) + (day - day.min())
    reached = np.maximum(np.searchsorted(line, line - reach_days, side="left"), begins)
    sums = np.concatenate([[0.0], np.cumsum(weight)])
    place = np.arange(weight.size)
    near = np.bincount(pair, weights=weight * (sums[place] - sums[reached]), minlength=size)
    total = np.bincount(pair, weights=weight, minlength=size)
    squares = np.bincount(pair, weights=weight * weight, minlength=size)
    # A day of n events is one number, log2(1 + n); the state adds up the squares of its n events.
    taken = np.bincount(pair, weights=weight * weight / count, minlength=size)
    is_long = days_known >= 2.0 * reach_days
    share = np.minimum(reach_days / days_known, 1.0)
    by_chance = 1.0 - (1.0 - share) ** 2
    # Two days of a pair lie so near by chance with that probability; what is beyond it comes of runs.
    excess = (near - (total**2 - squares) / 2.0 * by_chance)[is_long] / (1.0 - by_chance[is_long])
    expected = float(taken[is_long].sum())
    return (float(squares[is_long].sum()) + 2.0 * float(excess.sum())) / expected if expected else 1.0
