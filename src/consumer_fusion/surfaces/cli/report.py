"""`fusion report`: a report as one HTML file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion.surfaces.cli.as_of_option import AsOfOption, asking_about
from consumer_fusion.surfaces.cli.output import (
    JsonOption,
    WorkspaceOption,
    console,
    print_json,
    show_progress,
)
from consumer_fusion.workspace import open_workspace


class LanguageName(StrEnum):
    """The languages of a report."""

    ENGLISH = "en"
    ITALIAN = "it"


def report(
    out: Annotated[Path, typer.Option(help="Output file, .html.")],
    brand: Annotated[str | None, typer.Option(help="Only this brand.")] = None,
    consumer: Annotated[str | None, typer.Option(help="Consumer whose relationship is explained.")] = None,
    language: Annotated[LanguageName, typer.Option(help="Language of the report.")] = LanguageName.ENGLISH,
    as_of: AsOfOption = None,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Write an HTML report: score distribution, biggest changes, one relationship explained."""
    # Charts are an optional extra; all other commands work without it.
    from consumer_fusion.i18n.locales import load_language
    from consumer_fusion.i18n.translation import use_language
    from consumer_fusion.surfaces.report.report_data import ReportRequest, fill_report
    from consumer_fusion.surfaces.report.writing import WrittenReport, write_report

    with (
        open_workspace(workspace) as opened,
        asking_about(opened, as_of) as moment,
        show_progress(is_quiet=is_json) as progress,
    ):
        request = ReportRequest(as_of=moment, brand=brand, consumer=consumer)
        with use_language(load_language(language.value)):
            filled = fill_report(opened, request, progress)
            write_report(filled, out, progress)
    if is_json:
        print_json(WrittenReport(out=out, pairs=filled.pair_count))
        return
    console.print(f"Report written to {out}")
