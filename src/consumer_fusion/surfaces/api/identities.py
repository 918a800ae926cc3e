"""`/rejections`: rows that could not be taken; they show personal data."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from consumer_fusion.ingest.rejections import count_rejections
from consumer_fusion.records.audit import AuditEntry
from consumer_fusion.records.import_record import REJECTIONS, Rejection
from consumer_fusion.storage.store import Between, Where
from consumer_fusion.surfaces.api import schemas
from consumer_fusion.surfaces.api.paging import read_cursor, write_cursor
from consumer_fusion.surfaces.api.parameters import Cursor, Fresh, PageLimit
from consumer_fusion.surfaces.api.request_context import RequestContext
from consumer_fusion.surfaces.api.responses import answer

_NAMES = tuple(Rejection.__dataclass_fields__)


def build_routes(desk: RequestContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["people"])

    @routes.get("/rejections", response_model=schemas.RejectionPage)
    def list_rejections(
        request: Request,
        code: Annotated[str | None, Query(max_length=64, description="Only for this reason.")] = None,
        limit: PageLimit = 100, cursor: Cursor = None, fresh: Fresh = False,
    ) -> Response:  # fmt: skip
        """Rows that were set aside, with the reason, the oldest first. Not for tokens."""
        caller = desk.open(request, "mend_events")
        desk.gate.ensure_landed(is_forced=fresh)
        asked = ("rejections", code)
        where: dict[str, Between | str] = {} if code is None else {"code": code}
        if cursor is not None:
            where["rejection_id"] = Between(above=int(read_cursor(cursor, asked, (int,))[0]))
        condition: Where = where
        with desk.workspace.store.reading() as session:
            rows = session.read(
                REJECTIONS, condition, columns=_NAMES, order_by=("rejection_id",), limit=limit + 1
            ).to_pylist()
            counts = count_rejections(session)
        desk.trail.note_looks([AuditEntry(caller.actor, "look at rejected rows", desk.workspace.now_us)])
        items = [schemas.Rejection(**row) for row in rows[:limit]]
        has_more = len(rows) > limit
        page = schemas.RejectionPage(
            counts=counts,
            items=items,
            next_cursor=write_cursor(asked, [items[-1].rejection_id]) if has_more else None,
        )
        return answer(request, page)

    return routes
