"""Templates of pages: their filters for numbers, days and words in the current language, macros and styles."""

from __future__ import annotations

from importlib.resources import files

import jinja2

from consumer_fusion.i18n.labels import (
    SYMBIOSIS_LABELS,
    explain_facet,
    from_day_number,
    name_channel,
    name_direction,
    name_facet,
    name_kind,
    name_rejection,
    name_symbiosis,
    write_share,
)
from consumer_fusion.i18n.messages import translate_message
from consumer_fusion.i18n.number_format import write_signed
from consumer_fusion.i18n.translation import _, ngettext, read_language
from consumer_fusion.records.release import read_product_version
from consumer_fusion.records.timestamps import from_microseconds
from consumer_fusion.views.charts.theme import DARK, LIGHT, write_css_variables
from consumer_fusion.views.tables import write_cell


def make_environment(*packages: str) -> jinja2.Environment:
    """The environment of templates.

    Args:
        packages: Packages whose folder `templates` takes precedence over that of the views.
    """
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader(package) for package in (*packages, "consumer_fusion.views")]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "_": _,
        "ngettext": ngettext,
        "translate_message": translate_message,
        "language_code": lambda: read_language().code,
        "product_version": read_product_version(),
        "symbiosis_labels": SYMBIOSIS_LABELS,
    }
    environment.filters |= {
        "count": lambda value: read_language().write_number(value, 0),
        "score": lambda value: read_language().write_number(value, 1),
        "number": lambda value, decimals=2: read_language().write_number(value, decimals),
        "change": write_signed,
        "share": write_share,
        "day": lambda day: read_language().write_day(from_day_number(day).date()),
        "time": lambda us: read_language().write_time(from_microseconds(us)),
        "symbiosis": name_symbiosis,
        "facet": name_facet,
        "facet_meaning": explain_facet,
        "event_kind": name_kind,
        "rejection": name_rejection,
        "side": name_direction,
        "channel": name_channel,
        "cell": write_cell,
    }
    return environment


def write_style() -> str:
    """The style sheet of all views, with the colours of charts and pages, light and dark."""
    light, dark = write_css_variables(LIGHT), write_css_variables(DARK)
    return (
        f":root {{ color-scheme: light; {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root:not([data-theme=light]) {{ color-scheme: dark; {dark} }} }}\n"
        f":root[data-theme=dark] {{ color-scheme: dark; {dark} }}\n"
        + files("consumer_fusion.views").joinpath("templates", "views.css").read_text(encoding="utf-8")
    )
