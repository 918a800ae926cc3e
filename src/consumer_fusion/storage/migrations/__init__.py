"""Migrations: upgrading the store of an older release to the schema of this one.

Each revision is a module next to this one with its number in its name, and the statements that lead to it from the
number before. It never changes once it is released. The first one creates the whole schema;
`scripts/write_migration.py` writes the next one.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

_FOLDER = Path(__file__).parent
LATEST_VERSION = str(
    max(int(revision.stem.removeprefix("revision_")) for revision in _FOLDER.glob("revision_*.py"))
)
"""The number of the last revision in this folder."""


def migrate_schema(
    connection: sqlite3.Connection, found: str | None, *, latest: str = LATEST_VERSION, folder: Path = _FOLDER
) -> None:
    """Apply all revisions after the one found, in the open transaction.

    Args:
        connection: A connection within a writing transaction.
        found: Version of the schema; None for a file without tables.
        latest: Target version.
        folder: Folder of the revisions; each file of a workspace has a chain of its own.
    """
    # Mostly there is nothing to do.
    import runpy

    for number in range(int(found or 0) + 1, int(latest) + 1):
        (revision,) = folder.glob(f"*_{number:04d}.py")
        for statement in runpy.run_path(str(revision))["STATEMENTS"]:
            connection.execute(statement)
