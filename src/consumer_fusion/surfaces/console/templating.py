"""Templates: Jinja2 with the language of the visit, its numbers, days and words, and the frame of every page."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import jinja2
from markupsafe import Markup, escape

from consumer_fusion.causal.effects.effect_wording import LABEL_MEANINGS, LABEL_WORDS
from consumer_fusion.i18n.locales import LANGUAGES
from consumer_fusion.i18n.translation import N_, read_language
from consumer_fusion.records.timestamps import parse_moment, write_moment
from consumer_fusion.surfaces.console.next_steps import find_step
from consumer_fusion.surfaces.console.urls import STATIC_PATH, make_path
from consumer_fusion.views.page_templates import make_environment, write_style

SAID_BY_NAME = (
    N_("server"),
    N_("browser"),
    N_("webhook"),
    N_("staff"),
    N_("token"),
    N_("link"),
    N_("command line"),
)
"""Words that come from the data and are said as they are named there."""


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """An entry of the navigation.

    Attributes:
        section: Its name.
        words: What it says.
        path: Where it leads.
    """

    section: str
    words: str
    path: str


@dataclass(frozen=True, slots=True)
class NavigationGroup:
    """Entries of the navigation that belong together.

    Attributes:
        words: What they have in common.
        entries: In their order.
    """

    words: str
    entries: Sequence[NavigationEntry]


@dataclass(frozen=True, slots=True)
class PageFrame:
    """What stands around every page.

    Attributes:
        title: Of the page.
        section: Which entry of the navigation is open.
        groups: The navigation, as far as the visitor may go.
        brand: The brand that the page is about.
        brands: The brands to choose from.
        staff_name: Who is signed in; empty for nobody.
        is_demo: Whether the visitor came in by the demo.
        form_token: What every form carries.
        sign_out_path: Where signing out is.
        here: The address of the page itself.
        theme: `light`, `dark`, or `auto` for what the device says.
        notice: What has just been done.
        is_part: Whether only a part of a page is answered.
    """

    title: str
    section: str = ""
    groups: Sequence[NavigationGroup] = ()
    brand: str | None = None
    brands: Sequence[str] = ()
    staff_name: str = ""
    is_demo: bool = False
    form_token: str = ""
    sign_out_path: str = ""
    here: str = "/"
    theme: str = "auto"
    notice: str = ""
    is_part: bool = False


@lru_cache(maxsize=1)
def read_version_of_statics() -> str:
    """A digest of our own static files, so that browsers keep them until they change."""
    folder = files("consumer_fusion.surfaces.console").joinpath("static")
    digest = hashlib.sha256()
    for name in ("console.css", "console.js"):
        digest.update(folder.joinpath(name).read_bytes())
    digest.update(write_style().encode())
    return digest.hexdigest()[:12]


@lru_cache(maxsize=1)
def make_console_environment() -> jinja2.Environment:
    """The one environment of the console's templates."""
    environment = make_environment("consumer_fusion.surfaces.console")
    environment.globals |= {
        "find_step": find_step,
        "make_path": make_path,
        "static_path": lambda name: f"{STATIC_PATH}/{name}?v={read_version_of_statics()}",
        "languages": LANGUAGES,
        "evidence_words": LABEL_WORDS,
        "evidence_meanings": LABEL_MEANINGS,
    }
    environment.filters |= {
        "field": write_field,
        "money": write_money,
        "code_marks": mark_code,
        "date": lambda text: read_language().write_day(parse_moment(text).date()),
        "iso": lambda text: read_language().write_time(parse_moment(text)),
        "moment": write_moment,
    }
    return environment


def write_field(value: float) -> str:
    """A number as people would fill it in: as long as it needs to be, with the decimal sign of the language."""
    return f"{value:g}".replace(".", read_language().write_number(0.5, 1)[1])


def mark_code(text: str) -> Markup:
    """A text whose parts between backquotes are set as code; everything else of it is escaped."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    )


def write_money(amount: float, currency: str | None) -> str:
    """An amount of money; a number alone where its currency is not known."""
    language = read_language()
    return language.write_money(amount, currency) if currency else language.write_number(amount, 2)


def render_page(template: str, frame: PageFrame, content: object) -> str:
    """The HTML of a page or part."""
    return make_console_environment().get_template(template).render(frame=frame, page=content)
