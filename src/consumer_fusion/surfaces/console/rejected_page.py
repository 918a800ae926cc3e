"""Rejected rows with the reason: retried unchanged or corrected, or dropped."""

from __future__ import annotations

from dataclasses import dataclass

from consumer_fusion.i18n.translation import _
from consumer_fusion.records.audit import AuditNote
from consumer_fusion.repairs.rejected_operations import (
    LIST_REJECTED,
    SHOW_REJECTED,
    RejectedFilter,
    RejectedId,
    RejectedRow,
    RejectedRows,
)
from consumer_fusion.surfaces.console.pages import Answer, Page, PageRequest
from consumer_fusion.surfaces.console.urls import make_path
from consumer_fusion.surfaces.operation_fields import read_parameters

ROWS_ON_PAGE = 50


@dataclass(frozen=True, slots=True)
class RejectedPage:
    """A page of rejected rows.

    Attributes:
        result: Result of the query.
        code: Filter by reason; empty for all.
        total: Number of matching rows.
        next_path: Path of the next page; empty at the end.
    """

    result: RejectedRows
    code: str
    total: int
    next_path: str


@dataclass(frozen=True, slots=True)
class RejectionPage:
    """A rejected row to be corrected.

    Attributes:
        row: The row.
        line_count: Height of the text field, in lines.
    """

    row: RejectedRow
    line_count: int


def show_rejected(page_request: PageRequest) -> Answer:
    """Page of the rejected rows, by reason."""
    code = page_request.asked.get("code", "")
    asked = {name: page_request.asked[name] for name in ("code", "after") if page_request.asked.get(name)}
    result: RejectedRows = page_request.ask(
        LIST_REJECTED, read_parameters(RejectedFilter, {**asked, "limit": ROWS_ON_PAGE})
    )
    total = sum(each.row_count for each in result.counts if code in ("", each.code))
    is_full = len(result.rows) == ROWS_ON_PAGE
    content = RejectedPage(
        result, code, total,
        make_path("/rejected", code=code, after=result.rows[-1].rejection_id) if is_full else "",
    )  # fmt: skip
    look = AuditNote(LIST_REJECTED.audit, page_request.path, detail={"rows": len(result.rows)})
    return Page("rejected.html", _("Import errors"), content, section="rejected", look=look)


def show_rejection(page_request: PageRequest) -> Answer:
    """Page of one rejected row, as received, to be corrected."""
    asked = read_parameters(RejectedId, {"rejection_id": page_request.read_asked("row")})
    row: RejectedRow = page_request.ask(SHOW_REJECTED, asked)
    content = RejectionPage(row, min(24, max(4, len(row.raw) // 70 + row.raw.count("\n") + 2)))
    return Page(
        "rejection.html", _("Rejected row {number}", number=row.rejection_id), content, section="rejected",
        look=AuditNote(SHOW_REJECTED.audit, object_id=str(row.rejection_id)),
    )  # fmt: skip
