"""Templates: Jinja2 with the language of the visit, its numbers, days and words, and the frame of every page."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup, escape

from consumer_fusion.causal.effects.effect_wording import LABEL_MEANINGS, LABEL_WORDS
from consumer_fusion.i18n.locales import LANGUAGES
from consumer_fusion.i18n.number_format import write_relative
from consumer_fusion.i18n.translation import mark, read_language, say, say_count, say_written
from consumer_fusion.records.release import read_product_version
from consumer_fusion.records.timestamps import from_microseconds, parse_moment, write_moment
from consumer_fusion.surfaces.console.drawings import Column
from consumer_fusion.surfaces.console.next_steps import find_step
from consumer_fusion.surfaces.console.urls import STATIC_PATH, make_path
from consumer_fusion.views.charts.labels import (
    DIRECTION_WORDS,
    SYMBIOSIS_MEANINGS,
    SYMBIOSIS_WORDS,
    from_day_number,
)
from consumer_fusion.views.charts.theme import DARK, LIGHT, write_css_variables

FACET_WORDS: Mapping[str, str] = {
    "wallet": mark("wallet"),
    "feet": mark("feet"),
    "voice": mark("voice"),
    "influence": mark("influence"),
    "service": mark("service"),
    "delight": mark("delight"),
    "standing": mark("standing"),
    "wellbeing": mark("wellbeing"),
}
FACET_MEANINGS: Mapping[str, str] = {
    "wallet": mark("money spent and taken back"),
    "feet": mark("coming, looking, taking part"),
    "voice": mark("what is said, in public and in private"),
    "influence": mark("moving others, aloud or by being seen"),
    "service": mark("being helped, in time and well"),
    "delight": mark("getting what was wanted"),
    "standing": mark("how it makes one look to others"),
    "wellbeing": mark("money left, peace, privacy"),
}
_SYMBIOSIS: dict[str, str] = {str(name): words for name, words in SYMBIOSIS_WORDS.items()}
_DIRECTIONS: dict[str, str] = {str(name): words for name, words in DIRECTION_WORDS.items()}
SAID_BY_NAME = (
    mark("fading"),
    mark("known"),
    mark("unknown"),
    mark("other channels"),
    mark("server"),
    mark("browser"),
    mark("webhook"),
    mark("staff"),
    mark("token"),
    mark("link"),
    mark("command line"),
    mark("product"),
    mark("web"),
    mark("shop"),
    mark("email"),
    mark("post"),
    mark("chat"),
    mark("app"),
    mark("social"),
    mark("phone"),
)
"""Words that come from the data and are said as they are named there."""


@dataclass(frozen=True, slots=True)
class Entry:
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
class EntryGroup:
    """Entries of the navigation that belong together.

    Attributes:
        words: What they have in common.
        entries: In their order.
    """

    words: str
    entries: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around every page.

    Attributes:
        title: Of the page.
        section: Which entry of the navigation is open.
        groups: The navigation, as far as the visitor may go.
        brand: The brand that the page is about.
        brands: The brands to choose from.
        visitor_name: Who is signed in; empty for nobody.
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
    groups: Sequence[EntryGroup] = ()
    brand: str | None = None
    brands: Sequence[str] = ()
    visitor_name: str = ""
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
    digest.update(write_palettes().encode())
    return digest.hexdigest()[:12]


def write_palettes() -> str:
    """The style sheet with the colours of charts and pages, light and dark."""
    light, dark = write_css_variables(LIGHT), write_css_variables(DARK)
    return (
        f":root {{ color-scheme: light; {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root:not([data-theme=light]) {{ color-scheme: dark; {dark} }} }}\n"
        f":root[data-theme=dark] {{ color-scheme: dark; {dark} }}\n"
    )


@lru_cache(maxsize=1)
def make_environment() -> jinja2.Environment:
    """The one Jinja2 environment."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("consumer_fusion.surfaces.console", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "say": say,
        "say_count": say_count,
        "find_step": find_step,
        "say_written": say_written,
        "make_path": make_path,
        "static_path": lambda name: f"{STATIC_PATH}/{name}?v={read_version_of_statics()}",
        "languages": LANGUAGES,
        "language_code": lambda: read_language().code,
        "product_version": read_product_version(),
        "facet_words": FACET_WORDS,
        "facet_meanings": FACET_MEANINGS,
        "symbiosis_words": SYMBIOSIS_WORDS,
        "symbiosis_meanings": SYMBIOSIS_MEANINGS,
        "direction_words": DIRECTION_WORDS,
        "evidence_words": LABEL_WORDS,
        "evidence_meanings": LABEL_MEANINGS,
    }
    environment.filters |= {
        "count": lambda value: read_language().write_number(value, 0),
        "score": lambda value: read_language().write_number(value, 1),
        "field": write_field,
        "number": lambda value, decimals=2: read_language().write_number(value, decimals),
        "change": write_signed,
        "share": write_share,
        "money": write_money,
        "code_marks": mark_code,
        "day": lambda day: read_language().write_day(from_day_number(day).date()),
        "time": lambda us: read_language().write_time(from_microseconds(us)),
        "date": lambda text: read_language().write_day(parse_moment(text).date()),
        "iso": lambda text: read_language().write_time(parse_moment(text)),
        "moment": write_moment,
        "symbiosis": lambda name: say(_SYMBIOSIS.get(str(name), str(name))),
        "cell": write_cell,
    }
    return environment


def write_signed(value: float, decimals: int = 2) -> str:
    """A signed number; what rounds to nothing has no sign."""
    language = read_language()
    text = language.write_number(abs(value), decimals)
    if not any(digit in text for digit in "123456789"):
        return text
    return f"+{text}" if value > 0 else f"−{text}"


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


def write_share(share: float) -> str:
    """A share as a percentage; what rounds to nothing or to all, but is not, is told as such."""
    if 0 < share < 0.005:
        return say("under {share}", share=read_language().write_share(0.01))
    if 0.995 <= share < 1:
        return say("over {share}", share=read_language().write_share(0.99))
    return read_language().write_share(share)


def write_cell(value: Any, column: Column) -> str:
    """The value of a table's cell as its kind is written."""
    if value is None:
        return say("unknown")
    language = read_language()
    match column.kind:
        case "score":
            return language.write_number(value, 1)
        case "number":
            return language.write_number(value, 2)
        case "change":
            return write_signed(value)
        case "count":
            return language.write_number(value, 0)
        case "share":
            return write_share(value)
        case "relative":
            return write_relative(value)
        case "p_value":
            return language.write_number(value, 3)
        case "day":
            return language.write_day(from_day_number(value).date())
        case "time":
            return language.write_time(from_microseconds(value))
        case "class":
            return say(_SYMBIOSIS.get(value, str(value)))
        case "side":
            return say(_DIRECTIONS.get(value, str(value)))
        case "facet" | "certainty" | "channel" | "kind":
            return say(str(value))
    return str(value)


def render_page(template: str, frame: Frame, content: object) -> str:
    """The HTML of a page or part."""
    return make_environment().get_template(template).render(frame=frame, page=content)
