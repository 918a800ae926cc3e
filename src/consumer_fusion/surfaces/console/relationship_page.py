"""One relationship: its score with interval, both directions, the contribution of each event, and what-if."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from consumer_fusion.associations.operations import EVIDENCE_WORDS, list_associations
from consumer_fusion.i18n.translation import _
from consumer_fusion.messages.redaction import redact_details
from consumer_fusion.perception.marked_words import MarkedSpan, mark_words
from consumer_fusion.perception.message_views import StoredMessage, read_messages_of_pair
from consumer_fusion.records.audit import AuditNote
from consumer_fusion.records.perception import MESSAGE_KINDS, Perception, Polarity
from consumer_fusion.records.points import DIRECTIONS, FACETS
from consumer_fusion.score.model.reading import Reading
from consumer_fusion.score.queries import pair_answers
from consumer_fusion.server.cache import Cache
from consumer_fusion.surfaces.console.brand_pages import find_live_path
from consumer_fusion.surfaces.console.figure_parts import (
    Placeholder,
    answer_figure,
    find_drawing,
    place_figure,
)
from consumer_fusion.surfaces.console.pages import Answer, Download, Page, PageRequest
from consumer_fusion.surfaces.console.queries import PairData
from consumer_fusion.surfaces.console.urls import make_path
from consumer_fusion.views.drawings import Drawing
from consumer_fusion.views.pair_views import make_ledger_table, make_pair_drawings

LEDGER_ROWS = 40
DOWNLOADED_EVENTS = 10_000
"""Maximum number of events in the download; what all others contribute is its last row."""


@dataclass(frozen=True, slots=True)
class FacetFragment:
    """Contribution of one event to one facet.

    Attributes:
        facet: Facet.
        direction: Direction.
        points: Points of the event when it happened.
        contribution: Current contribution to the score minus 50.
        sentence: The same as a sentence.
    """

    facet: str
    direction: str
    points: float
    contribution: float
    sentence: str


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One event in the ledger of a relationship.

    Attributes:
        event_id: Event.
        occurred_us: Time of the event, in microseconds since the epoch.
        kind: Key of its kind in the points table.
        channel: Channel; None where unknown.
        words: Text of the event in parts, as the user may see it; empty where there is none.
        reading: Their content; None where they are not a consumer's, or wait to be read.
        parent_event_id: Event that it is derived from.
        contribution: Current contribution to the score.
        change: Change of the score when it happened; None where there was none.
        parts: Contributions by facet.
        without_path: Path of the score without it.
    """

    event_id: str
    occurred_us: int
    kind: str
    channel: str | None
    words: Sequence[MarkedSpan]
    reading: MessageReading | None
    parent_event_id: str | None
    contribution: float
    change: float | None
    parts: tuple[FacetFragment, ...]
    without_path: str


@dataclass(frozen=True, slots=True)
class MessageReading:
    """The content of a message, as it is shown beside its words.

    Attributes:
        source: Key of its source.
        perception: Its perception, with the staff's corrections.
        said: Its polarity; None where it could not be judged.
        probability: Probability of that.
        is_corrected: Whether the staff corrected it.
        is_public: Whether others can read it.
    """

    source: str
    perception: Perception
    said: Polarity | None
    probability: float
    is_corrected: bool
    is_public: bool


@dataclass(frozen=True, slots=True)
class RelationshipPage:
    """One relationship.

    Attributes:
        consumer: Key of the consumer.
        shown: Key as the user may see it.
        brand: Key of the brand.
        as_of_us: As-of time, in microseconds since the epoch.
        is_quiet: Whether that is the time of the newest event because nothing happened for a day.
        reading: Score, interval, both directions, confidence, class, facets.
        percentile: Percentile among the brand's pairs, 0 to 100; None where unknown.
        change_28_days: Change over the last 28 days.
        sides: For each direction: its name, its value, and its facets with their points.
        scale: Number of points that the full length of a facet's bar represents.
        associations: Declared associations of the consumer with the brand that are in force.
        ledger: Events, newest first, including those without points.
        may_correct: Whether the user may correct what was read in messages.
        event_count: Total number of events.
        more_path: Path of further events; None when all are shown.
        figures: Placeholders of its charts.
        download: Path of the ledger as CSV.
        live_path: Path of live updates; None where a fixed as-of time is shown.
    """

    consumer: str
    shown: str
    brand: str
    as_of_us: int
    is_quiet: bool
    reading: Reading
    percentile: float | None
    change_28_days: float
    sides: Sequence[tuple[str, float, Sequence[tuple[str, float]]]]
    scale: float
    associations: Sequence[Mapping[str, object]]
    ledger: Sequence[LedgerRow]
    may_correct: bool
    event_count: int
    more_path: str | None
    figures: Sequence[Placeholder]
    download: str
    live_path: str | None


