"""Message views: what consumers say to and about a brand, over time and by aspect, and the messages behind it.

Shares are of the messages that the model in force could judge, with the staff's corrections in place of its outputs.
Fewer than thirty say nothing about a share: it is unknown, not zero.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from consumer_fusion.errors import NotFoundError
from consumer_fusion.events.entities import find_keys, name_entities
from consumer_fusion.events.event_reader import EventSource, find_members, map_canonical
from consumer_fusion.i18n.translation import N_
from consumer_fusion.messages.perceptions import (
    MessageKey,
    apply_label,
    read_perceiver_in_force,
    read_row,
    read_words,
    require_message,
)
from consumer_fusion.records.perception import PERCEPTION_LABELS, PERCEPTIONS, Aspect, Perception, Polarity
from consumer_fusion.records.schema import Schema, describe
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.message_causes import MessageReference, set_known_causes
from consumer_fusion.score.queries.brand_visibility import (
    find_brand_ids,
    find_visibility_by_name,
    require_known,
)
from consumer_fusion.score.score_context import ScoreContext
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

FEWEST_MESSAGES = 30
"""A share of fewer messages is not shown."""
_NORMAL_QUANTILE = 1.959964
"""Of a two-sided interval of 95%."""
ASPECT_WORDS: dict[Aspect, str] = {
    "food": N_("food"), "product": N_("product"), "staff": N_("the staff"), "service": N_("service"),
    "price": N_("price"), "billing": N_("billing"), "delivery": N_("delivery"), "punctuality": N_("punctuality"),
    "availability": N_("availability"), "digital": N_("app and website"), "information": N_("information"),
    "ambience": N_("ambience"), "place": N_("place"), "menu": N_("menu"), "other": N_("other"),
}  # fmt: skip
TOO_FEW = N_("under 30")
_NEGATIVE = (N_("Negative"), "Share of negative ones; null for fewer than 30 messages.")
_POSITIVE = (N_("Positive"), "Share of positive ones; null for fewer than 30 messages.")
_DISSATISFIED = (N_("Dissatisfied"), "Share by dissatisfied people; null for fewer than 30 messages.")
_LOW, _HIGH = "Lower end of its 95% interval.", "Upper end of its 95% interval."
_COLUMNS = (
    "source_id", "event_id", "consumer_id", "brand_id", "occurred_us", "kind", "words_digest", "language",
    "negative", "neutral", "positive", "is_abstained", "dissatisfaction", "intent", "aspects",
)  # fmt: skip


_ASPECT, _POLARITY = (f"json_extract_string(opinion, '$[{place}]')" for place in (0, 1))
"""Of an opinion in the JSON list `aspects`."""


@dataclass(frozen=True, slots=True)
class MessageShare:
    """A share of messages with its 95% interval (Wilson 1927); all None for too few messages."""

    share: float | None
    low: float | None
    high: float | None

    def name(self, name: str) -> dict[str, float | None]:
        """Its values as fields of a result."""
        return {name: self.share, f"{name}_low": self.low, f"{name}_high": self.high}


class MonthlySentiment(Schema):
    """Sentiment of the messages to and about a brand in a month."""

    month: str = describe(N_("Month"), "The month, such as 2026-06, in UTC.")
    messages: int = describe(N_("Messages"), "Messages that could be judged.")
    unknown: int = describe(N_("Unknown"), "Messages that could not be judged.")
    negative: float | None = describe(*_NEGATIVE, form="share", absent=TOO_FEW)
    negative_low: float | None = describe("Negative, low", _LOW, is_shown=False)
    negative_high: float | None = describe("Negative, high", _HIGH, is_shown=False)
    positive: float | None = describe(*_POSITIVE, form="share", absent=TOO_FEW)
    positive_low: float | None = describe("Positive, low", _LOW, is_shown=False)
    positive_high: float | None = describe("Positive, high", _HIGH, is_shown=False)
    dissatisfied: float | None = describe(*_DISSATISFIED, form="share", absent=TOO_FEW)
    dissatisfied_low: float | None = describe("Dissatisfied, low", _LOW, is_shown=False)
    dissatisfied_high: float | None = describe("Dissatisfied, high", _HIGH, is_shown=False)


class BrandSentiment(Schema):
    """Sentiment of all messages to and about a brand."""

    brand: str = describe(N_("Brand"), "Key of the brand.")
    messages: int = describe(N_("Messages"), "Messages that could be judged.")
    unknown: int = describe(N_("Unknown"), "Messages that could not be judged.")
    negative: float | None = describe(*_NEGATIVE, form="share", absent=TOO_FEW)
    negative_low: float | None = describe("Negative, low", _LOW, is_shown=False)
    negative_high: float | None = describe("Negative, high", _HIGH, is_shown=False)
    positive: float | None = describe(*_POSITIVE, form="share", absent=TOO_FEW)
    positive_low: float | None = describe("Positive, low", _LOW, is_shown=False)
    positive_high: float | None = describe("Positive, high", _HIGH, is_shown=False)
    dissatisfied: float | None = describe(*_DISSATISFIED, form="share", absent=TOO_FEW)
    dissatisfied_low: float | None = describe(N_("From"), _LOW, form="share", absent=TOO_FEW)
    dissatisfied_high: float | None = describe(N_("to"), _HIGH, form="share", absent=TOO_FEW)


class AspectSentiment(Schema):
    """Sentiment of the messages that speak of an aspect of a brand."""

    aspect: Aspect = describe(N_("Aspect"), "The aspect.", words=ASPECT_WORDS)
    messages: int = describe(N_("Messages"), "Messages that speak of it.")
    negative: float | None = describe(*_NEGATIVE, form="share", absent=TOO_FEW)
    negative_low: float | None = describe("Negative, low", _LOW, is_shown=False)
    negative_high: float | None = describe("Negative, high", _HIGH, is_shown=False)
    positive: float | None = describe(*_POSITIVE, form="share", absent=TOO_FEW)
    positive_low: float | None = describe("Positive, low", _LOW, is_shown=False)
    positive_high: float | None = describe("Positive, high", _HIGH, is_shown=False)


@dataclass(frozen=True, slots=True)
class JudgedMessage:
    """A message with what it says.

    Attributes:
        key: Source and id of its event.
        source: Key of the source.
        brand: Key of the brand; None while unknown.
        consumer: Key of the consumer; None while unknown.
        occurred_us: Its time.
        kind: Its kind.
        language: ISO 639-1, or `und`.
        said: Its polarity; None where it could not be judged.
        aspects: Aspects with their polarity.
        dissatisfaction: Probability that the person is dissatisfied.
        intent: Its intent; None where that is unknown.
        is_corrected: Whether the staff said what it says.
        text: Its words.
    """

    key: MessageKey
    source: str
    brand: str | None
    consumer: str | None
    occurred_us: int
    kind: str
    language: str
    said: Polarity | None
    aspects: Sequence[tuple[Aspect, Polarity]]
    dissatisfaction: float | None
    intent: str | None
    is_corrected: bool
    text: str


def measure_share(count: int, total: int) -> MessageShare:
    """A share with its interval by Wilson (1927); unknown for fewer than thirty messages."""
    if total < FEWEST_MESSAGES:
        return MessageShare(None, None, None)
    share, square = count / total, _NORMAL_QUANTILE**2
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = (
        _NORMAL_QUANTILE
        * math.sqrt(share * (1 - share) / total + square / (4 * total**2))
        / (1 + square / total)
    )
    return MessageShare(share, max(middle - half, 0.0), min(middle + half, 1.0))


def summarise_months(workspace: Workspace, brand: str) -> list[MonthlySentiment]:
    """Sentiment of the messages to and about a brand, month by month, the oldest first.

    Raises:
        NotFoundError: The brand is not known.
    """
    with workspace.store.reading() as session:
        judged = _open_judged(session, {"brand_id": find_brand_ids(session, brand)})
        rows = _count_by(workspace, judged, "strftime(make_timestamp(occurred_us), '%Y-%m')")
    return [MonthlySentiment(month=row["part"], **_name_shares(row)) for row in rows]


def summarise_brands(workspace: Workspace, brands: Collection[str] | None = None) -> list[BrandSentiment]:
    """Sentiment of all messages to and about each brand, the most written to first.

    Args:
        workspace: Workspace.
        brands: Only these brands; None for all.
    """
    with workspace.store.reading() as session:
        where = (
            {} if brands is None else {"brand_id": list(find_keys(session, "brand", list(brands)).values())}
        )
        rows = _count_by(workspace, _open_judged(session, where), "brand_id")
        names = name_entities(session, {row["part"] for row in rows} - {0})
    found = [BrandSentiment(brand=names[row["part"]], **_name_shares(row)) for row in rows if row["part"]]
    return sorted(found, key=lambda each: (-each.messages, each.brand))


def _count_by(workspace: Workspace, judged: EventSource, part: str) -> list[dict[str, Any]]:
    """Numbers of messages by what was said, for each value of an expression, in its order."""
    rows: list[dict[str, Any]] = workspace.engine.read(
        f"""select {part} as part, count(said) as messages,
               count(*) - count(said) as unknown, count(*) filter (said = 'negative') as negative,
               count(*) filter (said = 'positive') as positive,
               count(*) filter (said is not null and dissatisfaction >= 0.5) as dissatisfied
        from {judged.relation} group by 1 order by 1""",
        step="count what was said",
        tables=judged.tables,
    ).to_pylist()
    return rows


def _name_shares(row: Mapping[str, Any]) -> dict[str, Any]:
    shares: dict[str, Any] = {"messages": row["messages"], "unknown": row["unknown"]}
    for name in ("negative", "positive", "dissatisfied"):
        shares |= measure_share(row[name], row["messages"]).name(name)
    return shares


def summarise_aspects(workspace: Workspace, brand: str) -> list[AspectSentiment]:
    """Sentiment of the messages by the aspect of a brand that they speak of, the most spoken of first.

    Raises:
        NotFoundError: The brand is not known.
    """
    with workspace.store.reading() as session:
        judged = _open_judged(session, {"brand_id": find_brand_ids(session, brand)})
        rows = workspace.engine.read(
            f"""with opinions as (
                select unnest(from_json(aspects, '["json"]')) as opinion from {judged.relation} where said is not null
            )
            select {_ASPECT} as aspect, count(*) as messages,
                   count(*) filter ({_POLARITY} = 'negative') as negative,
                   count(*) filter ({_POLARITY} = 'positive') as positive
            from opinions group by 1 order by 2 desc, 1""",
            step="summarise what was said by aspect",
            tables=judged.tables,
        ).to_pylist()
    return [
        AspectSentiment(
            aspect=row["aspect"], messages=row["messages"],
            **measure_share(row["negative"], row["messages"]).name("negative"),
            **measure_share(row["positive"], row["messages"]).name("positive"),
        )
        for row in rows
    ]  # fmt: skip


def list_judged_messages(
    workspace: Workspace,
    *,
    brands: Collection[str] | None = None,
    consumer: str | None = None,
    said: Polarity | None = None,
    aspect: Aspect | None = None,
    event_id: str | None = None,
    limit: int = 100,
) -> list[JudgedMessage]:
    """Messages with what they say, the newest first.

    Args:
        workspace: Workspace.
        brands: Only to and about these brands; None for all.
        consumer: Only of this consumer, under all keys of the person.
        said: Only with this polarity, of the aspect where one is given.
        aspect: Only those that speak of it.
        event_id: Only the message of this event.
        limit: Maximum number of messages.

    Raises:
        NotFoundError: The consumer is not known.
    """
    with workspace.store.reading() as session:
        where: dict[str, Any] = {}
        if brands is not None:
            where["brand_id"] = list(find_keys(session, "brand", list(brands)).values())
        if consumer is not None:
            visibility = find_visibility_by_name(workspace, session, brands)
            where["consumer_id"] = find_members(session, [require_known(session, consumer, visibility)])
        if event_id is not None:
            where["event_id"] = event_id
        judged = _open_judged(session, where, is_of_one_model=False)
        conditions = ["true"]
        if aspect is not None:
            polarity = f"'{said}'" if said else _POLARITY
            conditions.append(
                f"len(list_filter(from_json(aspects, '[\"json\"]'), lambda opinion: "
                f"{_ASPECT} = '{aspect}' and {_POLARITY} = {polarity})) > 0"
            )
        elif said is not None:
            conditions.append(f"said = '{said}'")
        rows = workspace.engine.read(
            f"select * from {judged.relation} where {' and '.join(conditions)} "
            f"order by occurred_us desc, source_id, event_id limit {int(limit)}",
            step="list messages",
            tables=judged.tables,
        ).to_pylist()
        keys = [((row["source_id"], row["event_id"]), row["occurred_us"]) for row in rows]
        words = read_words(session, workspace.engine, workspace.folder, keys)
        names = name_entities(
            session, {row[name] for row in rows for name in ("source_id", "brand_id", "consumer_id")} - {0}
        )
    return [
        JudgedMessage(
            key=(row["source_id"], row["event_id"]), source=names[row["source_id"]], brand=names.get(row["brand_id"]),
            consumer=names.get(row["consumer_id"]), occurred_us=row["occurred_us"], kind=row["kind"],
            language=row["language"], said=row["said"],
            aspects=[(each[0], each[1]) for each in json.loads(row["aspects"] or "[]")],
            dissatisfaction=row["dissatisfaction"], intent=row["intent"], is_corrected=row["is_corrected"],
            text=words[key].text if (key := (row["source_id"], row["event_id"])) in words else "",
        )
        for row in rows
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A stored message, besides its event.

    Attributes:
        source: Key of the source.
        event_id: Id of the event.
        occurred_us: Its time.
        kind: Its kind.
        perception: Its content, with the staff's corrections; None while it waits to be read.
        is_corrected: Whether the staff corrected it.
    """

    source: str
    event_id: str
    occurred_us: int
    kind: str
    perception: Perception | None
    is_corrected: bool


