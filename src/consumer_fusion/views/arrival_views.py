"""View of incoming data: events by channel, rows with errors, kinds without points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consumer_fusion.events.activity_counts import Activity
from consumer_fusion.i18n.labels import write_time
from consumer_fusion.i18n.translation import N_, _, ngettext
from consumer_fusion.views.brand_views import make_activity_drawing
from consumer_fusion.views.drawings import Section
from consumer_fusion.views.tables import ColumnView, TableView, list_columns


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalCounts:
    """The numbers of events and rows of a workspace.

    Attributes:
        event_count: Number of accepted events.
        unattributed_count: Number of events whose consumer or brand is not known yet.
        rejected_count: Number of rows with errors, waiting to be fixed.
        duplicate_count: Number of duplicate rows.
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
    """Incoming data: events, import errors, and kinds without points.

    Args:
        counts: Numbers of events and rows.
        activity: Events by day and channel.
        rejections: Rows with errors: `code`, `message` of one of them, `row_count`.
        unscored: Kinds without points: `kind`, `events`.
    """
    sentences = [
        _(
            "{events} accepted, {duplicates} recognised, {rows} with errors.",
            events=ngettext("{count} event", "{count} events", counts.event_count),
            duplicates=ngettext("{count} duplicate", "{count} duplicates", counts.duplicate_count),
            rows=ngettext("{count} row", "{count} rows", counts.rejected_count),
        ),
        ngettext(
            "{count} event has no consumer or brand yet and does not affect any score.",
            "{count} events have no consumer or brand yet and do not affect any score.",
            counts.unattributed_count,
        ),
    ]
    if activity.oldest_event_us is not None and activity.newest_event_us is not None:
        first, last = write_time(activity.oldest_event_us), write_time(activity.newest_event_us)
        sentences.append(_("Events from {first} to {last} UTC.", first=first, last=last))
    tables = []
    if rejections:
        tables.append(
            TableView(
                "import-errors",
                _("Import errors by reason (commands: fusion rejected list, fusion rejected retry)"),
                [
                    ColumnView("code", N_("reason"), "rejection"),
                    ColumnView("message", N_("for example"), "sentence"),
                    ColumnView("row_count", N_("rows"), "count"),
                ],
                rejections,
            )
        )
    if unscored:
        caption = _("Kinds of events without points; they do not affect any score until they have some")
        tables.append(
            TableView(
                "kinds-without-points",
                caption,
                list_columns("kind", ColumnView("events", N_("events"), "count")),
                unscored,
            )
        )
    drawings = [make_activity_drawing(lambda: activity.days)] if activity.days.num_rows else ()
    return Section("intake", _("Incoming data"), sentences, drawings, tables)
