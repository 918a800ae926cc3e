"""`fusion metrics`: what is told day by day, from events and from files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from consumer_fusion.causal.effects.metric_list import list_metrics
from consumer_fusion.causal.series.imported_metrics import import_metrics
from consumer_fusion.surfaces.cli.on_record import open_recorded
from consumer_fusion.surfaces.cli.output import JsonOption, WorkspaceOption, console, print_json, print_table
from consumer_fusion.workspace import open_workspace

application = typer.Typer(help="Metrics: daily series from events and from files.", no_args_is_help=True)


@application.command("list")
def list_(
    brand: Annotated[str | None, typer.Option(help="Only of this brand.")] = None,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """List which metrics there are, of whom, in which step and of how many values."""
    with open_workspace(workspace) as opened:
        rows = list_metrics(opened, brand=brand)
    if is_json:
        print_json(rows)
        return
    if not rows:
        console.print("No metrics yet. Next: fusion metrics import FILE --metric NAME --brand BRAND")
        return
    print_table(
        "Metrics",
        ["metric", "of", "from", "to", "values", "missing", "mean", "source"],
        [
            [
                row["metric"], row["of"], row["first_day"], row["last_day"], _count_steps(row), row["missing"],
                f"{row['mean']:,.4g}", row["origin"],
            ]
            for row in rows
        ],
        right=["values", "missing", "mean"],
    )  # fmt: skip


def _count_steps(row: dict[str, Any]) -> str:
    return f"{row['days']} {row['step']}{'' if row['days'] == 1 else 's'}"


@application.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A .csv or .jsonl file with a day and a value a row.")],
    metric: Annotated[str | None, typer.Option(help="The metric, where rows do not say it.")] = None,
    brand: Annotated[str | None, typer.Option(help="Whose it is, where rows do not say it.")] = None,
    consumer: Annotated[str | None, typer.Option(help="Whose it is, where rows do not say it.")] = None,
    region: Annotated[str | None, typer.Option(help="Where, where rows do not say it.")] = None,
    product: Annotated[str | None, typer.Option(help="Of which product, where rows do not say it.")] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="count, cumulative (a total that grows), mean or level. Default: count."),
    ] = None,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Keep the series of a file, daily, weekly or monthly; a day that is there already is replaced."""
    told = {
        "metric": metric, "brand": brand, "consumer": consumer, "region": region, "product": product, "kind": kind
    }  # fmt: skip
    with open_recorded(workspace, "import metrics", detail={"file": file.name}) as opened:
        found = import_metrics(
            opened, file, defaults={name: value for name, value in told.items() if value is not None}
        )
    if is_json:
        print_json(
            {"series": found.series, "days": found.days, "weekly": found.weekly, "monthly": found.monthly}
        )
        return
    daily = found.series - found.weekly - found.monthly
    kinds = {daily: "days", found.weekly: "weeks", found.monthly: "months"}
    unit = kinds.get(found.series, "values") if found.series else "days"
    console.print(f"{found.days} {unit} of {found.series} series kept")
    for count, words, step in (
        (found.weekly, "one value every 7 days", "week"),
        (found.monthly, "one value a month", "month"),
    ):
        if count:
            console.print(
                f"{count} of them {'has' if count == 1 else 'have'} {words}: measured by the {step}."
            )
