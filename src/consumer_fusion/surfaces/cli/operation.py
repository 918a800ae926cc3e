"""`fusion init`, `points`, `export`, and `doctor`: the life of a workspace."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from consumer_fusion import inspection
from consumer_fusion.causal.experiments.rollout import list_suggestions
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.points.points_table import load_points, write_points
from consumer_fusion.score.points_comparison import compare_points
from consumer_fusion.surfaces.cli.moments import AsOfOption, asking_about
from consumer_fusion.surfaces.cli.output import (
    JsonOption,
    WorkspaceOption,
    console,
    print_json,
    print_table,
    show_progress,
)
from consumer_fusion.workspace import create_workspace, open_workspace


def init(
    folder: Annotated[Path, typer.Argument(help="Where.")] = Path(), is_json: JsonOption = False
) -> None:
    """Make a new workspace with its settings file and a file for points of your own."""
    made = create_workspace(folder)
    with open_workspace(made) as opened:
        put_points_in_force(opened)
    if is_json:
        print_json({"workspace": str(made.resolve())})
        return
    console.print(f"A new workspace in {made}")
    # Whoever made it elsewhere than where they are must say where.
    place = "" if made.resolve() == Path().resolve() else f" --workspace {shlex.quote(str(made))}"
    console.print(
        f"Next: fusion import FILE --map MAP.toml{place}, or --format events", style="dim", soft_wrap=True
    )


def points(
    workspace: WorkspaceOption = Path(),
    is_difference: Annotated[
        bool, typer.Option("--diff", help="Only what differs from the shipped table.")
    ] = False,
    is_json: JsonOption = False,
) -> None:
    """The points in force: what each kind of event adds to which facet, and how fast it fades."""
    with open_workspace(workspace) as opened:
        force = put_points_in_force(opened)
        unscored = inspection.count_unscored(opened)
        suggestions = list_suggestions(opened)
    differences = compare_points(load_points(), force.points)
    if is_json:
        told: dict[str, object] = {"version": force.points.version, "no_points_yet": unscored}
        told["differences"] = [
            {"kind": each.key, "field": each.field, "before": each.before, "after": each.after}
            for each in differences
        ]
        told["suggestions"] = [each.model_dump(mode="json") for each in suggestions]
        if not is_difference:
            told["points"] = write_points(force.points)
        print_json(told)
        return
    if is_difference:
        print_table(
            "What differs from the shipped points",
            ["kind", "field", "shipped", "in force"],
            [[each.key, each.field, each.before, each.after] for each in differences],
        )
        return
    rows = [
        [
            kind.key,
            ", ".join(
                f"{e.facet} {e.points:+.4g}{' ×' if e.is_graded else ''}"
                f"{f' (experiment {e.experiment_id})' if e.experiment_id else ''}"
                for e in kind.entries
            ),
            kind.magnitude if any(e.is_graded for e in kind.entries) else "",
            f"{kind.half_life_days:g}{' ~' if kind.follows_rhythm else ''}",
        ]
        for kind in force.points.kinds.values()
    ]
    print_table(
        f"Points {force.points.version[:12]}",
        ["kind", "points (× magnitude)", "magnitude", "half-life, days"],
        rows,
    )
    console.print("~ as fast or as slow as the consumers of each brand order; `fusion brands` shows it.")
    if suggestions:
        print_table(
            "Suggested by what was observed, never applied by itself",
            ["kind", "points", "from", "evidence", "why not in force"],
            [
                [
                    each.key, f"{each.points:+.2f} ± {each.points_error:.2f}", each.experiment_id,
                    each.grade.replace("_", " "), " ".join(each.reasons) or "not applied yet",
                ]
                for each in suggestions
            ],
        )  # fmt: skip
    if unscored:
        print_table(
            "Kinds with no points yet",
            ["kind", "events"],
            [[each["kind"], f"{each['events']:,}"] for each in unscored],
        )


def export(
    to: Annotated[Path, typer.Option("--to", help="A folder that does not exist yet.")],
    workspace: WorkspaceOption = Path(),
    as_of: AsOfOption = None,
    is_json: JsonOption = False,
) -> None:
    """Write scores, events, identities and points to Parquet files and JSON that any tool can read."""
    with (
        open_workspace(workspace) as opened,
        asking_about(opened, as_of) as moment,
        show_progress(is_quiet=is_json) as progress,
    ):
        counts = inspection.export_workspace(opened, to, moment, progress)
    if is_json:
        print_json({"to": str(to.resolve()), "rows": counts})
        return
    print_table(
        f"Exported to {to}",
        ["file", "rows"],
        [[name, f"{count:,}"] for name, count in counts.items()],
        right=["rows"],
    )


def doctor(
    workspace: WorkspaceOption = Path(),
    is_quick: Annotated[bool, typer.Option("--quick", help="Leave out folding everything anew.")] = False,
    is_json: JsonOption = False,
) -> None:
    """Check that a workspace is whole: every file, the audit record, states against a full recomputation; tidy up."""
    checks = inspection.examine_folder(workspace, is_quick=is_quick)
    if is_json:
        print_json({"ok": all(each.is_ok for each in checks), "checks": [each.as_dict() for each in checks]})
    else:
        print_table(
            "Doctor",
            ["", "check", "found"],
            [["✓" if each.is_ok else "✗", each.name, each.found] for each in checks],
        )
        for each in checks:
            if each.advice:
                console.print(f"{each.name}: {each.advice}")
    if not all(each.is_ok for each in checks):
        raise typer.Exit(1)
