"""Migrations: how a store that another release wrote becomes one of this release.

Each revision is a module beside this one, with a number and the number before; it says what changes in the words of
Alembic and is never changed once it was released. `scripts/write_migration.py` writes the next one.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

LATEST_VERSION = "3"
_FOLDER = Path(__file__).parent


def migrate_schema(connection: sa.Connection, found: str | None) -> None:
    """Apply all revisions after the one found, in the transaction that is open.

    Args:
        connection: A connection within a writing transaction.
        found: The version of the schema; None for a file without tables.
    """
    # Alembic takes a tenth of a second to load, and mostly there is nothing to do.
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(_FOLDER), version_locations=[str(_FOLDER)])
    base = "base" if found is None else f"{int(found):04d}"
    revisions = list(scripts.iterate_revisions(f"{int(LATEST_VERSION):04d}", base))
    with Operations.context(MigrationContext.configure(connection)):
        for revision in reversed(revisions):
            revision.module.upgrade()
