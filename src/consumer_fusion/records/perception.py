"""Perception: what a message says, as a model read it; and the tables that store it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from consumer_fusion.records.table import Column, Table

Polarity = Literal["negative", "neutral", "positive"]
POLARITIES: tuple[Polarity, ...] = get_args(Polarity)
Party = Literal["front", "kitchen", "production", "carrier", "technology", "management", "consumer", "nobody"]
PARTIES: tuple[Party, ...] = get_args(Party)
"""Who may be blamed or responsible: who meets the consumer, cooks, makes, carries, runs the systems, or decides."""
Aspect = Literal[
    "food", "product", "staff", "service", "price", "billing", "delivery", "punctuality", "availability", "digital",
    "information", "ambience", "place", "menu", "other",
]  # fmt: skip
ASPECTS: tuple[Aspect, ...] = get_args(Aspect)
Signal = Literal["irony", "harshness", "repair", "failure", "dissatisfaction"]
SIGNALS: tuple[Signal, ...] = get_args(Signal)
"""Properties judged one by one: irony, insult, apology or fair detail, a failure named, and dissatisfaction."""
Basis = Literal["text", "order", "operations", "staff"]
UNKNOWN_LANGUAGE = "und"
"""The language is not one that the model knows (ISO 639-3)."""
MESSAGE_KINDS: Mapping[str, bool] = {
    "Message Sent": False,
    "Post Published": True,
    "Brand Mentioned": True,
    "Complaint Made": False,
    "Complaint Published": True,
    "Product Reviewed": True,
    "CSAT Answered": False,
    "CES Answered": False,
    "NPS Answered": False,
    "Ticket Opened": False,
    "Live Chat Conversation Started": False,
}
"""The kinds of events whose text is the consumer's own words, and whether others can read them."""
UNSCORED_MESSAGE_KINDS = frozenset({"Message Sent", "Post Published", "Brand Mentioned"})
"""Those of them that count nothing by themselves: what their words say gives the scored event."""
PERCEIVER_MARK = "perceiver"
"""Mark with the id of the model whose perceptions are in force."""


