"""The counts behind the bars and dots of charts, as tables: charts are drawn from them, table views show them."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.i18n.labels import SYMBIOSIS_LABELS, from_day_number
from consumer_fusion.records.points import DIRECTIONS, FACETS
from consumer_fusion.views.charts.theme import check_columns

MOST_DOTS = 600
"""With more pairs than this the scatter shows cells of two by two points, sized by their number of pairs."""


_SIDES = ("consumer_to_brand", "brand_to_consumer", "symbiosis")


def _count_pairs(scores: pa.Table) -> list[int]:
    """Number of pairs of each row: its `pair_count`, else one."""
    if "pair_count" in scores.column_names:
        return [int(count) for count in scores["pair_count"].to_pylist()]
    return [1] * scores.num_rows


def gather_bins(scores: pa.Table, bin_points: int = 2) -> pa.Table:
    """The bars of the distribution: `score_from`, `score_to`, `certainty` (known, unknown), `pair_count`.

    Args:
        scores: The table that `draw_score_distribution` takes.
        bin_points: Width of a bar in score points.
    """
    check_columns(scores, ["fusion_score"], "score distribution")
    classes = (
        scores["symbiosis"].to_pylist() if "symbiosis" in scores.column_names else [""] * scores.num_rows
    )
    counts: Counter[tuple[int, str]] = Counter()
    for score, symbiosis, pairs in zip(
        scores["fusion_score"].to_pylist(), classes, _count_pairs(scores), strict=True
    ):
        start = min(int(score // bin_points) * bin_points, 100 - bin_points)
        counts[start, "unknown" if symbiosis == "unknown" else "known"] += pairs
    listed = sorted(counts.items())
    return pa.table(
        {
            "score_from": pa.array([start for (start, _), _ in listed], pa.int64()),
            "score_to": pa.array([start + bin_points for (start, _), _ in listed], pa.int64()),
            "certainty": pa.array([certainty for (_, certainty), _ in listed], pa.string()),
            "pair_count": pa.array([pairs for _, pairs in listed], pa.int64()),
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
    dots = list(zip(*(scores[name].to_pylist() for name in _SIDES), _count_pairs(scores), strict=True))
    if len(dots) > MOST_DOTS:
        cells: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)
        for given, received, symbiosis, pairs in dots:
            cells[round(given / 2), round(received / 2)][symbiosis] += pairs
        dots = [
            (2.0 * given, 2.0 * received, classes.most_common(1)[0][0], sum(classes.values()))
            for (given, received), classes in cells.items()
        ]
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
    counts: Counter[str] = Counter()
    for symbiosis, pairs in zip(scores["symbiosis"].to_pylist(), _count_pairs(scores), strict=True):
        counts[symbiosis] += pairs
    present = [key for key in SYMBIOSIS_LABELS if counts[key]]
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
