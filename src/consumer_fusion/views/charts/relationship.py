"""Charts of one pair: its score over time, and the changes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from consumer_fusion.i18n.labels import (
    from_day_number,
    name_kind,
    shorten,
    write_day,
    write_noun,
    write_score,
)
from consumer_fusion.i18n.number_format import write_signed
from consumer_fusion.i18n.translation import _, read_language
from consumer_fusion.score.model.changes import DECAY
from consumer_fusion.views.charts.event_names import place_names
from consumer_fusion.views.charts.frame import AnyChart, colour_ways, draw_middle, frame_chart, make_data
from consumer_fusion.views.charts.theme import (
    BAR_SHIFT,
    BESIDE,
    DEFAULT_STYLE,
    NAME_SHIFT,
    ROW_HEIGHT,
    ChartStyle,
    check_columns,
)

MOST_MARKS = 200
"""Maximum number of events with a mark in the history, those that changed the score most."""
_PLOT_HEIGHT = 260
_HISTORY = ["day", "fusion_score", "low", "high"]
_CHANGES = ["at", "kind", "change", "score_after"]


def draw_score_history(
    history: pa.Table,
    changes: pa.Table | None = None,
    style: ChartStyle = DEFAULT_STYLE,
    *,
    pair: str = "",
    most_named: int = 4,
) -> AnyChart:
    """The score of a pair day by day within its 80% interval, with the events that moved it.

    Args:
        history: `day` (days since 1970, UTC), `fusion_score` (at the end of the day), `low`, `high`.
        changes: `at`, `kind` ("decay" for time alone, which is left out), `change`, `score_after`.
        style: Style of the chart.
        pair: Named in the title.
        most_named: Maximum number of labelled events, those that changed it most.
    """
    check_columns(history, _HISTORY, "score history")
    days = [
        {
            **row,
            "at": from_day_number(row["day"] + 1).timestamp() * 1000,
            "label": _(
                "{day}: {score}, 80% between {low} and {high}",
                day=write_day(from_day_number(row["day"]).date()),
                score=write_score(row["fusion_score"]),
                low=write_score(row["low"]),
                high=write_score(row["high"]),
            ),
        }
        for row in history.select(_HISTORY).to_pylist()
    ]
    events, event_count = _list_events(changes, days, 2 if style.is_narrow else most_named)
    palette = style.palette
    low = min([50.0, *(row["low"] for row in days)])
    high = max([50.0, *(row["high"] for row in days)])
    scale = altair.Scale(domain=[max(0, low - 3), min(100, high + 3)], nice=True, zero=False)
    chart = altair.Chart(make_data(days)).encode(
        x=altair.X(
            "at:T",
            scale=altair.Scale(type="utc"),
            title=None,
            axis=altair.Axis(
                grid=False,
                tickCount=4 if style.is_narrow else 7,
                labelOverlap=True,
                labelSeparation=10,
                format="%-d %b" if len(days) < 180 else "%b %Y",
            ),
        ),
    )
    y = altair.Y("fusion_score:Q", scale=scale, title=_("Fusion Score"))
    band = chart.mark_area(color=palette.band, opacity=1, line=False, aria=False).encode(
        y=altair.Y("low:Q", scale=scale, title=_("Fusion Score")), y2="high:Q"
    )
    edges = [
        chart.mark_line(color=palette.band_edge, strokeWidth=1, aria=False).encode(
            y=altair.Y(f"{side}:Q", scale=scale)
        )
        for side in ("low", "high")
    ]
    line = chart.mark_line(color=palette.ink, strokeWidth=2, aria=False).encode(y=y)
    # Invisible, but with a tooltip: the score of every day.
    touch = (
        altair.Chart(make_data(days[:: len(days) // 200 + 1]))
        .mark_point(filled=True, size=60, opacity=0, color=palette.ink)
        .encode(
            x=altair.X("at:T", scale=altair.Scale(type="utc")), y=y, tooltip="label:N", description="label:N"
        )
    )
    marked = altair.Chart(make_data(events)).encode(
        x=altair.X("at:T", scale=altair.Scale(type="utc")), y=altair.Y("score_after:Q", scale=scale)
    )
    marks = marked.mark_point(filled=True, size=95, opacity=1, stroke=palette.paper, strokeWidth=1).encode(
        color=colour_ways(style),
        shape=altair.Shape(
            "way:N",
            legend=None,
            scale=altair.Scale(domain=["up", "down"], range=["triangle-up", "triangle-down"]),
        ),
        tooltip="label:N",
        description="label:N",
    )
    names = [
        altair.Chart(make_data([name]))
        .mark_text(align=name["align"], dx=name["shift"], dy=name["rise"], aria=False)
        .encode(
            x=altair.X("at:T", scale=altair.Scale(type="utc")),
            y=altair.Y("score_after:Q", scale=scale),
            text="name:N",
        )
        for name in place_names(
            events, days, width=style.width - 70, height=_PLOT_HEIGHT, low=low - 3, high=high + 3
        )
    ]
    named = _(" of {name}", name=shorten(pair, 60)) if pair else ""
    last = _("; last {what}", what=days[-1]["label"]) if days else ""
    return frame_chart(
        altair.layer(band, *edges, draw_middle(style, "y", scale), line, touch, marks, *names).properties(
            height=_PLOT_HEIGHT
        ),
        style,
        title=_("Score over time{of_whom}", of_whom="" if style.is_narrow else named),
        subtitle=_("band: 80% interval; triangles: events that changed it"),
        description=_(
            "Fusion Score{of_whom} over {days}{last}. {events} changed it.",
            of_whom=named,
            days=write_noun(len(days), "day"),
            last=last,
            events=write_noun(event_count, "event"),
        ),
    )


def _list_events(
    changes: pa.Table | None, days: Sequence[Mapping[str, Any]], most_named: int
) -> tuple[list[dict[str, Any]], int]:
    """The events that changed the score most, some with their kind as name; and the number of all that changed it."""
    if changes is None or not days:
        return [], 0
    check_columns(changes, _CHANGES, "score history")
    places = np.flatnonzero(_find_events(changes) & (_read_milliseconds(changes) >= days[0]["at"]))
    sizes = np.abs(changes["change"].to_numpy()[places])
    ranked = places[np.argsort(-sizes, kind="stable")]
    named = {place for place, row in _take_rows(changes, ranked[:most_named]) if abs(row["change"]) >= 0.5}
    listed = []
    for place, row in _take_rows(changes, np.sort(ranked[:MOST_MARKS])):
        listed.append(
            {
                "at": row["at"].timestamp() * 1000,
                "score_after": row["score_after"],
                "way": "up" if row["change"] >= 0 else "down",
                "name": f"{name_kind(row['kind'])} {write_signed(row['change'], 1)}"
                if place in named
                else "",
                "label": _(
                    "{day}: {kind}, {change} to {score}",
                    day=read_language().write_time(row["at"]),
                    kind=name_kind(row["kind"]),
                    change=write_signed(row["change"]),
                    score=write_score(row["score_after"]),
                ),
            }
        )
    return listed, len(places)


def _find_events(changes: pa.Table) -> npt.NDArray[np.bool_]:
    """Whether each change is due to an event."""
    kinds = changes["kind"].combine_chunks()
    kinds = kinds if pa.types.is_dictionary(kinds.type) else kinds.dictionary_encode()
    is_event = np.array([key != DECAY for key in kinds.dictionary.to_pylist()], np.bool_)
    found: npt.NDArray[np.bool_] = is_event[kinds.indices.to_numpy()]
    return found


def _read_milliseconds(changes: pa.Table) -> npt.NDArray[np.float64]:
    moments: npt.NDArray[np.float64] = changes["at"].cast(pa.int64()).to_numpy() / 1000
    return moments


def _take_rows(changes: pa.Table, places: npt.NDArray[np.int64]) -> list[tuple[int, dict[str, Any]]]:
    """Some rows with their places."""
    return list(
        zip(places.tolist(), changes.select(_CHANGES).take(pa.array(places)).to_pylist(), strict=True)
    )


def _condense_changes(changes: pa.Table, most: int) -> list[dict[str, Any]]:
    """The largest changes individually, those between them combined, so that the sum stays exact.

    Changes too small for a visible bar are carried to the next step that is not a single large change.
    """
    if not changes.num_rows:
        return []
    sizes = np.abs(changes["change"].to_numpy())
    visible = 0.04 * float(sizes.max())
    largest = np.argsort(-sizes, kind="stable")[:most]
    alone = np.sort(largest[sizes[largest] >= visible])
    sums = np.concatenate([[0.0], np.cumsum(changes["change"].to_numpy())])
    counts = np.concatenate([[0], np.cumsum(_find_events(changes))])
    steps: list[dict[str, Any]] = []
    pending: list[tuple[int, int]] = []

    def join_pending() -> dict[str, Any]:
        """The pending changes combined into one."""
        event_count = sum(int(counts[stop] - counts[start]) for start, stop in pending)
        row_count = sum(stop - start for start, stop in pending)
        ((_place, last),) = _take_rows(changes, np.array([pending[-1][1] - 1]))
        kind = (
            _("{events} and decay", events=write_noun(event_count, "smaller event")) if event_count else DECAY
        )
        if row_count == 1:
            kind = last["kind"]
        return {
            **last,
            "kind": kind,
            "change": sum(float(sums[stop] - sums[start]) for start, stop in pending),
        }

    start = 0
    for place, row in _take_rows(changes, alone):
        if place > start:
            pending.append((start, place))
        if abs(sum(float(sums[stop] - sums[begin]) for begin, stop in pending)) >= visible and pending:
            steps.append(join_pending())
            pending = []
        steps.append(row)
        start = place + 1
    if start < changes.num_rows:
        pending.append((start, changes.num_rows))
    if pending:
        steps.append(join_pending())
    return steps


def draw_changes(
    changes: pa.Table, style: ChartStyle = DEFAULT_STYLE, *, pair: str = "", most: int = 10
) -> AnyChart:
    """The changes of the score of a pair, step by step from the first score to the last.

    Args:
        changes: `at`, `kind` ("decay" for a change due to time alone), `change`, `score_after`, in order of time.
        style: Style of the chart.
        pair: Named in the title.
        most: Maximum number of individual steps; those between them are combined, so that the sum stays exact.
    """
    check_columns(changes, _CHANGES, "changes chart")
    start = changes["score_after"][0].as_py() - changes["change"][0].as_py() if changes.num_rows else 50.0
    end = changes["score_after"][-1].as_py() if changes.num_rows else start
    steps = []
    after = start
    for position, row in enumerate(_condense_changes(changes, most)):
        after += row["change"]
        day = write_day(row["at"].date())
        kind = name_kind(row["kind"] or DECAY)
        steps.append(
            {
                "step": f"{position:03}",
                "before": after - row["change"],
                "after": after,
                "way": "up" if row["change"] >= 0 else "down",
                "text": write_signed(row["change"]),
                "name": shorten(kind, 34 if style.is_narrow else 80),
                "day": day,
                "label": _(
                    "{day}, {kind}: {change} to {score}",
                    day=day,
                    kind=kind,
                    change=write_signed(row["change"]),
                    score=write_score(after),
                ),
            }
        )
    palette = style.palette
    ends = [start, end, *(step[side] for step in steps for side in ("before", "after"))]
    span = max(max(ends) - min(ends), 2)
    scale = altair.Scale(domain=[min(ends) - span * 0.18, max(ends) + span * 0.18], nice=False, zero=False)
    y = altair.Y("step:O", axis=None)
    chart = altair.Chart(make_data(steps)).encode(y=y)
    x = altair.X(
        "before:Q",
        scale=scale,
        axis=altair.Axis(tickCount=6),
        title=_("Fusion Score, from {start} to {end}", start=write_score(start), end=write_score(end)),
    )
    bars = chart.mark_bar(height=12, cornerRadius=2, minBandSize=2, yOffset=BAR_SHIFT).encode(
        x=x,
        x2="after:Q",
        color=colour_ways(style),
        tooltip="label:N",
        description="label:N",
    )
    # A step too small for a bar still shows the new score.
    ticks = chart.mark_tick(color=palette.ink, thickness=2, height=12, yOffset=BAR_SHIFT, aria=False).encode(
        x=altair.X("after:Q", scale=scale)
    )
    texts = [
        chart.mark_text(align=align, dx=dx, dy=BAR_SHIFT + 1, aria=False)
        .encode(x=altair.X("after:Q", scale=scale), text="text:N")
        .transform_filter(f"datum.way == '{way}'")
        for way, align, dx in BESIDE
    ]
    names = (
        chart.mark_text(align="left", dy=NAME_SHIFT, color=palette.quiet_ink, aria=False)
        .encode(x=altair.value(0), text="line:N")
        .transform_calculate(line="datum.day + ' · ' + datum.name")
    )
    named = _(" of {name}", name=shorten(pair, 60)) if pair else ""
    largest = sorted(steps, key=lambda step: -abs(step["after"] - step["before"]))[:3]
    return frame_chart(
        altair.layer(bars, ticks, *texts, names).properties(height=altair.Step(ROW_HEIGHT)),
        style,
        title=_("Changes of the score{of_whom}", of_whom="" if style.is_narrow else named),
        description=_(
            "Changes of the score{of_whom} from {start} to {end}. Largest: {largest}.",
            of_whom=named,
            start=write_score(start),
            end=write_score(end),
            largest="; ".join(str(step["label"]) for step in largest),
        ),
    )
