"""Operations on rejected rows: listing them with the reason, retrying them unchanged or corrected, or dropping them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from pydantic import Field

from consumer_fusion.errors import ConflictError, NotFoundError
from consumer_fusion.events.landing import Progress, ignore_progress
from consumer_fusion.i18n.labels import REJECTION_LABELS
from consumer_fusion.i18n.messages import Message
from consumer_fusion.i18n.translation import N_
from consumer_fusion.ingest.formats import ImportFormat
from consumer_fusion.ingest.rejections import count_rejections, list_rejections
from consumer_fusion.operations import Context, Operation, OperationGroup, Query, Schema, describe
from consumer_fusion.records.import_record import ImportResult, Rejection
from consumer_fusion.repairs import rejected_rows

_ID = (N_("ID"), "ID of the rejected row.")
_IDS = (N_("ID"), "IDs of rejected rows.")
MOST_REASONS = 3
_CODE = (N_("Reason"), "Only rows with this reason; its code as in JSON, such as invalid_time.")
_REASON_WORDS = {code: label.words for code, label in REJECTION_LABELS.items()}


class RejectedRow(Schema):
    """A rejected row."""

    rejection_id: int = describe(*_ID)
    source: str = describe("Source", "Origin of the row.", is_shown=False)
    position: int = describe("Row", "Row number in its import, from 1.")
    code: str = describe("Reason", "Stable code of the reason.", words=_REASON_WORDS)
    message: Message = describe("Message", "Error message: found value, expected value, remedy.")
    raw: str = describe("Original row", "Row as received.", is_long=True)


class ReasonCount(Schema):
    """Number of rows rejected for a reason."""

    code: str = describe("Reason", "Stable code of the reason.", words=_REASON_WORDS)
    row_count: int = describe("Rows", "Number of rows.")


class RejectedRows(Schema):
    """Rejected rows, the oldest first."""

    counts: list[ReasonCount] = describe("Reasons", "Number of rows by reason, the most frequent first.")
    rows: list[RejectedRow] = describe("Rejected rows", "Some of them.")


class RejectedFilter(Schema):
    """Selection of rejected rows."""

    code: str | None = describe(*_CODE, default=None)
    after: int = describe("After", "Only rows with a higher ID, for paging.", default=0)
    limit: Annotated[int, Field(ge=1)] = describe("At most", "Maximum number of rows.", default=100)


class RejectedId(Schema):
    """A rejected row."""

    rejection_id: int = describe(*_ID)


class RetryRows(Schema):
    """Rejected rows to be read again."""

    rejection_ids: list[int] = describe(*_IDS, default=[])
    code: str | None = describe(*_CODE, default=None)
    raw: str | None = describe(
        "Corrected row",
        "The corrected row, for one ID; of a CSV file with its header line.",
        default=None,
    )


class RetryResult(ImportResult):
    """Result of rejected rows that were read again."""

    reasons: list[Message] = describe(
        "Reasons", f"Why rows are still rejected; at most {MOST_REASONS} reasons.", default=[]
    )


class DropRows(Schema):
    """Rejected rows to be dropped."""

    rejection_ids: list[int] = describe(*_IDS, default=[])
    is_all: bool = describe("All", "Drop all.", default=False, option="--all")


class DroppedRows(Schema):
    """Dropped rows."""

    dropped: int = describe("Dropped", "Number of dropped rows.")


def _list_rows(context: Context, asked: RejectedFilter) -> RejectedRows:
    rows, counts = rejected_rows.list_rejected(
        context.workspace, code=asked.code, after=asked.after, limit=asked.limit
    )
    return RejectedRows(
        counts=[ReasonCount(code=code, row_count=count) for code, count in counts.items()],
        rows=[_describe(row) for row in rows],
    )


def _show_row(context: Context, asked: RejectedId) -> RejectedRow:
    with context.reading() as session:
        return _describe(*list_rejections(session, rejection_ids=[asked.rejection_id]))


def _describe(row: Rejection) -> RejectedRow:
    return RejectedRow(**asdict(row))


def retry_rows(
    context: Context,
    asked: RetryRows,
    progress: Progress = ignore_progress,
    *,
    reading: ImportFormat | None = None,
) -> RetryResult:
    """Read rejected rows again: the given ones, those with a reason, or all.

    Args:
        context: Context of the operation.
        asked: Rows to read, and the corrected text of one.
        progress: Progress callback.
        reading: Format to read them in; None for that of their import.

    Raises:
        NotFoundError: A row does not exist.
        InputError: The corrected text is not a row in the format of its import.
    """
    ids = asked.rejection_ids or None
    with context.reading() as session:
        if asked.code is not None:
            ids = [row.rejection_id for row in list_rejections(session, rejection_ids=ids, code=asked.code)]
        count = sum(count_rejections(session).values()) if ids is None else len(ids)
    if not count:
        raise NotFoundError(
            "There are no rows to retry.", hint="`fusion rejected list` lists all rejected rows."
        )
    context.describe(object_id=str(ids[0]) if ids and count == 1 else None, code=asked.code, rows=count)
    result = rejected_rows.retry_rejected(context.workspace, ids, asked.raw, progress, reading=reading)
    with context.reading() as session:
        left = list_rejections(session, rejection_ids=ids, limit=MOST_REASONS) if result.rejected else ()
    return RetryResult(**result.model_dump(), reasons=[row.message for row in left])


def _drop_rows(context: Context, asked: DropRows) -> DroppedRows:
    ids = asked.rejection_ids
    context.describe(object_id=str(ids[0]) if len(ids) == 1 else None)
    with context.reading() as session:
        if asked.is_all and not count_rejections(session):
            raise ConflictError(
                "There are no rejected rows.", hint="`fusion rejected list` lists all rejected rows."
            )
    return DroppedRows(
        dropped=rejected_rows.drop_rejected(context.workspace, ids or None, is_all=asked.is_all)
    )


REJECTED = OperationGroup(
    "rejected",
    N_("Import errors"),
    N_("List, correct and retry rows that could not be imported. They are stored as received."),
)
LIST_REJECTED = Query(
    name="rejected list", run=_list_rows, needs="fix_events", parameters=RejectedFilter, result=RejectedRows,
    summary="List the rejected rows, the oldest first.", empty="No rejected rows.",
    audit="view rejected rows",
)  # fmt: skip
SHOW_REJECTED = Query(
    name="rejected show", run=_show_row, needs="fix_events", parameters=RejectedId, result=RejectedRow,
    arguments=("rejection_id",), summary="Show one row as received, with the reason.", audit="view rejected row",
)  # fmt: skip
RETRY = Operation(
    name="rejected retry", run=retry_rows, needs="fix_events", parameters=RetryRows, result=RetryResult,
    arguments=("rejection_ids",), audit="retry rejected rows", button=N_("Retry"),
    summary="Read rows again, unchanged or corrected; accepted rows leave the list.",
    done=N_("Rows accepted: {accepted}; already here: {duplicates}; still rejected: {rejected}. {reasons}"),
)  # fmt: skip
REJECTED_OPERATIONS = (
    LIST_REJECTED,
    SHOW_REJECTED,
    RETRY,
    Operation(
        name="rejected drop", run=_drop_rows, needs="fix_events", parameters=DropRows, result=DroppedRows,
        arguments=("rejection_ids",), audit="drop rejected rows", button=N_("Drop"), is_danger=True,
        summary="Drop rows permanently; importing the unchanged file again rejects them again.",
        done=N_("Rows dropped permanently: {dropped}."),
    ),
)  # fmt: skip
