"""`/brands`, `/kinds` and `/points`: the brands, the kinds of events and their points."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from consumer_fusion import inspection
from consumer_fusion.access.permissions import filter_visible
from consumer_fusion.records.timestamps import write_moment
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.points.points_table import load_points, write_points
from consumer_fusion.score.points_comparison import compare_points
from consumer_fusion.score.queries import answers
from consumer_fusion.score.queries.score_results import BrandSummary
from consumer_fusion.server.many_pairs import summarise_brands
from consumer_fusion.surfaces.api import schemas
from consumer_fusion.surfaces.api.parameters import AsOf, Fresh
from consumer_fusion.surfaces.api.request_context import LARGE_PATIENCE_SECONDS, RequestContext
from consumer_fusion.surfaces.api.responses import answer


def build_routes(request_context: RequestContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["catalogue"])

    @routes.get("/brands", response_model=schemas.Brands)
    def list_brands(request: Request, as_of: AsOf = None, fresh: Fresh = False) -> Response:
        """The brands that the caller may see, with summaries of their scores."""
        caller = request_context.open(request, "view")
        request_context.barrier.ensure_landed(is_forced=fresh)
        fixed_us = request_context.find_fixed_moment(as_of)
        with request_context.workspace.store.reading() as session:
            version, is_many = (
                request_context.find_version(session, fixed_us),
                request_context.is_many(session),
            )

        def summarise() -> tuple[int, list[dict[str, Any]]]:
            as_of_us = request_context.workspace.now_us if fixed_us is None else fixed_us
            if is_many:
                table = request_context.workers.run(summarise_brands, as_of_us)
            else:
                table = summarise_brands(request_context.workspace, as_of_us)
            return as_of_us, list(table.to_pylist())

        is_stored = is_many and as_of is None and not fresh
        stored = answers.read_brand_summaries(request_context.workspace) if is_stored else None
        if stored is not None:
            as_of_us, rows = stored[1], stored[0].to_pylist()
        else:
            as_of_us, rows = request_context.cache.recall(
                ("brand summaries", fixed_us), version, summarise,
                patience_seconds=0.0 if fresh else LARGE_PATIENCE_SECONDS,
            )  # fmt: skip
        visible = set(filter_visible(caller, (row["brand"] for row in rows)))
        items = [BrandSummary.model_validate(row) for row in rows if row["brand"] in visible]
        return answer(request, schemas.Brands(as_of=write_moment(as_of_us), items=items))

    @routes.get("/kinds", response_model=schemas.Kinds)
    def list_kinds(request: Request, fresh: Fresh = False) -> Response:
        """The kinds of events that have points, and those that have none yet."""
        caller = request_context.open(request, "view")
        request_context.barrier.ensure_landed(is_forced=fresh)
        points = put_points_in_force(request_context.workspace).points
        with request_context.workspace.store.reading() as session:
            version, is_many = request_context.find_version(session), request_context.is_many(session)

        def count() -> list[dict[str, Any]]:
            if is_many:
                return request_context.workers.run(inspection.count_unscored)
            return inspection.count_unscored(request_context.workspace)

        unscored: list[dict[str, Any]] = []
        # Event counts of a kind are over all brands, so they need access to all brands.
        if caller.brands is None:
            unscored = request_context.cache.recall(
                "unscored kinds", version, count, patience_seconds=0.0 if fresh else LARGE_PATIENCE_SECONDS,
            )  # fmt: skip
        items = [
            schemas.KindPoints.model_validate(kind, from_attributes=True) for kind in points.kinds.values()
        ]
        body = schemas.Kinds(
            points_version=points.version,
            items=items,
            no_points_yet=[inspection.UnscoredKind.model_validate(row) for row in unscored],
        )
        return answer(request, body)

    @routes.get("/points", response_model=schemas.Points)
    def read_points(request: Request) -> Response:
        """The points in force, and their differences from the shipped ones."""
        request_context.open(request, "view")
        points = put_points_in_force(request_context.workspace).points
        body = schemas.Points(
            version=points.version, model=points.model, points=write_points(points),
            differences=list(compare_points(load_points(), points)),
        )  # fmt: skip
        return answer(request, body)

    return routes
