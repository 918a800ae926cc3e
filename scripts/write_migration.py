"""Write the next migration: what `records/` declares and the migrations do not make yet.

New tables and indexes are written whole. A table whose columns changed is named, and its statements are for you to
write: only you know what becomes of the rows.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from pathlib import Path

from consumer_fusion.storage.migrations import LATEST_VERSION, migrate_schema
from consumer_fusion.storage.sqlite import STORE_SCHEMA
from consumer_fusion.storage.sqlite_schema import write_indexes, write_table

FOLDER = Path(__file__).resolve().parents[1] / "src" / "consumer_fusion" / "storage" / "migrations"
TEXT = '''"""Schema version {number}: {title}

A revision is never changed once it is released.
"""

from __future__ import annotations

STATEMENTS = (
{statements}
)
'''


def list_missing() -> tuple[list[str], list[str]]:
    """The statements that are missing, and the tables whose columns changed."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate_schema(connection, None)
    there = {name for (name,) in connection.execute("select name from sqlite_master")}
    statements: list[str] = []
    changed: list[str] = []
    for table in sorted(STORE_SCHEMA.tables, key=lambda each: each.name):
        if table.name not in there:
            statements.append(write_table(table))
        else:
            columns = [row[1] for row in connection.execute(f"pragma table_info({table.name})")]
            if columns != list(table.column_names):
                changed.append(table.name)
        indexes = sorted(write_indexes(table).items())
        statements += [statement for name, statement in indexes if name not in there]
    connection.close()
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
    body = "\n".join(f'    """\n{each}\n    """,' for each in statements)
    path = FOLDER / f"revision_{number:04d}.py"
    path.write_text(
        TEXT.format(number=number, title=f"{title.rstrip('.')}.", statements=body),
        encoding="utf-8",
    )
    print(f"{path} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
