"""Counters of the collect API, for the metrics and for the page that shows refused keys."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

_REFUSALS_KEPT = 100


@dataclass(frozen=True, slots=True)
class RefusedRequest:
    """A refused request, without its content.

    Attributes:
        at_us: Time of the request, in microseconds since the epoch.
        path: Path.
        code: Error code.
        key_ending: Last four characters of its write key.
    """

    at_us: int
    path: str
    code: str
    key_ending: str


@dataclass(slots=True)
class Counters:
    """Counts since the server started.

    Attributes:
        received: Events acknowledged, by format.
        refused: Requests refused, by code.
        requests: Requests answered, by status.
        violations: Bodies that were not strictly valid JSON and were read nevertheless.
        landed: Events accepted, duplicates and rejected rows, after landing.
        refusals: Most recent refused requests.
    """

    received: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    requests: Counter[int] = field(default_factory=Counter)
    violations: int = 0
    landed: Counter[str] = field(default_factory=Counter)
    refusals: deque[RefusedRequest] = field(default_factory=lambda: deque(maxlen=_REFUSALS_KEPT))
