"""The one place that asks what time it is, so that tests and replays can answer instead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def read_system_clock() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)
