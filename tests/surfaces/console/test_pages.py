"""The pages of the console: who may see them, and that they say what the product knows."""

from __future__ import annotations

import csv
import html
import io
import re

import pytest

from console_town import PARTIAL, READER
from consumer_fusion.errors import DrawingError
from consumer_fusion.i18n.labels import KIND_LABELS, REJECTION_LABELS, name_kind
from consumer_fusion.ingest.validation import PROBLEMS
from consumer_fusion.records.timestamps import parse_moment
from consumer_fusion.score.points.points_table import load_points
from consumer_fusion.score.queries import answers
from consumer_fusion.surfaces.console.routes import PAGES
from consumer_fusion.surfaces.report.report_data import ReportRequest, fill_report
from consumer_fusion.views.charts import rendering

ARTIST = "/relationship?consumer=pop-artist&brand=sweater-brand&as_of=2026-06-15T20:30"
EVERY_PAGE = [
    "/brands", "/brand?brand=sweater-brand", "/consumers?brand=sweater-brand",
    "/consumer?consumer=pop-artist", ARTIST, "/actions?brand=sweater-brand", "/effects?brand=sweater-brand",
    "/planner?brand=sweater-brand", "/effect?action=founding-concert&metric=followers", "/associations",
    "/unattributed", "/suggestions", "/tokens", "/webhooks", "/staff", "/points",
    "/points/kind?key=Order Completed", "/points/versions", "/rejected", "/identities",
    "/identities?consumer=pop-artist", "/keys", "/audit",
]  # fmt: skip


