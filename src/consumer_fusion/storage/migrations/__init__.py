"""Migrations: upgrading the store of an older release to the schema of this one.

Each revision is a module next to this one, with its number and the number before it. It uses Alembic and never changes
once it is released. The first one creates the whole schema; `scripts/write_migration.py` writes the next one.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

_FOLDER = Path(__file__).parent
LATEST_VERSION = str(
    max(int(revision.stem.removeprefix("revision_")) for revision in _FOLDER.glob("revision_*.py"))
)
"""The number of the last revision in this folder."""


def migrate_schema(
    connection: sa.Connection, found: str | None, *, latest: str = LATEST_VERSION, folder: Path = _FOLDER
) -> None:
    """Apply all revisions after the one found, in the open transaction.

    Args:
        connection: A connection within a writing transaction.
        found: Version of the schema; None for a file without tables.
        latest: Target version.
        folder: Folder of the revisions; each file of a workspace has a chain of its own.
    """
    # Alembic takes a tenth of a second to load, and mostly there is nothing to do.
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(folder), version_locations=[str(folder)])
    base = "base" if found is None else f"{int(found):04d}"
    revisions = list(scripts.iterate_revisions(f"{int(latest):04d}", base))
    with Operations.context(MigrationContext.configure(connection)):
        for revision in reversed(revisions):
            revision.module.upgrade()
