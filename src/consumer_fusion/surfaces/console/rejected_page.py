"""Rows that were set aside, with the reason: tried again as they are or repaired, or dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consumer_fusion.errors import InputError, NotFoundError
from consumer_fusion.i18n.translation import mark, say, say_count
from consumer_fusion.ingest.rejections import count_rejections, list_rejections
from consumer_fusion.records.audit import AuditNote
from consumer_fusion.records.import_record import REJECTIONS, ImportResult, Rejection
from consumer_fusion.repairs import rejected_rows
from consumer_fusion.storage.store import Between, Value
from consumer_fusion.surfaces.console.pages import Answer, Page, Redirect, Visit
from consumer_fusion.surfaces.console.urls import make_path

ROWS_ON_PAGE = 50
FORM_OF_PROBLEM = mark("Row {position} {message}")
"""How the reason of every row that was set aside is written; what follows the number is in `ingest.validation`."""


@dataclass(frozen=True, slots=True)
class RejectedPage:
    """Rows that were set aside.

    Attributes:
        rows: Some of them, the oldest first.
        counts: How many there are for each reason.
        code: Only this reason; empty for all.
        total: How many rows fit.
        next_path: Where the next ones are; None at the end.
        may_mend: Whether the visitor may repair and drop.
    """

    rows: Sequence[Rejection]
    counts: Mapping[str, int]
    code: str
    total: int
    next_path: str | None
    may_mend: bool


@dataclass(frozen=True, slots=True)
class RejectionPage:
    """One row that was set aside, to be repaired.

    Attributes:
        row: The row.
        line_count: How high the field for it is.
    """

    row: Rejection
    line_count: int


def show_rejected(visit: Visit) -> Answer:
    """The rows that were set aside, by reason."""
    visit.require("mend_events")
    code, after = visit.asked.get("code", ""), visit.asked.get("after", "")
    where: dict[str, Value | Between] = {"code": code} if code else {}
    if after.isascii() and after.isdigit():
        where["rejection_id"] = Between(above=int(after[:15]))
    with visit.workspace.store.reading() as session:
        counts = count_rejections(session)
        columns = tuple(Rejection.__dataclass_fields__)
        rows = session.read(
            REJECTIONS, where, columns=columns, order_by=("rejection_id",), limit=ROWS_ON_PAGE + 1
        ).to_pylist()
    listed = [Rejection(**row) for row in rows[:ROWS_ON_PAGE]]
    has_more = len(rows) > ROWS_ON_PAGE
    content = RejectedPage(
        listed,
        counts,
        code,
        counts.get(code, 0) if code else sum(counts.values()),
        make_path("/rejected", code=code, after=listed[-1].rejection_id) if has_more else None,
        visit.may("mend_events"),
    )
    look = AuditNote("look at rejected rows", visit.path, detail={"rows": len(listed)})
    return Page("rejected.html", say("Import errors"), content, section="rejected", look=look)


def show_rejection(visit: Visit) -> Answer:
    """One row, as it came, to be repaired."""
    visit.require("mend_events")
    number = _read_number(visit.read_asked("row"))
    with visit.workspace.store.reading() as session:
        rows = list_rejections(session, rejection_ids=[number])
    content = RejectionPage(rows[0], min(24, max(4, len(rows[0].raw) // 70 + rows[0].raw.count("\n") + 2)))
    return Page(
        "rejection.html", say("Row {number}", number=number), content, section="rejected",
        look=AuditNote("look at rejected row", object_id=str(number)),
    )  # fmt: skip


def retry_rejection(visit: Visit) -> Answer:
    """Read one row again, repaired; a row that still cannot be taken is set aside anew."""
    visit.require("mend_events")
    number = _read_number(visit.read_form("row"))
    workspace = visit.acting(AuditNote("repair rejected row", object_id=str(number)))
    acceptance = rejected_rows.retry_rejected(workspace, [number], visit.read_form("raw"))
    return Redirect("/rejected", _tell(acceptance))


def retry_all(visit: Visit) -> Answer:
    """Read all rows again, or those of one reason, as they are."""
    visit.require("mend_events")
    code = visit.read_optional("code")
    with visit.workspace.store.reading() as session:
        rows = list_rejections(session, code=code or None)
    if not rows:
        raise NotFoundError(say("There is nothing to read again."))
    workspace = visit.acting(AuditNote("retry rejected rows", detail={"code": code, "rows": len(rows)}))
    acceptance = rejected_rows.retry_rejected(workspace, [row.rejection_id for row in rows])
    return Redirect("/rejected", _tell(acceptance))


def drop_rejection(visit: Visit) -> Answer:
    """Drop one row for good."""
    visit.require("mend_events")
    number = _read_number(visit.read_form("row"))
    rejected_rows.drop_rejected(visit.acting(AuditNote("drop rejected row", object_id=str(number))), [number])
    return Redirect("/rejected", say("The row is gone for good."))


def _tell(acceptance: ImportResult) -> str:
    parts = [say_count("{count} row was taken.", "{count} rows were taken.", acceptance.accepted)]
    if acceptance.duplicates:
        parts.append(
            say_count("{count} was here already.", "{count} were here already.", acceptance.duplicates)
        )
    if acceptance.rejected:
        parts.append(
            say_count(
                "{count} still cannot be taken; see why below.",
                "{count} still cannot be taken; see why below.",
                acceptance.rejected,
            )
        )
    return " ".join(parts)


def _read_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InputError(say("“{text}” is not the number of a row.", text=text))
    return int(text)