@pytest.mark.parametrize("path", [path for path, maker in PAGES.items() if not maker.is_change])
def test_nobody_sees_a_page_without_signing_in(stranger, path):
    answer = stranger.get(path, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=")


@pytest.mark.parametrize("path", [path for path, maker in PAGES.items() if maker.is_change])
def test_a_change_without_a_form_of_ours_is_refused(owner, path):
    answer = owner.http.post(path, data={"key": "x"})
    assert answer.status_code == 403
    assert "<h1>This could not be done</h1>" in answer.text


@pytest.mark.parametrize("language", ["en", "it"])
@pytest.mark.parametrize("path", EVERY_PAGE)
def test_every_page_opens_in_every_language(owner, path, language):
    page = owner.get(path, headers={"Accept-Language": language})
    assert page.status_code == 200
    assert f'<html lang="{language}"' in page.text
    assert page.text.count("<h1") == 1


def test_the_first_page_is_the_largest_brand(owner):
    page = owner.get("/")
    assert page.url.path == "/brand"
    assert "Distribution of scores" in page.text


def test_the_artists_page_tells_three_up_and_eight_down_with_reasons(owner):
    page = owner.get(ARTIST).text
    assert '<span class="value">45.0</span>' in page
    assert "+3.00" in page
    assert "−7.98" in page
    assert "+3.0: seen with the brand; 100,000 new followers" in page
    assert "E3" not in "".join(re.findall(r'<p class="text">(.*?)</p>', page, re.DOTALL))


def test_reasons_are_told_in_the_language_of_whoever_asks(owner):
    told = {
        language: owner.get(ARTIST, headers={"Accept-Language": language}).text for language in ("en", "it")
    }
    assert "100,000 new followers" in told["en"]
    assert "new followers" not in told["it"]
    assert "100.000 nuovi follower" in told["it"]


def test_the_ledger_adds_up_to_the_score(owner):
    download = owner.get(f"{ARTIST}&format=csv")
    rows = list(csv.DictReader(io.StringIO(download.text.removeprefix("\ufeff"))))
    total = 50 + sum(float(row["contribution"]) for row in rows)
    assert total == pytest.approx(44.98, abs=0.01)


def test_what_if_an_event_had_not_happened(owner):
    part = owner.get(
        "/relationship/without?consumer=pop-artist&brand=sweater-brand&as_of=2026-06-15T20:30"
        "&event=E3 > Reputation Harmed > sweater-brand",
        headers={"HX-Request": "true"},
    ).text
    assert "the score would be 53.0" in part
    assert "<html" not in part


@pytest.mark.parametrize("name", ["distribution", "trend", "movers", "both-sides", "kinds", "activity"])
def test_every_chart_of_a_brand_has_its_numbers_as_a_table_and_a_download(owner, name):
    path = f"/brand/figure?brand=sweater-brand&name={name}"
    part = owner.get(path, headers={"HX-Request": "true"}).text
    assert part.count("<svg") == 1
    assert "<table" in part
    download = owner.get(f"{path}&format=csv")
    assert download.headers["content-type"].startswith("text/csv")
    assert len(download.text.splitlines()) > 1


@pytest.mark.parametrize("name", ["history", "changes", "contributions", "facets"])
def test_every_chart_of_a_relationship_has_its_numbers_as_a_table_and_a_download(owner, name):
    path = f"/relationship/figure?consumer=pop-artist&brand=sweater-brand&name={name}"
    part = owner.get(path, headers={"HX-Request": "true"}).text
    assert part.count("<svg") == 1
    assert "<table" in part
    assert len(owner.get(f"{path}&format=csv").text.splitlines()) > 1


@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_a_chart_that_cannot_be_drawn_leaves_its_finding_and_its_numbers_and_is_tried_again(
    owner, monkeypatch, width
):
    path = f"/brand/figure?brand=book-shop&name=distribution&width={width}"

    def refuse(*_):
        raise DrawingError("The figure could not be drawn.")

    with monkeypatch.context() as patch:
        patch.setattr(rendering._drawing_process, "draw", refuse)
        answer = owner.get(path, headers={"HX-Request": "true"})
        download = owner.get(f"{path}&format=csv")
    assert answer.status_code == 200
    assert "The chart could not be drawn. Its numbers follow." in answer.text
    assert "<svg" not in answer.text
    assert "<table" in answer.text
    assert len(download.text.splitlines()) > 1
    assert owner.get(path, headers={"HX-Request": "true"}).text.count("<svg") == 1


def read_consumers(browser, path):
    """The consumers of all pages of a list, in order."""
    found = []
    while path:
        page = browser.get(path).text
        found += re.findall(r'<th scope="row"><a href="/relationship\?[^"]+">([^<]+)</a>', page)
        onward = re.search(r'<a href="([^"]+)" rel="next"', page)
        path = onward.group(1).replace("&amp;", "&") if onward else None
    return found


@pytest.mark.parametrize("order", ["falling", "rising", "lowest", "highest", "consumer"])
def test_paging_shows_every_consumer_once_and_in_order(owner, console, monkeypatch, order):
    monkeypatch.setattr("consumer_fusion.surfaces.console.consumer_pages.ROWS_ON_PAGE", 4)
    listed = read_consumers(owner, f"/consumers?brand=sweater-brand&order={order}")
    scores = answers.score_pairs(
        console[1], brand="sweater-brand", as_of="latest", order="falling"
    ).to_pylist()
    name, sign = {
        "falling": ("change_28_days", 1), "rising": ("change_28_days", -1), "lowest": ("fusion_score", 1),
        "highest": ("fusion_score", -1), "consumer": ("consumer", 1),
    }[order]  # fmt: skip
    if order == "consumer":
        expected = sorted(row["consumer"] for row in scores)
    else:
        expected = [
            row["consumer"] for row in sorted(scores, key=lambda row: (sign * row[name], row["consumer"]))
        ]
    assert listed == expected
    assert len(listed) > 4


def test_a_consumer_is_found_by_a_part_of_the_key(owner):
    assert read_consumers(owner, "/consumers?brand=sweater-brand&search=ARTIST") == ["pop-artist"]


def test_scores_are_those_of_the_product(owner, console):
    row = answers.score_pairs(
        console[1],
        consumer="pop-artist",
        brand="salmon-restaurant",
        as_of=parse_moment("2026-06-15T20:30:00Z"),
    ).to_pylist()[0]
    page = owner.get(
        "/relationship?consumer=pop-artist&brand=salmon-restaurant&as_of=2026-06-15T20:30:00Z"
    ).text
    assert f'<span class="value">{row["fusion_score"]:.1f}</span>' in page


def test_a_brand_that_is_not_ones_own_is_refused_whether_it_exists_or_not(sign_in):
    partial = sign_in(PARTIAL)
    existing = partial.get("/brand?brand=sweater-brand")
    invented = partial.get("/brand?brand=no-such-brand")
    assert existing.status_code == invented.status_code == 403
    assert partial.get("/brand?brand=book-shop").status_code == 200
    assert "sweater-brand" not in partial.get("/brands").text
    assert "sweater-brand" not in partial.get("/consumer?consumer=pop-artist").text


@pytest.mark.parametrize("path", ["/rejected", "/identities", "/keys", "/audit"])
def test_a_reader_does_not_see_what_is_not_theirs(sign_in, path):
    reader = sign_in(READER)
    assert reader.get(path).status_code == 403
    assert f'href="{path}"' not in reader.get("/points").text


def test_looking_at_a_relationship_is_on_record(owner, console):
    owner.get(ARTIST)
    console[0].guard.audit_buffer.flush()
    audit = owner.get("/audit?consumer=pop-artist").text
    assert "view relationship" in audit
    assert "sweater-brand" in audit


def test_what_is_unknown_is_told_with_what_to_do(owner):
    answer = owner.get("/brand?brand=no-such-brand")
    assert answer.status_code == 404
    assert "is not known here" in answer.text


def test_words_of_a_source_are_never_taken_as_markup(owner):
    page = owner.get("/consumers?brand=sweater-brand&search=<script>alert(1)</script>").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_no_page_loads_or_runs_anything_from_elsewhere(owner):
    page = owner.get(ARTIST)
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert not re.findall(r'(?:src|href)="https?://', page.text)
    assert "<script>" not in page.text
    assert " onclick=" not in page.text


def test_choosing_a_language_is_remembered_and_leads_back(owner):
    answer = owner.send("/points", "/preferences", language="it", back="/points")
    assert answer.url.path == "/points"
    assert '<html lang="it"' in answer.text
    assert "Ordine completato" in answer.text


def test_choosing_a_language_never_leads_to_another_site(owner):
    answer = owner.send("/points", "/preferences", language="en", back="//evil.example/")
    assert answer.url.host == "localhost"


def test_a_number_to_be_changed_stands_in_its_field_as_the_language_writes_it(owner):
    path = "/points/kind?key=Order Refunded/wrong or late"
    assert 'value="-2.7"' in owner.get(path).text
    assert 'value="-2,7"' in owner.get(path, headers={"Accept-Language": "it"}).text


def test_kinds_are_named_in_words_on_pages_and_by_their_keys_in_addresses(owner):
    for language, words in (
        ("en", "Refund: wrong or late order"),
        ("it", "Rimborso: ordine errato o in ritardo"),
    ):
        page = owner.get("/points", headers={"Accept-Language": language}).text
        assert f'/points/kind?key=Order+Refunded%2Fwrong+or+late">{words}</a>' in page


def test_every_variant_of_a_shipped_kind_has_its_own_label():
    variants = {key for key in load_points().kinds if "/" in key}
    assert KIND_LABELS.keys() == variants
    assert len({label.words for label in KIND_LABELS.values()}) == len(variants)
    assert name_kind("Gift Received/by post") == "Gift Received: by post"


def test_every_reason_of_a_rejected_row_has_its_own_label(owner):
    assert REJECTION_LABELS.keys() == PROBLEMS.keys()
    assert len({label.words for label in REJECTION_LABELS.values()}) == len(PROBLEMS)
    for language, words in (("en", "invalid value"), ("it", "valore non valido")):
        page = owner.get("/rejected", headers={"Accept-Language": language}).text
        assert f'/rejected?code=invalid_value">{words} (' in page


def test_what_stands_between_backquotes_is_set_as_code(owner):
    page = owner.get("/rejected").text
    assert "Row 1 has a <code>value</code> that is not a finite number." in page


@pytest.mark.slow
def test_pages_and_report_show_the_same_views(owner, console):
    request = ReportRequest(
        brand="sweater-brand", consumer="pop-artist", as_of=parse_moment("2026-06-15T20:30")
    )
    sections = {section.name: section for section in fill_report(console[1], request).sections}
    pages = {
        "brand-1": ("/brand", "brand=sweater-brand"),
        "pair": ("/relationship", ARTIST.partition("?")[2]),
    }
    for name, (path, asked) in pages.items():
        page = html.unescape(owner.get(f"{path}?{asked}").text)
        assert len(sections[name].drawings) >= 3
        for drawing in sections[name].drawings:
            assert f">{drawing.heading}</h2>" in page
            assert drawing.hint in page
            figure = html.unescape(owner.get(f"{path}/figure?name={drawing.name}&{asked}").text)
            headings = re.findall(r"<th scope=\"col\"[^>]*>([^<]*)</th>", figure)
            assert headings == [column.heading for column in drawing.gather().columns]
