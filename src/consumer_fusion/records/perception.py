"""Perception: what a message says, as a model read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

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
UNKNOWN_LANGUAGE = "und"
"""The language is not one that the model knows (ISO 639-3)."""


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
        basis: Where that is known from: the words, the order, or the data of operations.
    """

    party: Party
    probability: float
    basis: Literal["text", "order", "operations"] = "text"


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
        out_of_scope: Probability that the intent is none of the trained ones.
        dissatisfaction: Probability that the person is dissatisfied.
        failure: Probability that it names something that failed.
        severity: P(negative) x (.5 + .5 x harshness); 0 where nothing failed.
        harshness: Probability that it insults.
        repair: Probability that it apologises or gives fair detail.
        evidence: The clauses that speak most for its polarity.
        model: Id of the model.
        abstained: Whether the model is too unsure, or does not know the language.
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
