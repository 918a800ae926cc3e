"""Every page from 320 px to a wide desk, light and dark, in both languages, folded and unfolded.

Nothing overflows or is cut off, axe finds no barrier (WCAG 2.2 AA), and every control is reached by Tab and shows it.

Pages are many and axe is slow to begin, so each is opened once and then seen in all its looks.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from browser_staff import PAGES, draw_for_width

SIZES = {
    "narrow": {"width": 320, "height": 700},
    "phone": {"width": 390, "height": 844},
    "tablet": {"width": 820, "height": 1100},
    "desk": {"width": 1280, "height": 900},
    "wide": {"width": 1680, "height": 1000},
}
BESIDE = {"desk": ("tablet", "wide"), "phone": ("narrow",)}
"""Further windows, for which the same charts are drawn; only what overflows or is cut off differs there."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass(frozen=True)
class Look:
    """How a page is seen; axe looks at each page in all of `LOOKS`."""

    size: str
    theme: str
    language: str
    is_unfolded: bool


LOOKS = (
    Look("desk", "light", "en", is_unfolded=False),
    Look("phone", "dark", "en", is_unfolded=True),
    Look("phone", "light", "it", is_unfolded=True),
    Look("desk", "dark", "it", is_unfolded=False),
)
GROUPS = [list(PAGES)[first::6] for first in range(6)]
ROWS_SEEN_AGAIN = 25
"""All rows of a table are seen in the first look; so many in the others, where width, colours and words differ."""

SHORTEN = """(count) => document.querySelectorAll("tbody").forEach((each) => [...each.rows].slice(count)
  .forEach((row) => row.remove()))"""
FOLD = """(isUnfolded) => document.querySelectorAll("main details").forEach((each) => {
  each.open = isUnfolded && !each.closest("figure");
})"""
# In the document that is open already: in a new one axe would begin cold again, which takes longer than all it does.
SPEAK = """async (language) => {
  const answer = await fetch(location.href, {headers: {"Accept-Language": language}});
  const told = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.documentElement.lang = told.documentElement.lang;
  document.title = told.title;
  document.body.replaceWith(told.body);
  htmx.process(document.body);
}"""
TELL_OVERFLOW = """() => {
  const controls = "a[href], button, input:not([type=hidden]), select, textarea, summary";
  // What scrolls by itself, such as a table of many columns, is reached by scrolling there.
  const cut = [...document.querySelectorAll(controls)].filter((each) => {
    if (each.matches(".skip") || each.closest(".scroller")) { return false; }
    const box = each.getBoundingClientRect();
    return box.width > 1 && (box.left < -0.5 || box.right > innerWidth + 0.5)
      && each.checkVisibility({visibilityProperty: true});
  });
  const isWider = document.documentElement.scrollWidth > innerWidth;
  return [...(isWider ? ["the page is wider than the window"] : []),
    ...cut.map((each) => "cut off: " + each.outerHTML.slice(0, 120))];
}"""


def begin_axe(page, axe):
    """Load the accessibility engine into the page that is open."""
    # The policy of our pages lets no script in, so axe goes in through the browser itself.
    page.evaluate(f"() => {{ {axe}; }}")


def find_barriers(page, *, without=()):
    """What axe finds, a line for each.

    Args:
        page: A page in which axe was begun.
        without: Parts that were seen before, such as the frame of another page.
    """
    found = page.evaluate(
        "async ([rules, without]) => (await axe.run({exclude: without.map((each) => [each])}, "
        "{runOnly: rules, resultTypes: ['violations']})).violations.map(({id, help, nodes}) => ({id, help, nodes: "
        "nodes.map((each) => each.html.slice(0, 160))}))",
        [RULES, list(without)],
    )
    return [f"{each['id']}: {each['help']}: {each['nodes'][0]} ({len(each['nodes'])})" for each in found]


def find_overflow(page, size):
    """What is wider than the window, or cut off by it; the window takes the size first."""
    page.set_viewport_size(SIZES[size])
    return [f"{size}: {each}" for each in page.evaluate(TELL_OVERFLOW)]


def see(page, look, *, without=(), name=""):
    """The faults of the page that is open in one look and in the windows beside it."""
    page.emulate_media(color_scheme=look.theme, reduced_motion="reduce")
    page.set_viewport_size(SIZES[look.size])
    page.evaluate(FOLD, look.is_unfolded)
    draw_for_width(page)
    faults = [f"{look.size} {look.theme}: {each}" for each in find_barriers(page, without=without)]
    keep_picture(page, f"{name}-{look.size}-{look.theme}-{look.language}")
    for size in (look.size, *BESIDE[look.size]):
        faults += find_overflow(page, size)
    return faults


