"""`/explain`, `/changes` and `/history`: why the score of one pair is what it is, and how it came to be."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from consumer_fusion.errors import NotFoundError
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, from_microseconds, parse_moment, write_moment
from consumer_fusion.score.queries import answers
from consumer_fusion.score.queries.answers import PairAnswer
from consumer_fusion.surfaces.api import schemas
from consumer_fusion.surfaces.api.parameters import AsOf, BrandKey, ConsumerKey, Fresh
from consumer_fusion.surfaces.api.request_context import RequestContext
from consumer_fusion.surfaces.api.responses import answer

Since = Annotated[str | None, Query(max_length=64, description="Only what moved it since then, ISO 8601.")]


def build_routes(desk: RequestContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["pairs"])

    def explain(
        request: Request, action: str, consumer: str, brand: str, as_of: str | None, since: str | None,
        is_fresh: bool,
    ) -> PairAnswer:  # fmt: skip
        caller = desk.open(request, "look", brand)
        desk.gate.ensure_landed(is_forced=is_fresh)
        moment, begin = answers.parse_as_of(as_of), None if since is None else parse_moment(since)
        with desk.workspace.store.reading() as session:
            consumers = desk.find_consumers(session, caller, consumer)
        desk.note_look(caller, action, consumers)
        return answers.explain_pair(
            desk.workspace, consumer, brand, as_of=moment, since=begin, is_whole=caller.brands is None
        )

    @routes.get("/explain", response_model=schemas.Explained)
    def explain_score(
        request: Request, consumer: ConsumerKey, brand: BrandKey, as_of: AsOf = None, since: Since = None,
        without: Annotated[
            str | None, Query(max_length=512, description="What the score would be without this event.")
        ] = None,
        fresh: Fresh = False,
    ) -> Response:  # fmt: skip
        """Why a score is what it is, and what moved it; contributions add up to the score less 50."""
        found = explain(request, "look at explanation", consumer, brand, as_of, since, fresh)
        told = answers.to_explanation(found)
        left_out = None
        if without is not None:
            if without not in {each.event_id for each in found.entries}:
                raise NotFoundError(
                    "The pair has no such event.", hint="Take an `event_id` of the contributions."
                )
            reading = answers.score_without(desk.workspace, found, without)
            change = reading.fusion_score - found.explanation.reading.fusion_score
            left_out = schemas.Without(event_id=without, fusion_score=reading.fusion_score, change=change)
        return answer(request, schemas.Explained.model_validate({**told, "without": left_out}))

    @routes.get("/changes", response_model=schemas.Changes)
    def list_changes(
        request: Request, consumer: ConsumerKey, brand: BrandKey, as_of: AsOf = None, since: Since = None,
        fresh: Fresh = False,
    ) -> Response:  # fmt: skip
        """What moved the score of a pair, the oldest first."""
        found = explain(request, "look at changes", consumer, brand, as_of, since, fresh)
        told = answers.to_explanation(found)
        body = {name: told[name] for name in ("consumer", "brand", "as_of")}
        return answer(request, schemas.Changes.model_validate({**body, "items": told["changes"]}))

    @routes.get("/history", response_model=schemas.History)
    def replay_history(
        request: Request, consumer: ConsumerKey, brand: BrandKey, as_of: AsOf = None,
        days: Annotated[int, Query(ge=1, le=1_100, description="So many days.")] = 60, fresh: Fresh = False,
    ) -> Response:  # fmt: skip
        """The score of a pair at the end of each of the last UTC days."""
        found = explain(request, "look at history", consumer, brand, as_of, None, fresh)
        rows = answers.replay_pair(desk.workspace, found, days).to_pylist()
        items = [
            schemas.HistoryDay(
                day=from_microseconds(row["day"] * DAY_MICROSECONDS).date().isoformat(),
                fusion_score=row["fusion_score"], low=row["low"], high=row["high"],
            )
            for row in rows
        ]  # fmt: skip
        body = schemas.History(
            consumer=found.consumer, brand=brand, as_of=write_moment(found.as_of_us), items=items
        )
        return answer(request, body)

    return routes
