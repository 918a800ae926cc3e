"""`fusion score`, `fusion explain` and `fusion brands`: the scores and their explanations."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer
from rich.text import Text

from consumer_fusion.errors import InputError
from consumer_fusion.i18n.labels import name_facet, name_kind, name_symbiosis
from consumer_fusion.records.schema import LARGEST_INTEGER
from consumer_fusion.records.timestamps import parse_moment, write_moment
from consumer_fusion.score.model.pair_events import KindContribution
from consumer_fusion.score.queries import answers, pair_answers
from consumer_fusion.score.queries.pair_answers import LISTED_EVENTS, ExplainedEvent
from consumer_fusion.score.queries.score_results import BrandSummary
from consumer_fusion.surfaces.cli.as_of_option import AsOfOption, asking_about
from consumer_fusion.surfaces.cli.output import (
    JsonOption,
    WorkspaceOption,
    color_score,
    console,
    draw_sparkline,
    print_json,
    print_table,
    write_minute,
)
from consumer_fusion.workspace import open_workspace

SHOWN_ROWS = 20
SHOWN_REASONS = 10
SHOWN_RHYTHMS = 10
HISTORY_DAYS = 60
MOST_HISTORY_DAYS = 36_600
"""A century, which is a second of computing."""
MOST_EVENTS = 10_000
SYMBIOSIS_GROUPS: Mapping[str, tuple[str, ...]] = {
    name_symbiosis("mutualism"): ("mutualism",),
    "one benefits": ("commensal",),
    "one or both lose": ("one_sided", "harmed"),
    name_symbiosis("neutral"): ("neutral",),
    name_symbiosis("unknown"): ("unknown",),
}
"""Headings of the shares of a brand's relationships, and which of its counts each adds up."""


class SortOrder(StrEnum):
    """Sort order of the pairs."""

    lowest = "lowest"
    highest = "highest"
    falling = "falling"
    rising = "rising"
    moving = "moving"


class EventOrder(StrEnum):
    """Order of the listed events."""

    largest = "largest"
    newest = "newest"


