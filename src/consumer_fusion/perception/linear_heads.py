"""Linear heads: weights over hashed features, stored in eight bits, that give the logits of groups of labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from consumer_fusion.perception.text_features import BUCKETS, FIRST_WORD_BUCKET, TextFeatures

Floats = NDArray[np.float32]

_MESSAGES_AT_ONCE = 256
"""So that the products of a batch stay in the cache of the processor."""


@dataclass(frozen=True)
class Vocabulary:
    """The features that a model looks at.

    Attributes:
        buckets: Buckets of the features, ascending.
        idf: Inverse document frequency of each.
        word_share: Share of words in the squared length of a message's vector; character n-grams have the rest.
    """

    buckets: NDArray[np.int64]
    idf: Floats
    word_share: float
    _row_of: NDArray[np.int32] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        row_of = np.full(BUCKETS, -1, np.int32)
        row_of[self.buckets] = np.arange(self.buckets.size, dtype=np.int32)
        object.__setattr__(self, "_row_of", row_of)

    def find_rows(self, buckets: NDArray[np.int64]) -> NDArray[np.int32]:
        """The row of each bucket, -1 where the model does not look at it."""
        return self._row_of[buckets]

    def weigh(self, features: TextFeatures) -> MessageVectors:
        """The vector of each message: log-scaled counts times idf, words and characters each of a fixed length."""
        rows = self._row_of[features.buckets]
        kept = rows >= 0
        rows, messages = rows[kept], features.messages[kept]
        values = (1 + np.log(features.counts[kept], dtype=np.float32)) * self.idf[rows]
        is_word = features.buckets[kept] >= FIRST_WORD_BUCKET
        for part, share in ((is_word, self.word_share), (~is_word, 1 - self.word_share)):
            squares = np.bincount(messages[part], values[part] ** 2, minlength=features.size)
            scale = np.sqrt(share / np.maximum(squares, 1e-12)).astype(np.float32)
            values[part] *= scale[messages[part]]
        return MessageVectors(messages, rows, values, features.size)


@dataclass(frozen=True, slots=True)
class MessageVectors:
    """Sparse vectors of a batch: the message, the row and the value of each entry, sorted by message."""

    messages: NDArray[np.int64]
    rows: NDArray[np.int32]
    values: Floats
    size: int


@dataclass(frozen=True, slots=True)
class Head:
    """A group of labels that answers one question about a message.

    Attributes:
        labels: The labels, in the order of the columns.
        exclusive: Whether just one of the labels holds; else each is judged alone.
        temperature: Divisor of the logits, which calibrates the probabilities.
        thresholds: Probability from which each label of a head that is not exclusive is said to hold.
    """

    labels: tuple[str, ...]
    exclusive: bool
    temperature: float = 1.0
    thresholds: tuple[float, ...] = ()

    def read(self, logits: Floats) -> Floats:
        """Probabilities of the labels: one row a message."""
        scaled = logits / self.temperature
        if not self.exclusive:
            each_alone: Floats = 1 / (1 + np.exp(-scaled))
            return each_alone
        powers: Floats = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        shares: Floats = powers / powers.sum(axis=1, keepdims=True)
        return shares


@dataclass(frozen=True, slots=True)
class LinearHeads:
    """Weights of all heads of a model, side by side.

    Attributes:
        heads: The heads; their order is that of the columns.
        weights: One row a feature, one column a label, -127 to 127.
        scales: Value of one unit of each column.
        biases: Logit of each label without any feature.
    """

    heads: Mapping[str, Head]
    weights: NDArray[np.int8]
    scales: Floats
    biases: Floats

    def find_columns(self, head: str) -> slice:
        """The columns of a head."""
        start = 0
        for name, each in self.heads.items():
            if name == head:
                return slice(start, start + len(each.labels))
            start += len(each.labels)
        raise KeyError(head)

    def measure(self, vectors: MessageVectors) -> Floats:
        """The logits of all labels: one row a message, one column a label."""
        logits = np.tile(self.biases, (vectors.size, 1))
        ends = np.searchsorted(vectors.messages, np.arange(vectors.size + 1))
        for first in range(0, vectors.size, _MESSAGES_AT_ONCE):
            last = min(first + _MESSAGES_AT_ONCE, vectors.size)
            here = slice(ends[first], ends[last])
            if here.start == here.stop:
                continue
            products = self.weights[vectors.rows[here]] * vectors.values[here, None]
            filled = np.flatnonzero(ends[first + 1 : last + 1] > ends[first:last])
            sums = np.add.reduceat(products, ends[first:last][filled] - here.start, axis=0)
            logits[first + filled] += sums * self.scales
        return logits

    def measure_dense(self, vectors: Floats) -> Floats:
        """The logits of all labels from vectors that have a number for each row of the weights."""
        return (vectors @ self.weights.astype(np.float32)) * self.scales + self.biases

    @classmethod
    def quantise(cls, heads: Mapping[str, Head], weights: Floats, biases: Floats) -> LinearHeads:
        """Round weights to eight bits, each column on its own scale."""
        scales = (np.maximum(np.abs(weights).max(axis=0), 1e-12) / 127).astype(np.float32)
        return cls(dict(heads), np.round(weights / scales).astype(np.int8), scales, biases.astype(np.float32))
