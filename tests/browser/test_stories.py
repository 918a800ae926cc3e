"""What people do in the console, in a real browser, from signing in to undoing a merge."""

from __future__ import annotations

import pytest

from browser_staff import sign_in

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed (extra `dev`)")
expect = sync_api.expect

ARTIST = "/relationship?consumer=pop-artist&brand=sweater-brand&as_of=2026-06-15T20:30"


def test_a_stranger_signs_in_and_comes_to_the_page_that_they_wanted(open_page):
    page = open_page(is_signed_in=False)
    page.goto("/points")
    expect(page).to_have_title("Sign in · Consumer Fusion")
    page.get_by_label("E-mail").fill("olga@example.org")
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("is wrong")
    page.get_by_label("Password").fill("a horse in the staple field")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Points")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_title("Sign in · Consumer Fusion")


def test_an_analyst_finds_the_artist_and_sees_what_moved_the_score(open_page):
    page = open_page()
    page.goto("/")
    page.locator("#brand-choice").select_option("sweater-brand")
    expect(page.get_by_role("heading", level=1)).to_have_text("sweater-brand")
    page.get_by_role("link", name="Consumers", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Consumers of sweater-brand")
    page.wait_for_load_state()
    page.keyboard.press("/")
    page.keyboard.type("artist")
    expect(page.locator("#found tbody tr")).to_have_count(1)
    page.get_by_role("link", name="pop-artist").click()
    page.get_by_label("As of (UTC)").fill("2026-06-15T20:30")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".score .value")).to_have_text("45.0")
    events = page.locator("#ledger .event")
    expect(events.nth(0)).to_contain_text("−7.98")
    expect(events.nth(0)).to_contain_text("onlookers sided against the speaker")
    expect(events.nth(1)).to_contain_text("+3.00")
    expect(events.nth(1)).to_contain_text("100,000 new followers")
    events.nth(0).get_by_role("button", name="What if this had not happened?").click()
    expect(events.nth(0)).to_contain_text("the score would be 53.0")


def test_charts_are_drawn_and_have_their_numbers(open_page):
    page = open_page()
    page.goto(ARTIST)
    figure = page.locator("figure.figure-changes")
    figure.scroll_into_view_if_needed()
    expect(figure.locator("svg.chart")).to_be_visible()
    figure.locator("summary").click()
    expect(figure.get_by_role("table")).to_contain_text("Reputation Harmed")
    with page.expect_download() as download:
        figure.get_by_role("link", name="Download as CSV").click()
    assert download.value.suggested_filename == "changes.csv"


def test_a_point_is_edited_previewed_and_saved(open_page):
    page = open_page()
    page.goto("/points")
    page.get_by_label("Find a kind of event").fill("order compl")
    page.get_by_role("link", name="Order Completed", exact=True).click()
    page.get_by_label("spend", exact=True).fill("5")
    page.get_by_role("button", name="Preview the effect").click()
    preview = page.locator("#preview")
    expect(preview).to_contain_text("spend: 3.00 → 5.00")
    expect(preview.locator("tbody tr").first).to_be_visible()
    preview.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("are in force")
    expect(page.get_by_label("spend", exact=True)).to_have_value("5")


def test_a_merge_is_undone(open_page):
    page = open_page()
    page.goto("/identities")
    row = page.get_by_role("row").filter(has_text="The same person at the till.")
    row.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("status")).to_contain_text("The merge is undone")


def test_a_rejected_row_is_repaired(open_page):
    page = open_page()
    page.goto("/rejected")
    page.get_by_role("link", name="Fix").first.click()
    field = page.get_by_label("The row as received; correct it here")
    field.fill(field.input_value().replace('"twelve"', "12"))
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("status")).to_contain_text("Rows accepted: 1;")


