"""Views of one relationship: its score over time, its changes, its composition, and its facets."""

from __future__ import annotations

from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.i18n.labels import SYMBIOSIS_LABELS, name_symbiosis, write_share
from consumer_fusion.i18n.number_format import write_signed
from consumer_fusion.i18n.translation import N_, _, ngettext, read_language
from consumer_fusion.records.points import DIRECTIONS, FACETS
from consumer_fusion.records.timestamps import from_microseconds
from consumer_fusion.score.queries.answers import Moment
from consumer_fusion.score.queries.pair_answers import PairSnapshot, explain_pair, tabulate_kinds
from consumer_fusion.views.charts.count_charts import gather_facets
from consumer_fusion.views.drawings import Drawing, Drawings, Section
from consumer_fusion.views.tables import ColumnView, TableView, list_columns
from consumer_fusion.workspace import Workspace

HISTORY_DAYS = 180
CHANGES_ALONE = 6
"""Number of changes with a bar of their own; those between them are combined."""
LISTED_EVENTS = 1_000
"""Maximum number of events in a table; what the others contribute is one row or a sentence."""


def read_pair_drawings(workspace: Workspace, consumer: str, brand: str, *, as_of: Moment = None) -> Drawings:
    """The charts of a relationship, read from a workspace.

    Args:
        workspace: The workspace.
        consumer: Key of the consumer.
        brand: Key of the brand.
        as_of: As-of time; None for the usual one.

    Raises:
        NotFoundError: The brand or the consumer is not known.
    """
    return make_pair_drawings(explain_pair(workspace, consumer, brand, as_of=as_of), is_read=True)


def make_pair_drawings(
    answer: PairSnapshot, consumer: str | None = None, *, is_read: bool = False
) -> Drawings:
    """The charts of a relationship; without events only its facets.

    Args:
        answer: The relationship.
        consumer: The consumer's key in the form that the caller may see; None for the key itself.
        is_read: Whether to read now all that they show, for charts that are drawn after the workspace was closed;
            otherwise each reads its own when it is drawn.
    """
    from consumer_fusion.views.charts.facets import draw_facets

    pair = name_pair(answer, consumer)
    told = Drawing(
        "facets",
        _("What each side gives"),
        _("Points by facet as of today: older events weigh less, and many of one kind saturate."),
        lambda style: draw_facets(_arrange_facets(answer), style, pair=pair),
        lambda: TableView(
            "facets",
            _("Facets of {pair}", pair=pair),
            list_columns("direction", "facet", ColumnView("points", N_("points"), "change")),
            _arrange_facets(answer).to_pylist(),
        ),
    )
    if not answer.event_count:
        return {told.name: told}
    ordered = (*_make_event_drawings(answer, pair, is_read=is_read), told)
    return {drawing.name: drawing for drawing in ordered}


def _make_event_drawings(
    answer: PairSnapshot, pair: str, *, is_read: bool
) -> tuple[Drawing, Drawing, Drawing]:
    """The charts that depend on events."""
    from consumer_fusion.views.charts.facets import draw_contributions
    from consumer_fusion.views.charts.relationship import draw_changes, draw_score_history

    @cache
    def replay() -> pa.Table:
        return _trim_history(answer, answer.replay(HISTORY_DAYS))

    @cache
    def trace() -> pa.Table:
        return answer.trace()

    @cache
    def tabulate_changes() -> TableView:
        return _make_changes_table(answer, pair)

    if is_read:
        trace(), tabulate_changes()

    return (
        Drawing(
            "history",
            _("The score over time"),
            _("Band: 80% interval. Triangles: events that changed the score."),
            lambda style: draw_score_history(replay(), trace(), style, pair=pair),
            lambda: TableView(
                "score-history",
                _("Score of {pair} at the end of each day (UTC)", pair=pair),
                list_columns("day", "fusion_score", "low", "high"),
                replay().to_pylist()[::-1],
            ),
        ),
        Drawing(
            "changes",
            _("Changes of the score"),
            _("Each bar starts where the one before it ended. Between events, past points decay."),
            lambda style: draw_changes(trace(), style, pair=pair, most=CHANGES_ALONE),
            tabulate_changes,
        ),
        Drawing(
            "contributions",
            _("Why this score"),
            _("The contribution of each facet. Added to 50, they give exactly the score."),
            lambda style: draw_contributions(tabulate_kinds(answer), style, pair=pair),
            lambda: TableView(
                "contributions-by-facet",
                _("Contribution of each facet to the score of {pair}", pair=pair),
                list_columns(
                    "facet",
                    "direction",
                    ColumnView("gained", N_("added"), "change"),
                    ColumnView("lost", N_("taken"), "change"),
                    ColumnView("net", N_("net"), "change"),
                ),
                gather_facets(tabulate_kinds(answer)).to_pylist(),
            ),
        ),
    )


