"""`fusion plan`: before acting, how small an effect could be found, and whom to leave out by chance."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion.causal.effects import effect_wording
from consumer_fusion.causal.effects.power_analysis import (
    COUNTED_METRICS,
    USUAL_LENGTHS,
    describe_plan,
    plan_actions,
    suggest_holdouts,
)
from consumer_fusion.records.timestamps import parse_moment, to_day, to_microseconds
from consumer_fusion.surfaces.cli.output import JsonOption, WorkspaceOption, console, print_json, print_table
from consumer_fusion.workspace import open_workspace


def plan(
    brand: Annotated[str, typer.Argument(help="The brand that would act.")],
    metric: Annotated[str, typer.Option(help="What it would be to move.")] = "orders",
    start: Annotated[
        list[str] | None, typer.Option(help="A first day, ISO 8601; may be given again. Default: tomorrow.")
    ] = None,
    days: Annotated[
        list[int] | None, typer.Option(help="A length in days; may be given again. Default: 1, 3, 7, 14, 28.")
    ] = None,
    workspace: WorkspaceOption = Path(),
    is_json: JsonOption = False,
) -> None:
    """Tell how small an effect could be found, by date, length and region, and by hold-outs of consumers."""
    lengths = days or list(USUAL_LENGTHS)
    with open_workspace(workspace) as opened:
        plans = plan_actions(
            opened, brand, metric=metric, lengths=lengths,
            starts=[to_day(to_microseconds(parse_moment(each))) for each in start or ()],
        )  # fmt: skip
        holdouts = (
            suggest_holdouts(opened, brand, metric=metric, days=max(lengths))
            if metric in COUNTED_METRICS
            else []
        )
    if is_json:
        print_json(
            {
                "plans": [describe_plan(each, metric) for each in plans],
                "holdouts": [
                    {"share": each.share, "held_out": each.held_out, "treated": each.treated,
                     "detectable": each.detectable}
                    for each in holdouts
                ],
            }
        )  # fmt: skip
        return
    print_table(
        f"Smallest detectable effect on {metric} at 80% power",
        ["series", "from", "days", "effect", "beside it"],
        [
            [
                each.series, effect_wording.write_day(each.start_day), each.days,
                effect_wording.write_relative(each.detectable), f"{each.sisters} series",
            ]
            for each in plans
        ],
        right=["days", "effect"],
    )  # fmt: skip
    if holdouts:
        print_table(
            f"The same for a hold-out drawn by chance among the consumers, over {max(lengths)} days",
            ["left out", "people left out", "people who get it", "effect"],
            [
                [
                    f"{each.share:.0%}", f"{each.held_out:,}", f"{each.treated:,}",
                    effect_wording.write_relative(each.detectable),
                ]
                for each in holdouts
            ],
            right=["left out", "people left out", "people who get it", "effect"],
        )  # fmt: skip
        console.print("`fusion holdout` draws one, puts it on record and writes its list.", soft_wrap=True)
