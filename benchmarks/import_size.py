"""How much memory and time the import of a large file takes: `fusion import` of a CSV file of ten million rows.

The file is made in a temporary folder (about 0.8 GB for ten million rows) and goes with it. The memory is that of the
one process which imports, at its highest; the limit of the compute engine is the shipped one.

    python benchmarks/import_size.py --rows 10000000
    python benchmarks/import_size.py --rows 1000000 --again --json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

import consumer_fusion as fusion

PEAK_LIMIT_GIGABYTES = 2.0
MAPPING = """
[source]
name = "shops"

[fields]
event_id = "order"
occurred_at = "at"
consumer = "who"
brand = "shop"
channel = "channel"
value = "amount"
currency = { constant = "EUR" }

[kind]
column = "what"
"""
IDENTIFIERS = """
[identifiers]
email = "email"
"""


def write_rows(path: Path, rows: int, *, with_identifiers: bool) -> None:
    """A year of three that looks like a chain of shops: few consumers come often, most seldom."""
    email = ", 'person-' || who || '@example.org' as email" if with_identifiers else ""
    with duckdb.connect() as connection:
        connection.execute("set memory_limit = '1GB'")
        connection.execute("set preserve_insertion_order = false")
        connection.execute(
            f"""copy (
                select 'o-' || n as "order",
                    strftime(make_timestamp(1672531200000000 + ((hash(n) % 94608000) * 1000000)::bigint),
                        '%Y-%m-%dT%H:%M:%SZ') as at,
                    'consumer-' || who as who, 'shop-' || (hash(n + 1) % 40) as shop,
                    case hash(n + 2) % 10 when 0 then 'Order Completed' when 1 then 'Product Added'
                        when 2 then 'Email Opened' when 3 then 'Store Visited' else 'Page Viewed' end as what,
                    case hash(n + 3) % 3 when 0 then 'shop' else 'web' end as channel,
                    (hash(n + 4) % 20000) / 100 as amount{email}
                from (select range as n,
                        floor({max(rows // 10, 1)} * power((hash(range + 5) % 1000003) / 1000003.0, 3))::bigint as who
                      from range({rows}))
            ) to '{path}' (header, delimiter ',')"""
        )


def import_file(path: Path, mapping: Path, workspace: Path) -> dict[str, object]:
    """Import a file in a process of its own and watch its memory."""
    command = [sys.executable, "-m", "consumer_fusion", "import", str(path), "--map", str(mapping)]
    before, started = os.times(), time.monotonic()
    process = subprocess.Popen(
        [*command, "--workspace", str(workspace), "--json"], stdout=subprocess.PIPE, text=True
    )
    peak, moments = 0, []
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        try:
            lines = dict(
                line.split(":", 1) for line in status.read_text(encoding="ascii").splitlines() if ":" in line
            )
            found = int(lines["VmHWM"].split()[0])
        except (OSError, KeyError):
            break
        if found > (moments[-1][1] if moments else 0) * 1.15e6:
            moments.append((round(time.monotonic() - started), round(found / 1e6, 2)))
        peak = max(peak, found)
        time.sleep(0.2)
    told, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"The import failed: {told}")
    after = os.times()
    cpu_seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return {
        **json.loads(told),
        "peak_gigabytes": round(peak / 1e6, 3),
        "cpu_seconds": round(cpu_seconds, 1),
        "growth_of_the_peak": " ".join(f"{seconds}s:{gigabytes}" for seconds, gigabytes in moments),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--identifiers", action="store_true", help="each row names an e-mail address as well")
    parser.add_argument(
        "--again", action="store_true", help="import the same file a second time; it adds nothing"
    )
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="fusion-import-") as temporary:
        folder = Path(temporary)
        path, mapping, workspace = folder / "rows.csv", folder / "mapping.toml", folder / "workspace"
        write_rows(path, given.rows, with_identifiers=given.identifiers)
        mapping.write_text(MAPPING + (IDENTIFIERS if given.identifiers else ""), encoding="utf-8")
        fusion.create_workspace(workspace)
        figures: dict[str, object] = {
            "rows": given.rows,
            "file_gigabytes": round(path.stat().st_size / 1e9, 2),
        }
        figures["first"] = first = import_file(path, mapping, workspace)
        if given.again:
            figures["again"] = import_file(path, mapping, workspace)
        figures["workspace_gigabytes"] = round(
            sum(each.stat().st_size for each in workspace.rglob("*") if each.is_file()) / 1e9, 2
        )
    print(json.dumps(figures, indent=None if given.json else 2))
    is_met = first["accepted"] == given.rows and float(str(first["peak_gigabytes"])) <= PEAK_LIMIT_GIGABYTES
    sys.exit(0 if is_met else 1)


if __name__ == "__main__":
    main()
