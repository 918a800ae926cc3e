"""On record: a change that a command makes is in the audit, in the transaction that makes it."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from consumer_fusion.access.audit import append_audit
from consumer_fusion.records.audit import COMMAND_LINE, AuditEntry
from consumer_fusion.storage.store import Session
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
    with open_workspace(folder) as opened:
        is_written = False

        def write(session: Session) -> None:
            # What takes several transactions is on record with the first of them.
            nonlocal is_written
            if not is_written:
                told = {"user": find_account(), **(detail or {})}
                append_audit(
                    session, [AuditEntry(COMMAND_LINE, action, opened.now_us, object_id, detail=told)]
                )
                is_written = True

        yield replace(opened, on_change=write)


def find_account() -> str:
    """The account of the machine that runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # In a container the number of the user often has no name.
        return "unknown"
