"""Background jobs: messages that arrived are read."""

from __future__ import annotations

from consumer_fusion.operations import Job
from consumer_fusion.perception.perception_runs import is_reading_due, read_messages

JOBS = (Job("read messages", read_messages, every_seconds=10.0, is_due=is_reading_due, is_in_worker=True),)