def read_messages_of_pair(
    workspace: Workspace, consumer: str, brand: str, places: Collection[tuple[str, int]]
) -> list[StoredMessage]:
    """Messages of a consumer, under all keys of the person, to and about a brand.

    Args:
        workspace: Workspace.
        consumer: Key of the consumer.
        brand: Key of the brand.
        places: Event and time of the messages.
    """
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        members = find_members(session, find_keys(session, "consumer", [consumer]).values())
        brand_ids = list(find_keys(session, "brand", [brand]).values())
        where: dict[str, Any] = {"consumer_id": members or [0], "brand_id": brand_ids or [0]}
        rows = [
            row
            for row in session.read(PERCEPTIONS, where).to_pylist()
            if (row["event_id"], row["occurred_us"]) in places
        ]
        labels = session.read(PERCEPTION_LABELS, {"consumer_id": members or [0]}).to_pylist()
        names = name_entities(session, {row["source_id"] for row in rows})
        found = _complete(force.open(workspace, session), rows, labels)
    labelled = {(label["source_id"], label["event_id"], label["words_digest"]) for label in labels}
    return [
        StoredMessage(
            names[row["source_id"]], row["event_id"], row["occurred_us"], row["kind"], found.get(key),
            (*key, row["words_digest"]) in labelled,
        )
        for row in rows
        for key in ((row["source_id"], row["event_id"]),)
    ]  # fmt: skip