@dataclass(frozen=True, slots=True)
class LedgerFragment:
    """More rows of a ledger.

    Attributes:
        brand: Key of the brand.
        ledger: The rows.
        may_correct: Whether the user may correct what was read in messages.
        more_path: Path of further rows; None at the end.
    """

    brand: str
    ledger: Sequence[LedgerRow]
    may_correct: bool
    more_path: str | None


def show_relationship(page_request: PageRequest) -> Answer:
    """Page of one relationship."""
    consumer, brand = _read_pair(page_request)
    as_of_us = page_request.as_of_us
    pair = _read(page_request, consumer, brand)
    count = pair.answer.event_count
    if page_request.asked.get("format") == "csv":
        table = make_ledger_table(pair.answer, limit=DOWNLOADED_EVENTS)
        return Download(f"{table.name}.csv", table.write_csv())
    if page_request.is_part and "from" in page_request.asked:
        start = _read_place(page_request.asked["from"])
        part = LedgerFragment(
            brand,
            make_ledger(page_request, pair, start),
            page_request.may("correct_messages", brand),
            _more_path(page_request, start + LEDGER_ROWS, count),
        )
        look = AuditNote("view relationship", consumer=consumer, brand=brand, detail={"from": start})
        return Page("ledger_rows.html", "", part, look=look)
    reading = pair.answer.reading
    shown = page_request.show_key(pair.answer.consumer)
    content = RelationshipPage(
        consumer=consumer,
        shown=shown,
        brand=brand,
        as_of_us=as_of_us,
        is_quiet=page_request.is_quiet,
        reading=reading,
        percentile=pair.percentile,
        change_28_days=pair.change_28_days,
        sides=[
            (
                direction,
                reading.consumer_to_brand if direction == DIRECTIONS[0] else reading.brand_to_consumer,
                [(facet, reading.facets[facet]) for facet in FACETS[direction]],
            )
            for direction in DIRECTIONS
        ],
        scale=max([10.0, *map(abs, reading.facets.values())]),
        associations=_list_associations(page_request, pair),
        ledger=make_ledger(page_request, pair),
        may_correct=page_request.may("correct_messages", brand),
        event_count=count,
        more_path=_more_path(page_request, LEDGER_ROWS, count),
        figures=[
            place_figure(each, "/relationship/figure", name=name, **_parameters(page_request))
            for name, each in make_pair_drawings(pair.answer, shown).items()
        ],
        download=make_path("/relationship", format="csv", **_parameters(page_request)),
        live_path=find_live_path(page_request, brand=brand, consumer=pair.answer.consumer),
    )
    return Page(
        "relationship.html", f"{shown} × {brand}", content, section="consumers", brand=brand,
        look=AuditNote("view relationship", consumer=consumer, brand=brand),
    )  # fmt: skip


def show_pair_figure(page_request: PageRequest, cache: Cache) -> Answer:
    """One chart of a relationship, or its numbers as CSV."""
    consumer, brand = _read_pair(page_request)
    name = page_request.read_asked("name")

    def make() -> Drawing:
        pair = _read(page_request, consumer, brand)
        shown = page_request.show_key(pair.answer.consumer)
        return find_drawing(make_pair_drawings(pair.answer, shown), name)

    key = (
        "pair", consumer, brand, name, page_request.asked.get("as_of"), page_request.may("see_identities"),
        page_request.staff.caller.brands is None,
    )  # fmt: skip
    version = page_request.queries.find_pair_version(consumer, brand, page_request.as_of_us)
    return answer_figure(page_request, cache, key, version, make)


