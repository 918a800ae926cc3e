"""Audit of commands: a change is recorded in the audit log in its own transaction."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from consumer_fusion.access.audit import audit_changes
from consumer_fusion.records.audit import COMMAND_LINE, AuditNote
from consumer_fusion.workspace import Workspace, open_workspace


@contextmanager
def open_recorded(
    folder: Path, action: str, *, object_id: str | None = None, detail: dict[str, object] | None = None
) -> Iterator[Workspace]:
    """Open a workspace for one audited change.

    Args:
        folder: Folder of the workspace.
        action: Audited action, a verb and an object, named as in the console.
        object_id: Id of the changed object, if it has one.
        detail: Further details, never a secret.
    """
    note = AuditNote(action, object_id, detail={"user": find_account(), **(detail or {})})
    with open_workspace(folder) as opened:
        yield audit_changes(opened, COMMAND_LINE, lambda _: note)


def find_account() -> str:
    """The user account that runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # In a container the user id often has no name.
        return "unknown"