@dataclass(frozen=True, slots=True)
class ConsumerMessage:
    """A message of a person.

    Attributes:
        text: The words.
        language: Its language, ISO 639-1, where the channel knows it; else it is recognised.
    """

    text: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a message: characters `start` to before `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class AspectOpinion:
    """Opinion of a message on one aspect.

    Attributes:
        aspect: The aspect.
        polarity: Polarity of the opinion.
        probability: That the aspect is spoken of and that the polarity is right.
        span: The clause that says it.
    """

    aspect: Aspect
    polarity: Polarity
    probability: float
    span: Span


@dataclass(frozen=True, slots=True)
class BlamedParty:
    """A party that the words accuse, with its probability and the clause."""

    party: Party
    probability: float
    span: Span


@dataclass(frozen=True, slots=True)
class ResponsibleParty:
    """A party that is responsible for a failure.

    Attributes:
        party: The party.
        probability: That it is.
        basis: Where that is known from: the words, the order, the data of operations, or the staff.
    """

    party: Party
    probability: float
    basis: Basis = "text"


@dataclass(frozen=True, slots=True)
class Perception:
    """The content of a message, as a model read it.

    Probabilities are calibrated. What is not known is None or empty, never neutral.

    Attributes:
        language: ISO 639-1, or `und`.
        polarity: Probability of negative, neutral and positive; empty where the model abstained.
        emotions: Probability of each emotion. English has the labels of GoEmotions (Demszky et al. 2020), Italian
            those of XED (Öhman et al. 2020).
        irony: Probability that it means the opposite of its words.
        aspects: Opinions on aspects.
        blame: Parties that the words accuse.
        responsible: Parties that are responsible for the failure.
        intent: Intent of the person; None until an installation has trained it.
        out_of_scope: How unusual it is among the messages that the intents were trained on: the share of held-out ones
            of which the model is surer. From .9 the intent is not named.
        dissatisfaction: Probability that the person is dissatisfied.
        failure: Probability that it names something that failed.
        severity: P(negative) x (.5 + .5 x harshness); 0 where nothing failed.
        harshness: Probability that it insults.
        repair: Probability that it apologises or gives fair detail.
        evidence: The clauses that speak most for its polarity.
        model: Id of the model.
        abstained: Whether the model is too unsure, or does not know the language.
        onlookers_share: Share of the harm that falls on the author, where the staff decided it; never by a model.
    """

    language: str
    model: str
    polarity: Mapping[Polarity, float]
    emotions: Mapping[str, float]
    irony: float | None = None
    aspects: tuple[AspectOpinion, ...] = ()
    blame: tuple[BlamedParty, ...] = ()
    responsible: tuple[ResponsibleParty, ...] = ()
    intent: str | None = None
    out_of_scope: float | None = None
    dissatisfaction: float | None = None
    failure: float | None = None
    severity: float | None = None
    harshness: float | None = None
    repair: float | None = None
    evidence: tuple[Span, ...] = ()
    abstained: bool = False
    onlookers_share: float | None = None


class Perceiver(Protocol):
    """Reads messages."""

    @property
    def id(self) -> str:
        """Name and hash of the weights, stored with every perception."""
        ...

    @property
    def languages(self) -> frozenset[str]:
        """The languages that it reads, ISO 639-1."""
        ...

    def perceive(self, batch: Sequence[ConsumerMessage]) -> Sequence[Perception]:
        """The perception of each message."""
        ...


PERCEPTIONS = Table(
    name="perceptions",
    grain="one event whose text is a consumer's own words, with what a model read in them",
    writer="messages.perceptions",
    columns=(
        Column("source_id", "integer", "The source of the event (`entities`)."),
        Column("event_id", "text", "The source's own id of the event."),
        Column("consumer_id", "integer", "The consumer as the source named them, before merges; 0 while unknown."),
        Column("brand_id", "integer", "The brand; 0 while unknown."),
        Column("occurred_us", "integer", "Time of the event, in microseconds since 1970 in UTC."),
        Column("kind", "text", "Kind of event, as sent by the source."),
        Column("words_digest", "text", "Hash of the words (MD5), so that changed words are noticed.", is_personal=True),
        Column("listed_us", "integer", "When the words arrived, or were last changed."),
        Column("is_waiting", "boolean", "Whether they are still to be read by the model in force."),
        Column("model", "text", "Id of the model that read them; null before.", is_optional=True),
        Column("language", "text", "ISO 639-1; `und` where it is not known.", is_optional=True),
        Column("negative", "real", "Probability that they are negative; null where unknown.", is_optional=True),
        Column("neutral", "real", "Probability that they are neutral.", is_optional=True),
        Column("positive", "real", "Probability that they are positive.", is_optional=True),
        Column("irony", "real", "Probability that they mean the opposite.", is_optional=True),
        Column("dissatisfaction", "real", "Probability that the person is dissatisfied.", is_optional=True),
        Column("failure", "real", "Probability that they name something that failed.", is_optional=True),
        Column("severity", "real", "P(negative) x (.5 + .5 x harshness); 0 where nothing failed.", is_optional=True),
        Column("harshness", "real", "Probability of an insult.", is_optional=True),
        Column("repair", "real", "Probability of an apology or fair detail.", is_optional=True),
        Column("intent", "text", "Intent; null until an installation has trained it.", is_optional=True),
        Column("out_of_scope", "real", "Share of held-out messages of which the model is surer.", is_optional=True),
        Column("is_abstained", "boolean", "Whether the model was too unsure.", is_optional=True),
        Column("emotions", "text", "Probability of each emotion, as a JSON object.", is_optional=True),
        Column("aspects", "text", "Opinions on aspects with their spans, as a JSON list.", is_optional=True),
        Column("blame", "text", "Parties that the words accuse, with their spans, as a JSON list.", is_optional=True),
        Column("responsible", "text", "Parties that are responsible, as a JSON list.", is_optional=True),
        Column("evidence", "text", "Spans that speak most for the polarity, as a JSON list.", is_optional=True),
    ),
    primary_key=("source_id", "event_id"),
    indexes=(("is_waiting", "occurred_us"), ("consumer_id",), ("brand_id", "occurred_us")),
    subject="consumer_id",
    erasure="delete rows",
    scope="events",
)  # fmt: skip

PERCEPTION_LABELS = Table(
    name="perception_labels",
    grain="one message of which a person of the staff said what it says; it holds instead of the model's output",
    writer="messages.perceptions",
    columns=(
        Column("source_id", "integer", "The source of the event (`entities`)."),
        Column("event_id", "text", "The source's own id of the event."),
        Column("consumer_id", "integer", "The consumer as the source named them, before merges; 0 while unknown."),
        Column("words_digest", "text", "Hash of the words that were labelled; others have no label.", is_personal=True),
        Column("polarity", "text", "negative, neutral or positive; null where it was not corrected.", is_optional=True),
        Column("is_failure", "boolean", "Whether it names something that failed.", is_optional=True),
        Column("is_dissatisfied", "boolean", "Whether the person is dissatisfied.", is_optional=True),
        Column("is_ironic", "boolean", "Whether it means the opposite of its words.", is_optional=True),
        Column("blamed", "text", "The party that the words accuse; nobody for none.", is_optional=True),
        Column("responsible", "text", "The party that was responsible; nobody for none.", is_optional=True),
        Column("onlookers_share", "real", "Share of the harm that falls on the author, 0 to 1.", is_optional=True),
        Column("labelled_by", "text", "Account of the person of the staff.", is_personal=True),
        Column("labelled_us", "integer", "When, in microseconds since 1970 in UTC."),
    ),
    primary_key=("source_id", "event_id"),
    indexes=(("consumer_id",),),
    subject="consumer_id",
    erasure="delete rows",
    scope="events",
)  # fmt: skip

LEARNT_MODELS = Table(
    name="learnt_models",
    grain="one model that this installation trained on its own labels, beside the perceiver",
    writer="perception.learning_store",
    columns=(
        Column(
            "name", "text", "`staff`: corrections by labels of the staff; `intents`: the intents of messages."
        ),
        Column(
            "perceiver",
            "text",
            "Id of the perceiver whose outputs it was trained beside; another one ignores it.",
        ),
        Column("digest", "text", "Hash of its weights, a part of the id of the model."),
        Column("weights", "bytes", "Its weights, as a NumPy file."),
        Column("report", "text", "What was measured on held-out labels, as JSON."),
        Column("made_us", "integer", "When, in microseconds since 1970 in UTC."),
    ),
    primary_key=("name",),
)
