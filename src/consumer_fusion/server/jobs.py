"""The job on memory: what the allocators keep for later goes back to the machine."""

from __future__ import annotations

from consumer_fusion.operations import Job
from consumer_fusion.server.allocator import release_memory

JOBS = (Job("release memory", lambda workspace: release_memory(), every_seconds=20.0),)
