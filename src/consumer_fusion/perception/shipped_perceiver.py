"""The perceiver that is shipped: n-grams, joined with the sentence encoder where that is installed.

Each model gives logits. Where both read a language, their calibrated logits are averaged with a weight that was chosen
on messages of other sectors than those trained on. Clauses are read by the n-grams alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np
from numpy.typing import NDArray

from consumer_fusion.perception import sentence_encoder
from consumer_fusion.perception.clauses import split_clauses
from consumer_fusion.perception.lexicons import FINGERPRINT, find_roles, has_insult, has_words
from consumer_fusion.perception.linear_heads import Floats, Head
from consumer_fusion.perception.text_features import TextFeatures, count_features
from consumer_fusion.perception.text_model import TextModel
from consumer_fusion.records.perception import (
    ASPECTS,
    PARTIES,
    POLARITIES,
    SIGNALS,
    UNKNOWN_LANGUAGE,
    AspectOpinion,
    BlamedParty,
    ConsumerMessage,
    Perception,
    ResponsibleParty,
    Span,
)

SENTENCE_IN_OPINION = 0.4
"""Share of the whole message in the opinion of one of its clauses."""
CLAUSE_IN_ASPECT = 0.5
"""Share of the clause that speaks most of an aspect; the whole message has the rest."""
LEAST_CONFIDENCE = 0.5
"""The perceiver abstains where no polarity, or no language, is as probable."""
ROLE_WEIGHT = 2.0
"""Logit that a party gains whose role a clause names that is surely negative; chosen on the sectors of development."""
INSULT_WEIGHT = 3.0
"""Logit that harshness gains by an insult in a clause that is surely negative, likewise."""
HARSHNESS = SIGNALS.index("harshness")
_LEAST_PARTY = 0.4
_SERVICE_HEADS = ("polarity", "signals", "blamed", "cause", "aspects")
_MESSAGES_AT_ONCE = 1_024
_ENCODED_LANGUAGES = ("de", "es", "fr", "pt")
"""Read by the encoder alone, which was trained on English and Italian; measured in the model card."""


@dataclass(frozen=True, slots=True)
class JoinedHead:
    """How one head of both models is joined.

    Attributes:
        ngram_weight: Weight of the n-grams in the average of the logits; the encoder has the rest.
        head: The labels with the temperature and the thresholds of the average.
    """

    ngram_weight: float
    head: Head


@dataclass(frozen=True, slots=True)
class ShippedModels:
    """The models of the package.

    Attributes:
        language: Recognises languages.
        service: For each language, the heads for messages to brands.
        emotion: For each language, the head for emotions.
        encoded: Heads over the vectors of the encoder; None where it is not used.
        joints: For each language and head, how both are joined.
        digest: Hash of the files.
    """

    language: TextModel
    service: Mapping[str, TextModel]
    emotion: Mapping[str, TextModel]
    encoded: TextModel | None
    joints: Mapping[str, Mapping[str, JoinedHead]]
    digest: str


@dataclass(slots=True)
class _Reading:
    """Probabilities of the messages of one language, by head."""

    language: str
    probabilities: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    thresholds: dict[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class ShippedPerceiver:
    """Reads messages with the shipped models."""

    models: ShippedModels

    @property
    def id(self) -> str:
        """Name and hash of the weights."""
        return _write_id(self.models.encoded is not None, self.models.digest)

    @property
    def languages(self) -> frozenset[str]:
        """The languages that it reads."""
        alone = () if self.models.encoded is None else _ENCODED_LANGUAGES
        return frozenset((*self.models.service, *alone))

    def perceive(self, batch: Sequence[ConsumerMessage]) -> list[Perception]:
        """The perception of each message."""
        perceptions: list[Perception] = []
        for first in range(0, len(batch), _MESSAGES_AT_ONCE):
            perceptions += self._perceive_some(batch[first : first + _MESSAGES_AT_ONCE])
        return perceptions

    def recognise_languages(self, features: TextFeatures) -> list[str]:
        """The language of each text, ISO 639-1; `und` where the model is not sure."""
        model = self.models.language
        head = model.heads.heads["language"]
        read = head.read(model.measure_features(features))
        known = np.bincount(features.messages, minlength=features.size) > 0
        best = np.where(known & (read.max(axis=1) >= LEAST_CONFIDENCE), read.argmax(axis=1), -1)
        return [head.labels[each] if each >= 0 else UNKNOWN_LANGUAGE for each in best]

    def _perceive_some(self, batch: Sequence[ConsumerMessage]) -> list[Perception]:
        texts = [message.text for message in batch]
        features = count_features(texts)
        recognised = self.recognise_languages(features)
        languages = [message.language or found for message, found in zip(batch, recognised, strict=True)]
        perceptions = [
            Perception(language=language, model=self.id, polarity={}, emotions={}, abstained=True)
            for language in languages
        ]
        for language in sorted(set(languages) & self.languages):
            rows = np.array([number for number, each in enumerate(languages) if each == language])
            found = self._perceive_language([texts[row] for row in rows], features.take(rows), language)
            for row, perception in zip(rows, found, strict=True):
                perceptions[row] = perception
        return perceptions

    def _perceive_language(
        self, texts: Sequence[str], features: TextFeatures, language: str
    ) -> list[Perception]:
        spans = [split_clauses(text) for text in texts]
        first = np.cumsum([0, *map(len, spans)])
        service = self.models.service.get(language)
        encoded = self._encode(texts)
        of_texts: dict[str, Floats] = {}
        of_clauses: dict[str, Floats] = {}
        if service is not None:
            logits = service.measure_features(features)
            of_texts = split_heads(service, logits)
            of_clauses = split_heads(service, measure_clauses(service, texts, spans, logits))
            of_texts["aspects"] = mix_aspects(of_texts["aspects"], of_clauses["aspects"], first)
        reading = _Reading(language)
        for name in _SERVICE_HEADS:
            self._read_head(reading, name, service, of_texts, encoded)
        emotion = self.models.emotion.get(language)
        if emotion is not None:
            self._read_head(
                reading, "emotion", emotion, split_heads(emotion, emotion.measure_features(features)), encoded
            )
        if service is not None:
            negative = service.heads.heads["polarity"].read(of_clauses["polarity"])[:, 0]
            for number, text in enumerate(texts):
                if not has_words(text):
                    continue
                clauses = negative[first[number] : first[number + 1]]
                read = reading.probabilities["blamed"][number]
                reading.probabilities["blamed"][number] = weigh_roles(read, text, spans[number], clauses)
                harshness = reading.probabilities["signals"][number, HARSHNESS]
                weighed = weigh_insults(harshness, text, spans[number], clauses)
                reading.probabilities["signals"][number, HARSHNESS] = weighed
        return [
            self._describe(reading, number, spans[number], of_texts, of_clauses, int(first[number]), service)
            for number in range(len(texts))
        ]

    def _encode(self, texts: Sequence[str]) -> dict[str, Floats]:
        model = self.models.encoded
        if model is None:
            return {}
        return split_heads(model, model.heads.measure_dense(sentence_encoder.encode(texts)))

    def _read_head(
        self,
        reading: _Reading,
        name: str,
        model: TextModel | None,
        ngrams: Mapping[str, Floats],
        encoded: Mapping[str, Floats],
    ) -> None:
        """Add the probabilities of a head, from the one model that reads the language or from both."""
        of_encoder = name_encoded_head(name, reading.language)
        if model is None or self.models.encoded is None:
            heads = (model or self.models.encoded).heads.heads  # type: ignore[union-attr]
            head, logits = heads[name], ngrams[name] if model else encoded[name]
        else:
            joint = self.models.joints[reading.language][name]
            head = joint.head
            logits = join_logits(
                joint.ngram_weight,
                (model.heads.heads[name], ngrams[name]),
                (self.models.encoded.heads.heads[of_encoder], encoded[of_encoder]),
            )
        # Four digits in double precision, so that they are written as such.
        reading.probabilities[name] = head.read(logits).astype(np.float64).round(4)
        reading.thresholds[name] = head.thresholds

    def _describe(
        self,
        reading: _Reading,
        number: int,
        spans: Sequence[tuple[int, int]],
        of_texts: Mapping[str, Floats],
        of_clauses: Mapping[str, Floats],
        first: int,
        service: TextModel | None,
    ) -> Perception:
        """The perception of one message; `first` is the number of its first clause."""
        here = slice(first, first + len(spans))
        row = {name: values[number] for name, values in reading.probabilities.items()}
        signals = dict(zip(SIGNALS, row["signals"].tolist(), strict=True))
        best = int(row["polarity"].argmax())
        emotions: dict[str, float] = {}
        if "emotion" in row:
            labels = self.models.emotion[reading.language].heads.heads["emotion"].labels
            emotions = dict(zip(labels, row["emotion"].tolist(), strict=True))

        def find_span(head: str, column: int) -> Span:
            return Span(*spans[int(of_clauses[head][here, column].argmax())]) if service else Span(*spans[0])

        opinions = []
        for place, aspect in enumerate(ASPECTS):
            if row["aspects"][place] < reading.thresholds["aspects"][place]:
                continue
            if service is None:
                opinion = row["polarity"]
                span = Span(spans[0][0], spans[-1][1])
            else:
                clause = int(of_clauses["aspects"][here, place].argmax())
                opinion = read_opinion(
                    service, of_clauses["opinion"][first + clause], of_texts["opinion"][number], place
                )
                span = Span(*spans[clause])
            said = int(opinion.argmax())
            probability = round(float(row["aspects"][place] * opinion[said]), 4)
            opinions.append(AspectOpinion(aspect, POLARITIES[said], probability, span))
        fails = signals["failure"] >= LEAST_CONFIDENCE
        return Perception(
            language=reading.language,
            model=self.id,
            polarity=dict(zip(POLARITIES, row["polarity"].tolist(), strict=True)),
            emotions=emotions,
            irony=signals["irony"],
            aspects=tuple(sorted(opinions, key=lambda each: -each.probability)),
            blame=tuple(
                BlamedParty(PARTIES[each], float(row["blamed"][each]), find_span("blamed", each))
                for each in _find_likely(row["blamed"])
            ),
            responsible=tuple(
                ResponsibleParty(PARTIES[each], float(row["cause"][each]))
                for each in _find_likely(row["cause"])
            )
            if fails
            else (),
            dissatisfaction=signals["dissatisfaction"],
            failure=signals["failure"],
            severity=round(float(row["polarity"][0]) * (0.5 + 0.5 * signals["harshness"]), 4)
            if fails
            else 0.0,
            harshness=signals["harshness"],
            repair=signals["repair"],
            evidence=(find_span("polarity", best),),
            abstained=bool(row["polarity"][best] < LEAST_CONFIDENCE),
        )


def weigh_roles(
    probabilities: NDArray[np.float64], text: str, spans: Sequence[tuple[int, int]], negative: Floats
) -> NDArray[np.float64]:
    """Probabilities of the accused party, given the parties that negative clauses name; the last is nobody of them.

    Args:
        probabilities: Probability of each party, and of none.
        text: The message.
        spans: Its clauses.
        negative: Probability that each clause is negative.
    """
    evidence = np.zeros(probabilities.size)
    for (start, end), share in zip(spans, negative, strict=True):
        for party in find_roles(text[start:end]):
            place = PARTIES.index(party)
            evidence[place] = max(evidence[place], ROLE_WEIGHT * float(share))
    if not evidence.any():
        return probabilities
    weighed = probabilities * np.exp(evidence)
    shares: NDArray[np.float64] = (weighed / weighed.sum()).round(4)
    return shares


def weigh_insults(harshness: float, text: str, spans: Sequence[tuple[int, int]], negative: Floats) -> float:
    """Probability that a message insults, given the insults in its negative clauses; arguments as of `weigh_roles`."""
    evidence = max(
        (
            float(share)
            for (start, end), share in zip(spans, negative, strict=True)
            if has_insult(text[start:end])
        ),
        default=0.0,
    )
    odds = harshness / max(1 - harshness, 1e-4) * np.exp(INSULT_WEIGHT * evidence)
    return round(float(odds / (1 + odds)), 4) if evidence else harshness


def name_encoded_head(head: str, language: str) -> str:
    """The name among the heads of the encoder: Italian has the emotions of another set."""
    return f"{head}_it" if (head, language) == ("emotion", "it") else head


def join_logits(ngram_weight: float, ngrams: tuple[Head, Floats], encoded: tuple[Head, Floats]) -> Floats:
    """The weighted average of the calibrated logits of a head of both models."""
    parts: list[Floats] = []
    for head, logits in (ngrams, encoded):
        scaled: Floats = logits / head.temperature
        # The log of the probabilities, so that exclusive labels of both models are on one scale.
        parts.append(scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True)) if head.exclusive else scaled)
    joined: Floats = parts[0] * ngram_weight + parts[1] * (1 - ngram_weight)
    return joined


def read_opinion(service: TextModel, of_clause: Floats, of_text: Floats, aspect: int) -> Floats:
    """Probabilities of what is said of an aspect, from the logits of its clause and of the whole message."""
    assert service.aspect_logits is not None
    bias = service.heads.biases[service.heads.find_columns("opinion")]
    logits = of_clause + SENTENCE_IN_OPINION * (of_text - bias) + service.aspect_logits[aspect]
    read: Floats = service.heads.heads["opinion"].read(logits[None])[0]
    return read


def split_heads(model: TextModel, logits: Floats) -> dict[str, Floats]:
    """The logits of each head."""
    return {name: logits[:, model.heads.find_columns(name)] for name in model.heads.heads}


def measure_clauses(
    model: TextModel, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]], of_texts: Floats
) -> Floats:
    """The logits of each clause; those of the message where that has one clause."""
    owners = np.repeat(np.arange(len(texts)), [len(listed) for listed in spans])
    found = of_texts[owners]
    parts = [
        text[start:end]
        for text, listed in zip(texts, spans, strict=True)
        if len(listed) > 1
        for start, end in listed
    ]
    if parts:
        found[np.repeat([len(listed) > 1 for listed in spans], [len(listed) for listed in spans])] = (
            model.measure(parts)
        )
    return found


def mix_aspects(of_texts: Floats, of_clauses: Floats, first: NDArray[np.int64]) -> Floats:
    """Logits of the aspects: the message, and of its clauses the one that speaks most of each."""
    highest: Floats = np.maximum.reduceat(of_clauses, first[:-1], axis=0)
    mixed: Floats = of_texts * (1 - CLAUSE_IN_ASPECT) + highest * CLAUSE_IN_ASPECT
    return mixed


def _find_likely(probabilities: Floats) -> Iterable[int]:
    """The parties that are likely, the likeliest first; the last column, none of them, is left out."""
    order = np.argsort(-probabilities[: len(PARTIES)], kind="stable")
    return [int(each) for each in order if probabilities[each] >= _LEAST_PARTY]


def load_perceiver(with_encoder: bool | None = None) -> ShippedPerceiver:
    """The shipped perceiver.

    Args:
        with_encoder: Whether the sentence encoder takes part; by default where it is installed.
    """
    if with_encoder is None:
        with_encoder = sentence_encoder.is_installed()
    return ShippedPerceiver(_load_models(with_encoder))


def find_model_id(with_encoder: bool | None = None) -> str:
    """The id of the shipped perceiver, without loading it."""
    if with_encoder is None:
        with_encoder = sentence_encoder.is_installed()
    return _write_id(with_encoder, _digest_weights())


def _write_id(with_encoder: bool, digest: str) -> str:
    return f"{'ngrams+encoder' if with_encoder else 'ngrams'}@{digest}"


def _find_weights() -> Traversable:
    return files("consumer_fusion.perception") / "weights"


@cache
def _digest_weights() -> str:
    folder = _find_weights()
    # Lexicons decide as weights do.
    digest = hashlib.sha256(FINGERPRINT.encode())
    for name in sorted(each.name for each in folder.iterdir() if each.name.endswith((".npz", ".json"))):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:12]


@cache
def _load_models(with_encoder: bool) -> ShippedModels:
    folder = _find_weights()
    joints = json.loads((folder / "joints.json").read_text(encoding="utf-8"))
    return ShippedModels(
        language=_load(folder, "language"),
        service={code: _load(folder, f"service_{code}") for code in ("en", "it")},
        emotion={code: _load(folder, f"emotion_{code}") for code in ("en", "it")},
        encoded=_load(folder, "encoded") if with_encoder else None,
        joints={
            code: {
                name: JoinedHead(
                    each["ngram_weight"],
                    Head(
                        tuple(each["labels"]),
                        each["exclusive"],
                        each["temperature"],
                        tuple(each["thresholds"]),
                    ),
                )
                for name, each in heads.items()
            }
            for code, heads in joints.items()
        },
        digest=_digest_weights(),
    )


def _load(folder: Traversable, name: str) -> TextModel:
    with (folder / f"{name}.npz").open("rb") as file:
        return TextModel.load(file)
