"""Static files of the pages: style, script, icon, and the palettes that are written from the charts' colours."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from consumer_fusion.surfaces.console.templating import write_palettes
from consumer_fusion.surfaces.console.urls import STATIC_PATH

_KEPT = "public, max-age=31536000, immutable"
"""Browsers may keep them for good: their addresses change with their content."""


def static_routes() -> list[BaseRoute]:
    """The routes of static files."""
    return [
        Route(f"{STATIC_PATH}/palettes.css", _send_palettes),
        Mount(STATIC_PATH, app=_KeptStatics(packages=[("consumer_fusion.surfaces.console", "static")])),
    ]


async def _send_palettes(_: Request) -> Response:
    return PlainTextResponse(write_palettes(), media_type="text/css", headers={"Cache-Control": _KEPT})


class _KeptStatics(StaticFiles):
    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = _KEPT
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
