"""Fitting: weights of linear heads from labelled messages, by logistic regression with a quadratic penalty.

Needs the extra `perception`. Labels may be unknown (nan), messages may weigh differently, and a head may be pulled
towards weights that are already there instead of zero (the maximum a posteriori estimate with these as the mean).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from consumer_fusion.perception.linear_heads import Floats, Head, MessageVectors, Vocabulary
from consumer_fusion.perception.text_features import BUCKETS, TextFeatures

ITERATIONS = 120
"""Fewer do not converge: the heads of GoEmotions lost two points of macro-F1 at 60."""
_MANY = 1_000
_FEWEST, _FEWEST_OF_FEW = 10, 25
"""Messages for which a label must hold to have a threshold of its own, among many messages and among few."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of one head.

    Attributes:
        messages: Which messages of the collection they are of.
        targets: Probability of each label, one row a message; nan where it is not known. Rows of an exclusive head
            add up to 1.
        importance: Weight of each message.
    """

    messages: NDArray[np.int64]
    targets: Floats
    importance: Floats


def choose_vocabulary(features: TextFeatures, fewest_messages: int, word_share: float) -> Vocabulary:
    """The features that occur in a minimum number of messages."""
    frequency = np.bincount(features.buckets, minlength=BUCKETS)
    buckets = np.flatnonzero(frequency >= fewest_messages)
    idf = np.log((1 + features.size) / (1 + frequency[buckets])) + 1
    return Vocabulary(buckets, idf.astype(np.float32), word_share)


def keep_strongest(vocabulary: Vocabulary, weights: Floats, features: TextFeatures, rows: int) -> Vocabulary:
    """The rows of a vocabulary that move logits most: by the length of their weights and how often they occur."""
    used = np.sqrt(np.bincount(features.buckets, minlength=BUCKETS)[vocabulary.buckets])
    strength = np.linalg.norm(weights, axis=1) * used * vocabulary.idf
    kept = np.sort(np.argsort(-strength, kind="stable")[:rows])
    return Vocabulary(vocabulary.buckets[kept], vocabulary.idf[kept], vocabulary.word_share)


def make_matrix(vectors: MessageVectors, rows: int) -> csr_matrix:
    """The vectors as a matrix with one row a message."""
    starts = np.searchsorted(vectors.messages, np.arange(vectors.size + 1))
    return csr_matrix((vectors.values, vectors.rows, starts), shape=(vectors.size, rows))


def fit_head(
    matrix: csr_matrix | Floats,
    head: Head,
    labelled: Labels,
    penalty: float,
    centre: tuple[Floats, Floats] | None = None,
    iterations: int = ITERATIONS,
) -> tuple[Floats, Floats]:
    """The weights and biases of a head that minimise the loss plus the penalty.

    Args:
        matrix: Vectors of all messages.
        head: Its labels and whether they exclude each other.
        labelled: Known labels of messages.
        penalty: Factor of half the squared length of the weights (from `centre`).
        centre: Weights and biases that the head is pulled towards; zero, and biases free, where absent.
        iterations: Most iterations of L-BFGS.
    """
    part = matrix[labelled.messages]
    size, columns = part.shape[1], len(head.labels)
    known = ~np.isnan(labelled.targets)
    targets = np.where(known, labelled.targets, 0).astype(np.float32)
    importance = labelled.importance.astype(np.float32)[:, None] * known
    if centre is None:
        mean = np.zeros((size + 1, columns), np.float32)
        pull = np.full((size + 1, 1), penalty, np.float32)
        pull[-1] = 1e-4
        start = mean.copy()
        rate = np.clip((importance * targets).sum(0) / np.maximum(importance.sum(0), 1e-9), 1e-4, 1 - 1e-4)
        start[-1] = np.log(rate) if head.exclusive else np.log(rate / (1 - rate))
    else:
        mean = np.vstack(centre).astype(np.float32)
        pull = np.full((size + 1, 1), penalty, np.float32)
        start = mean.copy()

    def measure_loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(size + 1, columns).astype(np.float32)
        logits = part @ weights[:-1] + weights[-1]
        if head.exclusive:
            shifted = logits - logits.max(axis=1, keepdims=True)
            total = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
            loss = float((importance * targets * (total - shifted)).sum())
            errors = importance * (np.exp(shifted - total) - targets)
        else:
            loss = float((importance * (np.logaddexp(0, logits) - targets * logits)).sum())
            errors = importance * (1 / (1 + np.exp(-logits)) - targets)
        away = weights - mean
        gradient = np.vstack((part.T @ errors, errors.sum(axis=0))) + pull * away
        return loss + float((pull * away**2).sum()) / 2, gradient.astype(np.float64).ravel()

    found = minimize(
        measure_loss,
        start.astype(np.float64).ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": iterations, "maxcor": 10, "ftol": 1e-7},
    )
    weights = found.x.reshape(size + 1, columns).astype(np.float32)
    return weights[:-1], weights[-1]


def fit_temperature(head: Head, logits: Floats, targets: Floats) -> float:
    """The temperature at which the logits of a head are least surprised by known labels (Guo et al. 2017)."""
    known = ~np.isnan(targets)
    best, least = 1.0, np.inf
    for temperature in np.geomspace(0.25, 4, 49):
        read = np.clip(Head(head.labels, head.exclusive, float(temperature)).read(logits), 1e-6, 1 - 1e-6)
        losses = -targets * np.log(read) - (0 if head.exclusive else (1 - targets) * np.log(1 - read))
        loss = float(losses[known].mean())
        if loss < least:
            best, least = float(temperature), loss
    return best


def tune_thresholds(probabilities: Floats, targets: Floats) -> tuple[float, ...]:
    """For each label the probability from which saying it gives the best F1 on known labels.

    A label that occurs too rarely to have one of its own gets the one that is best for all labels together.
    """
    known = ~np.isnan(targets)
    together = _find_threshold(probabilities[known], targets[known] >= 0.5)
    thresholds = []
    for column in range(probabilities.shape[1]):
        here = known[:, column]
        truth = targets[here, column] >= 0.5
        is_rare = truth.sum() < (_FEWEST if truth.size >= _MANY else _FEWEST_OF_FEW)
        own = together if is_rare else _find_threshold(probabilities[here, column], truth)
        thresholds.append(round(own, 4))
    return tuple(thresholds)


def _find_threshold(scores: Floats, truth: NDArray[np.bool_]) -> float:
    if not truth.any():
        return 0.5
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, order.size + 1) + truth.sum())
    # The middle of the places that are nearly as good as the best is steadier than the best alone.
    return float(np.median(scores[order][f1 >= f1.max() - 0.005]))
