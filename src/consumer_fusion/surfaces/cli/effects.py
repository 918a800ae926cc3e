"""`fusion effect`, `fusion effects`: what actions did, with how sure one may be of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion.causal.effects import effect_wording, shrinking
from consumer_fusion.causal.effects.measuring import Question, measure_action, search_delay
from consumer_fusion.causal.effects.placebo_learning import calibrate_effects
from consumer_fusion.causal.effects.shrinking import (
    MOST_FALSE_SHARE,
    ShownEffect,
    describe_effect,
    describe_listed_effect,
    measure_effects,
    show_effect,
)
from consumer_fusion.score.queries import answers
from consumer_fusion.surfaces.cli.on_record import open_recorded
from consumer_fusion.surfaces.cli.output import (
    JsonOption,
    WorkspaceOption,
    console,
    draw_sparkline,
    error_console,
    print_json,
    print_table,
    show_progress,
)
from consumer_fusion.workspace import open_workspace

application = typer.Typer(help="All measured effects, raw and shrunk within their kind.")


def effect(
    action: Annotated[str, typer.Argument(help="The id of the action.")],
    metric: Annotated[
        str, typer.Option(help="What it may have moved; `fusion metrics list` shows them.")
    ] = "orders",
    consumer: Annotated[str | None, typer.Option(help="Of this consumer's own series.")] = None,
    product: Annotated[str | None, typer.Option(help="Of this product's series.")] = None,
    delay_days: Annotated[int | None, typer.Option(help="Another delay than was declared.")] = None,
    effect_days: Annotated[int | None, typer.Option(help="Another length than was declared.")] = None,
    search_delays: Annotated[
        int | None,
        typer.Option(
            help="Try all delays up to so many days; the p-value is that of such a search.", min=1, max=60
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            help="What could be said at this moment: ISO 8601, 'now', or 'latest' for the newest event. Default: now."
        ),
    ] = None,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Measure what an action did to a metric, and say how sure that is."""
    with open_workspace(workspace) as opened:
        # Nothing of an effect fades while no events come in, and only the one of now is kept for everybody to see.
        as_of_us = answers.find_fixed_moment(opened, answers.parse_as_of(as_of or "now"))
        question = Question(
            action_id=action, metric=metric, consumer=consumer, product=product, delay_days=delay_days,
            effect_days=effect_days, as_of_us=as_of_us,
        )  # fmt: skip
        report = (
            measure_action(opened, question)
            if search_delays is None
            else search_delay(opened, question, range(search_delays + 1))
        )
        shown = show_effect(opened, report)
    if is_json:
        left_out = [{"name": name, "reason": why} for name, why in effect_wording.list_left_out(shown.report)]
        print_json({**describe_effect(shown), "left_out": left_out})
        return
    _print_effect(shown)


def _print_effect(shown: ShownEffect) -> None:
    report = shown.report
    console.print(f"{shown.title} ({report.action}), {shown.brand}")
    console.print(f"{report.metric} of {report.series}, {effect_wording.tell_window(report)}\n")
    console.print(effect_wording.tell_label(report.label))
    for sentence in effect_wording.tell_finding(shown):
        console.print(sentence)
    seen = [value for value in report.observed if value is not None]
    if seen:
        values = [*seen, *(value for value in report.expected if value is not None)]
        for name, row in (("observed", report.observed), ("expected", report.expected)):
            drawn = [value if value is not None else min(values) for value in row]
            console.print(f"{name}  {draw_sparkline(drawn, low=min(values), high=max(values))}")
    console.print()
    print_table(
        "What was looked at",
        ["", "check", "in words"],
        [[_MARKS[each.verdict], each.name, each.tell()] for each in report.checks],
    )
    for name, why in effect_wording.list_left_out(report):
        console.print(f"Left out of what it is compared with: {name} ({why}).")
    console.print(f"Calibrated by {effect_wording.tell_placebos(report.library)}." if report.library else "")


_MARKS = {"passed": "✓", "warned": "!", "refused": "✗"}


@application.callback(invoke_without_command=True)
def list_effects(
    context: typer.Context,
    brand: Annotated[str | None, typer.Option(help="Only actions of this brand.")] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="Only this metric; may be given several times.")
    ] = None,
    is_kept: Annotated[
        bool, typer.Option("--kept", help="Only show what was measured before; measure nothing.")
    ] = False,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Measure all declared actions, and list their effects raw and shrunk."""
    if context.invoked_subcommand is not None:
        return
    metrics = metric or []
    with open_workspace(workspace) as opened:
        problems: list[str] = []
        if not is_kept:
            with show_progress(is_quiet=is_json) as progress:
                problems = measure_effects(opened, brand=brand, metrics=metrics, progress=progress)
        shown = [
            each
            for each in shrinking.list_effects(opened, brand=brand)
            if not metrics or each.report.metric in metrics
        ]
    if is_json:
        print_json([describe_listed_effect(each) for each in shown])
        return
    if problems:
        error_console.print(f"Not measured: {', '.join(problems)}.", soft_wrap=True)
        error_console.print("`fusion metrics list` shows of whom there are enough days.", soft_wrap=True)
    if not shown:
        console.print("No effects yet. Next: fusion actions import FILE, and metrics from before it")
        return
    print_table(
        "Effects",
        ["action", "metric", "effect", "shrunk", "q", "may be said"],
        [
            [
                each.report.action, each.report.metric,
                "" if each.report.told_with
                else _tell_change(each.report.relative, each.report.low, each.report.high),
                "" if each.shrunk is None or not each.shrunk.is_shrunk
                else _tell_change(each.shrunk.mean, each.shrunk.low, each.shrunk.high),
                effect_wording.write_p_value(each.q_value),
                effect_wording.name_verdict(each),
            ]
            for each in shown
        ],
        right=["q"],
    )  # fmt: skip
    console.print(
        "Shrunk: drawn towards other actions of its kind, where there are at least five. "
        "q: the share of false finds if the list of a brand is cut there; above "
        f"{MOST_FALSE_SHARE:.0%} nothing is told as found. "
        f"It is computed over {_tell_lists(shown)}.",
        soft_wrap=True,
    )


def _tell_lists(shown: Sequence[ShownEffect]) -> str:
    """Over how many effects of which brand the shares of false finds are."""
    counts = {each.brand: each.q_count for each in shown}
    return ", ".join(
        f"{count} effect{'' if count == 1 else 's'} of {brand}" for brand, count in sorted(counts.items())
    )


def _tell_change(mean: float | None, low: float | None, high: float | None) -> str:
    if mean is None:
        return effect_wording.write_relative(None)
    return f"{effect_wording.write_relative(mean)} ({effect_wording.write_interval(low, high)})"


@application.command()
def calibrate(workspace: WorkspaceOption = Path(), is_json: JsonOption = False) -> None:
    """Learn from the workspace's own past, where nothing was done, how far chance goes; only what changed is read."""
    with open_recorded(workspace, "measure effects") as opened, show_progress(is_quiet=is_json) as progress:
        learnt = calibrate_effects(opened, progress)
    if is_json:
        print_json(
            {"series": learnt.series, "measured": learnt.measured, "windows": learnt.windows,
             "is_in_force": learnt.is_in_force}
        )  # fmt: skip
        return
    console.print(
        f"{learnt.series} series, {learnt.measured} of them measured anew, {learnt.windows:,.0f} windows without "
        f"an action; {effect_wording.tell_library(learnt.is_in_force)}",
        soft_wrap=True,
    )
