"""The moment at which staff come in during the tests, the password that they have, and what a guess costs."""

from __future__ import annotations

from datetime import UTC, datetime

from consumer_fusion.access.passwords import PasswordCost
from consumer_fusion.records.timestamps import to_microseconds

NOW_US = to_microseconds(datetime(2026, 6, 15, 12, tzinfo=UTC))
SECOND_US = 1_000_000
HOUR_US = 3_600 * SECOND_US
DAY_US = 24 * HOUR_US
PASSWORD = "a horse in the staple field"
# A guess costs little here, so that the tests are quick; what it costs in earnest is tested by itself.
CHEAP = PasswordCost(passes=1, memory_kib=8, lanes=1)
