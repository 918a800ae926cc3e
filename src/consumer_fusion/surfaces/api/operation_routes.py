"""Routes generated from operations: GET for queries, POST for operations, with the OpenAPI schema of their models."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Query as InQuery
from fastapi.routing import APIRoute
from pydantic import BaseModel, RootModel
from starlette.requests import Request
from starlette.responses import Response

from consumer_fusion.access.execution import execute
from consumer_fusion.errors import InputError
from consumer_fusion.operations import Capability, Operation, Query, list_grouped, name_path
from consumer_fusion.records.access import Caller
from consumer_fusion.records.schema import MOST_FILE_BYTES
from consumer_fusion.surfaces.api.request_context import RequestContext
from consumer_fusion.surfaces.api.responses import answer
from consumer_fusion.surfaces.operation_fields import count_rows

MOST_BODY_BYTES = 2 * MOST_FILE_BYTES
"""A file within JSON may be longer than the file itself, since quotes and line breaks are escaped."""


class BoundedRoute(APIRoute):
    """A route that rejects a body that is too large, or of unknown length, before it is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The request handler with the length check."""
        answer_request = super().get_route_handler()

        async def check_length(request: Request) -> Response:
            if request.method == "POST":
                length = request.headers.get("content-length", "")
                if not length.isdecimal() or int(length) > MOST_BODY_BYTES:
                    raise InputError(
                        f"The body has {length or 'an unknown number of'} bytes; the maximum is {MOST_BODY_BYTES:,}.",
                        hint="Send less data at a time, with the header Content-Length.",
                    )
            return await answer_request(request)

        return check_length


def build_operation_routes(request_context: RequestContext, capabilities: Iterable[Capability]) -> APIRouter:
    """The routes of all capabilities: `/GROUP` and `/GROUP/VERB`."""
    routes = APIRouter(route_class=BoundedRoute)
    for group, query in list_grouped(capabilities):
        is_change = isinstance(query, Operation)
        path = name_path(group, query)
        routes.add_api_route(
            path,
            _make_endpoint(request_context, query, path, is_change=is_change),
            methods=["POST" if is_change else "GET"],
            response_model=_find_model(query),
            summary=query.summary,
            description=f"Needs the permission to {query.needs.replace('_', ' ')}.",
            operation_id=query.name.replace(" ", "_").replace("-", "_"),
            tags=[query.group],
        )
    return routes


def _find_model(query: Query) -> Any:
    return list[query.result] if query.is_many else query.result  # type: ignore[name-defined]


def _note_view(
    request_context: RequestContext,
    caller: Caller,
    query: Query,
    path: str,
    parameters: BaseModel,
    result: Any,
) -> None:
    consumer = getattr(parameters, "consumer", None)
    if query.is_many or consumer is None:
        request_context.note_list(caller, query.audit, None, {"route": path, "rows": count_rows(result)})
        return
    with request_context.workspace.store.reading() as session:
        consumers = request_context.find_consumers(session, caller, consumer)
    request_context.note_view(caller, query.audit, consumers)


def _make_endpoint(
    request_context: RequestContext, query: Query, path: str, *, is_change: bool
) -> Callable[..., Response]:
    model: Any = RootModel[_find_model(query)]  # type: ignore[misc]

    def endpoint(request: Request, parameters: Any) -> Response:
        caller = request_context.open(request, query.needs)
        request_context.barrier.ensure_landed(is_forced=False)
        result = execute(query, request_context.workspace, caller, parameters)
        if query.audit and not is_change:
            _note_view(request_context, caller, query, path, parameters, result)
        return answer(request, model(result))

    parameters = query.parameters if is_change else Annotated[query.parameters, InQuery()]
    endpoint.__annotations__ = {"request": Request, "parameters": parameters, "return": Response}
    return endpoint