def keep_picture(page, name):
    """Keep a screenshot where CONSUMER_FUSION_SCREENSHOTS says, to be looked at."""
    folder = os.environ.get("CONSUMER_FUSION_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


CONTROLS = """() => [...document.querySelectorAll(
  "a[href], button, input:not([type=hidden]):not([type=radio]), select, textarea, summary, [tabindex='0']"
)].filter((each) => each.checkVisibility({visibilityProperty: true}) && !each.disabled)"""
WATCH_FOCUS = f"""(isContentOnly) => {{
  const content = document.getElementById("content");
  const controls = ({CONTROLS})().filter((each) => !isContentOnly || content.contains(each));
  window.seen = {{controls, reached: new Set(), unseen: new Set()}};
  document.addEventListener("focusin", (event) => {{
    const place = controls.indexOf(event.target);
    window.seen.reached.add(place);
    if (place >= 0 && getComputedStyle(event.target).outlineStyle === "none") {{ window.seen.unseen.add(place); }}
  }});
  if (isContentOnly) {{ content.focus(); }}
  return controls.length;
}}"""
TELL_FOCUS = """(expected) => window.seen.controls.filter((each, place) => each.isConnected
  && (window.seen.unseen.has(place) || (place < expected && !window.seen.reached.has(place))))
  .map((each) => "not reached by Tab, or not shown to be: " + each.outerHTML.slice(0, 120))"""


def find_unreached(page, *, is_content_only):
    """The controls that Tab does not come to, or that do not show that it has come, of the first hundred and ten."""
    count = page.evaluate(WATCH_FOCUS, is_content_only)
    # Held down it moves on as often as it is repeated, for half of what presses cost.
    for _ in range(min(count, 120) + 8):
        page.keyboard.down("Tab")
    page.keyboard.up("Tab")
    found = page.evaluate(TELL_FOCUS, min(count, 110))
    page.evaluate("() => document.activeElement.blur()")
    return found


@pytest.mark.parametrize("names", GROUPS, ids=lambda names: "-".join(names))
def test_every_page_fits_every_window_and_has_no_barrier_for_eyes_or_keys(open_page, axe, names):
    page = open_page()
    faults = {}
    for name in names:
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page.set_viewport_size(SIZES["desk"])
        page.goto(PAGES[name])
        # The frame is the same around every page, so it is gone through with the first one.
        frame = () if name == names[0] else ("header.top", "nav.sections", "footer")
        faults[name] = find_unreached(page, is_content_only=bool(frame))
        begin_axe(page, axe)
        for before, look in zip((None, *LOOKS), LOOKS, strict=False):
            if before is not None:
                if look.language != before.language:
                    page.evaluate(SPEAK, look.language)
                page.evaluate(SHORTEN, ROWS_SEEN_AGAIN)
            faults[name] += see(page, look, without=frame, name=name)
    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize("size", ["narrow", "phone"])
def test_the_navigation_fits_a_narrow_window_when_it_is_unfolded(open_page, size):
    page = open_page(size=SIZES[size], language="it")
    page.goto("/brands")
    page.locator("button.menu").click()
    assert page.locator("#sections").is_visible()
    assert find_overflow(page, size) == []


def test_signing_in_has_no_barrier(open_page, axe):
    page = open_page(is_signed_in=False)
    page.goto("/sign-in")
    begin_axe(page, axe)
    assert [fault for look in LOOKS[:2] for fault in see(page, look, name="sign-in")] == []


def test_the_preview_of_points_has_no_barrier(open_page, axe):
    page = open_page()
    page.goto("/points/kind?key=Order Completed")
    page.get_by_label("spend", exact=True).fill("5")
    page.get_by_role("button", name="Preview the effect").click()
    page.wait_for_selector("#preview table")
    begin_axe(page, axe)
    assert see(page, LOOKS[0], name="preview") + find_overflow(page, "narrow") == []


def test_an_account_and_what_is_shown_once_have_no_barrier(open_page, axe):
    page = open_page()
    page.goto("/staff")
    page.get_by_role("link", name="ivo").click()
    page.wait_for_selector("text=invited")
    begin_axe(page, axe)
    assert [fault for look in LOOKS[:2] for fault in see(page, look, name="account")] == []
    page.get_by_role("button", name="Create a new invitation link").click()
    page.wait_for_selector(".secret")
    begin_axe(page, axe)
    assert [fault for look in LOOKS[:2] for fault in see(page, look, name="once")] == []
