"""`/actions`, `/metrics`, `/effects` and `/effect`: what brands did on purpose, and what it did."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from consumer_fusion.access.permissions import keep_visible
from consumer_fusion.causal.actions import declared_actions
from consumer_fusion.causal.effects import shrinking
from consumer_fusion.causal.effects.measuring import Question, measure_action
from consumer_fusion.causal.effects.shrinking import describe_effect, describe_listed_effect, show_effect
from consumer_fusion.causal.series.score_metrics import SCORE_METRICS
from consumer_fusion.causal.shown_keys import choose_show_key
from consumer_fusion.errors import NotFoundError, RefusedError
from consumer_fusion.surfaces.api import causal_schemas
from consumer_fusion.surfaces.api.parameters import AnyBrand, Fresh
from consumer_fusion.surfaces.api.request_context import RequestContext
from consumer_fusion.surfaces.api.responses import answer

ActionId = Annotated[str, Query(min_length=1, max_length=512, description="The id of the action.")]
MetricName = Annotated[str, Query(min_length=1, max_length=128, description="The metric.")]
AnyMetric = Annotated[str | None, Query(min_length=1, max_length=128, description="Only this metric.")]


def build_routes(desk: RequestContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["causes"])

    @routes.get("/effects", response_model=causal_schemas.Effects)
    def list_effects(request: Request, brand: AnyBrand = None, metric: AnyMetric = None) -> Response:
        """The effects that were measured, raw and shrunk within their kind; the nightly chore measures them."""
        caller = desk.open(request, "look", brand)
        shown = shrinking.list_effects(
            desk.workspace, brand=brand, metric=metric, show_key=choose_show_key(caller)
        )
        visible = set(keep_visible(caller, {each.brand for each in shown}))
        items = [
            causal_schemas.ListedEffect.model_validate(describe_listed_effect(each))
            for each in shown
            if each.brand in visible
        ]
        return answer(request, causal_schemas.Effects(items=items))

    @routes.get("/effect", response_model=causal_schemas.Effect)
    def read_effect(
        request: Request, action: ActionId, metric: MetricName = "orders", fresh: Fresh = False
    ) -> Response:
        """What an action did to a metric, as measured last; measured now where it never was, or with `fresh`."""
        caller = desk.open(request, "look")
        known = {row.action_id: row.brand for row in declared_actions.list_actions(desk.workspace)}
        if action not in known or not caller.sees(known[action]):
            raise NotFoundError(
                "There is no such action.", hint="`/api/v1/actions` lists those that you may see."
            )
        desk.gate.ensure_landed(is_forced=fresh)
        kept = None if fresh else shrinking.read_effect(desk.workspace, action, metric)
        if kept is None and metric in SCORE_METRICS:
            raise RefusedError(
                "Scores take long to be read day by day, so they are not measured while a program waits.",
                hint="`fusion effect` measures them; they are told here from then on.",
            )
        report = (
            measure_action(desk.workspace, Question(action_id=action, metric=metric))
            if kept is None
            else kept[0]
        )
        shown = show_effect(desk.workspace, report, show_key=choose_show_key(caller))
        return answer(request, causal_schemas.Effect.model_validate(describe_effect(shown)))

    return routes
