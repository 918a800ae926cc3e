"""Background job for files: write-ahead logs are truncated, replaced segment files are deleted."""

from __future__ import annotations

from consumer_fusion.operations import Job
from consumer_fusion.storage.segments import sweep_replaced
from consumer_fusion.workspace import Workspace


def release_disk(workspace: Workspace) -> None:
    """Free the disk space that is no longer needed."""
    for store in (workspace.store, workspace.arrivals, workspace.session_store):
        store.truncate_log()
    sweep_replaced(workspace.store, workspace.folder)


JOBS = (Job("release disk space", release_disk, every_seconds=60.0),)
