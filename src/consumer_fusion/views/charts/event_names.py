"""Positions of event names next to their marks, so that none covers another or leaves the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from consumer_fusion.i18n.labels import shorten

_LINE_HEIGHT = 16
_LETTER_WIDTH = 7


def place_names(
    events: Sequence[Mapping[str, Any]],
    days: Sequence[Mapping[str, Any]],
    *,
    width: float,
    height: float,
    low: float,
    high: float,
) -> list[dict[str, Any]]:
    """Positions of event names: above rises, below falls, further off where one would cover another.

    A name without enough space is left out; the tooltip of its mark and the table still show it.

    Args:
        events: `at`, `score_after`, `way`, `name` (empty for none).
        days: `at` of the first and the last day that is drawn.
        width: Width of the plot.
        height: Height of the plot.
        low: The score at its lower end.
        high: The score at its upper end.

    Returns:
        The named events, with the `align`, `shift` and `rise` of their names.
    """
    if not events:
        return []
    placed: list[dict[str, Any]] = []
    taken: list[tuple[float, float, float]] = []
    span = days[-1]["at"] - days[0]["at"] or 1
    for event in events:
        if not event["name"]:
            continue
        at = (event["at"] - days[0]["at"]) / span * width
        is_early = at + _LETTER_WIDTH * len(event["name"]) < width or at < width / 2
        name = _fit_name(event["name"], (width - at if is_early else at) + 6)
        length = _LETTER_WIDTH * len(name)
        left = at - 6 if is_early else at + 6 - length
        sign = -1 if event["way"] == "up" else 1
        mark = (high - event["score_after"]) / (high - low) * height
        for level in range(1, 7):
            middle = mark + sign * _LINE_HEIGHT * level
            is_free = all(
                abs(middle - other) >= _LINE_HEIGHT - 1 or left >= end + 8 or start >= left + length + 8
                for other, start, end in taken
            )
            if is_free and 0 < middle < height:
                taken.append((middle, left, left + length))
                placed.append(
                    {
                        **event,
                        "name": name,
                        "align": "left" if is_early else "right",
                        "shift": -6 if is_early else 6,
                        "rise": sign * _LINE_HEIGHT * level,
                    }
                )
                break
    return placed


def _fit_name(name: str, room: float) -> str:
    """A name shortened to the available space; the change at its end stays."""
    letters = int(room / _LETTER_WIDTH)
    if len(name) <= letters:
        return name
    kind, _, change = name.rpartition(" ")
    return f"{shorten(kind, max(3, letters - len(change) - 1))} {change}"
