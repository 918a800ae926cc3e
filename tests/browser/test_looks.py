"""Every page at phone and desk, light and dark: nothing overflows, and axe finds no barrier (WCAG 2.2 AA)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from browser_staff import draw_all

SIZES = {
    "phone": {"width": 390, "height": 844},
    "tablet": {"width": 820, "height": 1100},
    "desk": {"width": 1280, "height": 900},
    "wide": {"width": 1680, "height": 1000},
}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = {
    "overview": "/brand?brand=sweater-brand",
    "brands": "/brands",
    "consumers": "/consumers?brand=sweater-brand",
    "consumer": "/consumer?consumer=pop-artist",
    "relationship": "/relationship?consumer=pop-artist&brand=sweater-brand&as_of=2026-06-15T20:30",
    "actions": "/actions?brand=sweater-brand",
    "effect": "/effect?action=founding-concert&metric=followers",
    "effects": "/effects?brand=sweater-brand",
    "planner": "/planner?brand=corner-grocery",
    "points": "/points",
    "kind": "/points/kind?key=Order Completed",
    "versions": "/points/versions",
    "rejected": "/rejected",
    "rejection": "/rejected/row?row=1",
    "identities": "/identities",
    "identity": "/identities?consumer=pop-artist",
    "associations": "/associations",
    "unattributed": "/unattributed",
    "suggestions": "/suggestions",
    "keys": "/keys",
    "tokens": "/tokens",
    "webhooks": "/webhooks",
    "staff": "/staff",
    "audit": "/audit",
    "problem": "/brand?brand=no-such-brand",
}
LOOKS = [
    ("desk", "light", "en"), ("desk", "dark", "it"), ("phone", "light", "it"), ("phone", "dark", "en"),
    ("tablet", "light", "it"), ("wide", "dark", "en"),
]  # fmt: skip


def find_barriers(page, axe):
    """What axe finds, a line for each."""
    # The policy of our pages lets no script in, so axe goes in through the browser itself.
    found = page.evaluate(f"async () => {{ {axe}; return await axe.run({{runOnly: {RULES!r}}}); }}")
    return [
        f"{each['id']}: {each['help']}: {each['nodes'][0]['html'][:160]} ({len(each['nodes'])})"
        for each in found["violations"]
    ]


def keep_picture(page, name):
    """Keep a screenshot where CONSUMER_FUSION_SCREENSHOTS says, to be looked at."""
    folder = os.environ.get("CONSUMER_FUSION_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


@pytest.mark.parametrize(("size", "theme", "language"), LOOKS)
def test_no_page_overflows_or_has_a_barrier(open_page, axe, size, theme, language):
    page = open_page(size=SIZES[size], theme=theme, language=language)
    faults = {}
    for name, path in PAGES.items():
        page.goto(path)
        draw_all(page)
        faults[name] = find_barriers(page, axe)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            faults[name].append("the page is wider than the window")
        keep_picture(page, f"{name}-{size}-{theme}-{language}")
    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_signing_in_has_no_barrier(open_page, axe, theme):
    page = open_page(theme=theme, is_signed_in=False, size=SIZES["phone"])
    page.goto("/sign-in")
    assert find_barriers(page, axe) == []
    keep_picture(page, f"sign-in-phone-{theme}-en")


def test_the_preview_of_points_has_no_barrier(open_page, axe):
    page = open_page()
    page.goto("/points/kind?key=Order Completed")
    page.get_by_label("wallet", exact=True).fill("5")
    page.get_by_role("button", name="Preview the effect").click()
    page.wait_for_selector("#preview table")
    assert find_barriers(page, axe) == []
    keep_picture(page, "preview-desk-light-en")


@pytest.mark.parametrize(("theme", "size"), [("light", "phone"), ("dark", "desk")])
def test_forms_that_unfold_and_what_is_shown_once_have_no_barrier(open_page, axe, theme, size):
    page = open_page(theme=theme, size=SIZES[size])
    faults = {}
    for path in ("/staff", "/tokens", "/webhooks", "/associations", "/unattributed", "/keys", "/identities"):
        page.goto(path)
        for unfold in page.locator("main summary").all():
            unfold.click()
        faults[path] = find_barriers(page, axe)
        keep_picture(page, f"unfolded-{path.strip('/')}-{size}-{theme}-en")
    page.goto("/staff")
    page.get_by_role("link", name="ivo").click()
    page.wait_for_selector("text=invited")
    faults["account"] = find_barriers(page, axe)
    keep_picture(page, f"account-{size}-{theme}-en")
    page.get_by_role("button", name="Make the link of the invitation again").click()
    page.wait_for_selector(".secret")
    faults["shown once"] = find_barriers(page, axe)
    keep_picture(page, f"once-{size}-{theme}-en")
    assert {name: found for name, found in faults.items() if found} == {}


CONTROLS = """() => [...document.querySelectorAll(
  "a[href], button, input:not([type=hidden]):not([type=radio]), select, textarea, summary, [tabindex='0']"
)].filter((each) => each.checkVisibility({visibilityProperty: true}) && !each.disabled)"""


def test_every_control_of_every_page_is_reached_by_tab_and_shows_it(open_page):
    page = open_page()
    faults = {}
    for name, path in PAGES.items():
        page.goto(path)
        count = page.evaluate(f"() => {{ window.controls = ({CONTROLS})(); return window.controls.length; }}")
        reached, unseen = set(), set()
        for _ in range(min(count, 120) + 8):
            page.keyboard.press("Tab")
            place, has_outline = page.evaluate(
                "() => [window.controls.indexOf(document.activeElement), "
                "getComputedStyle(document.activeElement).outlineStyle !== 'none']"
            )
            reached.add(place)
            if place >= 0 and not has_outline:
                unseen.add(place)
        missed = set(range(min(count, 110))) - reached
        told = page.evaluate(
            "(places) => places.map((each) => window.controls[each]).filter((each) => each.isConnected)"
            ".map((each) => each.outerHTML.slice(0, 120))",
            sorted(missed | unseen),
        )
        if told:
            faults[name] = told
    assert faults == {}