def score(
    workspace: WorkspaceOption = Path(),
    brand: Annotated[str | None, typer.Option(help="Only this brand.")] = None,
    consumer: Annotated[str | None, typer.Option(help="Only this consumer.")] = None,
    as_of: AsOfOption = None,
    order: Annotated[SortOrder | None, typer.Option(help="Sort order.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, max=LARGEST_INTEGER, help="Maximum number of rows.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Output file, .parquet or .csv.")] = None,
    is_json: JsonOption = False,
) -> None:
    """The Fusion Scores of the relationships between consumers and brands."""
    with open_workspace(workspace) as opened, asking_about(opened, as_of) as moment:
        rows = answers.score_pairs(
            opened,
            brand=brand,
            consumer=consumer,
            as_of=moment,
            order=order.value if order else None,
            limit=limit,
        )
        if out is not None:
            write_rows(rows, out)
    if is_json:
        print_json(answers.to_pair_scores(rows))
        return
    if out is not None:
        console.print(f"{rows.num_rows:,} scores written to {out}")
        return
    shown = rows.slice(0, limit or SHOWN_ROWS).to_pylist()
    has_change = "change_28_days" in rows.column_names
    table = [
        [
            row["consumer"], row["brand"], color_score(row["fusion_score"]), f"{row['low']:.0f}–{row['high']:.0f}",
            f"{row['consumer_to_brand']:.0f}/{row['brand_to_consumer']:.0f}",
            f"{row['change_28_days']:+.1f}" if has_change
            else "" if row["percentile"] is None else f"{row['percentile']:.0f}",
            name_symbiosis(row["symbiosis"]),
        ]
        for row in shown
    ]  # fmt: skip
    columns = ["consumer", "brand", "score", "80% interval", "to/from brand"]
    columns += ["change in 28 days" if has_change else "percentile", "kind"]
    if not shown:
        console.print(
            "No relationships at that time. Next: fusion import FILE --map MAP.toml, or a later --as-of"
        )
        return
    print_table("Fusion Scores", columns, table, right=columns[2:6])
    if limit is None and rows.num_rows > 2:
        print_distribution(rows)
    if rows.num_rows > len(shown):
        console.print(
            f"{len(shown)} of {rows.num_rows:,} relationships; see more with --limit, --brand, --order or --out.",
            style="dim",
        )  # fmt: skip
    # Include the as-of time, so that the next command shows the same score.
    asked = "" if as_of is None else f" --as-of {shlex.quote(as_of)}"
    console.print(
        f"Next: fusion explain '{shown[0]['consumer']}' '{shown[0]['brand']}'{asked}",
        style="dim", soft_wrap=True,
    )  # fmt: skip


def print_distribution(rows: pa.Table) -> None:
    """Print the distribution of the scores as a sparkline from 0 to 100."""
    bins = [0] * 50
    for value in rows["fusion_score"].to_pylist():
        bins[min(49, int(value // 2))] += 1
    console.print(Text.assemble(("0 ", "dim"), draw_sparkline(bins, low=0), (" 100", "dim")))


def write_rows(rows: pa.Table, path: Path) -> None:
    """Write a table to a file in the format of its extension; a CSV contains no spreadsheet formulas.

    Raises:
        InputError: The extension is neither .parquet nor .csv, or the folder does not exist.
    """
    # Imported here, because few commands write a file.
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    from consumer_fusion.records.spreadsheet_cells import write_cells

    if not path.absolute().parent.is_dir():
        raise InputError(
            f"There is no folder {path.parent} for {path.name}.", hint="Create it first, or choose another."
        )
    if path.suffix == ".parquet":
        pq.write_table(rows, path)
    elif path.suffix == ".csv":
        pa_csv.write_csv(write_cells(rows), path)
    else:
        raise InputError(
            f"'{path.name}' does not end in .parquet or .csv.", hint="Use one of these extensions."
        )


def explain(
    consumer: Annotated[str, typer.Argument(help="The consumer.")],
    brand: Annotated[str, typer.Argument(help="The brand.")],
    workspace: WorkspaceOption = Path(),
    as_of: AsOfOption = None,
    since: Annotated[str | None, typer.Option(help="Only changes since this time, ISO 8601.")] = None,
    without: Annotated[str | None, typer.Option(help="Score without this event, by its id.")] = None,
    history: Annotated[
        int, typer.Option(min=0, max=MOST_HISTORY_DAYS, help="Days of history to include (with --json).")
    ] = 0,
    sort: Annotated[
        EventOrder, typer.Option(help="Listed events: the largest contribution first, or the newest event.")
    ] = EventOrder.largest,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MOST_EVENTS,
            help=f"Maximum number of events and of changes; {SHOWN_REASONS} without it, {LISTED_EVENTS} with --json.",
        ),
    ] = None,
    offset: Annotated[int, typer.Option(min=0, max=LARGEST_INTEGER, help="Number of events to skip.")] = 0,
    is_json: JsonOption = False,
) -> None:
    """Explain a score: the contributions of kinds and events with their reasons, and the newest changes."""
    with open_workspace(workspace) as opened, asking_about(opened, as_of) as moment:
        answer = pair_answers.explain_pair(
            opened,
            consumer,
            brand,
            as_of=moment,
            since=None if since is None else parse_moment(since),
        )
    left_out = None if without is None else pair_answers.score_without(answer, without)
    if is_json:
        told = pair_answers.to_explanation(
            answer,
            without=left_out,
            history_days=history,
            order=sort.value,
            limit=limit or LISTED_EVENTS,
            offset=offset,
        )
        print_json(told)
        return
    reading = answer.reading
    heading = Text(f"{answer.consumer} × {answer.brand}  ", style="bold")
    interval = (
        f"  (80% interval {reading.low:.1f} to {reading.high:.1f})  {name_symbiosis(reading.symbiosis)}"
    )
    console.print(Text.assemble(heading, color_score(reading.fusion_score), interval))
    console.print(
        f"as of {write_moment(answer.as_of_us)}; consumer → brand {reading.consumer_to_brand:.1f}, brand → consumer "
        f"{reading.brand_to_consumer:.1f}, confidence {reading.confidence:.2f}",
        style="dim",
    )  # fmt: skip
    scores = pair_answers.replay_pair(answer, HISTORY_DAYS)["fusion_score"].to_pylist()
    console.print(
        Text.assemble(
            (f"last {HISTORY_DAYS} days ", "dim"),
            draw_sparkline(scores, low=min(40.0, *scores), high=max(60.0, *scores)),
        ),
        "\n",
    )
    list_events = answer.list_largest if sort is EventOrder.largest else answer.list_newest
    listed = list_events(limit=limit or SHOWN_REASONS, offset=offset)
    reasons = [write_reason(each) for each in listed.events]
    if listed.other_count:
        kinds = gather_kinds(answer)[:SHOWN_REASONS]
        print_reasons("Contributions by kind of event (neutral: 50)", "events", kinds)
        title = "Largest contributions" if sort is EventOrder.largest else "Newest events"
        print_reasons(title, "when (UTC)", reasons)
        console.print(
            f"{listed.other_count:,} more contributions, together {listed.other_contribution:+.2f}; "
            "see more with --limit, --offset or --sort.\n",
            style="dim",
        )  # fmt: skip
    else:
        print_reasons("Contributions (neutral: 50)", "when (UTC)", reasons)
    changed = answer.list_changes(limit=limit or SHOWN_REASONS)
    print_table(
        f"Changes at the last {changed.event_count - changed.earlier_count} of {changed.event_count:,} events"
        if changed.earlier_count
        else "Changes",
        ["when (UTC)", "kind of event", "change", "score after"],
        [
            [
                write_minute(each.at),
                name_kind(each.kind),
                f"{each.change:+.2f}",
                f"{each.score_after:.2f}",
            ]
            for each in changed.changes
        ],
        right=["change", "score after"],
    )
    if left_out is not None:
        console.print(f"Without {without}: {left_out.fusion_score:.2f} ({left_out.change:+.2f})")


def print_reasons(title: str, when: str, reasons: Sequence[ScoreReason]) -> None:
    """Print contributions, one per row."""
    rows = [
        [
            Text(f"{each.contribution:+.2f}", style="green" if each.contribution > 0 else "red"), each.when, each.why,
            ", ".join(map(name_facet, each.facets)),
        ]
        for each in reasons
    ]  # fmt: skip
    print_table(title, ["impact", when, "reason", "facets"], rows, right=["impact", "events"])


@dataclass(frozen=True, slots=True)
class ScoreReason:
    """Contribution of one event, or of all events of a kind.

    Attributes:
        contribution: Contribution in score points, over all facets.
        when: Time of the event; for a kind, the number of its events.
        why: Explanation.
        facets: Facets that it affects.
    """

    contribution: float
    when: str
    why: str
    facets: tuple[str, ...]


def write_reason(event: ExplainedEvent) -> ScoreReason:
    """The contribution of one event."""
    return ScoreReason(
        contribution=event.contribution,
        when=write_minute(event.entry.occurred_us),
        # The sentence begins with the points of its facet; the row shows the contribution of the whole event.
        why=max(event.contributions, key=lambda each: abs(each.contribution)).sentence.partition(": ")[2],
        facets=tuple(each.facet for each in event.contributions),
    )


def gather_kinds(answer: pair_answers.PairSnapshot) -> list[ScoreReason]:
    """The contributions of a pair, one row per kind, the largest first."""
    gathered: dict[str, list[KindContribution]] = {}
    for each in answer.list_kinds():
        gathered.setdefault(each.kind, []).append(each)
    reasons = [
        ScoreReason(
            contribution=sum(each.contribution for each in members),
            when=f"{members[0].event_count:,}",
            why=name_kind(kind),
            facets=tuple(each.facet for each in members),
        )
        for kind, members in gathered.items()
    ]
    return sorted(reasons, key=lambda each: -abs(each.contribution))


def brands(
    workspace: WorkspaceOption = Path(), as_of: AsOfOption = None, is_json: JsonOption = False
) -> None:
    """The brands: number of relationships, score distribution, shares of kinds, and half-life of orders."""
    with open_workspace(workspace) as opened, asking_about(opened, as_of) as moment:
        rows = answers.summarise_brands(opened, as_of=moment).to_pylist()
    if is_json:
        print_json([BrandSummary.model_validate(row) for row in rows])
        return
    if not rows:
        console.print("No brands yet. Next: fusion import FILE --map MAP.toml, or --format events")
        return
    columns = ["brand", "relationships", "median", "middle 50%", *SYMBIOSIS_GROUPS]
    print_table(
        "Brands: score distribution, and shares of the kinds of relationship",
        columns,
        [
            [
                row["brand"], f"{row['pairs']:,}", color_score(row["median"]),
                f"{row['lower_quartile']:.0f}–{row['upper_quartile']:.0f}",
                *(f"{sum(row[name] for name in names) / row['pairs']:.0%}" for names in SYMBIOSIS_GROUPS.values()),
            ]
            for row in rows[:50]
        ],
        right=columns[1:],
    )  # fmt: skip
    _print_half_lives(rows)


def _print_half_lives(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the half-lives of orders by brand."""
    own = [
        f"{row['brand']} {row['half_life_days']:.0f} (an order every {row['usual_gap_days']} days)"
        for row in rows
        if row["usual_gap_days"] is not None and row["half_life_days"] is not None
    ]
    others = {row["half_life_days"] for row in rows if row["usual_gap_days"] is None} - {None}
    entries = own[:SHOWN_RHYTHMS] + (
        [f"{len(own) - SHOWN_RHYTHMS} more brands"] if len(own) > SHOWN_RHYTHMS else []
    )
    entries += [f"{days:.0f} where the order frequency is not known yet" for days in others]
    if entries:
        console.print(f"Half-life of an order, in days: {', '.join(entries)}.")
