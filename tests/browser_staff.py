"""What staff do with every page of the console in a real browser."""

from __future__ import annotations

from console_town import OWNER
from staff_moments import PASSWORD

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
"""The address of every page; the town has something to show on each."""


def sign_in(page):
    """Sign in as the owner, on the page that is open or on the sign-in page."""
    if "/sign-in" not in page.url:
        page.goto("/sign-in")
    page.fill("input[name=email]", OWNER)
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_selector("nav.sections")


def draw_all(page):
    """Scroll through the page until every chart is drawn."""
    waiting = page.locator(".waiting")
    for _ in range(400):
        if not waiting.count():
            break
        # The policy of our pages lets nothing be evaluated again and again within them, so it is asked from here.
        page.evaluate("() => document.querySelector('.waiting')?.scrollIntoView({block: 'center'})")
        page.wait_for_timeout(50)
    assert not waiting.count(), "a chart was never drawn"
    page.evaluate("() => window.scrollTo(0, 0)")


_ASK_FOR_CHARTS = """() => {
  for (const each of document.querySelectorAll(".waiting, .drawn")) {
    each.setAttribute("data-former", "");
    // One that has come into view asks for itself already.
    if (!each.matches(".htmx-request")) {
      htmx.ajax("GET", each.getAttribute("hx-get"), {source: each, target: each, swap: "outerHTML"});
    }
  }
}"""


def draw_for_width(page):
    """Draw every chart for the window as it is now, all at once and also those that are drawn already.

    The requests are a reader's, without the scrolling with which `draw_all` makes the page ask for one after another.
    """
    page.evaluate(_ASK_FOR_CHARTS)
    former = page.locator("[data-former]")
    for _ in range(1000):
        if not former.count():
            return
        page.wait_for_timeout(20)
    raise AssertionError("a chart was never drawn")
