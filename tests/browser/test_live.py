"""Pages that are open while events arrive: the numbers follow, and nobody loses their place."""

from __future__ import annotations

import shutil
import uuid

import pytest

from browser_staff import draw_all, sign_in, work_controls
from live_server import LiveServer

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (extra `dev`)")
expect = sync_api.expect
COUNT = "#live .mix-head a"


@pytest.fixture(scope="module")
def server(town_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("live") / "town"
    shutil.copytree(town_folder, folder)
    server = LiveServer(folder).start()
    yield server
    server.stop()


@pytest.fixture
def open_live(chromium, server):
    """Opens a page of the real server, signed in."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 700}, base_url=server.address, reduced_motion="reduce", locale="en"
    )
    page = context.new_page()
    sign_in(page)

    def open_one(path):
        page.goto(path)
        draw_all(page)
        return page

    yield open_one
    context.close()


def send_order(server, consumer="live-consumer"):
    body = {
        "type": "track", "event": "Order Completed", "messageId": uuid.uuid4().hex, "userId": consumer,
        "properties": {"revenue": 30, "currency": "EUR", "brand": "sweater-brand",
                       "products": [{"brand": "sweater-brand", "price": 30}]},
    }  # fmt: skip
    assert server.post("/v1/track", body).status_code == 200


def count_relationships(page):
    return int(page.locator(COUNT).text_content().split()[0])


def test_an_overview_follows_what_arrives_and_stays_where_it_was_scrolled_to(open_live, server):
    page = open_live("/brand?brand=sweater-brand")
    before = count_relationships(page)
    page.evaluate("() => window.scrollTo(0, 900)")
    finding = page.locator("figure.figure-distribution .finding")
    chart = finding.text_content()
    send_order(server)
    expect(page.locator(".news [role=status]")).to_contain_text("New events arrived")
    expect(page.locator(COUNT)).to_have_text(f"{before + 1} relationships")
    assert page.evaluate("() => window.scrollY") > 700
    page.get_by_role("button", name="Refresh charts and lists").click()
    expect(page.get_by_role("button", name="Refresh charts and lists")).to_be_hidden()
    expect(finding).not_to_have_text(chart)


def test_a_second_event_is_told_as_well(open_live, server):
    page = open_live("/brand?brand=sweater-brand")
    before = count_relationships(page)
    for number in (1, 2):
        send_order(server, f"second-{number}")
        expect(page.locator(COUNT)).to_have_text(f"{before + number} relationships")


def test_whoever_is_at_the_numbers_is_told_and_not_moved_away(open_live, server):
    page = open_live("/brand?brand=sweater-brand")
    link = page.locator(COUNT)
    link.focus()
    before = link.text_content()
    send_order(server, "third-consumer")
    expect(page.locator(".news [role=status]")).to_have_text("New events arrived.")
    assert page.evaluate("() => document.activeElement.closest('#live') !== null")
    assert link.text_content() == before
    page.get_by_role("button", name="Refresh charts and lists").click()
    expect(page.locator(COUNT)).to_have_text(f"{int(before.split()[0]) + 1} relationships")


def test_a_relationship_gets_its_new_event(open_live, server):
    send_order(server, "known-consumer")
    server.settle()
    page = open_live("/relationship?consumer=known-consumer&brand=sweater-brand")
    score = page.locator(".score .value").text_content()
    send_order(server, "known-consumer")
    expect(page.locator(".score .value")).not_to_have_text(score)
    page.get_by_role("button", name="Refresh charts and lists").click()
    expect(page.locator("#ledger .event")).to_have_count(2)


def test_a_moment_that_was_chosen_stays_as_it_is(open_live):
    page = open_live("/brand?brand=sweater-brand&as_of=2026-06-15T20:30")
    assert page.locator("[data-live]").count() == 0


@pytest.mark.parametrize(
    "path", ["/brand?brand=sweater-brand", "/relationship?consumer=pop-artist&brand=sweater-brand"]
)
def test_every_control_fills_its_place_before_and_after_new_events_replaced_the_parts(
    open_live, server, path
):
    page = open_live(path)
    page.evaluate("() => document.getElementById('live').setAttribute('data-first', '')")
    first, faults = work_controls(page)
    assert faults == []
    send_order(server, "pop-artist")
    expect(page.locator(".news [role=status]")).to_contain_text("New events arrived")
    page.get_by_role("button", name="Refresh charts and lists").click()
    expect(page.locator("#live[data-first]")).to_have_count(0)
    page.wait_for_load_state("networkidle")
    again, faults = work_controls(page)
    assert faults == []
    assert len(again) >= len(first) > 5
    assert any("on refresh" in each for each in again)


def test_a_choice_made_with_the_keys_waits_for_its_button(open_live):
    page = open_live("/brand?brand=sweater-brand")
    here = page.url
    choice = page.locator("#theme-choice")
    choice.focus()
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(300)
    assert page.url == here
    assert page.locator("html").get_attribute("data-theme") == "auto"
    button = page.locator("form:has(#theme-choice) button[type=submit]")
    expect(button).to_be_visible()
    button.click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
