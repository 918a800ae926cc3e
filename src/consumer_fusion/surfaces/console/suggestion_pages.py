"""Merge suggestions: records of people who are probably one person, looked through by somebody before they count.

The records that they are found in are read, compared and let go: nothing of them is kept but what somebody accepts.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from consumer_fusion.errors import InputError, MissingExtraError
from consumer_fusion.events.entities import find_keys
from consumer_fusion.i18n.translation import _, read_language
from consumer_fusion.identity.linkage import DEFAULT_THRESHOLD, suggest_merges
from consumer_fusion.identity.people import read_people
from consumer_fusion.identity.review import ClaimedPair, list_claimed
from consumer_fusion.surfaces.console.forms import Upload
from consumer_fusion.surfaces.console.pages import Answer, Page, PageRequest

SUGGESTIONS_LISTED = 200
MOST_PEOPLE = 50_000


@dataclass(frozen=True, slots=True)
class SuggestionsPage:
    """Finding consumers who may be one person.

    Attributes:
        is_installed: Whether the part that compares records is installed.
        threshold: From which probability on a pair is suggested.
        found: What was found; None before anything was looked for.
        claimed: Pairs of whom a browser says that they are one person, each with both keys as the visitor may see
            them.
    """

    is_installed: bool
    threshold: float
    found: LinkageResult | None = None
    claimed: Sequence[tuple[ClaimedPair, str, str]] = ()


@dataclass(frozen=True, slots=True)
class LinkageResult:
    """What was found in a file of people.

    Attributes:
        rows: Pairs whose consumers are known here: the suggestion, both keys as the visitor may see them, and the
            suggestion as text, to be sent back when it is accepted. The most probable first.
        total: How many pairs were found.
        unknown_count: How many of them name somebody who is not known here.
    """

    rows: Sequence[tuple[Mapping[str, Any], str, str, str]]
    total: int
    unknown_count: int


def show_suggestions(page_request: PageRequest) -> Answer:
    """What browsers claim, and where a file of people is chosen."""
    page_request.require("merge_consumers")
    with page_request.workspace.store.reading() as session:
        pairs = list_claimed(session, SUGGESTIONS_LISTED)
    claimed = [
        (each, page_request.show_key(each.first), page_request.show_key(each.second)) for each in pairs
    ]
    return _answer(None, DEFAULT_THRESHOLD, claimed)


def find_suggestions(page_request: PageRequest) -> Answer:
    """Compare the records of a file with each other; nothing is merged, and the file is not kept."""
    page_request.require("merge_consumers")
    if not _is_installed():
        raise MissingExtraError(
            _("The part that compares records of people is not installed here."),
            hint=_("Whoever looks after the server can install it; the documentation says how."),
        )
    threshold = page_request.read_number("percent", DEFAULT_THRESHOLD * 100) / 100
    suggested = _suggest(page_request.read_upload("people"), threshold)
    keys = sorted({*suggested["first"].to_pylist(), *suggested["second"].to_pylist()})
    with page_request.workspace.store.reading() as session:
        known = find_keys(session, "consumer", keys)
    rows = [row for row in suggested.to_pylist() if row["first"] in known and row["second"] in known]
    found = LinkageResult(
        [
            (row, page_request.show_key(row["first"]), page_request.show_key(row["second"]), json.dumps(row))
            for row in rows[:SUGGESTIONS_LISTED]
        ],
        suggested.num_rows,
        suggested.num_rows - len(rows),
    )
    return _answer(found, threshold)


def _is_installed() -> bool:
    return find_spec("splink") is not None


def _answer(
    found: LinkageResult | None, threshold: float, claimed: Sequence[tuple[ClaimedPair, str, str]] = ()
) -> Answer:
    content = SuggestionsPage(_is_installed(), threshold, found, claimed)
    return Page("suggestions.html", _("Merge suggestions"), content, section="suggestions")


def _suggest(people: Upload, threshold: float) -> pa.Table:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (
            "people.parquet" if people.name.lower().endswith((".parquet", ".pq")) else "people.csv"
        )
        path.write_bytes(people.content)
        try:
            _check_size(path)
            return suggest_merges(read_people(path), threshold=threshold)
        except pa.ArrowInvalid:
            raise InputError(
                _("The file cannot be read."),
                hint=_("Choose a CSV or Parquet file with one person a row."),
            ) from None


def _check_size(path: Path) -> None:
    """Refuse a file that would keep the server busy for long."""
    if path.suffix == ".parquet":
        count = pyarrow.parquet.ParquetFile(path).metadata.num_rows
    else:
        count = path.read_bytes().count(b"\n")
    if count > MOST_PEOPLE:
        raise InputError(
            _("The file holds more than {count} people.", count=read_language().write_number(MOST_PEOPLE, 0)),
            hint=_("Choose a file of fewer people, or ask whoever runs this workspace to compare so many."),
        )
