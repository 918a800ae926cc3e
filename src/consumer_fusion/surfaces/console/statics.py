"""Static files of the pages: style, script, icon, and the style sheet of all views."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from consumer_fusion.surfaces.console.urls import STATIC_PATH
from consumer_fusion.views.page_templates import write_style

_KEPT = "public, max-age=31536000, immutable"
"""Browsers may cache them forever: their URLs change with their content."""


def static_routes() -> list[BaseRoute]:
    """The routes of static files."""
    return [
        Route(f"{STATIC_PATH}/views.css", _send_style),
        Mount(STATIC_PATH, app=_CachedStatics(packages=[("consumer_fusion.surfaces.console", "static")])),
    ]


async def _send_style(_: Request) -> Response:
    return PlainTextResponse(write_style(), media_type="text/css", headers={"Cache-Control": _KEPT})


class _CachedStatics(StaticFiles):
    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = _KEPT
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
