"""What staff do with every page of the console in a real browser."""

from __future__ import annotations

from urllib.parse import urlsplit

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


_FIND_CONTROL = """(worked) => {
  const asking = "[hx-get], [hx-post], [hx-put], [hx-patch], [hx-delete], [hx-boost=true]";
  const isAsking = ({name}) => /^hx-(get|post|put|patch|delete|boost)$/.test(name);
  window.nameControl = (each) => [...each.attributes].filter(isAsking)
    .map(({name, value}) => name + "=" + value).join(" ") + " on " + (each.getAttribute("hx-trigger") || each.tagName);
  // Buttons that differ only in what they are about, such as the events of a list, are worked from the last one on.
  const isWorked = (each) => worked.includes(nameControl(each)) || (each.matches("button")
    && worked.filter((name) => name.split("?")[0] === nameControl(each).split("?")[0]).length >= 3);
  return [...document.querySelectorAll(asking)].reverse()
    .find((each) => each.checkVisibility() && !each.querySelector("fieldset:disabled") && !isWorked(each)) || null;
}"""
_PREPARE = """(control) => {
  const told = control.getAttribute("hx-target"), swap = control.getAttribute("hx-swap") || "innerHTML";
  const near = told && told.startsWith("closest ");
  const target = !told ? control : near ? control.closest(told.slice(8)) : document.querySelector(told);
  if (swap === "outerHTML") {
    target.setAttribute("data-before", "");
    window.place = {parent: target.parentElement, first: target.previousSibling, last: target.nextSibling};
  } else {
    target.insertAdjacentHTML("beforeend", "<i data-before></i>");
    window.place = {parent: target, first: null, last: null};
  }
  return {
    name: nameControl(control), is_upload: !!control.querySelector("input[type=file]"),
    trigger: control.getAttribute("hx-trigger") || "",
    path: new URL(control.getAttribute("hx-get") || control.getAttribute("hx-post") || "", location).pathname,
  };
}"""
_TELL_FAULTS = """() => {
  const faults = [], {parent, first, last} = window.place;
  if (document.querySelector("[data-before]")) { return null; }
  const range = document.createRange();
  if (first) { range.setStartAfter(first); } else { range.setStart(parent, 0); }
  if (last) { range.setEndBefore(last); } else { range.setEnd(parent, parent.childNodes.length); }
  const came = range.cloneContents();
  if (!came.textContent.trim() && !came.querySelector("svg, .beside")) { faults.push("its place is empty"); }
  if (came.querySelector("main, nav.sections, header.top, footer")) { faults.push("a whole page came into it"); }
  for (const part of ["main", "h1", "header.top", "nav.sections"]) {
    if (document.querySelectorAll(part).length !== 1) { faults.push("the page no longer has one " + part); }
  }
  const ids = [...document.querySelectorAll("[id]")].map((each) => each.id);
  const twice = ids.filter((each, place) => ids.indexOf(each) !== place);
  if (twice.length) { faults.push("ids stand twice: " + twice.join(", ")); }
  return faults;
}"""
NO_PEOPLE = {"name": "people.csv", "mimeType": "text/csv", "buffer": b"colour,size\nred,3\n"}
"""A file that is refused at once; to compare people takes longer than all other controls."""
_BY_ITSELF = ("load", "intersect once")
_BY_SCRIPT = ("refresh", "redraw")
"""What the page's own script asks for: when new events arrived."""


def work_controls(page):
    """Work every control of the open page that asks for a part of a page, once; of buttons of a list, the last three.

    Returns:
        The controls that were worked, and a line for each fault: nothing came, it was refused, it came to another
        place, or the page is no longer whole.
    """
    worked, faults = [], []
    while (control := page.evaluate_handle(_FIND_CONTROL, worked).as_element()) is not None:
        told = control.evaluate(_PREPARE)
        worked.append(told["name"])
        if told["trigger"] in _BY_ITSELF:
            faults.append(f"{told['name']}: it should have asked by itself")
            continue
        with page.expect_response(lambda answer, path=told["path"]: _read_path(answer.url) == path) as asked:
            _work(control, told["trigger"])
        if not asked.value.ok and not (told["is_upload"] and asked.value.status == 400):
            faults.append(f"{told['name']}: answered {asked.value.status}")
            continue
        found = None
        for _ in range(250):
            found = page.evaluate(_TELL_FAULTS)
            if found is not None:
                break
            page.wait_for_timeout(20)
        faults += [
            f"{told['name']}: {each}" for each in (["its place stayed as it was"] if found is None else found)
        ]
    return worked, faults


def _work(control, trigger):
    if trigger in _BY_SCRIPT:
        control.evaluate("(each, name) => htmx.trigger(each, name)", trigger)
    elif not trigger and control.evaluate("(each) => each.matches('a, button')"):
        control.click()
    elif "input changed" in trigger:
        control.query_selector("input[type=search]").type("e")
    elif control.evaluate("(each) => each.matches('form')"):
        for upload in control.query_selector_all("input[type=file]"):
            upload.set_input_files(NO_PEOPLE)
        control.query_selector("button[type=submit]").click()
    else:
        raise AssertionError(f"nobody has said here how such a control is worked: {trigger}")


def _read_path(address):
    return urlsplit(address).path
