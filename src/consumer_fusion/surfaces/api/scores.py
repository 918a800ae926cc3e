"""`/scores`, `/score` and `/movers`: the scores of pairs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from consumer_fusion.errors import NotFoundError
from consumer_fusion.events.entities import name_entities
from consumer_fusion.records.access import Caller
from consumer_fusion.records.timestamps import write_moment
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.model.reading import list_columns
from consumer_fusion.score.queries import answers
from consumer_fusion.score.queries.brand_scores import FALLING_DAYS
from consumer_fusion.score.queries.brand_visibility import require_known_to_brands
from consumer_fusion.score.queries.score_queries import read_states, read_states_of_pair
from consumer_fusion.score.queries.score_results import PairScore
from consumer_fusion.server.brand_cache import Percentile
from consumer_fusion.storage.store import Session
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
from consumer_fusion.surfaces.api.snapshots import Snapshot, take_snapshot

_KEY_TYPES = (float, int, int)


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
        days = FALLING_DAYS if order in answers.MOVEMENTS else None
        if consumers is None:
            snapshot = request_context.recall_snapshot(brand_ids, fixed_us, change_days=days, is_fresh=fresh)
        else:
            snapshot = take_snapshot(
                request_context.workspace,
                request_context.workspace.now_us if fixed_us is None else fixed_us,
                consumers=consumers,
                brand_ids=brand_ids,
                change_days=days,
                is_ranked=False,
            )
            request_context.note_view(caller, "view consumer", consumers, brand_ids if brand else None)
        places, end = snapshot.list_page(order, after and (after[0], int(after[1]), int(after[2])), limit)  # type: ignore[arg-type]
        with request_context.workspace.store.reading() as session:
            items = _name_rows(
                request_context, session, snapshot, places, fixed_us, is_whole_brand=consumers is None
            )
        if consumers is None:
            request_context.note_list(
                caller, "list scores", brand_ids, {"route": "/scores", "rows": len(items)}
            )
        page = schemas.ScorePage(
            as_of=write_moment(snapshot.as_of_us),
            items=items,
            next_cursor=None if end is None else write_cursor(asked, end),
        )
        return answer(request, page)

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
        snapshot = request_context.recall_snapshot(brand_ids, fixed_us, change_days=days, is_fresh=fresh)
        assert snapshot.change is not None
        orders = {"falling": "falling", "rising": "rising", "both": "moving"}
        places, _ = snapshot.list_page(orders[direction], None, limit)
        moved = answers.order_values(orders[direction], np.empty(0), snapshot.change[places])
        places = places[-moved >= answers.LEAST_MOVE]
        with request_context.workspace.store.reading() as session:
            keys = _name_pairs(session, snapshot, places)
        rows = snapshot.rows.take(places).to_pylist()
        items = [
            schemas.Mover(
                consumer=keys[row["consumer_id"]],
                brand=keys[row["brand_id"]],
                change=float(change),
                fusion_score=row["fusion_score"],
                symbiosis=row["symbiosis"],
            )
            for row, change in zip(rows, snapshot.change[places])
        ]
        request_context.note_list(caller, "list movers", brand_ids, {"route": "/movers", "rows": len(items)})
        return answer(request, schemas.Movers(as_of=write_moment(snapshot.as_of_us), days=days, items=items))

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


def _name_rows(
    request_context: RequestContext,
    session: Session,
    snapshot: Snapshot,
    places: np.ndarray[Any, Any],
    fixed_us: int | None,
    *,
    is_whole_brand: bool,
) -> list[PairScore]:
    keys = _name_pairs(session, snapshot, places)
    rows = snapshot.rows.take(places).to_pylist()
    items: list[PairScore] = []
    for number, row in zip(places, rows):
        if is_whole_brand:
            place: Percentile | None = Percentile(float(snapshot.percentiles[number]), snapshot.as_of_us)
        else:
            place = request_context.brands.find_percentile(
                row["brand_id"], row["consumer_id"], row["fusion_score"], fixed_us
            )
        change = None if snapshot.change is None else float(snapshot.change[number])
        items.append(
            _shape(row, keys[row["consumer_id"]], keys[row["brand_id"]], snapshot.as_of_us, place, change)
        )
    return items


def _name_pairs(session: Session, snapshot: Snapshot, places: np.ndarray[Any, Any]) -> dict[int, str]:
    rows = snapshot.rows.select(["consumer_id", "brand_id"]).take(places)
    numbers: Collection[int] = {*rows["consumer_id"].to_pylist(), *rows["brand_id"].to_pylist()}
    return name_entities(session, sorted(numbers))


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
