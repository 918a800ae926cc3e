"""Write the next migration: what `records/` declares and the migrations do not make yet.

New tables and indexes are written whole. A table whose columns changed is named, and its statements are for you to
write: only you know what becomes of the rows.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite as dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from consumer_fusion.storage.migrations import LATEST_VERSION, migrate_schema
from consumer_fusion.storage.sqlite import STORE_TABLES, build_schema

FOLDER = Path(__file__).resolve().parents[1] / "src" / "consumer_fusion" / "storage" / "migrations"
TEXT = '''"""Schema version {number}: {title}

A revision is never changed once it is released.
"""

from __future__ import annotations

from alembic import op

revision = "{number:04d}"
down_revision = "{before:04d}"

_STATEMENTS = (
{statements}
)


def upgrade() -> None:
    """Bring the store from the revision before to this one."""
    for statement in _STATEMENTS:
        op.execute(statement)
'''


def list_missing() -> tuple[list[str], list[str]]:
    """The statements that are missing, and the tables whose columns changed."""
    engine = sa.create_engine("sqlite://", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        migrate_schema(connection, None)
        there = sa.inspect(connection)
        names = set(there.get_table_names())
        statements: list[str] = []
        changed: list[str] = []
        for table in build_schema(STORE_TABLES).sorted_tables:
            indexes = sorted(table.indexes, key=lambda index: str(index.name))
            known: set[str | None] = set()
            if table.name not in names:
                statements.append(str(CreateTable(table).compile(dialect=dialect.dialect())))
            else:
                known = {index["name"] for index in there.get_indexes(table.name)}
                if [column["name"] for column in there.get_columns(table.name)] != list(table.columns.keys()):
                    changed.append(table.name)
            statements += [
                str(CreateIndex(index).compile(dialect=dialect.dialect()))
                for index in indexes
                if index.name not in known
            ]
    return statements, changed


def main() -> int:
    """Write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("title", help="what the revision does, such as 'loyalty cards'")
    title = parser.parse_args().title.strip()
    statements, changed = list_missing()
    for name in changed:
        print(f"the columns of {name} changed: write what becomes of its rows")
    if not statements and not changed:
        print("the migrations make everything that is declared")
        return 0
    number = int(LATEST_VERSION) + 1
    body = "\n".join(
        '    """\n'
        + "\n".join(line.rstrip() for line in each.strip().replace("\t", "    ").splitlines())
        + '\n    """,'
        for each in statements
    )
    path = FOLDER / f"revision_{number:04d}.py"
    path.write_text(
        TEXT.format(number=number, before=number - 1, title=f"{title.rstrip('.')}.", statements=body),
        encoding="utf-8",
    )
    print(f"{path} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
