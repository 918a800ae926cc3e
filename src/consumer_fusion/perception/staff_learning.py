"""Learning from the staff: the perceiver's probabilities are corrected as far as held-out labels show a gain.

For each output the corrected logits are linear in the perceiver's own and, with the extra `perception`, in the vector
of the sentence encoder. The weights are those of most probable a posteriori (MAP) with "no correction" as the prior,
so few labels change little; a label weighs ten times a message of the training. The strength of the prior is chosen
within the training part of each fold. An output is corrected only if its loss on held-out labels falls by more than
the standard error of that fall.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer_fusion.errors import InputError
from consumer_fusion.i18n.messages import Message
from consumer_fusion.i18n.translation import N_
from consumer_fusion.perception import sentence_encoder
from consumer_fusion.perception.linear_heads import Floats, Head
from consumer_fusion.records.perception import POLARITIES, Perception
from consumer_fusion.records.schema import Schema, describe

FEWEST_LABELS = 50
LABEL_WEIGHT = 10.0
_FOLDS = 5
_PENALTIES = (10.0, 100.0, 1_000.0, 10_000.0)
_BOOTSTRAPS = 1_000
_LEAST_PROBABILITY = 1e-4
_SIGNALS = {"is_failure": "failure", "is_dissatisfied": "dissatisfaction", "is_ironic": "irony"}
"""Columns of a label, with the output that each corrects."""
_MEASURED = ("failure", "dissatisfaction", "irony", "harshness", "repair")
OUTPUT_HEADS: Mapping[str, Head] = {
    "polarity": Head(POLARITIES, True),
    **{name: Head((name,), False) for name in _SIGNALS.values()},
}

LEARNT, TOO_FEW_LABELS, NO_GAIN = "learnt", "too few labels", "no gain"
STATE_WORDS = {
    LEARNT: N_("learnt"), TOO_FEW_LABELS: N_("too few labels: 50 are needed, not all alike"),
    NO_GAIN: N_("refused: no gain on held-out labels"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LabelledMessage:
    """A message with its perception by the perceiver in force, without corrections, and the label of the staff."""

    text: str
    perception: Perception
    label: Mapping[str, Any]


class LearningReport(Schema):
    """Result of learning one output from the labels of the staff."""

    output: str = describe(N_("Output"), "The output.")
    labels: int = describe(N_("Labels"), "Labels that it could be learnt from.")
    loss_before: float | None = describe(
        N_("Loss before"),
        "Mean log loss of held-out labels without the correction; null for too few labels.",
        form="measure",
    )
    loss_after: float | None = describe(N_("Loss after"), "The same with it.", form="measure")
    gain: float | None = describe(N_("Gain"), "Fall of the loss.", form="measure")
    standard_error: float | None = describe(
        N_("Standard error"), "Standard error of the fall, by bootstrap.", form="measure"
    )
    accuracy_before: float | None = describe(
        N_("Accuracy before"), "Share of right held-out outputs without the correction.", form="share"
    )
    accuracy_after: float | None = describe(N_("Accuracy after"), "The same with it.", form="share")
    state: str = describe(
        N_("Result"), "learnt, too few labels, or no gain, which is refused.", words=STATE_WORDS
    )


def measure_messages(texts: Sequence[str], perceptions: Sequence[Perception]) -> Floats:
    """The numbers that corrections are linear in: one row a message.

    They are the logs of the polarities, the logits of the signals, and the vector of the encoder where it is installed.
    """
    own = np.array(
        [
            [
                *(np.log(max(each.polarity[name], _LEAST_PROBABILITY)) for name in POLARITIES),
                *(_logit(getattr(each, name)) for name in _MEASURED),
            ]
            for each in perceptions
        ],
        np.float32,
    ).reshape(len(perceptions), len(POLARITIES) + len(_MEASURED))
    if not sentence_encoder.is_installed():
        return own
    return np.hstack((own, sentence_encoder.encode(texts)))


def learn_corrections(
    labelled: Sequence[LabelledMessage],
) -> tuple[dict[str, NDArray[Any]], list[LearningReport]]:
    """Learn what held-out labels show a gain of.

    Returns:
        Weights and biases of each learnt output, as `NAME.weights` and `NAME.biases`; and the report of each output.
    """
    usable = [each for each in labelled if each.perception.polarity]
    features = measure_messages([each.text for each in usable], [each.perception for each in usable])
    arrays: dict[str, NDArray[Any]] = {}
    reports = []
    for name, head in OUTPUT_HEADS.items():
        targets = np.array([_read_target(name, each.label) for each in usable], np.float32)
        targets = targets.reshape(len(usable), len(head.labels))
        known = ~np.isnan(targets).any(axis=1)
        groups = _group_texts([usable[row].text for row in np.flatnonzero(known)])
        report, fitted = _learn_output(name, head, features[known], targets[known], groups)
        reports.append(report)
        if fitted is not None:
            arrays[f"{name}.weights"], arrays[f"{name}.biases"] = fitted
    return arrays, reports


def apply_corrections(arrays: Mapping[str, NDArray[Any]], features: Floats) -> dict[str, NDArray[np.float64]]:
    """The corrected probabilities of each learnt output, four digits.

    Raises:
        InputError: The corrections were learnt with the encoder, and it is not installed now, or the other way round.
    """
    found = {}
    for name, head in OUTPUT_HEADS.items():
        weights = arrays.get(f"{name}.weights")
        if weights is None:
            continue
        if weights.shape[0] != features.shape[1]:
            raise InputError(
                Message("The corrections of the staff do not fit this perceiver."),
                hint="Learn them again with `fusion perceiver learn`.",
            )
        read = head.read(features @ weights + arrays[f"{name}.biases"])
        found[name] = read.astype(np.float64).round(4)
    return found


def _learn_output(
    name: str, head: Head, features: Floats, targets: Floats, groups: NDArray[np.int64]
) -> tuple[LearningReport, tuple[Floats, Floats] | None]:
    size = len(targets)
    is_varied = size > 0 and bool((targets.max(axis=0) != targets.min(axis=0)).any())
    if size < FEWEST_LABELS or not is_varied:
        nothing = dict.fromkeys(
            ("loss_before", "loss_after", "gain", "standard_error", "accuracy_before", "accuracy_after")
        )
        return LearningReport(output=name, labels=size, state=TOO_FEW_LABELS, **nothing), None
    folds = _draw_folds(groups, seed=0)
    centre = _make_centre(name, head, features.shape[1])
    before = head.read(features @ centre[0] + centre[1])
    after = np.zeros_like(before)
    for fold in range(_FOLDS):
        training, held_out = folds != fold, folds == fold
        penalty = _choose_penalty(head, features[training], targets[training], groups[training], centre)
        weights, biases = _fit(head, features[training], targets[training], penalty, centre)
        after[held_out] = head.read(features[held_out] @ weights + biases)
    losses = _measure_losses(head, before, targets), _measure_losses(head, after, targets)
    falls = losses[0] - losses[1]
    chance = np.random.default_rng(0)
    error = float(falls[chance.integers(0, size, (_BOOTSTRAPS, size))].mean(axis=1).std())
    gain = float(falls.mean())
    is_learnt = gain > error
    report = LearningReport(
        output=name, labels=size, loss_before=float(losses[0].mean()), loss_after=float(losses[1].mean()), gain=gain,
        standard_error=error, accuracy_before=_measure_accuracy(head, before, targets),
        accuracy_after=_measure_accuracy(head, after, targets), state=LEARNT if is_learnt else NO_GAIN,
    )  # fmt: skip
    if not is_learnt:
        return report, None
    penalty = _choose_penalty(head, features, targets, groups, centre)
    return report, _fit(head, features, targets, penalty, centre)


def _group_texts(texts: Sequence[str]) -> NDArray[np.int64]:
    """Messages in the same words are of one group, whatever numbers and signs are in them."""
    words = [re.sub(r"[\W\d_]+", " ", text.lower()).strip() for text in texts]
    groups: NDArray[np.int64] = np.unique(words, return_inverse=True)[1]
    return groups


def _draw_folds(groups: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """The fold of each message; a group is in one fold, so that no message is measured on its twin."""
    names, places = np.unique(groups, return_inverse=True)
    folds: NDArray[np.int64] = (np.random.default_rng(seed).permutation(names.size) % _FOLDS)[places]
    return folds


def _make_centre(name: str, head: Head, size: int) -> tuple[Floats, Floats]:
    """The weights that leave the perceiver's probabilities as they are."""
    weights = np.zeros((size, len(head.labels)), np.float32)
    if name == "polarity":
        weights[: len(POLARITIES)] = np.eye(len(POLARITIES), dtype=np.float32)
    else:
        weights[len(POLARITIES) + _MEASURED.index(name), 0] = 1.0
    return weights, np.zeros(len(head.labels), np.float32)