def find_message(workspace: Workspace, brand: str, source: str, event_id: str) -> tuple[str, Perception]:
    """The words of a message, and what they say.

    Raises:
        NotFoundError: There is no such message of the brand, or it waits to be read.
    """
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        row = require_message(session, brand, source, event_id)
        key = (row["source_id"], event_id)
        words = read_words(session, workspace.engine, workspace.folder, [(key, row["occurred_us"])])
        where: dict[str, Any] = {"source_id": row["source_id"], "event_id": event_id}
        labels = session.read(PERCEPTION_LABELS, where).to_pylist()
        found = _complete(force.open(workspace, session), [row], labels)
    if key not in found or key not in words:
        raise NotFoundError(
            "The message waits to be read.",
            hint="A server reads it within some ten seconds; an import before it ends.",
        )
    return words[key].text, found[key]


def _complete(
    context: ScoreContext, rows: Sequence[Mapping[str, Any]], labels: Sequence[Mapping[str, Any]]
) -> dict[MessageKey, Perception]:
    """Perceptions of rows, with the staff's corrections and with the causes that data of orders name."""
    by_key = {(label["source_id"], label["event_id"]): label for label in labels}
    found = {
        key: apply_label(read_row(row), by_key.get(key), row)
        for row in rows
        if row["model"] is not None
        for key in ((row["source_id"], row["event_id"]),)
    }
    read = [((row["source_id"], row["event_id"]), row["occurred_us"]) for row in rows]
    words = read_words(context.session, context.engine, context.folder, read)
    canonical = map_canonical(context.session, {row["consumer_id"] for row in rows})
    references = [
        MessageReference(key, canonical[row["consumer_id"]], row["brand_id"], words[key].properties)
        for row in rows
        if (key := (row["source_id"], row["event_id"])) in words
    ]
    return set_known_causes(context, references, found)


