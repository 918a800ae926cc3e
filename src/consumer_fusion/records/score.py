"""A score: the health of the relationship of one consumer and one brand, and the words for its parts."""

from __future__ import annotations

from typing import Literal

Symbiosis = Literal[
    "mutualism",
    "commensal-brand-gains",
    "commensal-consumer-gains",
    "one-sided-brand-takes",
    "one-sided-consumer-takes",
    "competition",
    "amensal",
    "neutral",
    "unknown",
]

SYMBIOSIS_BY_SIGNS: dict[tuple[int, int], Symbiosis] = {
    (1, 1): "mutualism",
    (1, 0): "commensal-brand-gains",
    (0, 1): "commensal-consumer-gains",
    (1, -1): "one-sided-brand-takes",
    (-1, 1): "one-sided-consumer-takes",
    (-1, -1): "competition",
    (0, -1): "amensal",
    (-1, 0): "amensal",
    (0, 0): "neutral",
}
"""The class for the signs of both sides (consumer, brand); see `docs/concepts/score.md`."""
