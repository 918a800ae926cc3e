"""What staff do with every page of the console in a real browser."""

from __future__ import annotations

from console_town import OWNER
from staff_moments import PASSWORD


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
