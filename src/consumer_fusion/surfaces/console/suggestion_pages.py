"""Possible duplicates: records that probably belong to one person, reviewed by a user before they are merged.

Uploaded records are compared in memory and discarded; only accepted suggestions are stored.
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
    """The merge suggestions page.

    Attributes:
        is_installed: Whether the optional package that compares records is installed.
        threshold: Minimum match probability of a suggestion.
        found: Result of the comparison; None before one is run.
        claimed: Pairs that a browser claims to be one person, each with both keys as the user may see
            them.
    """

    is_installed: bool
    threshold: float
    found: LinkageResult | None = None
    claimed: Sequence[tuple[ClaimedPair, str, str]] = ()


@dataclass(frozen=True, slots=True)
class LinkageResult:
    """Matches in a file of people.

    Attributes:
        rows: Pairs whose consumers both exist: the suggestion, both keys as the user may see them, and the
            suggestion as JSON, submitted when it is accepted. The most probable first.
        total: Number of pairs found.
        unknown_count: Number of these with an unknown consumer.
    """

    rows: Sequence[tuple[Mapping[str, Any], str, str, str]]
    total: int
    unknown_count: int


def show_suggestions(page_request: PageRequest) -> Answer:
    """Page of the matches claimed by browsers, with the upload form for a file of people."""
    page_request.require("merge_consumers")
    with page_request.workspace.store.reading() as session:
        pairs = list_claimed(session, SUGGESTIONS_LISTED)
    claimed = [
        (each, page_request.show_key(each.first), page_request.show_key(each.second)) for each in pairs
    ]
    return _answer(None, DEFAULT_THRESHOLD, claimed)


def find_suggestions(page_request: PageRequest) -> Answer:
    """Compare the records of an uploaded file with each other; nothing is merged, and the file is not stored."""
    page_request.require("merge_consumers")
    if not _is_installed():
        raise MissingExtraError(
            _("The component that compares records of people is not installed."),
            hint=_("The server administrator can install it; see the documentation."),
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
    return Page("suggestions.html", _("Possible duplicates"), content, section="suggestions")


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
                hint=_("Choose a CSV or Parquet file with one person per row."),
            ) from None


def _check_size(path: Path) -> None:
    """Reject a file that would keep the server busy for long."""
    if path.suffix == ".parquet":
        count = pyarrow.parquet.ParquetFile(path).metadata.num_rows
    else:
        count = path.read_bytes().count(b"\n")
    if count > MOST_PEOPLE:
        raise InputError(
            _("The file holds more than {count} people.", count=read_language().write_number(MOST_PEOPLE, 0)),
            hint=_(
                "Choose a smaller file, or ask the administrator of this workspace to compare more people."
            ),
        )
