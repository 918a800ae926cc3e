"""Classifier perceivers: a local model of polarity beside the shipped one, in a folder as Hugging Face writes it.

The folder has `config.json` with the names of the labels, `tokenizer.json`, and `model.onnx` or the weights of a
transformers model. Only the polarity comes from it; everything else is read by the shipped perceiver. Nothing is
fetched from anywhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer_fusion.errors import InputError, MissingExtraError
from consumer_fusion.i18n.messages import Message
from consumer_fusion.perception.shipped_perceiver import LEAST_CONFIDENCE, find_model_id, load_perceiver
from consumer_fusion.records.perception import POLARITIES, ConsumerMessage, Perceiver, Perception, Polarity

MOST_TOKENS = 256
_MESSAGES_AT_ONCE = 32
_NAMES: Mapping[str, Polarity] = {
    "negative": "negative", "neg": "negative", "neutral": "neutral", "neu": "neutral", "positive": "positive",
    "pos": "positive",
}  # fmt: skip


@dataclass(frozen=True)
class ClassifierPerceiver:
    """Reads polarity by a classifier, and everything else by another perceiver.

    Attributes:
        base: The other perceiver.
        id: Name of the folder and hash of its files, and the id of the base.
        labels: Polarity of each column of the classifier.
        classify: Gives the logits of texts: one row a text, one column a label.
    """

    base: Perceiver
    id: str
    labels: Sequence[Polarity]
    classify: Callable[[Sequence[str]], NDArray[Any]]

    @property
    def languages(self) -> frozenset[str]:
        """The languages of the base: what else a message says is unknown in others."""
        return self.base.languages

    def perceive(self, batch: Sequence[ConsumerMessage]) -> Sequence[Perception]:
        """The perception of each message."""
        found = list(self.base.perceive(batch))
        for first in range(0, len(batch), _MESSAGES_AT_ONCE):
            part = batch[first : first + _MESSAGES_AT_ONCE]
            logits = np.asarray(self.classify([each.text for each in part]), np.float64)
            powers = np.exp(logits - logits.max(axis=1, keepdims=True))
            shares = powers / powers.sum(axis=1, keepdims=True)
            for place, row in enumerate(shares, first):
                found[place] = self._replace_polarity(found[place], row)
        return found

    def _replace_polarity(self, perception: Perception, shares: NDArray[np.float64]) -> Perception:
        polarity: dict[Polarity, float] = dict.fromkeys(POLARITIES, 0.0)
        for label, share in zip(self.labels, shares, strict=True):
            polarity[label] = round(polarity[label] + float(share), 4)
        has_failed = (perception.failure or 0.0) >= LEAST_CONFIDENCE
        severity = polarity["negative"] * (0.5 + 0.5 * (perception.harshness or 0.0)) if has_failed else 0.0
        return replace(
            perception, model=self.id, polarity=polarity, severity=round(severity, 4),
            abstained=max(polarity.values()) < LEAST_CONFIDENCE,
        )  # fmt: skip


def find_classifier_id(kind: str, folder: str) -> str:
    """The id of the perceiver of a folder.

    Raises:
        InputError: The folder lacks a file.
    """
    return f"{kind}:{Path(folder).name}@{_digest_folder(folder)}+{find_model_id()}"


def load_onnx_classifier(folder: str) -> ClassifierPerceiver:
    """The perceiver of a folder with an ONNX model.

    Raises:
        InputError: The folder lacks a file, or a label is no polarity.
        MissingExtraError: The extra `onnx` is not installed.
    """
    labels = _read_labels(folder)
    try:
        import onnxruntime
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingExtraError(
            "Reading messages by an ONNX model needs onnxruntime and tokenizers.",
            hint="pip install 'consumer-fusion[onnx]'",
        ) from error
    tokenizer = Tokenizer.from_file(str(_require(folder, "tokenizer.json")))
    tokenizer.enable_padding()
    tokenizer.enable_truncation(MOST_TOKENS)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(_require(folder, "model.onnx")), options, providers=["CPUExecutionProvider"]
    )
    wanted = {each.name for each in session.get_inputs()}

    def classify(texts: Sequence[str]) -> NDArray[Any]:
        encoded = tokenizer.encode_batch(list(texts))
        columns = {
            "input_ids": [each.ids for each in encoded],
            "attention_mask": [each.attention_mask for each in encoded],
            "token_type_ids": [each.type_ids for each in encoded],
        }
        given = {name: np.array(rows, np.int64) for name, rows in columns.items() if name in wanted}
        logits: NDArray[Any] = session.run(None, given)[0]
        return logits

    return ClassifierPerceiver(load_perceiver(), find_classifier_id("onnx", folder), labels, classify)


def load_transformers_classifier(folder: str) -> ClassifierPerceiver:
    """The perceiver of a folder with a transformers model (PyTorch).

    Raises:
        InputError: The folder lacks a file, or a label is no polarity.
        MissingExtraError: The extra `transformers` is not installed.
    """
    labels = _read_labels(folder)
    try:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
    except ImportError as error:
        raise MissingExtraError(
            "Reading messages by a transformers model needs transformers and torch.",
            hint="pip install 'consumer-fusion[transformers]'",
        ) from error
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True).eval()

    def classify(texts: Sequence[str]) -> NDArray[Any]:
        given = tokenizer(
            list(texts), padding=True, truncation=True, max_length=MOST_TOKENS, return_tensors="pt"
        )
        with torch.no_grad():
            logits: NDArray[Any] = model(**given).logits.numpy()
        return logits

    return ClassifierPerceiver(load_perceiver(), find_classifier_id("transformers", folder), labels, classify)


def _read_labels(folder: str) -> list[Polarity]:
    file = _require(folder, "config.json")
    try:
        names = json.loads(file.read_text(encoding="utf-8")).get("id2label") or {}
    except (ValueError, AttributeError) as error:
        raise InputError(
            "The config.json of the model is no JSON object.", hint="Export the model again.", where=str(file)
        ) from error
    labels = [names[place] for place in sorted(names, key=int)]
    unknown = [name for name in labels if str(name).lower() not in _NAMES]
    if unknown or not labels:
        raise InputError(
            Message("The labels of the model are {labels}.", labels=", ".join(map(str, labels)) or "missing"),
            hint="Name them negative, neutral and positive under id2label in its config.json.",
        )
    return [_NAMES[str(name).lower()] for name in labels]


def _require(folder: str, name: str) -> Path:
    path = Path(folder) / name
    if not path.is_file():
        raise InputError(
            Message("The folder of the model has no {name}.", name=name),
            hint="Give a folder with config.json, tokenizer.json and the model.",
            where=str(path),
        )
    return path


@cache
def _digest_folder(folder: str) -> str:
    """Hash of the files that decide what the model says; large ones take a second, once a process."""
    digest = hashlib.sha256()
    _require(folder, "config.json")
    for path in sorted(Path(folder).iterdir()):
        if path.suffix in (".json", ".onnx", ".safetensors", ".bin"):
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:12]
