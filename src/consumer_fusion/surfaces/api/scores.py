"""`/scores`, `/score` and `/movers`: the scores of pairs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from consumer_fusion.errors import NotFoundError
from consumer_fusion.events.entities import name_entities
from consumer_fusion.records.access import Caller
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, write_moment
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.model.reading import BASELINE, list_columns
from consumer_fusion.score.model.score_arrays import score_states
from consumer_fusion.score.queries import answers
from consumer_fusion.score.queries.brand_scores import FALLING_DAYS
from consumer_fusion.score.queries.brand_visibility import require_known_to_brands
from consumer_fusion.score.queries.score_queries import read_states, read_states_of_pair
from consumer_fusion.score.queries.score_results import PairScore
from consumer_fusion.score.states.brand_snapshots import BrandSnapshot
from consumer_fusion.server.brand_cache import Percentile
from consumer_fusion.surfaces.api import schemas
from consumer_fusion.surfaces.api.paging import read_cursor, write_cursor
from consumer_fusion.surfaces.api.parameters import (
    AnyBrand,
    AnyConsumer,
    AsOf,
    Cursor,
    Fresh,
    PageLimit,
    PairParameters,
)
from consumer_fusion.surfaces.api.request_context import RequestContext
from consumer_fusion.surfaces.api.responses import answer
from consumer_fusion.surfaces.api.score_lists import PairArrays, list_page, list_pairs

_KEY_TYPES = (float, int, int, int)
"""The end of a page, and the as-of time of the values by which its pairs were sorted."""
_ORDERS: Mapping[str, answers.Order] = {"falling": "falling", "rising": "rising", "both": "moving"}


def _refuse_consumer() -> NotFoundError:
    return NotFoundError("This consumer is not known here.", hint="Keys are written as sources write them.")


def build_routes(request_context: RequestContext) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["scores"])

    @routes.get("/scores", response_model=schemas.ScorePage)
    def list_scores(
        request: Request,
        brand: AnyBrand = None,
        consumer: AnyConsumer = None,
        as_of: AsOf = None,
        order: Annotated[answers.Order | None, Query(description="Sort order.")] = None,
        limit: PageLimit = 100,
        cursor: Cursor = None,
        fresh: Fresh = False,
    ) -> Response:
        """The Fusion Scores of pairs, page by page, as in `fusion score`."""
        caller = request_context.open(request, "view", brand)
        request_context.barrier.ensure_landed(is_forced=fresh)
        fixed_us = request_context.find_fixed_moment(as_of)
        asked = ("scores", brand, consumer, as_of, order)
        after = None if cursor is None else read_cursor(cursor, asked, _KEY_TYPES)
        with request_context.workspace.store.reading() as session:
            brand_ids = request_context.find_brands(session, caller, brand)
            consumers = (
                None if consumer is None else request_context.find_consumers(session, caller, consumer)
            )
        if consumer is not None:
            require_known_to_brands(request_context.workspace, consumer, caller.brands)
        if consumers == []:
            raise _refuse_consumer()
        as_of_us = request_context.workspace.now_us if fixed_us is None else fixed_us
        # No later than this page: a cursor is not signed.
        begun_us = None if after is None else min(int(after[3]), as_of_us)
        days = FALLING_DAYS if order in answers.MOVEMENTS else None
        snapshots: list[BrandSnapshot] = []
        if consumers is None:
            snapshots = request_context.recall_scores(
                brand_ids, fixed_us, change_days=days, begun_us=begun_us, is_fresh=fresh
            )
            sorted_us = max((each.as_of_us for each in snapshots), default=as_of_us)
            parts = [list_pairs(each) for each in snapshots]
        else:
            sorted_us = as_of_us if begun_us is None else begun_us
            parts = [_read_columns(request_context, sorted_us, consumers, brand_ids, days)]
            request_context.note_view(caller, "view consumer", consumers, brand_ids if brand else None)
        page, end = list_page(parts, order, after and (after[0], int(after[1]), int(after[2])), limit)  # type: ignore[arg-type]
        rows = _complete_rows(request_context, page, as_of_us)
        find_place = _choose_ranking(request_context, snapshots, fixed_us)
        items = [
            _shape(
                row, row["consumer"], row["brand"], as_of_us, find_place(row),
                None if days is None else row["change"],
            )
            for row in rows
        ]  # fmt: skip
        if consumers is None:
            request_context.note_list(
                caller, "list scores", brand_ids, {"route": "/scores", "rows": len(items)}
            )
        body = schemas.ScorePage(
            as_of=write_moment(as_of_us),
            items=items,
            next_cursor=None if end is None else write_cursor(asked, (*end, sorted_us)),
        )
        return answer(request, body)

    @routes.get("/score", response_model=PairScore)
    def read_score(request: Request, asked: Annotated[PairParameters, Query()]) -> Response:
        """The Fusion Score of one pair; 50 and `unknown` where the two have no events."""
        caller = request_context.open(request, "view", asked.brand)
        request_context.barrier.ensure_landed(is_forced=asked.fresh)
        fixed_us = request_context.find_fixed_moment(asked.as_of)
        score, consumers, brand_ids = read_pair_score(
            request_context, caller, asked.consumer, asked.brand, fixed_us, is_fresh=asked.fresh
        )
        request_context.note_view(caller, "view score", consumers, brand_ids)
        return answer(request, score)

    @routes.get("/movers", response_model=schemas.Movers)
    def list_movers(
        request: Request,
        brand: AnyBrand = None,
        as_of: AsOf = None,
        direction: Annotated[
            Literal["falling", "rising", "both"], Query(description="Direction of the change.")
        ] = "both",
        days: Annotated[
            int, Query(ge=1, le=366, description="Number of days over which the change is computed.")
        ] = FALLING_DAYS,
        limit: PageLimit = 20,
        fresh: Fresh = False,
    ) -> Response:
        """The pairs with the largest changes of their scores."""
        caller = request_context.open(request, "view", brand)
        request_context.barrier.ensure_landed(is_forced=fresh)
        with request_context.workspace.store.reading() as session:
            brand_ids = request_context.find_brands(session, caller, brand)
        fixed_us = request_context.find_fixed_moment(as_of)
        as_of_us = request_context.workspace.now_us if fixed_us is None else fixed_us
        snapshots = request_context.recall_scores(brand_ids, fixed_us, change_days=days, is_fresh=fresh)
        order = _ORDERS[direction]
        page, _ = list_page(map(list_pairs, snapshots), order, None, limit)
        moved = answers.order_values(order, page.score, page.change)
        page = page.take(np.flatnonzero(-moved >= answers.LEAST_MOVE))
        items = [
            schemas.Mover(
                consumer=row["consumer"],
                brand=row["brand"],
                change=row["change"],
                fusion_score=row["fusion_score"],
                symbiosis=row["symbiosis"],
            )
            for row in _complete_rows(request_context, page, as_of_us)
        ]
        request_context.note_list(caller, "list movers", brand_ids, {"route": "/movers", "rows": len(items)})
        return answer(request, schemas.Movers(as_of=write_moment(as_of_us), days=days, items=items))

    return routes


def read_pair_score(
    request_context: RequestContext,
    caller: Caller,
    consumer: str,
    brand: str,
    fixed_us: int | None,
    *,
    is_fresh: bool = False,
) -> tuple[PairScore, list[int], list[int]]:
    """The score of one pair by a point read; its percentile is as of the last refresh.

    Returns:
        The score, and the ids of the consumer and the brand.

    Raises:
        NotFoundError: The brand or the consumer is unknown. For callers limited to some brands, so is a consumer
            without an event with this one, whether or not another brand knows the consumer.
    """
    workspace = request_context.workspace
    as_of_us = workspace.now_us if fixed_us is None else fixed_us
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        brand_ids = request_context.find_brands(session, caller, brand)
        consumers = request_context.find_consumers(session, caller, consumer)
        if not consumers:
            raise _refuse_consumer()
        context = force.open(workspace, session)
        states = read_states(context, as_of_us, consumers=consumers, brand_ids=brand_ids)
        keys = name_entities(session, consumers)
    if not states.num_rows and caller.brands is not None:
        raise _refuse_consumer()
    row, place = list_columns(read_states_of_pair(context, states)), None
    if states.num_rows:
        place = request_context.brands.find_percentile(
            (brand_ids or [0])[0], consumers[0], row["fusion_score"], fixed_us, is_fresh=is_fresh
        )
    return _shape(row, keys[consumers[0]], brand, as_of_us, place), consumers, brand_ids or []


def _read_columns(
    request_context: RequestContext,
    as_of_us: int,
    consumers: Collection[int],
    brand_ids: Collection[int] | None,
    change_days: int | None,
) -> PairArrays:
    """The pairs of a consumer, which are few, and their changes over a number of days where needed."""
    workspace = request_context.workspace
    force = put_points_in_force(workspace)
    moments = [as_of_us]
    if change_days is not None:
        moments.append(as_of_us - change_days * DAY_MICROSECONDS)
    with workspace.store.reading() as session:
        context = force.open(workspace, session)
        read = [read_states(context, each, consumers=consumers, brand_ids=brand_ids) for each in moments]
    now, *before = (
        score_states(states, force.points, force.kind_ids, ("consumer_id", "brand_id", "fusion_score"))
        .sort_by([("consumer_id", "ascending"), ("brand_id", "ascending")])
        .to_pydict()
        for states in read
    )
    score = np.array(now["fusion_score"], np.float64)
    former = dict(zip(before[0]["brand_id"], before[0]["fusion_score"], strict=True)) if before else {}
    return PairArrays(
        np.array(now["consumer_id"], np.int64),
        np.array(now["brand_id"], np.int64),
        score,
        score - np.array([former.get(each, BASELINE) for each in now["brand_id"]], np.float64),
    )


def _complete_rows(request_context: RequestContext, page: PairArrays, as_of_us: int) -> list[dict[str, Any]]:
    """The pairs of a page with all columns of a score, their `consumer`, `brand` and `change`; few states are read.

    A pair that has no events any more is left out.
    """
    workspace = request_context.workspace
    force = put_points_in_force(workspace)
    consumers, brand_ids = (np.unique(each).tolist() for each in (page.consumer_id, page.brand_id))
    with workspace.store.reading() as session:
        context = force.open(workspace, session)
        states = read_states(context, as_of_us, consumers=consumers, brand_ids=brand_ids)
        keys = name_entities(session, [*consumers, *brand_ids])
    scores = score_states(states, force.points, force.kind_ids).to_pylist()
    found = {(row["consumer_id"], row["brand_id"]): row for row in scores}
    pairs = zip(page.consumer_id.tolist(), page.brand_id.tolist(), page.change.tolist(), strict=True)
    return [
        {**found[consumer, brand], "consumer": keys[consumer], "brand": keys[brand], "change": change}
        for consumer, brand, change in pairs
        if (consumer, brand) in found
    ]


def _choose_ranking(
    request_context: RequestContext, snapshots: Collection[BrandSnapshot], fixed_us: int | None
) -> Callable[[Mapping[str, Any]], Percentile | None]:
    """The function that finds the percentile of a row, among the scores of brands that the list is made of, if any."""
    by_brand = {each.brand_id: each for each in snapshots}

    def find_place(row: Mapping[str, Any]) -> Percentile | None:
        brand_id, consumer_id, value = row["brand_id"], row["consumer_id"], row["fusion_score"]
        snapshot = by_brand.get(brand_id)
        if snapshot is None:
            return request_context.brands.find_percentile(brand_id, consumer_id, value, fixed_us)
        place = snapshot.rank(consumer_id, value)
        return None if place is None else Percentile(place, snapshot.as_of_us)

    return find_place


def _shape(
    row: dict[str, Any],
    consumer: str,
    brand: str,
    as_of_us: int,
    place: Percentile | None,
    change: float | None = None,
) -> PairScore:
    return PairScore.from_row(
        row,
        consumer=consumer,
        brand=brand,
        as_of=write_moment(as_of_us),
        change_28_days=change,
        percentile=None if place is None else place.percentile,
        percentile_as_of=None if place is None else write_moment(place.as_of_us),
    )
