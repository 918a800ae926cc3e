"""Charts of effects: they show what was seen and no more, tell it in words, and take names from outside as text."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest
from tests.unsafe_characters import Poisoned

from consumer_fusion.views.charts.forests import draw_actions, draw_detectable, draw_effects
from consumer_fusion.views.charts.rendering import render_svg
from consumer_fusion.views.charts.theme import THEMED, ChartStyle
from consumer_fusion.views.charts.timelines import draw_cumulative, draw_observed_and_expected, draw_placebos

HOSTILE = "</text><script>alert(1)</script>"
FIRST = 20_600
STYLES = [ChartStyle(), ChartStyle(width=344), ChartStyle(palette=THEMED, has_title=False)]


def make_course(days=30, missing=(5,)):
    return pa.table(
        {
            "day": pa.array(range(FIRST, FIRST + days), pa.int64()),
            "observed": pa.array([None if n in missing else 10.0 + n % 7 for n in range(days)], pa.float64()),
            "expected": pa.array([10.0] * days, pa.float64()),
            "low": pa.array([8.0] * days, pa.float64()),
            "high": pa.array([12.0] * days, pa.float64()),
        }
    )


def make_effects():
    names = ("raw", "raw_low", "raw_high", "shrunk", "shrunk_low", "shrunk_high")
    rows = [
        {"name": HOSTILE, **dict(zip(names, (0.3, 0.1, 0.5, 0.2, 0.05, 0.35)))},
        {"name": "sale", **dict(zip(names, (-0.1, -0.4, 0.2, None, None, None)))},
        {"name": "cannot tell", **dict.fromkeys(names)},
    ]
    return pa.Table.from_pylist(rows)


def draw_all(style):
    window = {"start_day": FIRST + 20, "end_day": FIRST + 29}
    actions = pa.table(
        {
            "title": [HOSTILE, "sale"], "first_day": [FIRST, FIRST + 3], "last_day": [FIRST, FIRST + 9],
            "effect_from": [FIRST, FIRST + 3], "effect_until": [FIRST + 13, FIRST + 9],
        }
    )  # fmt: skip
    plans = pa.table(
        {"series": ["north", "south"] * 2, "days": [1, 1, 7, 7], "detectable": [0.5, 0.6, 0.2, 0.3]}
    )
    return {
        "course": draw_observed_and_expected(make_course(), style, **window, measure="orders a day"),
        "cumulative": draw_cumulative(make_course(), style, **window, low=1.0, high=50.0),
        "placebos": draw_placebos([-0.2, -0.1, 0.0, 0.1, 0.15], style, effect=0.12),
        "effects": draw_effects(make_effects(), style),
        "actions": draw_actions(actions, style),
        "plans": draw_detectable(plans, style),
    }


@pytest.mark.parametrize("style", STYLES, ids=["page", "phone", "themed"])
def test_every_chart_is_valid_drawn_and_told_in_words(style):
    for name, chart in draw_all(style).items():
        chart.to_dict()
        svg = render_svg(chart)
        assert len(str(chart.description)) > 20, name
        assert "<script" not in svg, name
        assert "NaN" not in svg, name


def test_a_themed_chart_takes_its_colours_from_the_page():
    for name, chart in draw_all(STYLES[2]).items():
        fills = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{6})"', render_svg(chart)))
        assert fills == set(), name


def test_a_day_without_a_value_is_not_drawn():
    chart = draw_observed_and_expected(
        make_course(days=10, missing=(4,)), start_day=FIRST + 5, end_day=FIRST + 9
    )
    points = re.findall(r"<title>([^<]+observed[^<]+)</title>", render_svg(chart))
    assert len(points) == 9


def test_the_course_says_what_was_seen_and_expected_in_the_days_looked_at():
    chart = draw_observed_and_expected(
        make_course(), start_day=FIRST + 21, end_day=FIRST + 27, measure="orders a day"
    )
    assert "the mean was 13.0 observed and 10.0 expected" in chart.description


def test_placebos_count_those_that_were_as_large_whatever_their_sign():
    chart = draw_placebos([-0.2, -0.1, 0.05, 0.1, 0.15], effect=0.15)
    assert chart.description.startswith("Of 5 windows of this series without an action, 2 ")


def test_effects_that_cannot_be_told_are_not_drawn_and_sure_ones_are_counted():
    assert draw_effects(make_effects()).description.startswith("2 of 2 effects")
    assert "1 with a raw interval that excludes no change" in draw_effects(make_effects()).description


def test_an_effect_off_the_scale_says_so():
    placebos = [-0.1, 0.0, 0.1]
    assert "off the scale" not in render_svg(draw_placebos(placebos, effect=0.2))
    assert "measured: +4,216%, off the scale →" in render_svg(draw_placebos(placebos, effect=42.16))
    assert "← measured: −90.0%, off the scale" in render_svg(draw_placebos(placebos, effect=-0.9))
    names = ("raw", "raw_low", "raw_high", "shrunk", "shrunk_low", "shrunk_high")
    far = {"name": "concert", **dict(zip(names, (42.16, 24.5, 72.1, None, None, None)))}
    assert "+4,216%</text>" in render_svg(draw_effects(pa.Table.from_pylist([far])))
    assert "%</text>" not in re.sub(r"[+−]\d+%</text>", "", render_svg(draw_effects(make_effects())))


def test_a_plan_names_the_smallest_effect_of_all():
    chart = draw_all(STYLES[0])["plans"]
    assert "Best: north, 7 days: +20.0%" in chart.description


def test_every_chart_is_drawn_whatever_characters_its_names_hold():
    drawn = draw_all(ChartStyle())
    assert len(drawn) == 6
    for chart in drawn.values():
        assert render_svg(Poisoned(chart)).startswith("<svg")
