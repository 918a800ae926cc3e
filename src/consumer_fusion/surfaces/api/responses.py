"""Responses: JSON with a validator (ETag), 304 where nothing changed, and all errors in one shape."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from consumer_fusion.errors import FusionError
from consumer_fusion.score.model.changes import DECAY
from consumer_fusion.server.authentication import note_refusal
from consumer_fusion.server.http_errors import (
    ErrorResponse,
    find_status,
    write_error,
    write_headers,
    write_problem,
)

_log = logging.getLogger("consumer_fusion.api")
_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}
_CODES = {404: "not_found", 405: "method_not_allowed", 406: "not_acceptable", 413: "too_large"}
_TAG_DECIMALS = 3


def answer(request: Request, body: BaseModel) -> Response:
    """A JSON response, or 304 where the client already has it.

    The validator is weak (RFC 9110, section 8.8.1): responses with the same one are equivalent, although decimals
    that are not shown and `as_of` may differ.
    """
    tag = make_tag(body.model_dump(mode="json"))
    headers = {**_PRIVATE, "ETag": tag}
    if matches_tag(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(body.model_dump_json(), media_type="application/json", headers=headers)


def make_tag(body: object) -> str:
    """Weak validator of the content of a body."""
    text = json.dumps(_round(body), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def matches_tag(header: str | None, tag: str) -> bool:
    """Whether an If-None-Match header contains the validator (weak comparison)."""
    if header is None:
        return False
    opaque = tag.removeprefix("W/")
    return any(each.strip() in ("*", opaque, tag) for each in header.split(","))


def add_error_handlers(app: FastAPI) -> None:
    """Return every error in the one shape, including those raised outside of a route."""
    app.add_exception_handler(FusionError, _answer_fusion_error)
    app.add_exception_handler(HTTPException, _answer_http_error)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(Exception, _answer_failure)


def _answer_fusion_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, FusionError)
    caller = request.scope.get("state", {}).get("caller")
    if caller is not None and "request_session" in request.scope["state"]:
        note_refusal(request, caller, error, request.url.path)
    headers = {**_PRIVATE, **write_headers(error)}
    status = find_status(error)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status >= 500:
        _log.error("the request failed: %s", error.code)
        # Details of the query are for the server administrator, not for the caller.
        return _problem(status, error.code, "The request failed. Try again later.", headers)
    return ErrorResponse(write_error(error), status, headers)


def _answer_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, "http_error")
    return _problem(error.status_code, code, str(error.detail), error.headers or {})


def _answer_validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # The input is omitted: it may be a consumer's key.
    found = [
        {"code": "invalid_input", "message": each["msg"], "hint": "See /api/v1/openapi.json.",
         "where": ".".join(str(part) for part in each["loc"])}
        for each in error.errors()
    ]  # fmt: skip
    body = write_problem(422, "invalid_input", str(found[0]["message"]) if found else "")
    return ErrorResponse({**body, "errors": found}, 422, _PRIVATE)


def _answer_failure(_: Request, error: Exception) -> Response:
    _log.error("unexpected error", exc_info=error)
    return _problem(500, "internal_error", "Internal error; see the server log.", _PRIVATE)


def _problem(status: int, code: str, message: str, headers: Mapping[str, str]) -> Response:
    return ErrorResponse(write_problem(status, code, message), status, dict(headers))


def _round(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _TAG_DECIMALS)
    if isinstance(value, dict):
        # Decay is reported up to the as-of time, which moves with the clock.
        moving = (
            "as_of",
            "percentile_as_of",
            "next_cursor",
            *(("at",) if value.get("event_id") == DECAY else ()),
        )
        return {name: _round(each) for name, each in value.items() if name not in moving}
    if isinstance(value, list):
        return [_round(each) for each in value]
    return value
