"""Background jobs: changes of states are moved into blocks once there are many; snapshots of brands are kept."""

from __future__ import annotations

from consumer_fusion.operations import Job
from consumer_fusion.score.snapshot_renewal import is_snapshot_due, keep_snapshots
from consumer_fusion.score.states.kept_states import move_changes

JOBS = (
    Job("move states into blocks", lambda workspace: move_changes(workspace.store), every_seconds=30.0),
    Job(
        "take snapshots of brands",
        keep_snapshots,
        every_seconds=60.0,
        is_due=is_snapshot_due,
        is_in_worker=True,
    ),
)
