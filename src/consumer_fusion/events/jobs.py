"""The job on files: logs of changes are emptied, sealed files that were replaced are deleted."""

from __future__ import annotations

from consumer_fusion.operations import Job
from consumer_fusion.storage.segments import sweep_replaced
from consumer_fusion.workspace import Workspace


def release_disk(workspace: Workspace) -> None:
    """Give back the disk space that nothing refers to any more."""
    for store in (workspace.store, workspace.arrivals, workspace.session_store):
        store.truncate_log()
    sweep_replaced(workspace.store, workspace.folder)


JOBS = (Job("release disk space", release_disk, every_seconds=60.0),)
