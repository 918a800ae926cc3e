"""The system clock, the only source of the current time, so that tests and replays can replace it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def read_system_clock() -> datetime:
    """The present time, in UTC."""
    return datetime.now(UTC)
