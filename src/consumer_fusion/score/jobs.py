"""Background job on states: changes that wait are moved into blocks once there are many."""

from __future__ import annotations

from consumer_fusion.operations import Job
from consumer_fusion.score.states.kept_states import move_changes

JOBS = (Job("move states into blocks", lambda workspace: move_changes(workspace.store), every_seconds=30.0),)
