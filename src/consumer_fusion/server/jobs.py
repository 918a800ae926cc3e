"""The job that returns unused allocator memory to the operating system."""

from __future__ import annotations

from consumer_fusion.operations import Job
from consumer_fusion.server.allocator import release_memory

JOBS = (Job("release memory", lambda workspace: release_memory(), every_seconds=20.0),)