def test_the_language_is_switched_and_stays(open_page):
    page = open_page()
    page.goto(ARTIST)
    page.get_by_role("button", name="Italiano").click()
    expect(page.locator("html")).to_have_attribute("lang", "it")
    expect(page.locator(".score .value")).to_have_text("45,0")
    expect(page.get_by_role("heading", name="Eventi")).to_be_visible()
    page.get_by_role("link", name="Punti").click()
    expect(page.get_by_role("link", name="Ordine completato", exact=True)).to_be_visible()


def test_dark_and_light_are_chosen(open_page):
    page = open_page()
    page.goto("/brands")
    page.get_by_label("Theme").select_option("dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"


def test_everything_can_be_reached_by_the_keyboard(open_page):
    page = open_page()
    page.goto("/brands")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.goto("/brands")
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.textContent.trim().slice(0, 30)"))
    assert {"Points", "Audit log", "Sign out", "sweater-brand"} <= reached


def test_pages_work_without_script(chromium, address):
    context = chromium.new_context(base_url=address, java_script_enabled=False)
    page = context.new_page()
    sign_in(page)
    page.goto("/points/kind?key=Order Completed")
    page.get_by_label("visits", exact=True).fill("4")
    page.get_by_role("button", name="Preview the effect").click()
    expect(page.get_by_role("heading", name="Preview: Order Completed")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_role("link", name="Audit log")).to_be_visible()
    context.close()


def test_on_a_phone_the_navigation_unfolds_and_leads_on(open_page):
    page = open_page(size={"width": 390, "height": 844})
    page.goto("/brands")
    link = page.get_by_role("link", name="Points", exact=True)
    expect(link).to_be_hidden()
    menu = page.get_by_role("button", name="Menu")
    menu.press("Enter")
    expect(link).to_be_visible()
    expect(page.get_by_role("button", name="Italiano")).to_be_visible()
    page.keyboard.press("Escape")
    expect(link).to_be_hidden()
    expect(menu).to_be_focused()
    menu.press("Enter")
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Points")


def test_somebody_is_invited_and_the_link_is_copied_by_hand_or_button(open_page):
    page = open_page()
    page.goto("/staff")
    page.get_by_text("Invite someone…").click()
    page.get_by_label("E-mail").fill("ida@example.org")
    page.get_by_label("agent view").check()
    page.get_by_label("only these:").check()
    page.get_by_label("book-shop").check()
    page.get_by_role("button", name="Create invitation").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("One-time link")
    expect(page.locator(".secret")).to_contain_text("/welcome/")
    page.get_by_role("link", name="I have saved it").click()
    expect(page.get_by_role("row").filter(has_text="ida@example.org")).to_contain_text("book-shop")


def test_an_event_without_a_consumer_gets_one(open_page):
    page = open_page()
    page.goto("/unattributed")
    event = page.locator(".attaching").filter(has_text="till-7")
    event.get_by_text("Assign to a consumer…").click()
    event.get_by_label("Consumer").fill("pop-artist")
    event.get_by_label("Reason (recorded)").fill("Seen at the till.")
    event.get_by_role("button", name="Assign").click()
    expect(page.get_by_role("status")).to_contain_text("The event till-7 is attached and counts now.")
    expect(page.locator(".attaching").filter(has_text="till-7")).to_have_count(0)


def test_a_file_of_people_that_cannot_be_compared_is_answered_in_its_place(open_page):
    pytest.importorskip("splink", reason="Splink is not installed (extra `identity`)")
    page = open_page(language="it")
    page.goto("/suggestions")
    people = {"name": "people.csv", "mimeType": "text/csv", "buffer": b"colour,size\nred,3\n"}
    page.get_by_label("File di persone, in CSV o Parquet").set_input_files(people)
    page.get_by_role("button", name="Cerca coppie").click()
    expect(page.locator("#suggested").get_by_role("alert")).to_contain_text("Manca una colonna")
    expect(page.get_by_role("heading", level=1)).to_have_text("Possibili duplicati")
