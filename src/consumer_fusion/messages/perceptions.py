"""Stored perceptions: the list of messages, what a model read in each, and what the staff corrected.

A message is listed when its event lands, in the same transaction, and read later: a model takes a thousand times as
long as a landing. Until then nothing is known of it. Words that change are listed again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from consumer_fusion.errors import NotFoundError
from consumer_fusion.events.entities import find_keys
from consumer_fusion.events.event_reader import EventSelection, EventSource, open_events
from consumer_fusion.i18n.messages import Message
from consumer_fusion.records.perception import (
    MESSAGE_KINDS,
    PERCEIVER_MARK,
    PERCEPTION_LABELS,
    PERCEPTIONS,
    POLARITIES,
    AspectOpinion,
    BlamedParty,
    Perception,
    ResponsibleParty,
    Span,
)
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.store import Row, Session, Where

MessageKey = tuple[int, str]
"""Source and id of the event of a message."""
_LISTED = ("source_id", "event_id", "consumer_id", "brand_id", "occurred_us", "kind")
_STATE = ("words_digest", "listed_us", "is_waiting")
_OUTPUTS = PERCEPTIONS.column_names[len(_LISTED) + len(_STATE) :]
_LABEL_COLUMNS = tuple(column.name for column in PERCEPTION_LABELS.columns)
_CERTAIN, _EXCLUDED = 1.0, 0.0
_MESSAGES_AT_ONCE = 50_000
_FALLBACKS_MARK = "fallback_perceivers"


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """A message that waits to be read.

    Attributes:
        source_id: Source of its event.
        event_id: Id of the event.
        consumer_id: Consumer, before merges; 0 while unknown.
        occurred_us: Time of the event.
        listed_us: When its words arrived.
    """

    source_id: int
    event_id: str
    consumer_id: int
    occurred_us: int
    listed_us: int

    @property
    def key(self) -> MessageKey:
        """Source and id."""
        return self.source_id, self.event_id


def list_messages(
    session: Session, engine: Engine, events: EventSource, now_us: int, replaced: pa.Table | None = None
) -> int:
    """List the events of a relation whose text is a consumer's words; the perception of former words is forgotten.

    Args:
        session: A transaction.
        engine: Engine to read with.
        events: The events.
        now_us: Present time.
        replaced: Former versions of some of them, by `source_id` and `event_id`; those that are no message any more
            are forgotten.

    Returns:
        Number of messages.
    """
    kinds = ", ".join(f"'{kind}'" for kind in MESSAGE_KINDS)
    is_message = f"kind in ({kinds}) and trim(text) <> ''"
    if replaced is not None and replaced.num_rows:
        gone = engine.read(
            f"select source_id, event_id from replaced_events r where not exists (select 1 from {events.relation} e "
            f"where e.source_id = r.source_id and e.event_id = r.event_id and {is_message})",
            step="find what is no message any more",
            tables={**events.tables, "replaced_events": replaced.select(["source_id", "event_id"])},
        )
        session.delete_matching(PERCEPTIONS, gone)
    rows = engine.read(
        f"select {', '.join(_LISTED)}, md5(text) as words_digest from {events.relation} e where {is_message}",
        step="list messages",
        tables=events.tables,
    )
    for batch in rows.to_batches(max_chunksize=_MESSAGES_AT_ONCE):
        keys = pa.Table.from_batches([batch]).select(["source_id", "event_id"])
        kept = session.read_matching(
            PERCEPTIONS, keys, columns=("source_id", "event_id", *_STATE)
        ).to_pylist()
        known = {(row["source_id"], row["event_id"]): row for row in kept}
        same, new = [], []
        for row in batch.to_pylist():
            listed = tuple(row[name] for name in _LISTED)
            former = known.get((row["source_id"], row["event_id"]))
            if former is not None and former["words_digest"] == row["words_digest"]:
                # Only its parties or its time changed.
                same.append((*listed, *(former[name] for name in _STATE)))
            else:
                new.append((*listed, row["words_digest"], now_us, True, *[None] * len(_OUTPUTS)))
        session.replace(PERCEPTIONS, (*_LISTED, *_STATE), same)
        session.replace(PERCEPTIONS, PERCEPTIONS.column_names, new)
    return int(rows.num_rows)


def put_perceiver_in_force(session: Session, model: str) -> bool:
    """Let a model read all messages again that another model read; returns whether another one was in force."""
    if session.read_mark(PERCEIVER_MARK) == model:
        return False
    session.write_mark(PERCEIVER_MARK, model)
    session.update(PERCEPTIONS, {"is_waiting": True}, {"is_waiting": False})
    return True


def requeue_fallbacks(session: Session) -> None:
    """Let messages that another model than the one in force had to read wait again."""
    for model in json.loads(session.read_mark(_FALLBACKS_MARK) or "[]"):
        session.update(PERCEPTIONS, {"is_waiting": True}, {"model": model})
    session.write_mark(_FALLBACKS_MARK, "[]")


def note_fallbacks(session: Session, models: Collection[str]) -> None:
    """Note the models that read messages in place of the one in force, so that these are read again later."""
    known = json.loads(session.read_mark(_FALLBACKS_MARK) or "[]")
    if not set(models) <= set(known):
        session.write_mark(_FALLBACKS_MARK, json.dumps(sorted({*known, *models})))


def read_perceiver_in_force(session: Session) -> str | None:
    """Id of the model whose perceptions are in force; None before the first."""
    return session.read_mark(PERCEIVER_MARK)


def count_waiting(session: Session) -> int:
    """Number of messages that wait to be read."""
    return session.count(PERCEPTIONS, {"is_waiting": True})


def read_waiting(session: Session, limit: int) -> list[ListedMessage]:
    """Messages that wait to be read, the oldest first."""
    rows = session.read(
        PERCEPTIONS, {"is_waiting": True}, columns=("source_id", "event_id", "consumer_id", "occurred_us", "listed_us"),
        order_by=("occurred_us",), limit=limit,
    )  # fmt: skip
    return [ListedMessage(**row) for row in rows.to_pylist()]


def store_perceptions(
    session: Session, perceived: Mapping[ListedMessage, Perception | None]
) -> list[ListedMessage]:
    """Store what was read in messages; those whose words changed meanwhile go on waiting.

    Args:
        session: A transaction.
        perceived: Perception of each message; None where its event is no longer there.

    Returns:
        The messages whose perception was stored.
    """
    kept = session.read_matching(PERCEPTIONS, _as_table([each.key for each in perceived]))
    rows = {(row["source_id"], row["event_id"]): row for row in kept.to_pylist()}
    current = [
        each for each in perceived if each.key in rows and rows[each.key]["listed_us"] == each.listed_us
    ]
    gone = [each.key for each in current if perceived[each] is None]
    if gone:
        session.delete_matching(PERCEPTIONS, _as_table(gone))
    session.replace(PERCEPTIONS, PERCEPTIONS.column_names, _write_rows(current, perceived, rows))
    return current


def attach_message(session: Session, key: MessageKey, consumer_id: int, brand_id: int) -> None:
    """Set the parties of a message that became known later."""
    where: Where = {"source_id": key[0], "event_id": key[1]}
    session.update(PERCEPTIONS, {"consumer_id": consumer_id, "brand_id": brand_id}, where)
    session.update(PERCEPTION_LABELS, {"consumer_id": consumer_id}, where)


def store_label(session: Session, label: Mapping[str, Any]) -> None:
    """Store what a person of the staff said of a message; the columns are those of `perception_labels`."""
    session.replace(PERCEPTION_LABELS, _LABEL_COLUMNS, [tuple(label[name] for name in _LABEL_COLUMNS)])


def read_perceptions(session: Session, members: Sequence[int] | None) -> dict[MessageKey, Perception]:
    """The known perceptions of messages: outputs of the model, with the staff's corrections in their place.

    Args:
        session: A session.
        members: Consumers as sources named them; None for all.
    """
    if members is None:
        rows, labels = session.read(PERCEPTIONS), session.read(PERCEPTION_LABELS)
    else:
        keys = pa.table({"consumer_id": pa.array(members, pa.int64())})
        rows, labels = (session.read_matching(each, keys) for each in (PERCEPTIONS, PERCEPTION_LABELS))
    corrected = {(row["source_id"], row["event_id"]): row for row in labels.to_pylist()}
    found: dict[MessageKey, Perception] = {}
    for row in rows.to_pylist():
        key = (row["source_id"], row["event_id"])
        if row["model"] is not None:
            found[key] = apply_label(read_row(row), corrected.get(key), row)
    return found


def apply_label(
    perception: Perception, label: Mapping[str, Any] | None, row: Mapping[str, Any]
) -> Perception:
    """A perception with what a person of the staff said in place of the model's output; that is certain.

    Args:
        perception: The perception.
        label: Row of `perception_labels`; None for none. One of other words does not count.
        row: Row of `perceptions` of the message.
    """
    if label is None or label["words_digest"] != row["words_digest"]:
        return perception
    changes: dict[str, Any] = {}
    if label["polarity"] is not None:
        changes["polarity"] = {
            each: _CERTAIN if each == label["polarity"] else _EXCLUDED for each in POLARITIES
        }
        changes["abstained"] = False
        # A message that is neutral or positive names no grave failure.
        if label["polarity"] != "negative":
            changes["severity"] = 0.0
        else:
            changes["severity"] = 0.5 + 0.5 * (perception.harshness or 0.0)
    for column, name in (
        ("is_failure", "failure"),
        ("is_dissatisfied", "dissatisfaction"),
        ("is_ironic", "irony"),
    ):
        if label[column] is not None:
            changes[name] = _CERTAIN if label[column] else _EXCLUDED
    everything = perception.evidence[0] if perception.evidence else Span(0, 0)
    if label["blamed"] is not None:
        changes["blame"] = (
            () if label["blamed"] == "nobody" else (BlamedParty(label["blamed"], _CERTAIN, everything),)
        )
    if label["responsible"] is not None:
        is_nobody = label["responsible"] == "nobody"
        changes["responsible"] = (
            () if is_nobody else (ResponsibleParty(label["responsible"], _CERTAIN, "staff"),)
        )
    if label["onlookers_share"] is not None:
        changes["onlookers_share"] = label["onlookers_share"]
    return replace(perception, **changes)


@dataclass(frozen=True, slots=True)
class MessageText:
    """The words of a message, and the other properties of its event."""

    text: str
    properties: Mapping[str, object]


def read_words(
    session: Session, engine: Engine, folder: Path, messages: Collection[tuple[MessageKey, int]]
) -> dict[MessageKey, MessageText]:
    """The words of messages, each given by its key and time; those whose event is no longer there are left out."""
    if not messages:
        return {}
    selection = EventSelection(
        times_us={occurred_us for _, occurred_us in messages}, is_attributed_only=False
    )
    columns = ("source_id", "event_id", "occurred_us", "day", "text", "properties")
    source = open_events(session, folder, selection, columns=columns, is_merged=False)
    rows = engine.read(
        f"select source_id, event_id, text, properties from {source.relation} e semi join wanted_messages w "
        "on w.source_id = e.source_id and w.event_id = e.event_id where text is not null",
        step="read the words of messages",
        tables={**source.tables, "wanted_messages": _as_table([key for key, _ in messages])},
    )
    return {
        (row["source_id"], row["event_id"]): MessageText(row["text"], json.loads(row["properties"] or "{}"))
        for row in rows.to_pylist()
    }


def require_message(session: Session, brand: str, source: str, event_id: str) -> dict[str, Any]:
    """The row of `perceptions` of a message.

    Raises:
        NotFoundError: There is no such message to or about the brand.
    """
    source_id = find_keys(session, "source", [source]).get(source, 0)
    brand_id = find_keys(session, "brand", [brand]).get(brand, 0)
    rows = session.read(PERCEPTIONS, {"source_id": source_id, "event_id": event_id}).to_pylist()
    if not rows or rows[0]["brand_id"] != brand_id:
        raise NotFoundError(
            Message(
                "There is no message '{event_id}' of the source '{source}' to or about {brand}.",
                event_id=event_id,
                source=source,
                brand=brand,
            ),
            hint="`fusion messages list` lists them.",
        )
    return dict(rows[0])


def read_row(row: Mapping[str, Any]) -> Perception:
    """The perception of a row of `perceptions` that was read."""
    is_known = row["negative"] is not None
    return Perception(
        language=row["language"],
        model=row["model"],
        polarity={each: row[each] for each in POLARITIES} if is_known else {},
        emotions=json.loads(row["emotions"] or "{}"),
        irony=row["irony"],
        aspects=tuple(
            AspectOpinion(aspect, polarity, probability, Span(start, end))
            for aspect, polarity, probability, start, end in json.loads(row["aspects"] or "[]")
        ),
        blame=tuple(
            BlamedParty(party, probability, Span(start, end))
            for party, probability, start, end in json.loads(row["blame"] or "[]")
        ),
        responsible=tuple(ResponsibleParty(*each) for each in json.loads(row["responsible"] or "[]")),
        intent=row["intent"],
        out_of_scope=row["out_of_scope"],
        dissatisfaction=row["dissatisfaction"],
        failure=row["failure"],
        severity=row["severity"],
        harshness=row["harshness"],
        repair=row["repair"],
        evidence=tuple(Span(*each) for each in json.loads(row["evidence"] or "[]")),
        abstained=bool(row["is_abstained"]),
    )


def _write_rows(
    current: Iterable[ListedMessage],
    perceived: Mapping[ListedMessage, Perception | None],
    rows: Mapping[MessageKey, Mapping[str, Any]],
) -> Iterable[Row]:
    for each in current:
        perception = perceived[each]
        if perception is not None:
            former = rows[each.key]
            stated = (former[name] for name in (*_LISTED, "words_digest", "listed_us"))
            yield (*stated, False, *_write_outputs(perception))


def _write_outputs(found: Perception) -> Row:
    values: dict[str, Any] = {
        "model": found.model,
        "language": found.language,
        **{each: found.polarity.get(each) for each in POLARITIES},
        **{
            name: getattr(found, name)
            for name in (
                "irony", "dissatisfaction", "failure", "severity", "harshness", "repair", "intent", "out_of_scope",
            )
        },
        "is_abstained": found.abstained,
        "emotions": json.dumps(found.emotions),
        "aspects": json.dumps(
            [(each.aspect, each.polarity, each.probability, each.span.start, each.span.end) for each in found.aspects]
        ),
        "blame": json.dumps([(each.party, each.probability, each.span.start, each.span.end) for each in found.blame]),
        "responsible": json.dumps([(each.party, each.probability, each.basis) for each in found.responsible]),
        "evidence": json.dumps([(each.start, each.end) for each in found.evidence]),
    }  # fmt: skip
    return tuple(values[name] for name in _OUTPUTS)


def _as_table(keys: Sequence[MessageKey]) -> pa.Table:
    return pa.table(
        {
            "source_id": pa.array([source_id for source_id, _ in keys], pa.int64()),
            "event_id": pa.array([event_id for _, event_id in keys], pa.string()),
        }
    )
