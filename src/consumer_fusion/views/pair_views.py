"""Views of one relationship: its score over time, its changes, its composition, and its facets."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.i18n.labels import SYMBIOSIS_LABELS, name_symbiosis, write_share
from consumer_fusion.i18n.translation import N_, _, read_language
from consumer_fusion.records.points import DIRECTIONS, FACETS
from consumer_fusion.score.queries import answers
from consumer_fusion.score.queries.answers import Moment, PairSnapshot
from consumer_fusion.views.charts.count_charts import gather_facets
from consumer_fusion.views.drawings import Drawing, Drawings, Section
from consumer_fusion.views.tables import ColumnView, TableView, list_columns
from consumer_fusion.workspace import Workspace

HISTORY_DAYS = 180
CHANGES_ALONE = 6
"""Number of changes with a bar of their own; those between them are combined. The table has all."""


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
    answer = answers.explain_pair(workspace, consumer, brand, as_of=as_of)
    return make_pair_drawings(answer, answers.replay_pair(answer, HISTORY_DAYS))


def make_pair_drawings(answer: PairSnapshot, history: pa.Table, consumer: str | None = None) -> Drawings:
    """The charts of a relationship; without events only its facets.

    Args:
        answer: The relationship.
        history: `day`, `fusion_score`, `low`, `high` of the last days.
        consumer: The consumer's key in the form that the caller may see; None for the key itself.
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
    if not answer.entries:
        return {told.name: told}
    ordered = (*_make_event_drawings(answer, history, pair), told)
    return {drawing.name: drawing for drawing in ordered}


def _make_event_drawings(
    answer: PairSnapshot, history: pa.Table, pair: str
) -> tuple[Drawing, Drawing, Drawing]:
    """The charts that depend on events."""
    from consumer_fusion.views.charts.facets import draw_contributions
    from consumer_fusion.views.charts.relationship import draw_changes, draw_score_history

    days = _trim_history(answer, history)

    def list_changes() -> pa.Table:
        return answers.tabulate_changes(answer)

    def list_contributions() -> pa.Table:
        return answers.tabulate_contributions(answer)

    return (
        Drawing(
            "history",
            _("The score over time"),
            _("Band: 80% interval. Triangles: events that changed the score."),
            lambda style: draw_score_history(days, list_changes(), style, pair=pair),
            lambda: TableView(
                "score-history",
                _("Score of {pair} at the end of each day (UTC)", pair=pair),
                list_columns("day", "fusion_score", "low", "high"),
                days.to_pylist()[::-1],
            ),
        ),
        Drawing(
            "changes",
            _("Changes of the score"),
            _("Each bar starts where the one before it ended. Between events, past points decay."),
            lambda style: draw_changes(list_changes(), style, pair=pair, most=CHANGES_ALONE),
            lambda: TableView(
                "changes",
                _("All changes of the score of {pair}, in order", pair=pair),
                list_columns(
                    ColumnView("at", N_("when (UTC)"), "time"),
                    "kind",
                    "event_id",
                    "change",
                    ColumnView("score_after", N_("score after"), "number"),
                ),
                list_changes().to_pylist(),
            ),
        ),
        Drawing(
            "contributions",
            _("Why this score"),
            _("The contribution of each facet. Added to 50, they give exactly the score."),
            lambda style: draw_contributions(list_contributions(), style, pair=pair),
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
                gather_facets(list_contributions()).to_pylist(),
            ),
        ),
    )


def make_ledger_table(answer: PairSnapshot, consumer: str | None = None) -> TableView:
    """The contribution of every event to the score, the largest first.

    Args:
        answer: The relationship.
        consumer: The consumer's key in the form that the caller may see; None for the key itself.
    """
    rows = answers.tabulate_contributions(answer).to_pylist()
    return TableView(
        "contributions",
        _("Event by event, the largest first; with 50 they add up to the score of {pair}",
            pair=name_pair(answer, consumer)),
        list_columns(
            ColumnView("sentence", N_("what happened"), "sentence"),
            ColumnView("contribution", N_("impact today"), "change"),
            ColumnView("occurred_at", N_("when (UTC)"), "time"),
            "facet",
            "direction",
            "kind",
            ColumnView("points", N_("points then"), "change"),
            ColumnView("parent_event_id", N_("because of event"), "reference"),
            "event_id",
        ),
        sorted(rows, key=lambda row: -abs(row["contribution"])),
    )  # fmt: skip


def make_pair_section(answer: PairSnapshot, history: pa.Table, percentile: float | None) -> Section:
    """One relationship: the composition of its score, its changes, and its history.

    Args:
        answer: The relationship.
        history: The table that `make_pair_drawings` takes.
        percentile: Percentile among the relationships of the brand, 0 to 100; None where unknown.
    """
    reading = answer.explanation.reading
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
        tuple(make_pair_drawings(answer, history).values()),
        (make_ledger_table(answer),) if answer.entries else (),
        reading,
    )


def name_pair(answer: PairSnapshot, consumer: str | None = None) -> str:
    """A relationship by its keys."""
    return f"{consumer or answer.consumer} × {answer.brand}"


def _trim_history(answer: PairSnapshot, history: pa.Table) -> pa.Table:
    """The history from a little before the first event: before that the score is 50 and there are no data."""
    if not history.num_rows:
        return history
    last = history["day"][-1].as_py()
    first = min(entry.day for entry in answer.entries)
    lead = max(2, (last - first) // 6)
    return history.filter(pc.greater_equal(history["day"], first - lead))


def _arrange_facets(answer: PairSnapshot) -> pa.Table:
    points = answer.explanation.reading.facets
    return pa.Table.from_pylist(
        [
            {"direction": direction, "facet": facet, "points": float(points.get(facet, 0.0))}
            for direction in DIRECTIONS
            for facet in FACETS[direction]
        ]
    )
