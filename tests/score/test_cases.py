"""Cases that a product person can read and add to: tables of events, and the scores that they must give.

Each `##` of a page in `cases/` has two tables: what happened (`repeated` may say "3 times, every 30 days" or
"100 times a day, 30 days") and what must be read. A cell that is left empty is not looked at.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from consumer_fusion.records.timestamps import DAY_MICROSECONDS, parse_moment, to_day, to_microseconds
from consumer_fusion.score.model.changes import list_changes
from consumer_fusion.score.model.explanation import explain_pair
from consumer_fusion.score.model.ledger import LedgerEntry, fold_ledger
from consumer_fusion.score.model.reading import read_pair
from pair_ledgers import POINTS

CASES = sorted(Path(__file__).parent.glob("cases/*.md"))
NUMBERS = {
    "score": "fusion_score",
    "low": "low",
    "high": "high",
    "consumer gives": "consumer_to_brand",
    "brand gives": "brand_to_consumer",
    "confidence": "confidence",
}


def read_tables(text):
    """The tables of a page's section, each as a list of rows by heading."""
    tables = []
    for block in re.findall(r"(?:^\|.*\n)+", text + "\n", re.MULTILINE):
        lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in block.splitlines()]
        tables.append([dict(zip(lines[0], line, strict=True)) for line in lines[2:]])
    return tables


def list_cases():
    for page in CASES:
        _, *sections = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for section in sections:
            yield pytest.param(section, id=f"{page.stem}: {section.splitlines()[0]}")


def read_events(rows):
    entries = []
    for number, row in enumerate(rows):
        assert row["what"] in POINTS.kinds, f"'{row['what']}' is not in the points table"
        repeated = re.fullmatch(
            r"(?:(\d+) times a day, (\d+) days|(\d+) times(?:, every (\d+) days?)?)",
            row["repeated"] or "1 times",
        )
        assert repeated, f"'{row['repeated']}' is no repetition"
        a_day, days, times, every_days = (int(part or 0) for part in repeated.groups())
        offsets = [day for day in range(days) for _ in range(a_day)] or [n * every_days for n in range(times)]
        for place, offset_days in enumerate(offsets):
            occurred_us = to_microseconds(parse_moment(row["when"])) + offset_days * DAY_MICROSECONDS
            entries.append(
                LedgerEntry(
                    event_id=f"row {number} number {place}",
                    occurred_us=occurred_us,
                    day=to_day(occurred_us),
                    kind=row["what"],
                    magnitude=float(row["magnitude"]),
                    trust=float(row["trust"]),
                )
            )
    return entries


def test_there_are_cases():
    assert len(list(list_cases())) >= 8


@pytest.mark.parametrize("section", list(list_cases()))
def test_the_case_reads_as_its_table_says(section):
    happened, expected = read_tables(section)
    entries = read_events(happened)
    assert entries
    assert expected
    for row in expected:
        as_of_us = to_microseconds(parse_moment(row["as of"]))
        reading = read_pair(fold_ledger(entries, as_of_us, POINTS), POINTS)
        for heading, wanted in row.items():
            if heading == "symbiosis" and wanted:
                assert reading.symbiosis == wanted, row
            elif heading in NUMBERS and wanted:
                # The table's last digit is rounded.
                decimals = len(wanted.partition(".")[2])
                found = getattr(reading, NUMBERS[heading])
                assert found == pytest.approx(float(wanted), abs=0.5 * 10**-decimals + 1e-9), (heading, row)
            else:
                assert heading in {"as of", "symbiosis", *NUMBERS}, f"'{heading}' is not a column of a case"
        told = explain_pair(entries, as_of_us, POINTS)
        assert sum(part.contribution for part in told.contributions) == pytest.approx(
            reading.fusion_score - 50, abs=1e-9
        )
        moved = list_changes(entries, None, as_of_us, POINTS)
        assert sum(change.change for change in moved) == pytest.approx(reading.fusion_score - 50, abs=1e-9)
