"""Charts of one effect: observed and expected values, the cumulative effect, and the placebo effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair
import numpy as np
import pyarrow as pa

from consumer_fusion.i18n.labels import from_day_number, write_day, write_noun
from consumer_fusion.i18n.number_format import write_amount, write_relative
from consumer_fusion.i18n.translation import _
from consumer_fusion.views.charts.frame import AnyChart, frame_chart, make_data
from consumer_fusion.views.charts.theme import DEFAULT_STYLE, ChartStyle, check_columns

_COURSE = ["day", "observed", "expected", "low", "high"]
_UTC = altair.Scale(type="utc")


def draw_observed_and_expected(
    course: pa.Table, style: ChartStyle = DEFAULT_STYLE, *, start_day: int, end_day: int, measure: str = ""
) -> AnyChart:
    """A metric day by day with its expected values and the window of the effect.

    Args:
        course: `day` (days since 1970, UTC), `observed` (null where missing), `expected`, `low`, `high`.
        style: Style of the chart.
        start_day: The first day of the window.
        end_day: The last day of the window.
        measure: Name of the metric, for the axis.
    """
    check_columns(course, _COURSE, "course of an effect")
    rows = [_tell_day(row) for row in course.select(_COURSE).to_pylist()]
    palette = style.palette
    x = altair.X("at:T", scale=_UTC, title=None, axis=_make_days_axis([row["day"] for row in rows], style))
    scale = altair.Scale(zero=False, nice=True)
    title = measure or _("a day")
    window = altair.Chart(make_data([_make_span(start_day, end_day)])).mark_rect(
        color=palette.grid, opacity=0.7, aria=False
    )
    expected = altair.Chart(make_data([row for row in rows if row["expected"] is not None])).encode(x=x)
    observed = altair.Chart(make_data(rows)).encode(x=x)
    marks = (
        window.encode(x=altair.X("from:T", scale=_UTC), x2="to:T"),
        expected.mark_area(color=palette.band, aria=False).encode(
            y=altair.Y("low:Q", scale=scale, title=title), y2="high:Q"
        ),
        expected.mark_line(color=palette.gain, strokeWidth=2, strokeDash=[6, 3], aria=False).encode(
            y=altair.Y("expected:Q", scale=scale, title=title)
        ),
        # A day without a value leaves a gap: nothing is drawn over it.
        observed.mark_line(
            color=palette.ink, strokeWidth=2, invalid="break-paths-filter-domains", aria=False
        ).encode(y=altair.Y("observed:Q", scale=scale, title=title)),
        observed.mark_point(filled=True, size=16, opacity=1, color=palette.ink)
        .encode(y=altair.Y("observed:Q", scale=scale, title=title), tooltip="label:N", description="label:N")
        .transform_filter("isValid(datum.observed)"),
    )
    seen, thought = _average(rows, start_day, end_day)
    return frame_chart(
        altair.layer(*marks).properties(height=260),
        style,
        title=_("Observed and expected"),
        subtitle=_("solid: observed; dashed, with its band: expected; grey: the window"),
        description=_(
            "{measure} since {start}. In the window, {first} to {last}, the mean was {observed} observed and "
            "{expected} expected.",
            measure=measure,
            start=_write_day(rows[0]["day"] if rows else start_day),
            first=_write_day(start_day),
            last=_write_day(end_day),
            observed=_write_number(seen),
            expected=_write_number(thought),
        ),
    )


def gather_totals(course: pa.Table, *, start_day: int, end_day: int) -> pa.Table:
    """The cumulative sum of observed less expected from the first day of a window on: `day`, `total`.

    Args:
        course: The columns that `draw_observed_and_expected` takes.
        start_day: The first day of the window.
        end_day: The last observed day of the window.
    """
    check_columns(course, _COURSE, "cumulative effect")
    total, rows = 0.0, []
    for row in course.select(_COURSE).to_pylist():
        if start_day <= row["day"] <= end_day:
            if row["observed"] is not None and row["expected"] is not None:
                total += row["observed"] - row["expected"]
            rows.append({"day": row["day"], "total": total})
    return pa.Table.from_pylist(rows, pa.schema([("day", pa.int64()), ("total", pa.float64())]))


def draw_cumulative(
    course: pa.Table, style: ChartStyle = DEFAULT_STYLE, *, start_day: int, end_day: int, low: float | None,
    high: float | None, measure: str = "", finding: str = "",
) -> AnyChart:  # fmt: skip
    """The cumulative effect day by day, with the interval of the total at its end.

    Args:
        course: The columns that `draw_observed_and_expected` takes.
        style: Style of the chart.
        start_day: The first day of the window.
        end_day: The last observed day of the window.
        low: Lower end of the interval of the total.
        high: Its upper end.
        measure: Name of the metric, for the axis.
        finding: The total in words; derived from the course where it is not given.
    """
    rows = [
        {
            **row,
            "at": from_day_number(row["day"]).timestamp() * 1000,
            "label": f"{_write_day(row['day'])}: {_write_number(row['total'])}",
        }
        for row in gather_totals(course, start_day=start_day, end_day=end_day).to_pylist()
    ]
    palette = style.palette
    scale = altair.Scale(zero=True, nice=True)
    title = measure or _("total")
    x = altair.X("at:T", scale=_UTC, title=None, axis=_make_days_axis([row["day"] for row in rows], style))
    line = altair.Chart(make_data(rows)).encode(x=x, y=altair.Y("total:Q", scale=scale, title=title))
    ends = [{"at": rows[-1]["at"], "low": low, "high": high}] if rows and low is not None else []
    interval = altair.Chart(make_data(ends)).encode(x=x)
    zero = altair.Chart(make_data([{"zero": 0}])).mark_rule(color=palette.line, strokeDash=[4, 3], aria=False)
    marks = (
        zero.encode(y=altair.Y("zero:Q", scale=scale)),
        interval.mark_rule(color=palette.gain, strokeWidth=6, aria=False).encode(
            y=altair.Y("low:Q", scale=scale, title=title), y2="high:Q"
        ),
        line.mark_line(color=palette.ink, strokeWidth=2, aria=False),
        line.mark_point(filled=True, size=40, opacity=1, color=palette.ink).encode(
            tooltip="label:N", description="label:N"
        ),
    )
    return frame_chart(
        altair.layer(*marks).properties(height=220),
        style,
        title=_("Cumulative effect"),
        subtitle=_("observed less expected; the bar at the end is the interval of the total"),
        description=finding
        or _(
            "Observed less expected adds up to {total} over {days}, between {low} and {high}.",
            total=_write_number(rows[-1]["total"] if rows else 0.0),
            days=write_noun(len(rows), "day"),
            low=_write_number(low),
            high=_write_number(high),
        ),
    )


def draw_placebos(
    placebos: Sequence[float], style: ChartStyle = DEFAULT_STYLE, *, effect: float | None
) -> AnyChart:
    """A histogram of placebo effects on past days without an action, with the measured effect.

    Args:
        placebos: Relative effects of windows without an action.
        style: Style of the chart.
        effect: The measured relative effect.
    """
    values = np.array([each for each in placebos if np.isfinite(each)])
    palette = style.palette
    edges = _choose_edges(values, effect)
    counts, _unused = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    rows = [
        {
            "start": float(start),
            "end": float(end),
            "count": int(count),
            "label": _(
                "{windows} between {low} and {high}",
                windows=write_noun(int(count), "window"),
                low=write_relative(float(min(start, values.min()) if start == edges[0] else start)),
                high=write_relative(float(max(end, values.max()) if end == edges[-1] else end)),
            ),
        }
        for start, end, count in zip(edges[:-1], edges[1:], counts)
        if count
    ]
    scale = altair.Scale(domain=[float(edges[0]), float(edges[-1])], nice=False)
    bars = (
        altair.Chart(make_data(rows))
        .mark_bar(color=palette.count, stroke=palette.paper, strokeWidth=0.5)
        .encode(
            x=altair.X(
                "start:Q",
                scale=scale,
                title=_("change from the expected value"),
                axis=altair.Axis(
                    format="+.0%",
                    grid=False,
                    tickCount=5 if style.is_narrow else 7,
                    labelOverlap=True,
                    labelSeparation=10,
                ),
            ),
            x2="end:Q",
            y2=altair.datum(0),
            y=altair.Y(
                "count:Q",
                title=_("windows without an action"),
                # The label of the line is above all bars.
                scale=altair.Scale(domainMax=1.2 * max(1, *counts)),
                axis=altair.Axis(tickCount=4, tickMinStep=1),
            ),
            tooltip="label:N",
            description="label:N",
        )
    )
    layers: list[altair.Chart] = [bars]
    if effect is not None:
        layers += _mark_effect(effect, edges, scale, style)
    beyond = int((np.abs(values) >= abs(effect)).sum()) if effect is not None else 0
    return frame_chart(
        altair.layer(*layers).properties(height=200),
        style,
        title=_("Chance variation"),
        subtitle=_("the same measurement on past days without an action"),
        description=_(
            "Of {windows} of this series without an action, {beyond} showed as large a change as the one measured.",
            windows=write_noun(int(values.size), "window"),
            beyond=beyond,
        ),
    )


def _mark_effect(effect: float, edges: Any, scale: altair.Scale, style: ChartStyle) -> list[altair.Chart]:
    """The line of the measured effect; an arrow where it is off the scale."""
    palette = style.palette
    at = float(np.clip(effect, edges[0], edges[-1]))
    is_right = at > 0
    label = _("measured: {change}", change=write_relative(effect))
    if at != effect:
        label = _("{measured}, off the scale", measured=label)
        label = f"{label} →" if is_right else f"← {label}"
    point = altair.Chart(make_data([{"at": at, "text": label}])).encode(x=altair.X("at:Q", scale=scale))
    text = point.mark_text(
        align="right" if is_right else "left",
        dx=-6 if is_right else 6,
        baseline="top",
        color=palette.ink,
        fontWeight="bold",
        aria=False,
    ).encode(y=altair.value(0), text="text:N")
    if at != effect:
        return [text]
    return [point.mark_rule(color=palette.loss, strokeWidth=3, aria=False), text]


def _choose_edges(values: np.ndarray[Any, np.dtype[np.float64]], effect: float | None) -> Any:
    """Bins around 0 for nearly all placebos; the few beyond are in the outermost bins, and so may the effect be."""
    reach = float(np.quantile(np.abs(values), 0.98)) if values.size else 0.1
    if effect is not None:
        reach = max(reach, min(abs(effect), 3 * reach) * 1.1)
    reach = max(reach, 0.01)
    return np.linspace(-reach, reach, 32)


def _tell_day(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "at": from_day_number(row["day"]).timestamp() * 1000,
        "label": _(
            "{day}: {observed} observed, {expected} expected, {low} to {high}",
            day=_write_day(row["day"]),
            observed=_write_number(row["observed"]),
            expected=_write_number(row["expected"]),
            low=_write_number(row["low"]),
            high=_write_number(row["high"]),
        ),
    }


def _make_span(start_day: int, end_day: int) -> dict[str, float]:
    """From half a day before the first to half a day after the last, so that the points of both are inside."""
    half = 43_200_000
    return {
        "from": from_day_number(start_day).timestamp() * 1000 - half,
        "to": from_day_number(end_day).timestamp() * 1000 + half,
    }


def _make_days_axis(days: Sequence[int], style: ChartStyle) -> altair.Axis:
    """Ticks on whole days only, as many as fit."""
    most = 4 if style.is_narrow else 8
    step = -(-len(days) // most) if days else 1
    return altair.Axis(
        grid=False,
        values=[from_day_number(day).timestamp() * 1000 for day in days[::step]],
        labelOverlap=True,
        labelSeparation=10,
        format="%-d %b",
    )


def _average(
    rows: Sequence[Mapping[str, Any]], start_day: int, end_day: int
) -> tuple[float | None, float | None]:
    within = [
        row
        for row in rows
        if start_day <= row["day"] <= end_day and row["observed"] is not None and row["expected"] is not None
    ]
    if not within:
        return None, None
    return tuple(sum(row[name] for row in within) / len(within) for name in ("observed", "expected"))


def _write_number(value: float | None) -> str:
    if value is None:
        return _("unknown")
    return write_amount(value)


def _write_day(day: int) -> str:
    return write_day(from_day_number(day).date())
