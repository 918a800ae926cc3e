"""Text model: a vocabulary and its heads, kept in one file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from consumer_fusion.perception.linear_heads import Floats, Head, LinearHeads, Vocabulary
from consumer_fusion.perception.text_features import TextFeatures, count_features

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class TextModel:
    """Heads over a vocabulary; without a vocabulary, over the vectors of the sentence encoder.

    Attributes:
        heads: The heads.
        vocabulary: The features; None for the heads of the sentence encoder.
        aspect_logits: Addition of each aspect to the logits of the head `opinion`: one row an aspect. None
            for a model without that head.
    """

    heads: LinearHeads
    vocabulary: Vocabulary | None = None
    aspect_logits: Floats | None = None

    def measure(self, texts: Sequence[str]) -> Floats:
        """The logits of all labels of each text."""
        return self.measure_features(count_features(texts))

    def measure_features(self, features: TextFeatures) -> Floats:
        """The logits of all labels, from features that are counted already."""
        assert self.vocabulary is not None
        return self.heads.measure(self.vocabulary.weigh(features))

    def save(self, file: Path) -> None:
        """Write it to a file (.npz)."""
        heads = [
            {
                "name": name,
                "labels": list(head.labels),
                "exclusive": head.exclusive,
                "temperature": head.temperature,
                "thresholds": list(head.thresholds),
            }
            for name, head in self.heads.heads.items()
        ]
        about: dict[str, object] = {"format": _FORMAT, "heads": heads}
        arrays: dict[str, NDArray[Any]] = {
            "weights": self.heads.weights,
            "scales": self.heads.scales,
            "biases": self.heads.biases,
        }
        if self.vocabulary is not None:
            about["word_share"] = self.vocabulary.word_share
            arrays["buckets"] = self.vocabulary.buckets.astype(np.int32)
            arrays["idf"] = self.vocabulary.idf.astype(np.float16)
        if self.aspect_logits is not None:
            arrays["aspect_logits"] = self.aspect_logits
        np.savez_compressed(file, about=np.array(json.dumps(about)), allow_pickle=False, **arrays)

    @classmethod
    def load(cls, file: Path | IO[bytes]) -> TextModel:
        """Read it from a file that `save` wrote.

        Raises:
            ValueError: The file has another format.
        """
        with np.load(file, allow_pickle=False) as stored:
            about = json.loads(str(stored["about"]))
            if about["format"] != _FORMAT:
                raise ValueError(
                    f"Text model of format {about['format']}; this version reads format {_FORMAT}."
                )
            heads = LinearHeads(
                {
                    each["name"]: Head(
                        tuple(each["labels"]),
                        each["exclusive"],
                        each["temperature"],
                        tuple(each["thresholds"]),
                    )
                    for each in about["heads"]
                },
                stored["weights"],
                stored["scales"],
                stored["biases"],
            )
            vocabulary = None
            if "buckets" in stored.files:
                vocabulary = Vocabulary(
                    stored["buckets"].astype(np.int64), stored["idf"].astype(np.float32), about["word_share"]
                )
            aspect_logits = stored["aspect_logits"] if "aspect_logits" in stored.files else None
        return cls(heads, vocabulary, aspect_logits)
