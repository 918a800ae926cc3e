"""The chart module: every chart is readable in light and dark, tells its finding in words, and counts right."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tests import invented_relationships as invented
from tests.unsafe_characters import UNSAFE, Poisoned

from consumer_fusion.errors import InputError
from consumer_fusion.i18n.labels import (
    DIRECTION_LABELS,
    FACET_LABELS,
    SYMBIOSIS_LABELS,
    shorten,
    write_day,
    write_share,
)
from consumer_fusion.i18n.number_format import write_signed
from consumer_fusion.records.points import DIRECTIONS, FACETS
from consumer_fusion.records.score import SYMBIOSIS_BY_SIGNS
from consumer_fusion.records.timestamps import from_microseconds
from consumer_fusion.views.charts.count_charts import (
    MOST_DOTS,
    gather_bins,
    gather_cells,
    gather_facets,
    gather_periods,
)
from consumer_fusion.views.charts.distributions import (
    draw_aspects,
    draw_both_sides,
    draw_score_distribution,
    draw_symbiosis_mix,
)
from consumer_fusion.views.charts.facets import draw_contributions, draw_facets
from consumer_fusion.views.charts.movement import draw_activity, draw_movers
from consumer_fusion.views.charts.relationship import draw_changes, draw_score_history
from consumer_fusion.views.charts.reliability import draw_reliability
from consumer_fusion.views.charts.rendering import render_svg
from consumer_fusion.views.charts.theme import DARK, LIGHT, THEMED, ChartStyle, write_css_variables
from consumer_fusion.views.charts.trend import draw_sentiment, draw_trend

NO_SHARES = dict.fromkeys(
    ("negative", "negative_low", "negative_high", "positive", "positive_low", "positive_high")
)
SHARES = dict(zip(NO_SHARES, (0.3, 0.2, 0.4, 0.5, 0.4, 0.6)))
MONTHS = [
    {"at": 1.7e12 + number * 2.6e9, "month": f"2026-0{number + 1}", "messages": count, **shares}
    for number, (count, shares) in enumerate([(40, SHARES), (12, NO_SHARES), (50, SHARES)])
]
ASPECTS = [{"name": "food", "messages": 40, **SHARES}, {"name": "price", "messages": 9, **NO_SHARES}]
HOSTILE = "</text><script>alert(1)</script>\"'\\ ${x} &amp;"
TEXT_CONTRAST, MARK_CONTRAST = 4.5, 3.0
"""WCAG 2.2, success criteria 1.4.3 and 1.4.11."""

TEXTS = ("ink", "quiet_ink")
MARKS = (
    "line", "gain", "loss", "count", "mutualism", "commensal_brand_gains", "commensal_consumer_gains",
    "one_sided_brand_takes", "one_sided_consumer_takes", "competition", "amensal", "neutral", "unknown",
)  # fmt: skip

# Machado, Oliveira, Fernandes 2009, "A Physiologically-based Model for Simulation of Color Vision Deficiency",
# severity 1, on linear RGB.
COLOUR_VISIONS = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}  # fmt: skip

TREND = pa.table(
    {
        "day": [20_454, 20_468, 20_482],
        "pair_count": [3, 4, 6],
        "lower_quartile": [50.0, 50.5, 51.0],
        "median": [52.0, 53.0, 55.5],
        "upper_quartile": [55.0, 58.0, 60.0],
    }
)


@pytest.fixture(scope="module")
def scores():
    return invented.invent_scores()


@pytest.fixture(scope="module")
def sweater(scores):
    return scores.filter(pc.equal(scores["brand"], "sweater-brand"))


@pytest.fixture(scope="module")
def facets():
    points = invented.invent_facets()
    return pa.Table.from_pylist(
        [
            {"direction": side, "facet": facet, "points": points[facet]}
            for side in DIRECTIONS
            for facet in FACETS[side]
        ]
    )


@pytest.fixture(scope="module")
def drawings(sweater, facets):
    """Every chart, as a function of its look."""
    return {
        "distribution": lambda style: draw_score_distribution(sweater, style, brand="sweater-brand"),
        "both sides": lambda style: draw_both_sides(sweater, style, brand="sweater-brand"),
        "mix": lambda style: draw_symbiosis_mix(sweater, style),
        "activity": lambda style: draw_activity(invented.invent_activity(), style),
        "movers": lambda style: draw_movers(invented.invent_movers(), style),
        "trend": lambda style: draw_trend(TREND, style),
        "history": lambda style: draw_score_history(
            invented.invent_history(), invented.invent_changes(), style
        ),
        "changes": lambda style: draw_changes(invented.invent_changes(), style),
        "contributions": lambda style: draw_contributions(invented.invent_contributions(), style),
        "facets": lambda style: draw_facets(facets, style),
        "reliability": lambda style: draw_reliability(invented.invent_reliability(), style),
        "sentiment": lambda style: draw_sentiment(MONTHS, style),
        "aspects": lambda style: draw_aspects(ASPECTS, style),
    }


@pytest.fixture
def find_rows():
    """The rows a chart is drawn from that have a column."""

    def find(chart, column):
        values = chart.to_dict(validate=False)["datasets"].values()
        return [row for rows in values for row in rows if column in row]

    return find


@pytest.fixture
def measure_luminance():
    def measure(colour):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        ]
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue, (red, green, blue)

    return measure


@pytest.mark.parametrize(
    "name",
    ["distribution", "both sides", "mix", "activity", "movers", "history", "changes", "contributions", "facets",
     "reliability", "sentiment", "aspects"],
)  # fmt: skip
def test_every_chart_is_valid_and_tells_its_finding_in_words(drawings, name):
    for style in (ChartStyle(), ChartStyle(palette=DARK, width=340)):
        specification = drawings[name](style).to_dict()
        assert specification["title"]["text"]
        assert len(specification["description"]) > 20
        assert '"tooltip"' in drawings[name](style).to_json()


@pytest.mark.parametrize("name", ["distribution", "both sides", "history", "changes", "facets"])
def test_a_drawn_chart_is_one_image_with_words_and_nothing_to_fetch(drawings, name):
    chart = drawings[name](ChartStyle(palette=THEMED, has_title=False))
    svg = render_svg(chart)
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == chart.description
    assert not re.search(r"(?:href|src|url)\s*=|url\((?!#)", svg)
    assert len(root.findall(".//{*}title")) > 1, "what a tooltip says is kept for hovering"


def test_a_themed_chart_takes_every_colour_from_the_page(drawings):
    for draw in drawings.values():
        svg = render_svg(draw(ChartStyle(palette=THEMED)))
        colours = set(re.findall(r'(?:fill|stroke)="([^"]*)"', svg))
        assert {colour for colour in colours if not colour.startswith("var(--fusion-")} <= {
            "none",
            "transparent",
        }


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_and_marks_stand_out_from_the_paper(palette, measure_luminance):
    colours = palette.as_dict()
    paper = measure_luminance(palette.paper)[0]
    for names, needed in ((TEXTS, TEXT_CONTRAST), (MARKS, MARK_CONTRAST)):
        for name in names:
            dark, light = sorted([paper, measure_luminance(colours[name])[0]])
            assert (light + 0.05) / (dark + 0.05) >= needed, name


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("vision", COLOUR_VISIONS)
def test_gain_and_loss_are_told_apart_with_any_colour_vision(palette, vision, measure_luminance):
    seen = [
        [
            sum(weight * part for weight, part in zip(row, measure_luminance(colour)[1], strict=True))
            for row in COLOUR_VISIONS[vision]
        ]
        for colour in (palette.gain, palette.loss)
    ]
    assert max(abs(first - second) for first, second in zip(*seen, strict=True)) > 0.2


def test_every_class_has_plain_words_a_colour_and_a_meaning():
    classes = {*SYMBIOSIS_BY_SIGNS.values(), "unknown"}
    assert set(SYMBIOSIS_LABELS) == classes
    assert all(label.words and label.meaning for label in SYMBIOSIS_LABELS.values())
    assert {LIGHT.pick_symbiosis(key) for key in classes} <= set(LIGHT.as_dict().values())
    assert not any("parasit" in label.words for label in SYMBIOSIS_LABELS.values())


def test_every_facet_and_direction_has_a_label():
    assert {facet for side in DIRECTIONS for facet in FACETS[side]} == set(FACET_LABELS)
    assert set(DIRECTIONS) == set(DIRECTION_LABELS)


def test_the_bars_of_the_distribution_count_every_pair_once(sweater):
    bins = gather_bins(sweater).to_pylist()
    assert sum(row["pair_count"] for row in bins) == sweater.num_rows
    unknown = sum(row["pair_count"] for row in bins if row["certainty"] == "unknown")
    assert unknown == sweater["symbiosis"].to_pylist().count("unknown")
    assert all(row["score_to"] - row["score_from"] == 2 for row in bins)


def test_a_row_may_stand_for_several_pairs():
    table = pa.table({"fusion_score": [49.9, 50.0, 100.0], "pair_count": [3, 4, 5]})
    bins = {row["score_from"]: row["pair_count"] for row in gather_bins(table).to_pylist()}
    assert bins == {48: 3, 50: 4, 98: 5}
    assert "12 relationships, 9 at 50 or above, 3 below" in draw_score_distribution(table).description


def test_many_pairs_become_cells_without_losing_one(sweater):
    assert sweater.num_rows > MOST_DOTS
    cells = gather_cells(sweater)
    assert cells.num_rows < sweater.num_rows
    assert sum(cells["pair_count"].to_pylist()) == sweater.num_rows
    few = gather_cells(sweater.slice(0, 20))
    assert sorted(few["consumer_to_brand"].to_pylist()) == sorted(
        sweater["consumer_to_brand"].to_pylist()[:20]
    )


def test_activity_adds_up_and_shows_an_unknown_channel_as_unknown():
    activity = invented.invent_activity()
    periods, period = gather_periods(activity, most_channels=4)
    assert period == "week"
    assert sum(periods["event_count"].to_pylist()) == sum(activity["event_count"].to_pylist())
    assert list(dict.fromkeys(periods["channel"].to_pylist())) == ["web", "shop", "mobile", "other channels"]
    all_channels, _ = gather_periods(activity)
    assert "unknown" in all_channels["channel"].to_pylist()
    assert all((day + 3) % 7 == 0 for day in periods["day"].to_pylist()), "weeks start on Monday"


def test_the_steps_of_the_changes_lead_from_the_first_score_to_the_last(find_rows):
    changes = invented.invent_changes()
    steps = find_rows(draw_changes(changes, most=3), "step")
    assert len(steps) < changes.num_rows
    assert steps[0]["before"] == pytest.approx(50)
    assert all(
        step["after"] == pytest.approx(later["before"]) for step, later in zip(steps, steps[1:], strict=False)
    )
    assert steps[-1]["after"] == pytest.approx(changes["score_after"].to_pylist()[-1])
    assert any("smaller events and decay" in step["name"] for step in steps)


def test_the_bars_of_the_contributions_add_up_to_the_score():
    contributions = invented.invent_contributions()
    sums = gather_facets(contributions).to_pylist()
    assert len(sums) == 8
    assert sum(row["net"] for row in sums) == pytest.approx(sum(contributions["contribution"].to_pylist()))
    assert all(row["gained"] >= 0 >= row["lost"] for row in sums)


def test_movers_are_those_that_moved_most(find_rows):
    rows = find_rows(draw_movers(invented.invent_movers(), most=3), "position")
    assert {row["name"] for row in rows} == {
        "consumer-0020 × salmon-restaurant", "consumer-0021 × sweater-brand", "consumer-0012 × sweater-brand",
    }  # fmt: skip


def test_history_marks_events_and_leaves_out_fading(find_rows):
    changes = invented.invent_changes()
    marks = find_rows(draw_score_history(invented.invent_history(), changes), "score_after")
    events = [row for row in changes.to_pylist() if row["event_id"] != "decay"]
    assert {round(row["score_after"], 6) for row in marks} == {round(row["score_after"], 6) for row in events}


def test_names_of_events_close_in_time_do_not_cover_each_other(find_rows):
    at = invented.NOW_US - invented.DAY_US
    changes = pa.Table.from_pylist(
        [
            {
                "at": from_microseconds(at + number),
                "event_id": str(number),
                "kind": "Order Completed",
                "change": 2.0,
                "score_after": 52.0,
            }
            for number in range(4)
        ]
    )
    named = find_rows(draw_score_history(invented.invent_history(), changes), "rise")
    assert len({row["rise"] for row in named}) == len(named) == 4


def test_a_name_without_room_is_left_out_and_its_mark_stays(find_rows):
    at = invented.NOW_US - invented.DAY_US
    changes = pa.Table.from_pylist(
        [
            {
                "at": from_microseconds(at),
                "event_id": str(n),
                "kind": "Order Completed",
                "change": 2.0,
                "score_after": 52.0,
            }
            for n in range(20)
        ]
    )
    chart = draw_score_history(invented.invent_history(), changes, most_named=20)
    assert len(find_rows(chart, "rise")) < 20
    assert len({row["label"] for row in find_rows(chart, "score_after")}) == 1


def test_a_trend_tells_from_where_to_where_it_went():
    chart = draw_trend(TREND, brand="sweater-brand")
    assert chart.description == (
        "The median Fusion Score of sweater-brand went from 52.0 to 55.5 (+3.5) since 1 Jan 2026."
    )
    assert "No relationships" in draw_trend(TREND.slice(0, 0)).description


def test_hostile_names_stay_text():
    movers = pa.table(
        {
            "consumer": [HOSTILE, HOSTILE],
            "brand": [HOSTILE, "b"],
            "score_before": [50.0, 50.0],
            "fusion_score": [55.0, 44.0],
        }
    )
    svg = render_svg(draw_movers(movers), label=HOSTILE)
    root = ElementTree.fromstring(svg)
    assert {element.tag.split("}")[1] for element in root.iter()} <= {
        "svg",
        "g",
        "path",
        "line",
        "rect",
        "text",
        "title",
    }
    assert root.get("aria-label") == HOSTILE
    assert any((element.text or "").startswith(HOSTILE[:30]) for element in root.findall(".//{*}text"))


def test_charts_on_one_page_share_no_ids(drawings):
    ids = [
        identifier
        for name in ("distribution", "mix")
        for identifier in re.findall(r'\bid="([^"]+)"', render_svg(drawings[name](ChartStyle())))
    ]
    assert len(ids) == len(set(ids))


def test_a_table_without_a_needed_column_is_refused_with_its_name(scores):
    with pytest.raises(InputError, match="no brand_to_consumer"):
        draw_both_sides(scores.drop_columns(["brand_to_consumer"]))


def test_a_relationship_without_events_draws_as_nothing_yet():
    empty = invented.invent_contributions().slice(0, 0)
    assert "nothing yet" in draw_contributions(empty).description
    render_svg(draw_changes(invented.invent_changes().slice(0, 0)))
    render_svg(draw_score_history(invented.invent_history(), None))


def test_css_variables_give_each_colour_of_a_palette_its_name():
    written = write_css_variables(DARK)
    assert f"--fusion-one-sided-brand-takes: {DARK.one_sided_brand_takes};" in written
    assert written.count("--fusion-") == len(DARK.as_dict())


def test_numbers_are_written_as_people_write_them():
    assert write_signed(-7.978) == "−7.98"
    assert write_signed(3) == "+3.00"
    assert write_signed(-0.001) == "0.00"
    assert write_share(0.001) == "under 1%"
    assert write_share(0.0) == "0%"
    assert write_share(0.998) == "over 99%"
    assert write_day(date(2026, 6, 5)) == "5 Jun 2026"
    assert shorten("abcdef", 4) == "abc…"


def test_a_long_name_is_cut_where_the_picture_ends_but_its_change_stays(find_rows):
    last = invented.invent_history()["day"][-1].as_py() * invented.DAY_US
    changes = pa.Table.from_pylist(
        [
            {
                "at": from_microseconds(last),
                "event_id": "1",
                "kind": "A kind " * 20,
                "change": 2.0,
                "score_after": 52.0,
            },
        ]
    )
    style = ChartStyle(width=344)
    (named,) = find_rows(draw_score_history(invented.invent_history(), changes, style), "rise")
    assert named["name"].endswith("… +2.0")
    assert len(named["name"]) < 50


def test_a_history_without_a_day_is_an_empty_picture():
    assert "0 events changed it" in draw_score_history(invented.invent_history().slice(0, 0)).description


ALL_DRAWINGS = (
    "distribution", "both sides", "mix", "activity", "movers", "trend", "history", "changes", "contributions", "facets",
    "reliability", "sentiment", "aspects",
)  # fmt: skip


@pytest.mark.parametrize("name", ALL_DRAWINGS)
def test_every_chart_is_drawn_whatever_characters_its_names_hold(drawings, name):
    assert sorted(drawings) == sorted(ALL_DRAWINGS)
    svg = render_svg(Poisoned(drawings[name](ChartStyle())), label=f"Chart{UNSAFE}")
    root = ElementTree.fromstring(svg)
    texts = [text for element in root.iter() for text in (element.text, *element.attrib.values()) if text]
    assert not [text for text in texts if set(text) & set(UNSAFE) - set("\t\n\r")]
    assert "\ufffd" in root.get("aria-label")


def test_a_month_with_too_few_messages_is_a_gap_in_the_line(drawings, find_rows):
    rows = find_rows(drawings["sentiment"](ChartStyle()), "share")
    assert len(rows) == 4
    assert len({row["line"] for row in rows}) == 4


def test_an_aspect_with_too_few_messages_has_no_bar(drawings, find_rows):
    assert {row["row"] for row in find_rows(drawings["aspects"](ChartStyle()), "low")} == {"food (40)"}
