"""Dispersions: how much more the events of a kind vary than independent events would, because they cluster.

One failure brings others, one complaint the next. Then more events of a pair and kind are within half a half-life
of each other than the pair's own rate explains; the excess is what clustering adds to the variance of a sum
(Cox and Isham, *Point Processes*, 1980, 2.5). Rates that differ between pairs are no clusters: each pair is compared
with itself.
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
"""Maximum number of events to learn from, those of a sample of consumers taken by their number."""
FEWEST_EVENTS = 200
SMALLEST, LARGEST = 1.2, 25.0
"""Dispersions below the first are taken for chance; dispersions above the second are capped at it."""
HALF_LIVES = 0.5
"""Maximum distance between two events of a cluster, in half-lives."""
EXCESS_FACTOR = 1.5
"""Correction for small clusters, which understate their variation: without it 80% intervals covered 72%."""
_COLUMNS = ("consumer_id", "brand_id", "kind_id", "day", "trust")

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


def learn_dispersions(
    context: ScoreContext,
    event_count: int,
) -> int:
    """Learn the dispersion of every kind from the stored events; replaces the former ones.

    Args:
        context: Context for reading scores.
        event_count: Number of stored events.

    Returns:
        Number of kinds whose events cluster.
    """
    source = open_events(context.session, context.folder, columns=_COLUMNS)
    parts = -(-event_count // MOST_EVENTS) or 1
    events = context.engine.read(
        f"select {', '.join(_COLUMNS)} from {source.relation} e where trust > 0 and consumer_id % {parts} = 0",
        step="read events to measure dispersions",
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
    """The learnt dispersions, by key."""
    rows = session.read(KIND_DISPERSIONS).to_pylist()
    if not rows:
        return {}
    names = {number: key for key, number in read_kind_ids(session).items()}
    return {names[row["kind_id"]]: row["dispersion"] for row in rows if row["kind_id"] in names}


def measure_dispersions(
    events: pa.Table, half_life_days: Mapping[int, float]
) -> dict[int, tuple[float, int]]:
    """The dispersion of each kind whose events cluster, and the number of events behind it.

    Args:
        events: consumer_id, brand_id, kind_id and day, in any order.
        half_life_days: Half-life by number of the kinds to measure.
    """
    if not events.num_rows:
        return {}
    day, kind = (events[name].to_numpy() for name in ("day", "kind_id"))
    pair = _number_pairs(events["consumer_id"].to_numpy(), events["brand_id"].to_numpy())
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


def _number_pairs(consumers: Integers, brands: Integers) -> Integers:
    """The number of the pair of each event, from 0, in the order of the pairs."""
    _, consumer = np.unique(consumers, return_inverse=True)
    names, brand = np.unique(brands, return_inverse=True)
    # As one number each: whole rows are sorted ten times as slowly.
    pairs: Integers = np.unique(consumer * names.size + brand, return_inverse=True)[1]
    return pairs


def _measure_kind(pair: Integers, day: Integers, days_known: Reals, reach_days: float) -> float:
    """Long-run variance of a kind's daily weights, divided by the variance that the state assumes."""
    first, span = int(day.min()), int(np.ptp(day)) + 1
    keys, count = np.unique(pair * span + (day - first), return_counts=True)
    pair, day, size = keys // span, keys % span + first, days_known.size
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
    # Probability that two days of a pair are this close by chance; the excess comes from clusters.
    excess = (near - (total**2 - squares) / 2.0 * by_chance)[is_long] / (1.0 - by_chance[is_long])
    expected = float(taken[is_long].sum())
    return (float(squares[is_long].sum()) + 2.0 * float(excess.sum())) / expected if expected else 1.0
