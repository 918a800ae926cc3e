"""The counts behind the bars and dots of charts, as tables: charts are drawn from them, table views show them."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.i18n.labels import SYMBIOSIS_LABELS, from_day_number
from consumer_fusion.records.points import DIRECTIONS, FACETS
from consumer_fusion.views.charts.theme import check_columns

MOST_DOTS = 600
"""With more pairs than this the scatter shows cells of two by two points, sized by their number of pairs."""


_SIDES = ("consumer_to_brand", "brand_to_consumer", "symbiosis")


def _count_pairs(scores: pa.Table) -> npt.NDArray[np.int64]:
    """Number of pairs of each row: its `pair_count`, else one."""
    if "pair_count" in scores.column_names:
        counts: npt.NDArray[np.int64] = scores["pair_count"].to_numpy().astype(np.int64)
        return counts
    return np.ones(scores.num_rows, np.int64)


def _encode(scores: pa.Table) -> tuple[npt.NDArray[np.int64], list[str]]:
    """The class of each row as a place in a list of classes; all of one class where the table has none."""
    if "symbiosis" not in scores.column_names:
        return np.zeros(scores.num_rows, np.int64), [""]
    classes = scores["symbiosis"].combine_chunks()
    if not pa.types.is_dictionary(classes.type):
        classes = classes.dictionary_encode()
    return classes.indices.to_numpy(zero_copy_only=False).astype(np.int64), classes.dictionary.to_pylist()


def _sum_groups(
    counts: npt.NDArray[np.int64], *keys: npt.NDArray[np.int64]
) -> tuple[list[npt.NDArray[np.int64]], npt.NDArray[np.int64]]:
    """The groups of equal keys in their order, and the sum of the counts of each."""
    order = np.lexsort(keys[::-1])
    ordered = [key[order] for key in keys]
    is_first = np.ones(len(order), bool)
    if len(order):
        is_first[1:] = np.any([key[1:] != key[:-1] for key in ordered], axis=0)
    starts = np.flatnonzero(is_first)
    sums = np.add.reduceat(counts[order], starts) if len(starts) else np.zeros(0, np.int64)
    return [key[starts] for key in ordered], sums


def gather_bins(scores: pa.Table, bin_points: int = 2) -> pa.Table:
    """The bars of the distribution: `score_from`, `score_to`, `certainty` (known, unknown), `pair_count`.

    Args:
        scores: The table that `draw_score_distribution` takes.
        bin_points: Width of a bar in score points.
    """
    check_columns(scores, ["fusion_score"], "score distribution")
    codes, classes = _encode(scores)
    is_unknown = np.array([name == "unknown" for name in classes] or [False])[codes]
    bins = (scores["fusion_score"].to_numpy() // bin_points).astype(np.int64) * bin_points
    (start, unknown), pairs = _sum_groups(
        _count_pairs(scores), np.minimum(bins, 100 - bin_points), is_unknown.astype(np.int64)
    )
    return pa.table(
        {
            "score_from": pa.array(start, pa.int64()),
            "score_to": pa.array(start + bin_points, pa.int64()),
            "certainty": pa.array(["unknown" if each else "known" for each in unknown], pa.string()),
            "pair_count": pa.array(pairs, pa.int64()),
        }
    )


def gather_cells(scores: pa.Table) -> pa.Table:
    """The dots of the scatter: the pairs themselves, or cells with the most common class of their pairs.

    Args:
        scores: The table that `draw_both_sides` takes.

    Returns:
        `consumer_to_brand`, `brand_to_consumer`, `symbiosis`, `pair_count`, the largest first.
    """
    check_columns(scores, list(_SIDES), "both-sides chart")
    codes, classes = _encode(scores)
    given, received = (scores[name].to_numpy().astype(float) for name in _SIDES[:2])
    pairs = _count_pairs(scores)
    if len(codes) > MOST_DOTS:
        places = [np.rint(side / 2).astype(np.int64) for side in (given, received)]
        (x, y, code), counts = _sum_groups(pairs, *places, codes)
        (x_cell, y_cell), pairs = _sum_groups(counts, x, y)
        # The last of each cell in the order of the counts is its most common class.
        order = np.lexsort((counts, y, x))
        last = np.cumsum(np.unique(np.stack([x, y]), axis=1, return_counts=True)[1]) - 1
        codes = code[order[last]]
        given, received = 2.0 * x_cell, 2.0 * y_cell
    dots = list(
        zip(given.tolist(), received.tolist(), [classes[each] for each in codes], pairs.tolist(), strict=True)
    )
    dots.sort(key=lambda dot: (-dot[3], dot[:3]))
    return pa.table(
        {
            "consumer_to_brand": pa.array([dot[0] for dot in dots], pa.float64()),
            "brand_to_consumer": pa.array([dot[1] for dot in dots], pa.float64()),
            "symbiosis": pa.array([dot[2] for dot in dots], pa.string()),
            "pair_count": pa.array([dot[3] for dot in dots], pa.int64()),
        }
    )


def gather_classes(scores: pa.Table) -> pa.Table:
    """The bars of the mix: `symbiosis`, `pair_count`, from good to bad.

    Args:
        scores: The table that `draw_symbiosis_mix` takes.
    """
    check_columns(scores, ["symbiosis"], "symbiosis mix")
    codes, classes = _encode(scores)
    totals = np.zeros(len(classes), np.int64)
    np.add.at(totals, codes, _count_pairs(scores))
    counts = dict(zip(classes, totals.tolist(), strict=True))
    present = [key for key in SYMBIOSIS_LABELS if counts.get(key)]
    return pa.table(
        {
            "symbiosis": pa.array(present, pa.string()),
            "pair_count": pa.array([counts[key] for key in present], pa.int64()),
        }
    )


def pick_period(days: pa.ChunkedArray) -> str:
    """Day, week or month, chosen so that there are some dozens of bars.

    Args:
        days: Days since 1970.
    """
    span = pc.max(days).as_py() - pc.min(days).as_py() if len(days) else 0
    return "day" if span <= 60 else "week" if span <= 500 else "month"


def _start_period(day: int, period: str) -> datetime:
    """The first day of the period a day is in; weeks start on Monday."""
    start = from_day_number(day)
    if period == "week":
        return from_day_number(day - start.weekday())
    return start.replace(day=1) if period == "month" else start


def gather_periods(activity: pa.Table, *, most_channels: int = 8) -> tuple[pa.Table, str]:
    """The bars of the activity: events by channel and period, the busiest channel first.

    Args:
        activity: The table that `draw_activity` takes.
        most_channels: Maximum number of rows; further channels become `other channels`.

    Returns:
        `channel`, `day` (the period's first, days since 1970), `event_count`; and "day", "week" or "month".
    """
    check_columns(activity, ["day", "channel", "event_count"], "activity chart")
    days = activity["day"].to_pylist()
    channels = [channel or "unknown" for channel in activity["channel"].to_pylist()]
    events = [int(count) for count in activity["event_count"].to_pylist()]
    period = pick_period(activity["day"])
    totals: Counter[str] = Counter()
    for channel, count in zip(channels, events, strict=True):
        totals[channel] += count
    ranked = [channel for channel, _ in totals.most_common()]
    own = ranked if len(ranked) <= most_channels else ranked[: most_channels - 1]
    order = [*own, *(["other channels"] if len(own) < len(ranked) else [])]
    counts: Counter[tuple[int, int]] = Counter()
    for day, channel, count in zip(days, channels, events, strict=True):
        start = _start_period(day, period) - from_day_number(0)
        counts[order.index(channel) if channel in own else len(own), start.days] += count
    rows = sorted(counts.items())
    table = pa.table(
        {
            "channel": pa.array([order[place] for (place, _), _ in rows], pa.string()),
            "day": pa.array([day for (_, day), _ in rows], pa.int64()),
            "event_count": pa.array([count for _, count in rows], pa.int64()),
        }
    )
    return table, period


def gather_facets(contributions: pa.Table) -> pa.Table:
    """The bars of the contributions: `direction`, `facet`, `gained`, `lost`, `net`, for all eight facets.

    Args:
        contributions: The table that `draw_contributions` takes.
    """
    check_columns(contributions, ["direction", "facet", "contribution"], "contributions chart")
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for facet, contribution in zip(
        contributions["facet"].to_pylist(), contributions["contribution"].to_pylist(), strict=True
    ):
        sums[facet][contribution < 0] += contribution
    arranged = [(direction, facet) for direction in DIRECTIONS for facet in FACETS[direction]]
    return pa.table(
        {
            "direction": [direction for direction, _ in arranged],
            "facet": [facet for _, facet in arranged],
            "gained": [sums[facet][0] for _, facet in arranged],
            "lost": [sums[facet][1] for _, facet in arranged],
            "net": [sum(sums[facet]) for _, facet in arranged],
        }
    )
