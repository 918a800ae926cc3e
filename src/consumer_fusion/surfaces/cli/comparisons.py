"""`fusion audience` and `fusion panel`: comparisons of the data in a file, with their sources of bias."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion.causal.experiments.compared_files import (
    ExposureReport,
    compare_audience_file,
    compare_panel_file,
)
from consumer_fusion.surfaces.cli.output import JsonOption, console, print_json, print_table

FileArgument = Annotated[Path, typer.Argument(help="Input file, .csv or .parquet.")]


def audience(
    file: FileArgument,
    outcome: Annotated[str, typer.Option(help="Outcome column, one number per person.")],
    arm: Annotated[str, typer.Option(help="Column of the assignment or exposure.")] = "arm",
    is_randomised: Annotated[
        bool, typer.Option("--randomised/--chosen", help="Whether the groups were randomised.")
    ] = False,
    before: Annotated[
        str | None, typer.Option(help="Column of the same outcome in an equally long period before.")
    ] = None,
    earlier: Annotated[
        str | None,
        typer.Option(help="Column of the same outcome in the period before that, for a placebo test."),
    ] = None,
    is_json: JsonOption = False,
) -> None:
    """Compare people reached by an action with others; all other columns are treated as known beforehand."""
    found = compare_audience_file(
        file, outcome=outcome, arm=arm, is_randomised=is_randomised, before=before, earlier=earlier
    )
    if is_json:
        print_json(found)
        return
    print_table(
        f"{outcome} per person, with the action minus without",
        ["", "difference", "95%", "p"],
        [
            [name, f"{each.effect:+.4g}", f"{each.low:+.4g} to {each.high:+.4g}", f"{each.p_value:.3g}"]
            for name, each in (("unadjusted", found.naive), ("adjusted for known columns", found.adjusted))
        ],
        right=["difference", "p"],
    )
    if isinstance(found, ExposureReport):
        print_table(
            "Balance of the groups, in standard deviations",
            ["column", "before", "after weighting"],
            [[one.feature, f"{one.before:+.2f}", f"{one.after:+.2f}"] for one in found.balance],
            right=["before", "after weighting"],
        )
    for sentence in found.sentences:
        console.print(sentence)
    console.print(f"Verdict: {found.label.replace('_', ' ')}")


def panel(
    file: FileArgument,
    unit: Annotated[str, typer.Option(help="Column of the unit that the action affected.")],
    first_period: Annotated[str, typer.Option("--from", help="First period after the action.")],
    is_json: JsonOption = False,
) -> None:
    """Compare one unit with a synthetic control over a few periods; one row per period, one column per unit."""
    found = compare_panel_file(file, unit=unit, first_period=first_period)
    if is_json:
        print_json(found)
        return
    for sentence in found.sentences:
        console.print(sentence)
    if found.low is not None and found.high is not None:
        console.print(f"95% interval {found.low:+.3g} to {found.high:+.3g}; p = {found.p_value:.3f}")
    print_table(
        "Weights of the synthetic control",
        ["unit", "weight"],
        [[name, f"{weight:.0%}"] for name, weight in found.weights.items()],
        right=["weight"],
    )
