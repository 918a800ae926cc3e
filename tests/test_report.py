"""The static report: complete in itself, readable by everybody, hostile keys harmless, every number downloadable."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pyarrow as pa
import pytest
from tests import invented_relationships as invented

from consumer_fusion.causal.effects.effect_wording import explain_finding
from consumer_fusion.errors import DrawingError
from consumer_fusion.i18n.locales import load_language
from consumer_fusion.i18n.translation import SourceLanguage, use_language
from consumer_fusion.pipeline import import_events
from consumer_fusion.score.queries import answers
from consumer_fusion.surfaces.report.report_data import ReportRequest, fill_report
from consumer_fusion.surfaces.report.writing import render_report, write_report
from consumer_fusion.views.arrival_views import ArrivalCounts, make_arrivals_section
from consumer_fusion.views.brand_views import make_activity_drawing, make_brand_sections, make_movers_section
from consumer_fusion.views.calibration_views import make_calibration_section
from consumer_fusion.views.charts import rendering
from consumer_fusion.views.drawings import Section
from consumer_fusion.views.effect_views import make_effects_section
from consumer_fusion.views.pair_views import make_pair_section
from consumer_fusion.views.tables import ROWS_SHOWN, ColumnView, TableView, write_csv
from small_workspaces import make_orders, open_small

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>\'" &lt;'
VOID = {"meta", "br", "img", "link", "input", "hr"}


class PageReader(HTMLParser):
    """Reads a page as a browser would: elements with attributes, and the text of the page."""

    def __init__(self):
        super().__init__()
        self.elements = []
        self.open = []
        self.text = []
        self.places = []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if "style" not in self.open:
            self.text.append(text)
            self.places.append((tuple(self.open), text))


@pytest.fixture(scope="module")
def read_page():
    def read(html):
        reader = PageReader()
        reader.feed(html)
        reader.close()
        assert reader.open == []
        return reader

    return read


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    path = write_report(invented.invent_report(), tmp_path_factory.mktemp("report") / "report.html")
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html, read_page):
    return read_page(html)


@pytest.fixture(scope="module")
def downloads(page):
    """The rows of every download, by file name."""
    return {
        attributes["download"]: list(
            csv.DictReader(io.StringIO(unquote(attributes["href"].split(",", 1)[1]).removeprefix("\ufeff")))
        )
        for tag, attributes in page.elements
        if "download" in attributes
    }


@pytest.fixture
def render(read_page):
    """The page of a report of these sections."""

    def make(*sections, **fields):
        return read_page(render_report(invented.invent_report(sections=sections, **fields)))

    return make


def test_a_chart_that_cannot_be_drawn_leaves_its_finding_and_its_numbers(render, monkeypatch):
    def refuse(*_):
        raise DrawingError("The figure could not be drawn.")

    monkeypatch.setattr(rendering._drawing_process, "draw", refuse)
    page = render(Section("intake", "Events", drawings=[make_activity_drawing(invented.invent_activity)]))
    assert "The chart could not be drawn. Its numbers follow." in "".join(page.text)
    assert not [attributes for tag, attributes in page.elements if attributes.get("class") == "chart"]
    assert [attributes for _, attributes in page.elements if "download" in attributes]


def test_nothing_is_loaded_from_elsewhere(html, page):
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "iframe", "img", "object", "embed", "form"}
    addresses = [attributes["href"] for _, attributes in page.elements if "href" in attributes]
    assert all(address.startswith(("#", "data:text/csv")) for address in addresses)
    assert not re.search(r"https?://(?!www\.w3\.org/)", html)
    assert not re.search(r"@import|url\((?!#)", html)
    policies = [attributes for tag, attributes in page.elements if attributes.get("http-equiv")]
    assert policies[0]["content"].startswith("default-src 'none'")


def test_a_hostile_key_is_text_and_nothing_else(render):
    hostile = pa.array([HOSTILE] * 3)
    scores = invented.invent_scores().slice(0, 3).append_column("change_28_days", pa.array([-8.0] * 3))
    scores = scores.set_column(0, "consumer", hostile).set_column(1, "brand", hostile)
    brand = {
        "brand": HOSTILE,
        "pairs": 3,
        "lower_quartile": 49.0,
        "median": 50.0,
        "upper_quartile": 51.0,
        "unknown": 1,
    }
    activity = pa.table({"day": [20_000], "channel": [HOSTILE], "event_count": [3]})
    rejections = [{"code": "no_time", "message": HOSTILE, "row_count": 1}]
    page = render(
        *make_brand_sections(pa.Table.from_pylist([brand]), scores),
        make_movers_section(scores),
        make_pair_section(invented.invent_answer(HOSTILE, HOSTILE), 8.0),
        make_effects_section([invented.invent_effect(HOSTILE)]),
        make_arrivals_section(
            ArrivalCounts(event_count=3, unattributed_count=0, rejected_count=1, duplicate_count=0),
            dataclasses.replace(invented.invent_activity_counts(), days=activity), rejections, [],
        ),
        title=HOSTILE,
    )  # fmt: skip
    assert not {tag for tag, _ in page.elements} & {"script", "img"}
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert sum(HOSTILE in text for text in page.text) > 10


def test_every_chart_has_its_numbers_and_a_download(page):
    tags = [tag for tag, _ in page.elements]
    figures = tags.count("figure")
    assert figures >= 12
    charts = [given for tag, given in page.elements if tag == "svg" and given["class"] == "chart"]
    assert len(charts) == 2 * figures, "one drawn for the desk, one for the phone"
    places = [place for place, tag in enumerate(tags) if tag == "figure"]
    for start, end in zip(places, [*places[1:], len(tags)], strict=True):
        inside = tags[start:end]
        assert inside.index("svg") < inside.index("details") < inside.index("table")
    files = [attributes["download"] for _, attributes in page.elements if "download" in attributes]
    assert len(files) == len(set(files)) == tags.count("table")


def test_downloads_hold_the_unrounded_numbers(downloads):
    scores = {
        row["consumer"]: row["fusion_score"]
        for row in invented.invent_scores().to_pylist()
        if row["brand"] == "corner-bookshop"
    }
    told = {
        row["consumer"]: float(row["fusion_score"])
        for row in downloads["movers.csv"]
        if row["brand"] == "corner-bookshop"
    }
    assert told.items() <= scores.items()
    assert len(told) == 2
    total = sum(float(row["contribution"]) for row in downloads["contributions.csv"])
    assert total == pytest.approx(sum(invented.invent_contributions()["contribution"].to_pylist()), abs=1e-12)
    assert len(downloads["fusion-scores.csv"]) == invented.invent_scores().num_rows


def test_a_spreadsheet_runs_nothing_from_a_download():
    text = write_csv(
        ["consumer", "change"],
        [{"consumer": '=HYPERLINK("x")', "change": -1.5}, {"consumer": None, "change": None}],
    )
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert rows == [["consumer", "change"], ['\'=HYPERLINK("x")', "-1.5"], ["", ""]]


def test_a_long_list_shows_its_start_and_says_how_long_it_is(page):
    pairs = invented.invent_scores().num_rows
    assert f"{ROWS_SHOWN} of {pairs:,} rows" in " ".join("".join(page.text).split())


def test_the_page_can_be_walked_by_keyboard_and_by_ear(page):
    attributes = [given for _, given in page.elements]
    ids = [given["id"] for given in attributes if "id" in given]
    assert len(ids) == len(set(ids))
    assert next(given for tag, given in page.elements if tag == "html")["lang"] == "en"
    links = [
        given["href"][1:] for tag, given in page.elements if tag == "a" and given["href"].startswith("#")
    ]
    assert links[0] == "content"
    assert set(links) <= set(ids)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(later - level <= 1 for level, later in zip(levels, levels[1:], strict=False))
    references = [given["aria-labelledby"] for given in attributes if "aria-labelledby" in given]
    assert set(references) <= set(ids)
    assert all(
        given.get("aria-label") or given.get("aria-hidden") for tag, given in page.elements if tag == "svg"
    )
    assert all(given.get("scope") for tag, given in page.elements if tag == "th")


def test_the_page_is_light_or_dark_as_the_reader_has_it(html):
    light, dark = html.split("@media (prefers-color-scheme: dark)", 1)
    assert "--fusion-ink: #18202b" in light
    assert "--fusion-ink: #eef2f6" in dark
    assert "max-width: 38rem" in html


def test_plain_words_only(page):
    text = " ".join(page.text)
    assert "one-sided: brand benefits" in text
    assert not re.search(r"parasit|commensal|customer", text, re.IGNORECASE)


def test_what_is_not_known_is_shown_as_unknown(render):
    table = TableView(
        "places", "Places", [ColumnView("percentile", "percentile", "count")], [{"percentile": None}] * 3
    )
    page = render(Section("places", "Places", tables=[table]), newest_event_us=None, newest_received_us=None)
    assert page.text.count("unknown") == 5, "three percentiles and two moments"


def test_the_explained_pair_shows_parent_and_reason(page):
    text = " ".join(page.text)
    assert "E3" in page.text
    assert "46.2" in page.text
    assert "Because of a public complaint" in text


def test_an_empty_workspace_has_a_report_too(read_page, tmp_path):
    with open_small(tmp_path / "ws") as workspace:
        report = fill_report(workspace, ReportRequest())
    text = " ".join(read_page(render_report(report)).text)
    assert "No relationship changed" in text
    assert [section.name for section in report.sections] == ["brands", "movers", "pairs", "intake"]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    with open_small(tmp_path_factory.mktemp("report") / "ws") as opened:
        import_events(opened, make_orders(60, consumers=9))
        yield opened


def test_a_report_tells_how_far_it_is(workspace):
    told = []

    def note(stage, done, total):
        told.append((stage, done, total))

    report = fill_report(workspace, ReportRequest(), note)
    assert told == [("scores", 0, 4), ("brands", 1, 4), ("activity", 2, 4), ("explanation", 3, 4)]
    told.clear()
    count = sum(len(section.drawings) for section in report.sections)
    render_report(report, note)
    assert told == [("charts", number, count) for number in range(count)]
    assert count > 3


def test_the_explained_pair_has_the_percentile_that_the_command_tells(workspace):
    rows = answers.score_pairs(workspace, brand="brand-0", order="lowest").to_pylist()
    report = fill_report(workspace, ReportRequest(brand="brand-0", consumer=rows[1]["consumer"]))
    (own,) = (section for section in report.sections if section.reading is not None)
    assert 0 < rows[1]["percentile"] < 100
    assert f"percentile at this brand: {rows[1]['percentile']:.0f}." in " ".join(own.sentences)


def test_a_brand_without_listed_pairs_has_no_empty_section():
    brand = {"pairs": 3, "lower_quartile": 49.0, "median": 50.0, "upper_quartile": 51.0, "unknown": 1}
    brands = pa.Table.from_pylist([{"brand": "elsewhere", **brand}, {"brand": "sweater-brand", **brand}])
    headings = [section.heading for section in make_brand_sections(brands, invented.invent_scores())]
    assert headings == ["Brands", "sweater-brand"]


def test_an_older_report_is_replaced_whole(tmp_path):
    path = tmp_path / "made" / "report.html"
    write_report(invented.invent_report(sections=[]), path)
    first = path.read_text(encoding="utf-8")
    write_report(invented.invent_report(sections=[], title="Another day"), path)
    assert [child.name for child in path.parent.iterdir()] == ["report.html"]
    assert "Another day" in path.read_text(encoding="utf-8")
    assert "Another day" not in first


def test_what_actions_did_is_told_only_where_something_was_measured(render):
    text = " ".join(render(make_effects_section([invented.invent_effect()])).text)
    assert "orders after “Spring campaign”: likely caused by it." in text
    assert "+30.0%" in text
    assert make_effects_section([]) is None


def test_a_calibration_that_is_not_better_says_why_in_the_language_of_the_page():
    report = invented.invent_calibration(is_better=False, gain=0.001, gain_error=0.002)
    with use_language(load_language("it")):
        told = make_calibration_section(report, is_applied=False).sentences
    assert told[1].startswith("Restano i punti in vigore: i punti appresi non sono chiaramente migliori")
    assert "(serve un miglioramento di oltre 2 errori standard)" in told[1]
    assert "Invariati (derivato: non supera mai l’evento di origine)" in told[-1]


class Bracketed(SourceLanguage):
    """A language that shows which texts went through the catalogue."""

    code = "xx"

    def translate(self, text):
        return f"⟦{text}⟧"

    def translate_count(self, singular, plural, count):
        return f"⟦{singular if count == 1 else plural}⟧"


def list_untranslated(page):
    """What is written outside of brackets where the page speaks: not in cells, which hold what sources wrote."""
    found = set()
    for opened, text in page.places:
        if {"td", "tbody"} & set(opened) or opened[-1:] == ("title",):
            continue
        # A label on two lines is two texts, of which the second ends within the bracket.
        depth, outside = max(0, text.count("⟧") - text.count("⟦")), ""
        for letter in text:
            depth += (letter == "⟦") - (letter == "⟧")
            outside += letter if depth == 0 and letter != "⟧" else " "
        found |= set(re.findall(r"[A-Za-z][\w-]{2,}", outside))
    return found


@pytest.mark.slow
def test_every_text_of_the_report_goes_through_the_catalogue(read_page):
    with use_language(Bracketed()):
        page = read_page(render_report(invented.invent_report()))
    data = {*invented.BRANDS, "pop-artist", "Consumer", "Fusion", "Mellow", "Bay", "Spring", "campaign"}
    months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
    found = {each for each in list_untranslated(page) if not each.startswith("consumer-0")}
    assert found - data - months == set()
    assert len(page.places) > 500


def test_a_text_past_the_catalogue_is_found(render):
    with use_language(Bracketed()):
        page = render(Section("planted", "How it stands", ["So it is."]))
    assert {"How", "stands"} <= list_untranslated(page)


def test_the_report_speaks_italian(read_page):
    with use_language(load_language("it")):
        report = invented.invent_report()
        sections = [section for section in report.sections if section.name in ("brand-1", "pairs", "intake")]
        html = render_report(dataclasses.replace(report, sections=sections))
    assert '<html lang="it">' in html
    text = " ".join(read_page(html).text)
    for told in (
        "Distribuzione dei punteggi",
        "Consumatore → marca",
        "Dati ricevuti",
        "15 giu 2026",
    ):
        assert told in text
    assert "Relationships" not in text


def test_a_p_value_is_a_number_and_the_share_of_cases_a_percentage():
    sentences = explain_finding(invented.invent_effect())
    assert "p = 0.004: as large by chance in 0.4% of cases." in sentences
