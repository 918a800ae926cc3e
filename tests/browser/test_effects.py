"""What an analyst does about actions in a real browser: reads an effect, declares an action, plans and draws lots."""

from __future__ import annotations

import pytest

from browser_staff import draw_all

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (extra `dev`)")
pytest.importorskip("numba", reason="numba is not installed (extra `cause`)")
expect = sync_api.expect

CONCERT = "Concert of the pop artist, seen in the sweater"


def test_an_analyst_reads_what_the_concert_did_with_its_placebos_and_its_numbers(open_page):
    page = open_page()
    page.goto("/brand?brand=sweater-brand")
    page.get_by_role("link", name="Campaigns and actions", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Campaigns and actions of sweater-brand")
    page.get_by_role("row").get_by_role("link", name=CONCERT).click()
    page.get_by_label("Metric").select_option("followers")
    verdict = page.get_by_role("region", name="changed, cause unclear")
    expect(verdict).to_contain_text("over 3 days")
    draw_all(page)
    for name in ("course", "placebos", "cumulative"):
        expect(page.locator(f"figure.figure-{name} svg.chart")).to_be_visible()
    figure = page.locator("figure.figure-course")
    figure.locator("summary").click()
    expect(figure.get_by_role("table")).to_contain_text("7 Jun 2026")
    with page.expect_download() as download:
        figure.get_by_role("link", name="Download as CSV").click()
    assert download.value.suggested_filename == "observed-and-expected.csv"
    expect(page.get_by_role("heading", name="Validity checks")).to_be_visible()
    expect(page.locator(".check-warned")).to_contain_text(
        ["Without control series that the action does not reach"]
    )
    page.get_by_text("How to read an effect").click()
    expect(page.get_by_text("changes no score")).to_be_visible()


def test_an_action_is_declared_and_its_effect_measured_among_all(open_page):
    page = open_page()
    page.goto("/actions?brand=corner-grocery")
    page.get_by_text("Add a campaign or action…").click()
    page.get_by_label("Name", exact=True).fill("Free apples at the door")
    page.get_by_label("Type, such as concert or price").fill("occasion")
    page.get_by_label("First day (UTC)").fill("2026-05-04")
    page.get_by_label("Number of days; leave empty for the length of the action").fill("7")
    page.get_by_role("button", name="Declare").click()
    expect(page.get_by_role("status")).to_contain_text("is declared")
    page.get_by_role("link", name="Impact", exact=True).click()
    page.get_by_role("button", name="Measure what changed").click()
    expect(page.get_by_role("status")).to_contain_text("measured")
    row = page.get_by_role("row").filter(has_text="Free apples at the door").filter(has_text="orders")
    expect(row).to_contain_text("no conclusion")
    draw_all(page)
    expect(page.locator("figure.figure-effects svg.chart")).to_be_visible()
    page.get_by_label("Metric").select_option("orders")
    expect(page.get_by_role("row").filter(has_text="Free apples at the door")).to_have_count(1)


def test_a_plan_compares_dates_and_a_hold_out_is_drawn_with_its_list(open_page):
    page = open_page()
    page.goto("/planner?brand=corner-grocery")
    page.get_by_label("Start dates to compare").fill("2026-07-06 2026-12-07")
    page.get_by_role("button", name="Plan", exact=True).click()
    plans = page.get_by_role("region", name="Plans")
    expect(plans.get_by_role("row")).to_have_count(11)
    expect(plans).to_contain_text("7 Dec 2026")
    draw_all(page)
    expect(page.locator("figure.figure-plans svg.chart")).to_be_visible()
    page.get_by_text("Draw a control group…").click()
    page.get_by_label("Experiment name").fill("A letter with a recipe")
    page.get_by_label("Brand action").select_option("Campaign Received")
    page.get_by_label("Control group size").select_option("0.25")
    page.get_by_role("button", name="Draw and record").click()
    expect(page.get_by_role("status")).to_contain_text("are held out in experiment")
    with page.expect_download() as download:
        page.get_by_role("link", name="List as CSV").click()
    assert download.value.suggested_filename.startswith("hold-out-")


def test_the_pages_of_effects_speak_italian(open_page):
    page = open_page(language="it")
    page.goto("/effect?action=founding-concert&metric=followers")
    expect(page.get_by_role("region", name="variazione, causa incerta")).to_contain_text(
        "rispetto al valore atteso"
    )
    expect(page.get_by_role("heading", name="Controlli di validità")).to_be_visible()
