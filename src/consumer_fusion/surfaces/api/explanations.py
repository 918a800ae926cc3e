"""`/explain`, `/changes` and `/history`: explanation and history of the score of one pair."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from consumer_fusion.records.timestamps import parse_moment, write_moment
from consumer_fusion.score.queries import answers, pair_answers
from consumer_fusion.score.queries.pair_answers import PairSnapshot
from consumer_fusion.score.queries.score_results import OtherEvents, PairExplanation
from consumer_fusion.surfaces.api import schemas
from consumer_fusion.surfaces.api.parameters import (
    ChangeParameters,
    ExplanationParameters,
    HistoryParameters,
    PairParameters,
)
from consumer_fusion.surfaces.api.request_context import RequestContext
from consumer_fusion.surfaces.api.responses import answer


def build_routes(request_context: RequestContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["pairs"])

    def explain(
        request: Request, action: str, asked: PairParameters, since: str | None = None
    ) -> PairSnapshot:
        caller = request_context.open(request, "view", asked.brand)
        request_context.barrier.ensure_landed(is_forced=asked.fresh)
        moment, begin = answers.parse_as_of(asked.as_of), None if since is None else parse_moment(since)
        with request_context.workspace.store.reading() as session:
            consumers = request_context.find_consumers(session, caller, asked.consumer)
        request_context.note_view(caller, action, consumers)
        return pair_answers.explain_pair(
            request_context.workspace,
            asked.consumer,
            asked.brand,
            as_of=moment,
            since=begin,
            with_other_brands=caller.brands is None,
        )

    @routes.get("/explain", response_model=PairExplanation)
    def explain_score(request: Request, asked: Annotated[ExplanationParameters, Query()]) -> Response:
        """Explanation of a score, and its newest changes; `contributions` and `others` add up to the score minus 50."""
        found = explain(request, "view explanation", asked, asked.since)
        left_out = None if asked.without is None else pair_answers.score_without(found, asked.without)
        body = pair_answers.to_explanation(
            found, without=left_out, order=asked.sort, limit=asked.limit, offset=asked.offset
        )
        return answer(request, body)

    @routes.get("/changes", response_model=schemas.Changes)
    def list_changes(request: Request, asked: Annotated[ChangeParameters, Query()]) -> Response:
        """The changes of the score of a pair at the newest events, oldest first."""
        found = explain(request, "view changes", asked, asked.since)
        listed = found.list_changes(limit=asked.limit, offset=asked.offset)
        body = schemas.Changes(
            consumer=found.consumer,
            brand=asked.brand,
            as_of=write_moment(found.as_of_us),
            event_count=listed.event_count,
            items=list(listed.changes),
            earlier=OtherEvents(event_count=listed.earlier_count, contribution=listed.earlier_change),
            next_offset=listed.event_count - listed.earlier_count if listed.earlier_count else None,
        )
        return answer(request, body)

    @routes.get("/history", response_model=schemas.History)
    def replay_history(request: Request, asked: Annotated[HistoryParameters, Query()]) -> Response:
        """The score of a pair at the end of each of the last UTC days."""
        found = explain(request, "view history", asked)
        body = schemas.History(
            consumer=found.consumer,
            brand=asked.brand,
            as_of=write_moment(found.as_of_us),
            items=pair_answers.list_history(found, asked.days),
        )
        return answer(request, body)

    return routes
