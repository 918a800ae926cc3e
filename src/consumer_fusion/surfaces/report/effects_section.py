"""The section of the page about actions: what each did, as measured and shrunk, and the course of the surest one."""

from __future__ import annotations

import pyarrow as pa

from consumer_fusion.i18n.number_format import write_relative
from consumer_fusion.surfaces.report.columns import write_days, write_number
from consumer_fusion.surfaces.report.figures import Figure, Section, make_figure
from consumer_fusion.surfaces.report.page import CourseShown, ReportPage
from consumer_fusion.surfaces.report.tables import ColumnView, TableView, make_table
from consumer_fusion.views.charts.courses import draw_course
from consumer_fusion.views.charts.forests import draw_effects

_SENTENCES = (
    "What each declared action did to a metric, beside the points, to which it adds nothing. As measured: within an "
    "interval that is as wide as the same measurement was wrong on days without an action. Shrunk: drawn towards "
    "other actions of its kind, where there are at least five; that is what to expect of it.",
)


def make_effects_section(page: ReportPage) -> Section | None:
    """What actions did; None where none was measured."""
    if not page.effects.num_rows:
        return None
    numbers = _make_numbers(page.effects)
    named = pa.table(
        {
            "name": [f"{row['metric']} · {row['action']}" for row in page.effects.to_pylist()],
            **{
                name: page.effects[name].cast(pa.float64())
                for name in ("raw", "raw_low", "raw_high", "shrunk", "shrunk_low", "shrunk_high")
            },
        }
    )
    figures: list[Figure] = [
        make_figure(
            "As measured, and together with others of its kind",
            "Ring and thin line: as measured, 95%. Dot and thick line: shrunk.",
            lambda look: draw_effects(named, look),
            numbers,
        )
    ]
    if page.course is not None:
        figures.append(_draw_course(page.course))
    return Section(
        name="effects",
        heading="What actions did",
        sentences=(*_SENTENCES, *(page.course.sentences if page.course else ())),
        figures=tuple(figures),
    )


def _draw_course(course: CourseShown) -> Figure:
    return make_figure(
        f"{course.metric} after “{course.action}”",
        "Solid: what was seen. Dashed, with its band: what was to be expected without the action. Grey: the days "
        "looked at.",
        lambda look: draw_course(
            course.days,
            look,
            start_day=course.start_day,
            end_day=course.end_day,
            measure=course.measure,
        ),
        make_table(
            "observed-and-expected",
            f"{course.metric}, observed and expected, day by day",
            [
                write_days("day", "day"),
                write_number("observed", "observed", 2),
                write_number("expected", "expected", 2),
                write_number("low", "expected, low", 2),
                write_number("high", "expected, high", 2),
            ],
            course.days.to_pylist(),
        ),
    )


def _make_numbers(effects: pa.Table) -> TableView:
    def share(name: str, heading: str) -> ColumnView:
        return ColumnView(name, heading, write_relative, is_number=True)

    return make_table(
        "effects",
        "Effects of declared actions",
        [
            ColumnView("action", "action", is_long=True),
            ColumnView("brand", "brand"),
            ColumnView("metric", "metric"),
            share("raw", "as measured"),
            share("raw_low", "low"),
            share("raw_high", "high"),
            share("shrunk", "shrunk"),
            share("shrunk_low", "low, shrunk"),
            share("shrunk_high", "high, shrunk"),
            write_number("p_value", "p", 3),
            ColumnView("label", "may be said"),
        ],
        effects.to_pylist(),
    )
