"""Views of effects: one effect's course, total and placebos, and all effects in one chart."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from consumer_fusion.causal.effects import effect_wording
from consumer_fusion.causal.effects.effect_report import EffectReport
from consumer_fusion.causal.effects.shrinking import ShownEffect
from consumer_fusion.i18n.translation import N_, _
from consumer_fusion.views.drawings import Drawing, Drawings, Section
from consumer_fusion.views.tables import ColumnView, TableView, list_columns


def make_effect_drawings(report: EffectReport) -> Drawings:
    """The charts of one effect for which there are data."""
    course = _make_course(report)
    ordered = [_make_course_drawing(report, course)]
    if report.relative is not None:
        ordered.append(_make_placebos_drawing(report))
        if report.adds_up:
            ordered.append(_make_cumulative_drawing(report, course))
    return {drawing.name: drawing for drawing in ordered}


def _make_course(report: EffectReport) -> pa.Table:
    return pa.table(
        {
            "day": pa.array(report.days, pa.int64()),
            "observed": pa.array(report.observed, pa.float64()),
            "expected": pa.array(report.expected, pa.float64()),
            "low": pa.array(report.expected_low, pa.float64()),
            "high": pa.array(report.expected_high, pa.float64()),
        }
    )


def _make_course_drawing(report: EffectReport, course: pa.Table) -> Drawing:
    from consumer_fusion.views.charts.timelines import draw_observed_and_expected

    return Drawing(
        "course",
        _("Observed and expected"),
        _(
            "Solid: observed. Dashed, with its band: expected without the action. Grey: the window."
        ),
        lambda style: draw_observed_and_expected(
            course, style, start_day=report.start_day, end_day=report.end_day,
            measure=effect_wording.name_measure(report),
        ),
        lambda: TableView(
            "observed-and-expected",
            _("Observed and expected, day by day"),
            list_columns(
                "day",
                ColumnView("observed", N_("observed"), "number"),
                ColumnView("expected", N_("expected"), "number"),
                ColumnView("low", N_("expected, low"), "number"),
                ColumnView("high", N_("expected, high"), "number"),
            ),
            course.to_pylist()[::-1],
        ),
    )  # fmt: skip


def _make_placebos_drawing(report: EffectReport) -> Drawing:
    from consumer_fusion.views.charts.timelines import draw_placebos

    placebos = sorted(each for each in report.placebos if each is not None)
    return Drawing(
        "placebos",
        _("Chance variation"),
        _("The same measurement on past days without an action. The line is the measured effect."),
        lambda style: draw_placebos(placebos, style, effect=report.relative),
        lambda: TableView(
            "placebos",
            _("Changes on past days without an action"),
            [ColumnView("change", N_("change"), "relative")],
            [{"change": each} for each in placebos],
        ),
    )


def _make_cumulative_drawing(report: EffectReport, course: pa.Table) -> Drawing:
    from consumer_fusion.views.charts.timelines import draw_cumulative, gather_totals

    window = {"start_day": report.start_day, "end_day": report.end_day}
    return Drawing(
        "cumulative",
        _("Cumulative effect"),
        _("Observed less expected from the first day on; the bar at the end is the interval of the total."),
        lambda style: draw_cumulative(
            course, style, **window, low=report.cumulative_low, high=report.cumulative_high,
            measure=effect_wording.name_metric(report.metric), finding=effect_wording.explain_total(report),
        ),
        lambda: TableView(
            "cumulative-effect",
            _("Observed less expected, cumulative"),
            list_columns("day", ColumnView("total", N_("total"), "change")),
            gather_totals(course, **window).to_pylist(),
        ),
    )  # fmt: skip


def make_effects_drawing(shown: Sequence[ShownEffect], brand: str | None = None) -> Drawing:
    """All effects in one chart.

    Args:
        shown: The effects.
        brand: The brand of the actions; None for several brands.
    """
    from consumer_fusion.views.charts.forests import draw_effects

    drawn = [row for each, row in zip(shown, map(_gather_row, shown)) if each.report.told_with is None]
    table = pa.table(
        {
            "name": pa.array([f"{row['metric']} · {row['action']}" for row in drawn], pa.string()),
            **{
                name: pa.array([row[source] for row in drawn], pa.float64())
                for name, source in (
                    ("raw", "relative"), ("raw_low", "low"), ("raw_high", "high"), ("shrunk", "shrunk"),
                    ("shrunk_low", "shrunk_low"), ("shrunk_high", "shrunk_high"),
                )
            },
        }
    )  # fmt: skip
    return Drawing(
        "effects",
        _("Raw and pooled estimates"),
        _(
            "Ring and thin line: raw estimate, 95%. Dot and thick line: pooled estimate. Arrow: beyond the scale."
        ),
        lambda style: draw_effects(table, style),
        lambda: TableView(
            "effects",
            _("Impact of all actions") if brand is None else _("Impact of {brand}", brand=brand),
            list_columns(
                "action",
                *(["brand"] if brand is None else []),
                "metric",
                ColumnView("relative", N_("raw estimate"), "relative"),
                ColumnView("low", N_("low"), "relative"),
                ColumnView("high", N_("high"), "relative"),
                ColumnView("shrunk", N_("pooled estimate"), "relative"),
                ColumnView("shrunk_low", N_("pooled estimate, low"), "relative"),
                ColumnView("shrunk_high", N_("pooled estimate, high"), "relative"),
                ColumnView("p_value", N_("p"), "p_value"),
                ColumnView("q_value", N_("q"), "p_value"),
                ColumnView("label", N_("verdict")),
            ),
            list(map(_gather_row, shown)),
        ),
    )


def make_effects_section(shown: Sequence[ShownEffect]) -> Section | None:
    """The effects of actions, with details of the most significant one; None where nothing was measured."""
    told = [each for each in shown if each.report.told_with is None]
    if not told:
        return None
    sentences = [
        _(
            "The effect of each action on a metric. Raw estimate: its interval is as wide as the errors of the same "
            "measurement on days without an action. Pooled estimate: shrunk towards other actions of its kind, where "
            "there are at least five; it is the expected effect. Effects do not change scores."
        )
    ]
    drawings = [make_effects_drawing(told)]
    sure = [each for each in told if each.report.p_value is not None]
    if sure:
        # The smallest p-value; of equal ones, the newest action.
        best = min(sure, key=lambda each: (each.report.p_value or 0.0, -each.starts_us))
        sentences.append(
            _(
                "{metric} after “{action}”",
                metric=effect_wording.name_metric(best.report.metric),
                action=best.title,
            )
            + f": {effect_wording.name_label(best.report.label)}. {effect_wording.explain_label(best.report.label)}"
        )
        sentences.append(" ".join(effect_wording.explain_finding(best)))
        drawings += make_effect_drawings(best.report).values()
    return Section("effects", _("Impact"), sentences, drawings)


def _gather_row(each: ShownEffect) -> dict[str, object]:
    report = each.report
    shrunk = each.shrunk if each.shrunk is not None and each.shrunk.is_shrunk else None
    return {
        "action": each.title,
        "brand": each.brand,
        "metric": effect_wording.name_metric(report.metric),
        "relative": report.relative,
        "low": report.low,
        "high": report.high,
        "shrunk": None if shrunk is None else shrunk.mean,
        "shrunk_low": None if shrunk is None else shrunk.low,
        "shrunk_high": None if shrunk is None else shrunk.high,
        "p_value": report.p_value,
        "q_value": each.q_value,
        "label": effect_wording.name_verdict(each),
    }
