"""The application of the read API: routes, OpenAPI description and error handlers."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from consumer_fusion.operations import find_capabilities
from consumer_fusion.records.release import read_product_version
from consumer_fusion.surfaces.api import explanations, kinds, live, schemas, scores
from consumer_fusion.surfaces.api.operation_routes import build_operation_routes
from consumer_fusion.surfaces.api.request_context import RequestContext
from consumer_fusion.surfaces.api.responses import add_error_handlers

API_PATH = "/api/v1"
_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": schemas.Error, "description": "A parameter is not valid."},
    401: {"model": schemas.Error, "description": "No valid token or session."},
    403: {"model": schemas.Error, "description": "The caller may not see it."},
    404: {"model": schemas.Error, "description": "Not found."},
    422: {"model": schemas.Error, "description": "A parameter is missing or not of the declared type."},
    503: {"model": schemas.Error, "description": "The store cannot be read at the moment."},
}
_NOT_CHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "Not modified since the version in `If-None-Match`."}
}


def build_api(request_context: RequestContext) -> FastAPI:
    """The application to mount at `API_PATH`; the caller closes the request context."""
    app = FastAPI(
        title="Consumer Fusion",
        version=read_product_version(),
        summary="Fusion Scores, their explanations, and the data behind them.",
        servers=[{"url": API_PATH}],
        # FastAPI's documentation pages load scripts from other hosts.
        docs_url=None,
        redoc_url=None,
        responses={**_ERRORS, **_NOT_CHANGED},
    )
    add_error_handlers(app)
    for module in (scores, explanations, kinds):
        app.include_router(module.build_routes(request_context))
    app.include_router(build_operation_routes(request_context, find_capabilities().values()))
    app.include_router(live.build_live_routes(request_context, live.Feed(request_context.workspace)))
    app.router.redirect_slashes = False
    _describe_admission(app)
    return app


def _describe_admission(app: FastAPI) -> None:
    """Describe the authentication schemes in the OpenAPI schema."""
    make = app.openapi

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = make()
            schemes = schema.setdefault("components", {}).setdefault("securitySchemes", {})
            schemes["token"] = {"type": "http", "scheme": "bearer"}
            schemes["session"] = {"type": "apiKey", "in": "cookie", "name": "fusion_session"}
            schema["security"] = [{"token": []}, {"session": []}]
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]
