"""Intents: the purposes of messages, as an installation labelled its own; unknown until it has trained them.

Two linear models, over hashed words and characters and over the vectors of the sentence encoder where that is
installed, are averaged. A message is out of scope as far as it is unusual: the share of held-out training messages of
which the model is surer. From .9 on its intent is not named, which is wrong for one in ten messages whose intent is
known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer_fusion.errors import InputError
from consumer_fusion.i18n.messages import Message
from consumer_fusion.perception import sentence_encoder
from consumer_fusion.perception.linear_heads import Floats, Head, LinearHeads, Vocabulary
from consumer_fusion.perception.text_features import count_features

FEWEST_OF_INTENT = 5
MOST_UNUSUAL = 0.9
_FOLDS = 5
_PENALTY = 0.03
_ITERATIONS = 60
_WORD_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class IntentModel:
    """A trained model of intents.

    Attributes:
        labels: The intents.
        vocabulary: The features of the words.
        words: Weights over them.
        encoded: Weights over the vectors of the encoder; None without it.
        confidences: Confidence in held-out training messages, ascending.
    """

    labels: tuple[str, ...]
    vocabulary: Vocabulary
    words: LinearHeads
    encoded: LinearHeads | None
    confidences: Floats

    def name_intents(
        self, texts: Sequence[str], vectors: Floats | None = None
    ) -> list[tuple[str | None, float]]:
        """The intent of each message, None where it is out of scope; and how unusual the message is.

        Args:
            texts: The messages.
            vectors: Their vectors, where they are there already.
        """
        read = self.measure_intents(texts, vectors)
        best, surest = read.argmax(axis=1), read.max(axis=1)
        surer = 1 - np.searchsorted(self.confidences, surest, side="right") / max(self.confidences.size, 1)
        return [
            (self.labels[place] if unusual < MOST_UNUSUAL else None, round(float(unusual), 4))
            for place, unusual in zip(best, surer, strict=True)
        ]

    def measure_intents(self, texts: Sequence[str], vectors: Floats | None = None) -> Floats:
        """The probability of each intent: one row a message."""
        logs = _log_shares(self.words.measure(self.vocabulary.weigh(count_features(texts))))
        if self.encoded is not None:
            if vectors is None:
                vectors = sentence_encoder.encode(texts)
            logs = 0.5 * logs + 0.5 * _log_shares(self.encoded.measure_dense(vectors))
        return Head(self.labels, True).read(logs)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Its numbers, to be stored."""
        parts = {"words": self.words, **({"encoded": self.encoded} if self.encoded else {})}
        return {
            "labels": np.array(self.labels),
            "buckets": self.vocabulary.buckets,
            "idf": self.vocabulary.idf,
            "confidences": self.confidences,
            **{f"{name}.weights": part.weights for name, part in parts.items()},
            **{f"{name}.scales": part.scales for name, part in parts.items()},
            **{f"{name}.biases": part.biases for name, part in parts.items()},
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> IntentModel:
        """The model of stored numbers."""
        labels = tuple(str(each) for each in arrays["labels"])

        def read(name: str) -> LinearHeads:
            columns = (arrays[f"{name}.{part}"] for part in ("weights", "scales", "biases"))
            return LinearHeads({"intent": Head(labels, True)}, *columns)

        vocabulary = Vocabulary(arrays["buckets"], arrays["idf"], _WORD_SHARE)
        encoded = read("encoded") if "encoded.weights" in arrays else None
        return cls(labels, vocabulary, read("words"), encoded, arrays["confidences"])


@dataclass(frozen=True, slots=True)
class IntentResult:
    """Result of a training.

    Attributes:
        model: The model.
        messages: Number of messages.
        held_out: Number of them that were held out to measure.
        accuracy: Share of held-out messages whose intent is right.
        majority: Share of the most frequent intent.
        named: Share of held-out messages whose intent is named.
        accuracy_of_named: Share of those that are right.
    """

    model: IntentModel
    messages: int
    held_out: int
    accuracy: float
    majority: float
    named: float
    accuracy_of_named: float


def train_intents(
    texts: Sequence[str],
    intents: Sequence[str],
    progress: Callable[[int, int], None] = lambda *_: None,
    vectors: Floats | None = None,
    *,
    with_encoder: bool | None = None,
) -> IntentResult:
    """Train the intents of labelled messages; a fifth is held out to measure, then all are used.

    Args:
        texts: The messages.
        intents: The intent of each.
        progress: Callback with the fits done and all.
        vectors: Vectors of the messages, where they are there already.
        with_encoder: Whether the encoder takes part; by default where it is installed.

    Raises:
        InputError: There are fewer than two intents, or too few messages of one.
    """
    counts = Counter(intents)
    few = sorted(name for name, count in counts.items() if count < FEWEST_OF_INTENT)
    if len(counts) < 2 or few:
        found = Message("The intent “{name}” has fewer than 5 messages.", name=few[0]) if few else None
        raise InputError(
            found or "There are fewer than two intents.",
            hint="Give at least 5 messages of each of at least two intents.",
        )
    if with_encoder is None:
        with_encoder = sentence_encoder.is_installed()
    if with_encoder and vectors is None:
        vectors = sentence_encoder.encode(texts)
    if not with_encoder:
        vectors = None
    order = np.random.default_rng(0).permutation(len(texts))
    # Each intent is held out by the same share: every fifth of its messages, in random order.
    seen: Counter[str] = Counter()
    is_held_out = np.zeros(len(texts), np.bool_)
    for place in order:
        is_held_out[place] = seen[intents[place]] % _FOLDS == 0
        seen[intents[place]] += 1
    training, held_out = np.flatnonzero(~is_held_out).tolist(), np.flatnonzero(is_held_out).tolist()
    progress(0, 2)
    trial = _fit_model(texts, intents, training, vectors, np.zeros(0, np.float32))
    kept = None if vectors is None else vectors[held_out]
    read = trial.measure_intents([texts[place] for place in held_out], kept)
    rights = np.array(
        [trial.labels[best] == intents[place] for best, place in zip(read.argmax(1), held_out, strict=True)]
    )
    confidences = np.sort(read.max(axis=1))
    is_named = read.max(axis=1) > np.quantile(confidences, 1 - MOST_UNUSUAL)
    progress(1, 2)
    model = _fit_model(texts, intents, range(len(texts)), vectors, confidences)
    progress(2, 2)
    return IntentResult(
        model, len(texts), len(held_out), float(rights.mean()), max(counts.values()) / len(texts),
        float(is_named.mean()), float(rights[is_named].mean()) if is_named.any() else 0.0,
    )  # fmt: skip


def _fit_model(
    texts: Sequence[str], intents: Sequence[str], rows: Sequence[int], vectors: Floats | None, confidences: Floats
) -> IntentModel:  # fmt: skip
    # Imported here, because naming intents needs no SciPy.
    from consumer_fusion.perception.head_fitting import Labels, choose_vocabulary, fit_head, make_matrix

    labels = tuple(sorted(set(intents)))
    head = Head(labels, True)
    targets = np.eye(len(labels), dtype=np.float32)[[labels.index(intents[row]) for row in rows]]
    labelled = Labels(np.arange(len(rows)), targets, np.ones(len(rows), np.float32))
    features = count_features([texts[row] for row in rows])
    vocabulary = choose_vocabulary(features, 2, _WORD_SHARE)
    matrix = make_matrix(vocabulary.weigh(features), vocabulary.buckets.size)
    heads = {"intent": head}
    words = LinearHeads.quantise(heads, *fit_head(matrix, head, labelled, _PENALTY, iterations=_ITERATIONS))
    encoded = None
    if vectors is not None:
        fitted = fit_head(vectors[list(rows)], head, labelled, _PENALTY, iterations=_ITERATIONS)
        encoded = LinearHeads.quantise(heads, *fitted)
    return IntentModel(labels, vocabulary, words, encoded, confidences)


def _log_shares(logits: Floats) -> Floats:
    shifted = logits - logits.max(axis=1, keepdims=True)
    logs: Floats = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return logs
