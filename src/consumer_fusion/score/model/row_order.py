"""The order of rows by whole-number keys, and the runs of equal keys in it: the grouping of folds and scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]

_LARGEST_KEY = 2**62


def order_rows(*keys: npt.NDArray[Any]) -> Integers:
    """The positions of rows in the order of their keys, the first key first.

    By one packed number where it fits into 64 bits, which is several times faster.
    """
    if not len(keys[0]):
        return np.empty(0, np.int64)
    lowest = [int(key.min()) for key in keys]
    spans = [int(key.max()) - low + 1 for key, low in zip(keys, lowest, strict=True)]
    size = 1
    for span in spans:
        size *= span
    if size >= _LARGEST_KEY:
        order: Integers = np.lexsort(keys[::-1])
        return order
    packed: Integers = keys[0].astype(np.int64) - lowest[0]
    for key, low, span in zip(keys[1:], lowest[1:], spans[1:], strict=True):
        packed *= span
        packed += key - low
    return np.argsort(packed, kind="stable")


def find_runs(keys: Sequence[npt.NDArray[Any]]) -> Integers:
    """Start positions of runs of equal keys."""
    begins = np.zeros(len(keys[0]), bool)
    begins[:1] = True
    for key in keys:
        begins[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(begins)
