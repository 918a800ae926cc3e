"""View of what came in: events by channel, rows with errors, kinds that have no points yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consumer_fusion.events.activity_counts import Activity
from consumer_fusion.i18n.translation import mark, say, say_count
from consumer_fusion.views.brand_views import make_activity_drawing
from consumer_fusion.views.charts.labels import write_time
from consumer_fusion.views.drawings import Section
from consumer_fusion.views.tables import ColumnView, TableView, list_columns


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalCounts:
    """How many events and rows a workspace took.

    Attributes:
        event_count: Accepted events.
        unattributed_count: Events whose consumer or brand is not known yet.
        rejected_count: Rows with errors, waiting to be fixed.
        duplicate_count: Rows that were here already.
    """

    event_count: int
    unattributed_count: int
    rejected_count: int
    duplicate_count: int


def make_arrivals_section(
    counts: ArrivalCounts,
    activity: Activity,
    rejections: Sequence[Mapping[str, object]],
    unscored: Sequence[Mapping[str, object]],
) -> Section:
    """What came in, what could not be read, what has no points yet.

    Args:
        counts: How much came in.
        activity: When and where.
        rejections: Rows with errors: `code`, `message` of one of them, `row_count`.
        unscored: Kinds without points: `kind`, `events`.
    """
    sentences = [
        say(
            "{events} accepted, {duplicates} recognised, {rows} with errors.",
            events=say_count("{count} event", "{count} events", counts.event_count),
            duplicates=say_count("{count} duplicate", "{count} duplicates", counts.duplicate_count),
            rows=say_count("{count} row", "{count} rows", counts.rejected_count),
        ),
        say_count(
            "{count} event has no consumer or brand yet and does not affect any score.",
            "{count} events have no consumer or brand yet and do not affect any score.",
            counts.unattributed_count,
        ),
    ]
    if activity.oldest_event_us is not None and activity.newest_event_us is not None:
        first, last = write_time(activity.oldest_event_us), write_time(activity.newest_event_us)
        sentences.append(say("Events from {first} to {last} UTC.", first=first, last=last))
    tables = []
    if rejections:
        tables.append(
            TableView(
                "import-errors",
                say("Import errors by reason (commands: fusion rejected list, fusion rejected retry)"),
                [
                    ColumnView("code", mark("reason")),
                    ColumnView("message", mark("for example"), "sentence"),
                    ColumnView("row_count", mark("rows"), "count"),
                ],
                rejections,
            )
        )
    if unscored:
        caption = say("Kinds of events without points; they do not affect any score until they have some")
        tables.append(
            TableView(
                "kinds-without-points",
                caption,
                list_columns("kind", ColumnView("events", mark("events"), "count")),
                unscored,
            )
        )
    drawings = [make_activity_drawing(activity.days)] if activity.days.num_rows else ()
    return Section("intake", say("What came in"), sentences, drawings, tables)
