"""`/explain`, `/changes` and `/history`: explanation and history of the score of one pair."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from consumer_fusion.records.timestamps import parse_moment, write_moment
from consumer_fusion.score.queries import answers
from consumer_fusion.score.queries.answers import PairSnapshot
from consumer_fusion.score.queries.score_results import PairExplanation
from consumer_fusion.surfaces.api import schemas
from consumer_fusion.surfaces.api.parameters import AsOf, BrandKey, ConsumerKey, Fresh
from consumer_fusion.surfaces.api.request_context import RequestContext
from consumer_fusion.surfaces.api.responses import answer

Since = Annotated[str | None, Query(max_length=64, description="Only changes since this time, ISO 8601.")]


def build_routes(request_context: RequestContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["pairs"])

    def explain(
        request: Request, action: str, consumer: str, brand: str, as_of: str | None, since: str | None,
        is_fresh: bool,
    ) -> PairSnapshot:  # fmt: skip
        caller = request_context.open(request, "view", brand)
        request_context.barrier.ensure_landed(is_forced=is_fresh)
        moment, begin = answers.parse_as_of(as_of), None if since is None else parse_moment(since)
        with request_context.workspace.store.reading() as session:
            consumers = request_context.find_consumers(session, caller, consumer)
        request_context.note_look(caller, action, consumers)
        return answers.explain_pair(
            request_context.workspace,
            consumer,
            brand,
            as_of=moment,
            since=begin,
            is_whole=caller.brands is None,
        )

    @routes.get("/explain", response_model=PairExplanation)
    def explain_score(
        request: Request, consumer: ConsumerKey, brand: BrandKey, as_of: AsOf = None, since: Since = None,
        without: Annotated[
            str | None, Query(max_length=512, description="Score without this event, by its id.")
        ] = None,
        fresh: Fresh = False,
    ) -> Response:  # fmt: skip
        """Explanation of a score, and its changes; the contributions add up to the score minus 50."""
        found = explain(request, "view explanation", consumer, brand, as_of, since, fresh)
        left_out = None if without is None else answers.score_without(found, without)
        return answer(request, answers.to_explanation(found, without=left_out))

    @routes.get("/changes", response_model=schemas.Changes)
    def list_changes(
        request: Request, consumer: ConsumerKey, brand: BrandKey, as_of: AsOf = None, since: Since = None,
        fresh: Fresh = False,
    ) -> Response:  # fmt: skip
        """The changes of the score of a pair, oldest first."""
        found = explain(request, "view changes", consumer, brand, as_of, since, fresh)
        body = schemas.Changes(
            consumer=found.consumer,
            brand=brand,
            as_of=write_moment(found.as_of_us),
            items=list(found.changes),
        )
        return answer(request, body)

    @routes.get("/history", response_model=schemas.History)
    def replay_history(
        request: Request, consumer: ConsumerKey, brand: BrandKey, as_of: AsOf = None,
        days: Annotated[int, Query(ge=1, le=1_100, description="Number of days.")] = 60, fresh: Fresh = False,
    ) -> Response:  # fmt: skip
        """The score of a pair at the end of each of the last UTC days."""
        found = explain(request, "view history", consumer, brand, as_of, None, fresh)
        body = schemas.History(
            consumer=found.consumer, brand=brand, as_of=write_moment(found.as_of_us),
            items=answers.list_history(found, days),
        )  # fmt: skip
        return answer(request, body)

    return routes
