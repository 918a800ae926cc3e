"""The static report: complete in itself, readable by everybody, hostile keys harmless, every number downloadable."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
import sys
from html.parser import HTMLParser
from urllib.parse import unquote

import pyarrow as pa
import pytest
from tests import invented_relationships as invented

from consumer_fusion.errors import DrawingError, InputError, MissingExtraError
from consumer_fusion.surfaces.report.page import CourseShown, ReportPage, WorkspaceCounts
from consumer_fusion.surfaces.report.tables import ROWS_SHOWN, write_csv
from consumer_fusion.surfaces.report.writing import write_report
from consumer_fusion.views.charts import rendering

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>\'" &lt;'
VOID = {"meta", "br", "img", "link", "input", "hr"}


class PageReader(HTMLParser):
    """Reads a page as a browser would: elements with attributes, and the text of the page."""

    def __init__(self):
        super().__init__()
        self.elements = []
        self.open = []
        self.text = []

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
    path = write_report(invented.invent_page(), tmp_path_factory.mktemp("report") / "report.html")
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
def small_page():
    """A page that is quick to write: three pairs of one brand, nothing explained."""
    scores = invented.invent_scores().slice(0, 3)

    def make(**fields):
        brand = {
            "brand": "sweater-brand",
            "pairs": 3,
            "lower_quartile": 49.0,
            "median": 50.0,
            "upper_quartile": 51.0,
        }
        content = {
            "scores": scores,
            "brands": pa.Table.from_pylist([{**brand, "unknown": 1}]),
            "activity": pa.table({}),
            "movers": pa.table({}),
            "pair": None,
            "calibration": None,
        }
        return invented.invent_page(**{**content, **fields})

    return make


def test_a_chart_that_cannot_be_drawn_leaves_its_finding_and_its_numbers(
    small_page, read_page, tmp_path, monkeypatch
):
    def refuse(*_):
        raise DrawingError("The figure could not be drawn.")

    monkeypatch.setattr(rendering._drawing_process, "draw", refuse)
    page = read_page(write_report(small_page(), tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "The chart could not be drawn. Its numbers follow." in "".join(page.text)
    assert not [tag for tag, _ in page.elements if tag == "svg"]
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


def test_a_hostile_key_is_text_and_nothing_else(small_page, read_page, tmp_path):
    scores = small_page().scores
    hostile = pa.array([HOSTILE] * 3)
    scores = scores.set_column(0, "consumer", hostile).set_column(1, "brand", hostile)
    brand = {
        "brand": HOSTILE,
        "pairs": 3,
        "lower_quartile": 49.0,
        "median": 50.0,
        "upper_quartile": 51.0,
        "unknown": 1,
    }
    pair = dataclasses.replace(invented.invent_page().pair, consumer=HOSTILE, brand=HOSTILE)
    changed = small_page(
        title=HOSTILE, scores=scores, brands=pa.Table.from_pylist([brand]), pair=pair,
        activity=pa.table({"day": [20_000], "channel": [HOSTILE], "event_count": [3]}),
        movers=pa.table({"consumer": [HOSTILE], "brand": [HOSTILE], "score_before": [50.0], "fusion_score": [44.0]}),
        rejections=pa.table({"code": ["no_time"], "message": [HOSTILE], "row_count": [1]}),
    )  # fmt: skip
    page = read_page(write_report(changed, tmp_path / "hostile.html").read_text(encoding="utf-8"))
    assert not {tag for tag, _ in page.elements} & {"script", "img"}
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert sum(HOSTILE in text for text in page.text) > 10


def test_every_chart_has_its_numbers_and_a_download(page):
    tags = [tag for tag, _ in page.elements]
    figures = tags.count("figure")
    assert figures >= 12
    assert tags.count("svg") == 2 * figures, "one drawn for the desk, one for the phone"
    places = [place for place, tag in enumerate(tags) if tag == "figure"]
    for start, end in zip(places, [*places[1:], len(tags)], strict=True):
        inside = tags[start:end]
        assert inside.index("svg") < inside.index("details") < inside.index("table")
    files = [attributes["download"] for _, attributes in page.elements if "download" in attributes]
    assert len(files) == len(set(files)) == tags.count("table")


def test_downloads_hold_the_unrounded_numbers(downloads):
    movers = invented.invent_movers().to_pylist()
    assert {(row["consumer"], float(row["fusion_score"])) for row in downloads["movers.csv"]} == {
        (row["consumer"], row["fusion_score"]) for row in movers
    }
    total = sum(float(row["contribution"]) for row in downloads["contributions.csv"])
    assert total == pytest.approx(sum(invented.invent_contributions()["contribution"].to_pylist()), abs=1e-12)
    assert len(downloads["fusion-scores.csv"]) == invented.invent_scores().num_rows


def test_a_spreadsheet_runs_nothing_from_a_download():
    text = write_csv(
        ["consumer", "change"],
        [{"consumer": '=HYPERLINK("x")', "change": -1.5}, {"consumer": None, "change": None}],
    )
    rows = list(csv.reader(io.StringIO(text)))
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
    assert all(given.get("aria-label") for tag, given in page.elements if tag == "svg")
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


def test_what_is_not_known_is_shown_as_unknown(small_page, read_page, tmp_path):
    scores = small_page().scores
    place = scores.column_names.index("percentile")
    scores = scores.set_column(place, "percentile", pa.array([None] * 3, pa.float64()))
    counts = WorkspaceCounts(
        event_count=3, consumer_count=3, brand_count=1, pair_count=3, unattributed_count=0, rejected_count=0
    )
    path = write_report(small_page(scores=scores, counts=counts), tmp_path / "report.html")
    cells = [text for text in read_page(path.read_text(encoding="utf-8")).text if text == "unknown"]
    assert len(cells) >= 5, "three percentiles and two moments"


def test_the_explained_pair_shows_parent_and_reason(page):
    text = " ".join(page.text)
    assert "Because of a public complaint about salmon-restaurant" in text
    assert "E3" in page.text
    assert "Why 46.2" in text


def test_an_empty_workspace_has_a_report_too(read_page, tmp_path):
    nothing = pa.table({})
    counts = WorkspaceCounts(
        event_count=0, consumer_count=0, brand_count=0, pair_count=0, unattributed_count=0, rejected_count=0
    )
    page = ReportPage(
        title="Nothing yet", made_at=invented.NOW, as_of_us=invented.NOW_US, product_version="0.1.0",
        points_version="fs1", counts=counts, scores=nothing, brands=nothing, activity=nothing, movers=nothing,
    )  # fmt: skip
    text = " ".join(read_page(write_report(page, tmp_path / "empty.html").read_text(encoding="utf-8")).text)
    assert "No relationship moved" in text


def test_a_missing_column_is_named_before_anything_is_written(small_page, tmp_path):
    scores = small_page().scores.drop_columns(["low", "symbiosis"])
    path = tmp_path / "report.html"
    with pytest.raises(InputError, match="scores has no low, symbiosis"):
        write_report(small_page(scores=scores), path)
    assert list(tmp_path.iterdir()) == []


def test_a_brand_without_listed_pairs_has_no_empty_section(small_page, read_page, tmp_path):
    brand = {"pairs": 3, "lower_quartile": 49.0, "median": 50.0, "upper_quartile": 51.0, "unknown": 1}
    brands = pa.Table.from_pylist([{"brand": "elsewhere", **brand}, {"brand": "sweater-brand", **brand}])
    page = read_page(
        write_report(small_page(brands=brands), tmp_path / "report.html").read_text(encoding="utf-8")
    )
    assert page.text.count("elsewhere") == 1, "only in the table of brands"


def test_an_older_report_is_replaced_whole(small_page, tmp_path):
    path = tmp_path / "made" / "report.html"
    write_report(small_page(), path)
    first = path.read_text(encoding="utf-8")
    write_report(small_page(title="Another day"), path)
    assert [child.name for child in path.parent.iterdir()] == ["report.html"]
    assert "Another day" in path.read_text(encoding="utf-8")
    assert "Another day" not in first


def test_without_the_extra_the_message_says_what_to_install(small_page, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"consumer-fusion\[report\]"):
        write_report(small_page(), tmp_path / "report.html")


def test_what_actions_did_is_told_as_measured_and_shrunk_and_only_where_something_was_measured(
    small_page, read_page, tmp_path
):
    effects = pa.Table.from_pylist(
        [
            {
                "action": HOSTILE, "brand": "sweater-brand", "metric": "orders", "raw": 0.3, "raw_low": 0.1,
                "raw_high": 0.5, "shrunk": 0.2, "shrunk_low": 0.05, "shrunk_high": 0.35, "p_value": 0.004,
                "label": "likely caused by it",
            }
        ]
    )  # fmt: skip
    days = pa.table(
        {
            "day": list(range(20_600, 20_640)), "observed": [10.0] * 40, "expected": [9.0] * 40, "low": [8.0] * 40,
            "high": [10.5] * 40,
        }
    )  # fmt: skip
    course = CourseShown(
        action=HOSTILE,
        metric="orders",
        measure="orders a day",
        start_day=20_630,
        end_day=20_639,
        days=days,
        sentences=("It rose.",),
    )
    told = write_report(small_page(effects=effects, course=course), tmp_path / "told.html").read_text(
        encoding="utf-8"
    )
    assert "What actions did" in told
    assert "+30.0%" in told
    assert "+20.0%" in told
    assert "It rose." in told
    assert not [tag for tag, _ in read_page(told).elements if tag == "script"]
    silent = write_report(small_page(), tmp_path / "silent.html").read_text(encoding="utf-8")
    assert "What actions did" not in silent
