"""Jinja2 templates with the number, date and word formats of the request's language, and the frame of every page."""

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
from consumer_fusion.i18n.translation import N_, _, read_language
from consumer_fusion.perception.message_views import ASPECT_WORDS
from consumer_fusion.perception.operations import PARTY_WORDS, POLARITY_WORDS
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
"""Words that appear in the data and are shown translated."""


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """An entry of the navigation.

    Attributes:
        section: Name of the section.
        words: Label.
        path: Path of the page.
    """

    section: str
    words: str
    path: str


@dataclass(frozen=True, slots=True)
class NavigationGroup:
    """A group of navigation entries.

    Attributes:
        words: Heading.
        entries: Entries, in order.
    """

    words: str
    entries: Sequence[NavigationEntry]


@dataclass(frozen=True, slots=True)
class PageFrame:
    """The frame around every page.

    Attributes:
        title: Title of the page.
        section: Current navigation section.
        groups: Navigation entries that the user may open.
        brand: Brand that the page is about.
        brands: The brands to choose from.
        staff_name: Name of the signed-in user; empty when nobody is signed in.
        is_demo: Whether the user was signed in by the demo.
        form_token: CSRF token for every form.
        sign_out_path: Path that signs out.
        here: URL of the page itself.
        theme: `light`, `dark`, or `auto` for what the device says.
        notice: Message about the action just completed.
        is_part: Whether only a part of a page is rendered.
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
    """Hash of our own static files, which makes browsers reload them when they change."""
    folder = files("consumer_fusion.surfaces.console").joinpath("static")
    digest = hashlib.sha256()
    for name in ("console.css", "console.js"):
        digest.update(folder.joinpath(name).read_bytes())
    digest.update(write_style().encode())
    return digest.hexdigest()[:12]


@lru_cache(maxsize=1)
def make_console_environment() -> jinja2.Environment:
    """The Jinja2 environment of the console, created once."""
    environment = make_environment("consumer_fusion.surfaces.console")
    environment.globals |= {
        "find_step": find_step,
        "make_path": make_path,
        "static_path": lambda name: f"{STATIC_PATH}/{name}?v={read_version_of_statics()}",
        "languages": LANGUAGES,
        "evidence_words": LABEL_WORDS,
        "evidence_meanings": LABEL_MEANINGS,
        "list_polarities": lambda: [(value, _(words)) for value, words in POLARITY_WORDS.items()],
        "list_parties": lambda: [(value, _(words)) for value, words in PARTY_WORDS.items()],
    }
    environment.filters |= {
        "field": write_field,
        "money": write_money,
        "code_marks": mark_code,
        "date": lambda text: read_language().write_day(parse_moment(text).date()),
        "aspect": lambda value: _(ASPECT_WORDS[value]),
        "polarity": lambda value: _(POLARITY_WORDS[value]),
        "party": lambda value: _(PARTY_WORDS[value]),
        "iso": lambda text: read_language().write_time(parse_moment(text)),
        "moment": write_moment,
    }
    return environment


def write_field(value: float) -> str:
    """A number as people type it: no unnecessary digits, with the decimal separator of the language."""
    return f"{value:g}".replace(".", read_language().write_number(0.5, 1)[1])


def mark_code(text: str) -> Markup:
    """HTML of a text in which the parts between backquotes are set as code; everything is escaped."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
        for place, part in enumerate(parts)
    )


def write_money(amount: float, currency: str | None) -> str:
    """An amount of money; only the number where its currency is unknown."""
    language = read_language()
    return language.write_money(amount, currency) if currency else language.write_number(amount, 2)


def render_page(template: str, frame: PageFrame, content: object) -> str:
    """HTML of a page or part."""
    return make_console_environment().get_template(template).render(frame=frame, page=content)