def _make_changes_table(answer: PairSnapshot, pair: str) -> TableView:
    """The newest changes, in order of time."""
    listed = answer.list_changes(limit=LISTED_EVENTS)
    caption = _("All changes of the score of {pair}, in order", pair=pair)
    if listed.earlier_count:
        caption = ngettext(
            "Newest changes of the score of {pair}; {count} earlier event and decay changed it by {change}",
            "Newest changes of the score of {pair}; {count} earlier events and decay changed it by {change}",
            listed.earlier_count,
            pair=pair,
            change=write_signed(listed.earlier_change),
        )
    return TableView(
        "changes",
        caption,
        list_columns(
            ColumnView("at", N_("when (UTC)"), "time"),
            "kind",
            "event_id",
            "change",
            ColumnView("score_after", N_("score after"), "number"),
        ),
        [
            {
                "at": from_microseconds(each.at),
                "kind": each.kind,
                "event_id": each.event_id,
                "change": each.change,
                "score_after": each.score_after,
            }
            for each in listed.changes
        ],
    )


def make_ledger_table(
    answer: PairSnapshot, consumer: str | None = None, *, limit: int = LISTED_EVENTS
) -> TableView:
    """The contributions of events to the score, the largest first; all others are the last row.

    Args:
        answer: The relationship.
        consumer: The consumer's key in the form that the caller may see; None for the key itself.
        limit: Maximum number of events.
    """
    listed = answer.list_largest(limit=limit)
    parts = [part for each in listed.events for part in each.contributions]
    columns = list_columns(
        ColumnView("sentence", N_("what happened"), "sentence"),
        ColumnView("contribution", N_("impact today"), "change"),
        ColumnView("occurred_at", N_("when (UTC)"), "time"),
        "facet",
        "direction",
        "kind",
        ColumnView("points", N_("points then"), "change"),
        ColumnView("parent_event_id", N_("because of event"), "reference"),
        "event_id",
    )
    rows: list[dict[str, object]] = [
        {column.name: getattr(part, column.name) for column in columns}
        | {"occurred_at": from_microseconds(part.occurred_at)}
        for part in sorted(parts, key=lambda part: -abs(part.contribution))
    ]
    if listed.other_count:
        words = ngettext("{count} other event", "{count} other events", listed.other_count)
        others = {"sentence": words, "contribution": listed.other_contribution}
        rows.append({column.name: others.get(column.name) for column in columns})
    return TableView(
        "contributions",
        _("Event by event, the largest first; with 50 they add up to the score of {pair}",
            pair=name_pair(answer, consumer)),
        columns,
        rows,
    )  # fmt: skip


def make_pair_section(answer: PairSnapshot, percentile: float | None) -> Section:
    """One relationship: the composition of its score, its changes, and its history.

    Args:
        answer: The relationship.
        percentile: Percentile among the relationships of the brand, 0 to 100; None where unknown.
    """
    reading = answer.reading
    score = read_language().write_number
    kind = name_symbiosis(reading.symbiosis)
    place = _("unknown") if percentile is None else score(percentile, 0)
    sentences = (
        f"{kind[0].upper()}{kind[1:]}: {_(SYMBIOSIS_LABELS[reading.symbiosis].meaning)}.",
        _(
            "Consumer → brand {given}, brand → consumer {received}; 50 means no relationship found.",
            given=score(reading.consumer_to_brand, 1),
            received=score(reading.brand_to_consumer, 1),
        ),
        _(
            "Confidence {share}; percentile at this brand: {percentile}.",
            share=write_share(reading.confidence),
            percentile=place,
        ),
    )
    return Section(
        "pair",
        _("One relationship: {pair}", pair=name_pair(answer)),
        sentences,
        tuple(make_pair_drawings(answer, is_read=True).values()),
        (make_ledger_table(answer),) if answer.event_count else (),
        reading,
    )


def name_pair(answer: PairSnapshot, consumer: str | None = None) -> str:
    """A relationship by its keys."""
    return f"{consumer or answer.consumer} × {answer.brand}"


def _trim_history(answer: PairSnapshot, history: pa.Table) -> pa.Table:
    """The history from a little before the first event: before that the score is 50 and there are no data."""
    first = answer.first_day
    if first is None or not history.num_rows:
        return history
    last = history["day"][-1].as_py()
    lead = max(2, (last - first) // 6)
    return history.filter(pc.greater_equal(history["day"], first - lead))


def _arrange_facets(answer: PairSnapshot) -> pa.Table:
    points = answer.reading.facets
    return pa.Table.from_pylist(
        [
            {"direction": direction, "facet": facet, "points": float(points.get(facet, 0.0))}
            for direction in DIRECTIONS
            for facet in FACETS[direction]
        ]
    )