def show_without(page_request: PageRequest) -> Answer:
    """The score without one of the events."""
    consumer, brand = _read_pair(page_request)
    pair = _read(page_request, consumer, brand)
    content = pair_answers.score_without(pair.answer, page_request.read_asked("event"))
    return Page("without.html", _("Without this event"), content)


def make_ledger(page_request: PageRequest, pair: PairData, start: int = 0) -> list[LedgerRow]:
    """Events of a relationship, newest first, each with its contributions.

    Args:
        page_request: Request of its page.
        pair: The relationship.
        start: Number of newer events to skip.
    """
    parameters = _parameters(page_request)
    listed = pair.answer.list_newest(limit=LEDGER_ROWS, offset=start, with_unscored=True)
    places = {(each.entry.event_id, each.entry.occurred_us) for each in listed.events if each.entry.text}
    stored = (
        read_messages_of_pair(page_request.workspace, pair.answer.consumer, pair.answer.brand, places)
        if places
        else []
    )
    messages = {(each.event_id, each.occurred_us): each for each in stored}
    return [
        LedgerRow(
            event_id=each.entry.event_id,
            occurred_us=each.entry.occurred_us,
            kind=each.entry.kind,
            channel=each.entry.channel,
            words=_show_words(
                page_request, each.entry.text, messages.get((each.entry.event_id, each.entry.occurred_us))
            ),
            reading=_read_message(messages.get((each.entry.event_id, each.entry.occurred_us))),
            parent_event_id=each.entry.parent_event_id,
            contribution=each.contribution,
            change=each.change,
            parts=tuple(
                FacetFragment(part.facet, part.direction, part.points, part.contribution, part.sentence)
                for part in each.contributions
            ),
            without_path=make_path("/relationship/without", event=each.entry.event_id, **parameters),
        )
        for each in listed.events
        for message in (messages.get((each.entry.event_id, each.entry.occurred_us)),)
    ]


def _show_words(
    page_request: PageRequest, text: str | None, message: StoredMessage | None
) -> Sequence[MarkedSpan]:
    if not text:
        return ()
    if message is None or message.perception is None:
        parts = [MarkedSpan(text)]
    else:
        parts = mark_words(text, message.perception)
    if page_request.may("see_identities"):
        return parts
    return [replace(each, text=redact_details(each.text)) for each in parts]


def _read_message(message: StoredMessage | None) -> MessageReading | None:
    if message is None or message.perception is None:
        return None
    perception = message.perception
    polarity, probability = max(perception.polarity.items(), key=lambda each: each[1], default=(None, 0.0))
    return MessageReading(
        message.source,
        perception,
        None if perception.abstained else polarity,
        probability,
        message.is_corrected,
        MESSAGE_KINDS[message.kind],
    )


def _list_associations(page_request: PageRequest, pair: PairData) -> list[dict[str, object]]:
    return [
        {**each.model_dump(mode="json"), "words": _(EVIDENCE_WORDS[each.evidence])}
        for each in list_associations(page_request.workspace, consumer=pair.answer.consumer)
        if each.brand == pair.answer.brand
    ]


def _read(page_request: PageRequest, consumer: str, brand: str) -> PairData:
    with_other_brands = page_request.staff.caller.brands is None
    return page_request.queries.read_pair(
        consumer, brand, page_request.as_of_us, with_other_brands=with_other_brands
    )


def _read_pair(page_request: PageRequest) -> tuple[str, str]:
    consumer, brand = page_request.read_asked("consumer"), page_request.read_asked("brand")
    page_request.require("view", brand)
    return consumer, brand


def _parameters(page_request: PageRequest) -> dict[str, object]:
    return {
        name: page_request.asked[name]
        for name in ("consumer", "brand", "as_of")
        if name in page_request.asked
    }


def _more_path(page_request: PageRequest, start: int, count: int) -> str | None:
    return (
        make_path("/relationship", **_parameters(page_request), **{"from": start}) if start < count else None
    )


def _read_place(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
