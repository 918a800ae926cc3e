"""What the collect API counts, for the metrics and for the page on which a wrong key shows."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

_REFUSALS_KEPT = 100


@dataclass(frozen=True, slots=True)
class RefusedRequest:
    """A request that was refused, without its content.

    Attributes:
        at_us: When.
        path: What was asked for.
        code: Why.
        key_ending: The last four characters of the write key that it brought.
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
        violations: Bodies that were no JSON in the strict sense and were read all the same.
        landed: Events accepted, duplicates and rejected rows, after reading.
        refusals: The last requests that were refused.
    """

    received: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    requests: Counter[int] = field(default_factory=Counter)
    violations: int = 0
    landed: Counter[str] = field(default_factory=Counter)
    refusals: deque[RefusedRequest] = field(default_factory=lambda: deque(maxlen=_REFUSALS_KEPT))
