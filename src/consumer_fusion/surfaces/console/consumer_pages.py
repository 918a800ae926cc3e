"""Consumers: those of a brand, with search and paging, and the brands of one consumer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.errors import InputError
from consumer_fusion.i18n.translation import N_, _
from consumer_fusion.records.audit import AuditNote
from consumer_fusion.records.timestamps import from_microseconds, write_moment
from consumer_fusion.score.model.reading import FACET_ORDER
from consumer_fusion.score.queries import answers
from consumer_fusion.score.queries.brand_visibility import require_known_to_brands
from consumer_fusion.score.queries.score_results import SCORE_COLUMNS
from consumer_fusion.surfaces.console.brand_pages import show_being_read
from consumer_fusion.surfaces.console.pages import Answer, Download, Page, PageRequest
from consumer_fusion.surfaces.console.queries import BrandData
from consumer_fusion.surfaces.console.urls import make_path
from consumer_fusion.views.tables import write_csv

ROWS_ON_PAGE = 50
Arrangement = Literal["falling", "rising", "lowest", "highest", "consumer"]
ARRANGEMENTS: dict[Arrangement, str] = {
    "falling": N_("biggest drop"),
    "rising": N_("biggest rise"),
    "lowest": N_("lowest first"),
    "highest": N_("highest first"),
    "consumer": N_("by name"),
}
ROWS_READ = 5_000
"""Number of rows of a download that are read at a time."""
_DOWNLOADED = (
    *(name for name in SCORE_COLUMNS if name not in FACET_ORDER and not name.startswith("percentile")),
    "change_28_days",
)


@dataclass(frozen=True, slots=True)
class ConsumersPage:
    """One page of the consumers of a brand.

    Attributes:
        brand: Key of the brand.
        as_of_us: As-of time of the scores, in microseconds since the epoch.
        is_quiet: Whether that is the time of the newest event because nothing happened for a day.
        search: Searched part of the key.
        order: Sort order.
        arrangements: Available sort orders, with their labels.
        symbiosis: Filter by class; empty for all.
        found_count: Number of matching relationships.
        first_place: Position of the first row shown, from 1.
        rows: The relationships: columns of `answers.score_pairs`, `change_28_days`, and `shown`, the key as the
            user may see it.
        next_path: Path of the next page; None at the end.
        previous_path: Path of the first page; None on the first page.
        download: Path of all matches as CSV.
    """

    brand: str
    as_of_us: int
    is_quiet: bool
    search: str
    order: Arrangement
    arrangements: Mapping[Arrangement, str]
    symbiosis: str
    found_count: int
    first_place: int
    rows: Sequence[Mapping[str, Any]]
    next_path: str | None
    previous_path: str | None
    download: str


@dataclass(frozen=True, slots=True)
class ConsumerPage:
    """A consumer with the brands related to them; the relationships are not combined.

    Attributes:
        consumer: Key of the consumer.
        shown: Key as the user may see it.
        as_of_us: As-of time of the scores, in microseconds since the epoch.
        is_quiet: Whether that is the time of the newest event because nothing happened for a day.
        rows: Relationships with brands that the user may see.
    """

    consumer: str
    shown: str
    as_of_us: int
    is_quiet: bool
    rows: Sequence[Mapping[str, Any]]


def show_consumers(page_request: PageRequest) -> Answer:
    """Page of the consumers of a brand."""
    brand = page_request.read_asked("brand")
    page_request.require("view", brand)
    order = _read_order(page_request.asked.get("order", "falling"))
    search, symbiosis = page_request.asked.get("search", "").strip(), page_request.asked.get("kind", "")
    reading = page_request.queries.find_brand(brand, page_request.as_of_us)
    if reading is None:
        return show_being_read(_("Consumers of {brand}", brand=brand), section="consumers", brand=brand)
    found = _find_rows(page_request, reading.scores, search, symbiosis)
    if page_request.asked.get("format") == "csv":
        page_request.require("export")
        _start, listed = _list_rows(page_request, found, "", order, found.num_rows)
        return Download("consumers.csv", _write_consumers(page_request, reading, listed))
    start, shown = _list_rows(page_request, found, page_request.asked.get("after", ""), order, ROWS_ON_PAGE)
    part = page_request.queries.complete_scores(reading, shown["consumer_id"].to_pylist())
    parameters: dict[str, object] = {
        "brand": brand, "order": order, "search": search, "kind": symbiosis, "as_of": page_request.asked.get("as_of"),
    }  # fmt: skip
    has_more = start + shown.num_rows < found.num_rows
    content = ConsumersPage(
        brand=brand,
        as_of_us=reading.as_of_us,
        is_quiet=page_request.is_quiet,
        search=search,
        order=order,
        arrangements=ARRANGEMENTS,
        symbiosis=symbiosis,
        found_count=found.num_rows,
        first_place=start + 1 if part else 0,
        rows=[{**row, "shown": page_request.show_key(row["consumer"])} for row in part],
        next_path=make_path("/consumers", **parameters, after=_write_cursor(shown, order))
        if has_more
        else None,
        previous_path=make_path("/consumers", **parameters) if start else None,
        download=make_path("/consumers", **parameters, format="csv"),
    )
    return Page(
        "consumers.html", _("Consumers of {brand}", brand=brand), content, section="consumers", brand=brand,
        look=AuditNote(
            "list consumers", page_request.path, brand=brand, detail={"rows": len(part), "search": bool(search)}
        ),
    )  # fmt: skip


def show_consumer(page_request: PageRequest) -> Answer:
    """Page of the brands of a consumer."""
    consumer = page_request.read_asked("consumer")
    page_request.require("view")
    require_known_to_brands(page_request.workspace, consumer, page_request.staff.caller.brands)
    as_of_us = page_request.as_of_us
    scores = answers.score_pairs(
        page_request.workspace, consumer=consumer, as_of=from_microseconds(as_of_us), is_ranked=False
    )
    rows = [row for row in scores.to_pylist() if page_request.staff.caller.sees(row["brand"])]
    rows.sort(key=lambda row: -abs(row["fusion_score"] - 50))
    shown = page_request.show_key(consumer)
    return Page(
        "consumer.html", shown, ConsumerPage(consumer, shown, as_of_us, page_request.is_quiet, rows),
        section="consumers",
        look=AuditNote("view consumer", consumer=consumer),
    )  # fmt: skip


def _read_order(text: str) -> Arrangement:
    for order in get_args(Arrangement):
        if order == text:
            return order  # type: ignore[no-any-return]
    raise InputError(_("“{text}” is not a sort order.", text=text))


def _find_rows(page_request: PageRequest, scores: pa.Table, search: str, symbiosis: str) -> pa.Table:
    if search:
        wanted = page_request.queries.list_consumers(search)
        scores = scores.filter(np.isin(scores["consumer_id"].to_numpy(), wanted))
    if not symbiosis:
        return scores
    return scores.filter(pc.equal(scores["symbiosis"].combine_chunks().dictionary_decode(), symbiosis))


def _list_rows(
    page_request: PageRequest, rows: pa.Table, cursor: str, order: Arrangement, count: int
) -> tuple[int, pa.Table]:
    """The rows after a cursor in order, equal ones in the order of their numbers; and how many are before them."""
    value, reached = _read_cursor(cursor)
    consumers = rows["consumer_id"].to_numpy()
    if order == "consumer":
        listed = page_request.queries.list_consumers()
        listed = listed[np.isin(listed, consumers)]
        start = int(np.flatnonzero(listed == reached)[0]) + 1 if cursor and reached in listed else 0
        return start, rows.take(np.searchsorted(consumers, listed[start : start + count]))
    values = _list_values(rows, order)
    is_before = (values < value) | ((values == value) & (consumers <= reached))
    following = np.flatnonzero(~is_before) if cursor else np.arange(len(values))
    places = following[answers.find_first(values[following], count)]
    return len(values) - len(following), rows.take(places)


def _list_values(rows: pa.Table, order: Arrangement) -> npt.NDArray[np.float64]:
    """The values by which rows are in ascending order."""
    change = rows["change_28_days"].to_numpy()
    return answers.order_values(order, rows["fusion_score"].to_numpy(), change)


def _write_cursor(rows: pa.Table, order: Arrangement) -> str:
    """Cursor of the end of a page: value and number, so that the next page is stable while events arrive."""
    last = rows.slice(rows.num_rows - 1)
    number = last["consumer_id"][0].as_py()
    return f"{number}" if order == "consumer" else f"{float(_list_values(last, order)[0])!r}:{number}"


def _read_cursor(cursor: str) -> tuple[float, int]:
    """The value and the number of a cursor."""
    value, _unused, number = cursor.rpartition(":")
    try:
        return float(value or 0), int(number or 0)
    except ValueError:
        raise InputError(
            _("The position in the list is not valid."), hint=_("Start from the first page.")
        ) from None


def _write_consumers(page_request: PageRequest, reading: BrandData, rows: pa.Table) -> str:
    """The rows as CSV, some thousand at a time."""
    texts = []
    for first in range(0, max(rows.num_rows, 1), ROWS_READ):
        consumers = rows["consumer_id"][first : first + ROWS_READ].to_pylist()
        part = page_request.queries.complete_scores(reading, consumers)
        for row in part:
            row["as_of"] = write_moment(reading.as_of_us)
        texts.append(write_csv(_DOWNLOADED, part, has_heading=not first))
    return "".join(texts)
