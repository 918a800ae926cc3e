"""The charts about effects: one effect's course, sum and placebos, and all effects beside each other."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from consumer_fusion.causal.effects import effect_wording
from consumer_fusion.causal.effects.effect_report import EffectReport
from consumer_fusion.causal.effects.shrinking import ShownEffect
from consumer_fusion.i18n.translation import mark, say
from consumer_fusion.surfaces.console.drawings import Column, Drawing, Table
from consumer_fusion.views.charts.courses import draw_course, draw_cumulative, draw_placebos, gather_totals
from consumer_fusion.views.charts.forests import draw_effects

EFFECT_HEADINGS: dict[str, tuple[str, str]] = {
    "course": (
        mark("Observed and expected"),
        mark(
            "Solid: what was seen. Dashed, with its band: what was to be expected without the action. Grey: the days "
            "looked at."
        ),
    ),
    "placebos": (
        mark("How far chance goes"),
        mark(
            "The same measurement on past days on which nothing was done. The line is the effect that was measured."
        ),
    ),
    "cumulative": (
        mark("What it adds up to"),
        mark(
            "Observed less expected from the first day on; the bar at the end is the interval of the whole."
        ),
    ),
}
"""The charts of one effect by name, in their order: heading, and how to read it."""


def make_effect_drawing(name: str, report: EffectReport) -> Drawing | None:
    """A chart of one effect by its name; None where there is none of this name.

    Args:
        name: One of `EFFECT_HEADINGS`.
        report: The effect.
    """
    if name not in EFFECT_HEADINGS:
        return None
    heading, hint = EFFECT_HEADINGS[name]
    measure = effect_wording.name_measure(report)
    course = pa.table(
        {
            "day": pa.array(report.days, pa.int64()),
            "observed": pa.array(report.observed, pa.float64()),
            "expected": pa.array(report.expected, pa.float64()),
            "low": pa.array(report.expected_low, pa.float64()),
            "high": pa.array(report.expected_high, pa.float64()),
        }
    )

    def gather_course() -> Table:
        return Table(
            "observed-and-expected",
            say("Observed and expected, day by day"),
            (
                Column("day", say("day"), "day"),
                Column("observed", say("observed"), "number"),
                Column("expected", say("expected"), "number"),
                Column("low", say("expected, low"), "number"),
                Column("high", say("expected, high"), "number"),
            ),
            course.to_pylist()[::-1],
        )

    def gather_cumulative() -> Table:
        totals = gather_totals(course, start_day=report.start_day, end_day=report.end_day)
        return Table(
            "cumulative-effect",
            say("Observed less expected, added up"),
            (Column("day", say("day"), "day"), Column("total", say("together"), "change")),
            totals.to_pylist(),
        )

    def gather_placebos() -> Table:
        return Table(
            "placebos",
            say("Changes on past days without an action"),
            (Column("change", say("change"), "relative"),),
            [{"change": each} for each in sorted(each for each in report.placebos if each is not None)],
        )

    drawings = {
        "course": (
            lambda look: draw_course(
                course, look, start_day=report.start_day, end_day=report.end_day, measure=measure
            ),
            gather_course,
        ),
        "cumulative": (
            lambda look: draw_cumulative(
                course, look, start_day=report.start_day, end_day=report.end_day, low=report.cumulative_low,
                high=report.cumulative_high, measure=effect_wording.name_metric(report.metric),
                finding=effect_wording.tell_total(report),
            ),
            gather_cumulative,
        ),
        "placebos": (
            lambda look: draw_placebos(
                [each for each in report.placebos if each is not None], look, effect=report.relative
            ),
            gather_placebos,
        ),
    }  # fmt: skip
    draw, gather = drawings[name]
    return Drawing(name, say(heading), say(hint), draw, gather)


def gather_effects(shown: Sequence[ShownEffect], brand: str) -> Table:
    """The numbers of all effects."""
    return Table(
        "effects",
        say("Impact of {brand}", brand=brand),
        (
            Column("action", say("action"), "sentence"),
            Column("metric", say("metric")),
            Column("relative", say("effect"), "relative"),
            Column("low", say("low"), "relative"),
            Column("high", say("high"), "relative"),
            Column("shrunk", say("pooled estimate"), "relative"),
            Column("shrunk_low", say("pooled estimate, low"), "relative"),
            Column("shrunk_high", say("pooled estimate, high"), "relative"),
            Column("p_value", "p", "p_value"),
            Column("q_value", "q", "p_value"),
            Column("label", say("verdict")),
        ),
        [_gather_row(each) for each in shown],
    )


def make_list_drawing(shown: Sequence[ShownEffect], brand: str) -> Drawing:
    """All effects beside each other."""
    rows = [_gather_row(each) for each in shown if each.report.told_with is None]
    table = pa.table(
        {
            "name": pa.array([f"{row['metric']} · {row['action']}" for row in rows], pa.string()),
            **{
                name: pa.array([row[source] for row in rows], pa.float64())
                for name, source in (
                    ("raw", "relative"), ("raw_low", "low"), ("raw_high", "high"), ("shrunk", "shrunk"),
                    ("shrunk_low", "shrunk_low"), ("shrunk_high", "shrunk_high"),
                )
            },
        }
    )  # fmt: skip
    return Drawing(
        "effects",
        say("As measured, and together with others of its kind"),
        say(
            "Ring and thin line: as measured, 95%. Dot and thick line: shrunk. Left of the line fewer, right more."
        ),
        lambda look: draw_effects(table, look),
        lambda: gather_effects(shown, brand),
    )


def _gather_row(each: ShownEffect) -> dict[str, object]:
    report = each.report
    shrunk = each.shrunk if each.shrunk is not None and each.shrunk.is_shrunk else None
    return {
        "action": each.title,
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
