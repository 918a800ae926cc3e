"""Background jobs for files: the inbox is sealed, logs are truncated, replaced segment files are deleted."""

from __future__ import annotations

from consumer_fusion.events.compaction import is_sealing_due, seal_inbox
from consumer_fusion.operations import Job
from consumer_fusion.storage.segments import sweep_replaced
from consumer_fusion.workspace import Workspace


def release_disk(workspace: Workspace) -> None:
    """Free the disk space that is no longer needed."""
    for store in (workspace.store, workspace.arrivals, workspace.session_store):
        store.truncate_log()
    sweep_replaced(workspace.store, workspace.folder)


JOBS = (
    Job("release disk space", release_disk, every_seconds=60.0),
    # A landing shares neither its process nor its lock of threads with it.
    Job("seal events", seal_inbox, every_seconds=60.0, is_due=is_sealing_due, is_in_worker=True),
)
