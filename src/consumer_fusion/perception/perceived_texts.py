"""Perceived texts: what a message says, with the words that say it, as it is shown and given to programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from consumer_fusion.perception.shipped_perceiver import load_perceiver
from consumer_fusion.records.perception import (
    Aspect,
    Basis,
    ConsumerMessage,
    Party,
    Perceiver,
    Perception,
    Polarity,
    Span,
)
from consumer_fusion.records.schema import Schema, describe

LEAST_EMOTION = 0.2
_TEXTS_AT_ONCE = 1_000


class PerceivedAspect(Schema):
    """Opinion of a message on one aspect."""

    aspect: Aspect = describe("Aspect", "The aspect.")
    polarity: Polarity = describe("Polarity", "Polarity of the opinion.")
    probability: float = describe("Probability", "That it is spoken of, and so.")
    words: str = describe("Words", "The clause that says it.")
    start: int = describe("Start", "Place of its first character.")
    end: int = describe("End", "Place after its last character.")


class BlamedSpan(Schema):
    """A party that the words accuse."""

    party: Party = describe("Party", "The party.")
    probability: float = describe("Probability", "That it is accused.")
    words: str = describe("Words", "The clause that says it.")


class PerceivedParty(Schema):
    """A party that is responsible."""

    party: Party = describe("Party", "The party.")
    probability: float = describe("Probability", "That it is.")
    basis: Basis = describe("Basis", "Source of that knowledge.", default="text")


class PerceivedText(Schema):
    """Content of a message; a value that is not known is null, never neutral."""

    text: str = describe("Text", "The message.")
    language: str = describe("Language", "ISO 639-1; `und` where it is not known.")
    said: Polarity | None = describe("Said", "The likeliest polarity; null where the model abstains.")
    polarity: dict[Polarity, float] = describe("Polarity", "Probability of each polarity.")
    emotions: dict[str, float] | None = describe(
        "Emotions",
        f"The emotions of at least {LEAST_EMOTION}, the likeliest first; null where none can be read.",
    )
    irony: float | None = describe("Irony", "Probability that it means the opposite of its words.")
    aspects: list[PerceivedAspect] = describe("Aspects", "Opinions on aspects.")
    blame: list[BlamedSpan] = describe("Blame", "Parties that its words accuse.")
    responsible: list[PerceivedParty] = describe(
        "Responsible", "Parties that are responsible for the failure."
    )
    dissatisfaction: float | None = describe(
        "Dissatisfaction", "Probability that the person is dissatisfied."
    )
    failure: float | None = describe("Failure", "Probability that it names something that failed.")
    severity: float | None = describe(
        "Severity", "P(negative) x (.5 + .5 x harshness); 0 where nothing failed."
    )
    harshness: float | None = describe("Harshness", "Probability that it insults.")
    repair: float | None = describe("Repair", "Probability that it apologises or gives fair detail.")
    evidence: list[str] = describe("Evidence", "The clauses that speak most for its polarity.")
    intent: str | None = describe(
        "Intent", "Its intent; null until an installation has trained intents, and out of their scope."
    )
    out_of_scope: float | None = describe(
        "Out of scope",
        "Share of held-out messages of which the model of intents is surer; null without one.",
    )
    abstained: bool = describe("Abstained", "Whether the model is too unsure, or does not read the language.")
    model: str = describe("Model", "Id of the model.")


def perceive_texts(
    texts: Sequence[str],
    language: str | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
    perceiver: Perceiver | None = None,
) -> list[PerceivedText]:
    """The content of each text.

    Args:
        texts: The messages.
        language: Their language, ISO 639-1; recognised where absent.
        progress: Callback with the messages done and all.
        perceiver: Perceiver; the shipped one where absent.
    """
    perceiver = perceiver or load_perceiver()
    perceptions: list[Perception] = []
    for first in range(0, len(texts), _TEXTS_AT_ONCE):
        part = texts[first : first + _TEXTS_AT_ONCE]
        perceptions += perceiver.perceive([ConsumerMessage(text, language) for text in part])
        progress(len(perceptions), len(texts))
    return [describe_text(text, each) for text, each in zip(texts, perceptions, strict=True)]


def describe_text(text: str, found: Perception) -> PerceivedText:
    """A message with what was read in it."""

    def quote(span: Span) -> str:
        return text[span.start : span.end]

    emotions = sorted(found.emotions.items(), key=lambda each: -each[1])
    return PerceivedText(
        text=text,
        language=found.language,
        said=None if found.abstained else max(found.polarity.items(), key=lambda each: each[1])[0],
        polarity=dict(found.polarity),
        emotions={name: value for name, value in emotions if value >= LEAST_EMOTION} if emotions else None,
        irony=found.irony,
        aspects=[
            PerceivedAspect(
                aspect=each.aspect, polarity=each.polarity, probability=each.probability, words=quote(each.span),
                start=each.span.start, end=each.span.end,
            )
            for each in found.aspects
        ],
        blame=[
            BlamedSpan(party=each.party, probability=each.probability, words=quote(each.span)) for each in found.blame
        ],
        responsible=[
            PerceivedParty(party=each.party, probability=each.probability, basis=each.basis)
            for each in found.responsible
        ],
        dissatisfaction=found.dissatisfaction,
        failure=found.failure,
        severity=found.severity,
        harshness=found.harshness,
        repair=found.repair,
        evidence=[quote(each) for each in found.evidence],
        intent=found.intent,
        out_of_scope=found.out_of_scope,
        abstained=found.abstained,
        model=found.model,
    )  # fmt: skip
