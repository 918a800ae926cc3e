"""On record: a change that a command makes is in the audit, in the transaction that makes it."""

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
    """Open a workspace for one change.

    Args:
        folder: The workspace.
        action: What is done, a verb and an object, as the console calls it.
        object_id: The thing that has an id of its own.
        detail: More to know, never a secret.
    """
    note = AuditNote(action, object_id, detail={"user": find_account(), **(detail or {})})
    with open_workspace(folder) as opened:
        yield audit_changes(opened, COMMAND_LINE, lambda _: note)


def find_account() -> str:
    """The account of the machine that runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # In a container the number of the user often has no name.
        return "unknown"