def _fit(
    head: Head, features: Floats, targets: Floats, penalty: float, centre: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    # Imported here, because applying corrections needs no SciPy.
    from consumer_fusion.perception.head_fitting import Labels, fit_head

    labels = Labels(np.arange(len(targets)), targets, np.full(len(targets), LABEL_WEIGHT, np.float32))
    return fit_head(features, head, labels, penalty, (centre[0], centre[1][None]))


def _choose_penalty(
    head: Head, features: Floats, targets: Floats, groups: NDArray[np.int64], centre: tuple[Floats, Floats]
) -> float:
    folds = _draw_folds(groups, seed=1)
    losses = []
    for penalty in _PENALTIES:
        read = np.zeros((len(targets), len(head.labels)))
        for fold in range(_FOLDS):
            training, held_out = folds != fold, folds == fold
            weights, biases = _fit(head, features[training], targets[training], penalty, centre)
            read[held_out] = head.read(features[held_out] @ weights + biases)
        losses.append(_measure_losses(head, read, targets).mean())
    return _PENALTIES[int(np.argmin(losses))]


def _measure_losses(head: Head, probabilities: NDArray[Any], targets: Floats) -> NDArray[np.float64]:
    read = np.clip(probabilities.astype(np.float64), _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    if head.exclusive:
        gained = targets * np.log(read)
    else:
        gained = targets * np.log(read) + (1 - targets) * np.log(1 - read)
    losses: NDArray[np.float64] = -gained.sum(axis=1)
    return losses


def _measure_accuracy(head: Head, probabilities: NDArray[Any], targets: Floats) -> float:
    if head.exclusive:
        return float((probabilities.argmax(axis=1) == targets.argmax(axis=1)).mean())
    return float(((probabilities >= 0.5) == (targets >= 0.5)).mean())


def _read_target(name: str, label: Mapping[str, Any]) -> list[float]:
    if name == "polarity":
        said = label["polarity"]
        return [np.nan if said is None else float(each == said) for each in POLARITIES]
    column = next(column for column, output in _SIGNALS.items() if output == name)
    return [np.nan if label[column] is None else float(label[column])]


def _logit(probability: float | None) -> float:
    read = min(max(0.5 if probability is None else probability, _LEAST_PROBABILITY), 1 - _LEAST_PROBABILITY)
    return float(np.log(read / (1 - read)))
