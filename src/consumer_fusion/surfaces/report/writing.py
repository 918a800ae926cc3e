"""Putting a page together and writing it to a file, whole or not at all."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from consumer_fusion.errors import MissingExtraError
from consumer_fusion.records.timestamps import to_microseconds
from consumer_fusion.surfaces.report.page import ReportPage, check_page


def write_report(page: ReportPage, path: Path) -> Path:
    """Write a report as one HTML file that refers to nothing outside itself.

    Args:
        page: What it shows.
        path: The file; one that is there is replaced, and only once the new one is complete.

    Returns:
        The file.

    Raises:
        InputError: A table of the page lacks a column.
        MissingExtraError: The extra `report` is not installed.
    """
    check_page(page)
    html = render_report(page)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    draft.write_text(html, encoding="utf-8")
    os.replace(draft, path)
    return path


def render_report(page: ReportPage) -> str:
    """The HTML of a report."""
    try:
        import jinja2
    except ModuleNotFoundError as missing:
        raise MissingExtraError(
            "A report needs the library jinja2, which is not installed.",
            hint="pip install 'consumer-fusion[report]'",
        ) from missing
    # Charts and what is drawn with them need the extra too; only who writes a report pays for loading them.
    from consumer_fusion.surfaces.report.calibration_section import make_calibration_section
    from consumer_fusion.surfaces.report.effects_section import make_effects_section
    from consumer_fusion.surfaces.report.pair_section import make_pair_section
    from consumer_fusion.surfaces.report.sections import (
        make_brand_sections,
        make_intake_section,
        make_movers_section,
        make_pairs_section,
    )
    from consumer_fusion.views.charts.labels import (
        SYMBIOSIS_MEANINGS,
        SYMBIOSIS_WORDS,
        write_count,
        write_score,
        write_time,
    )
    from consumer_fusion.views.charts.theme import DARK, LIGHT, write_css_variables

    sections = make_brand_sections(page)
    movers, pairs, intake = make_movers_section(page), make_pairs_section(page), make_intake_section(page)
    pair = None if page.pair is None else make_pair_section(page.pair)
    calibration = None if page.calibration is None else make_calibration_section(page.calibration)
    effects = make_effects_section(page)
    folder = files("consumer_fusion.surfaces.report")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"count": write_count, "score": write_score, "time": write_time}
    template = environment.from_string(folder.joinpath("report.html.j2").read_text(encoding="utf-8"))
    return template.render(
        page=page,
        made_at_us=to_microseconds(page.made_at),
        sections=[
            part
            for part in (*sections, movers, pair, effects, pairs, intake, calibration)
            if part is not None
        ],
        words=[(SYMBIOSIS_WORDS[key], SYMBIOSIS_MEANINGS[key]) for key in SYMBIOSIS_WORDS],
        style=folder.joinpath("report.css").read_text(encoding="utf-8"),
        light=write_css_variables(LIGHT),
        dark=write_css_variables(DARK),
    )