def _open_judged(session: Session, where: dict[str, Any], *, is_of_one_model: bool = True) -> EventSource:
    """Messages as a model, or the staff, judged them; for shares, only those that the model in force read."""
    rows = session.read(PERCEPTIONS, where, columns=(*_COLUMNS, "model"))
    model = read_perceiver_in_force(session)
    is_read = pc.equal(rows["model"], model or "") if is_of_one_model else pc.is_valid(rows["model"])
    rows = rows.filter(is_read)
    labels = session.read(
        PERCEPTION_LABELS, columns=("source_id", "event_id", "words_digest", "polarity", "is_dissatisfied")
    )
    relation = """(
        select p.* replace (coalesce(cast(l.is_dissatisfied as double), p.dissatisfaction) as dissatisfaction),
               l.source_id is not null as is_corrected,
               coalesce(l.polarity, case when p.is_abstained or p.negative is null then null
                   when p.negative >= greatest(p.neutral, p.positive) then 'negative'
                   when p.positive > p.neutral then 'positive' else 'neutral' end) as said
        from perceptions p left join perception_labels l on l.source_id = p.source_id and l.event_id = p.event_id
            and l.words_digest = p.words_digest
    )"""
    return EventSource(relation, {"perceptions": rows, "perception_labels": labels})
