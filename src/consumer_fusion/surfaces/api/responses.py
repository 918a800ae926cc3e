"""Answering: JSON with a validator (ETag), 304 where nothing changed, and every error in the one shape."""

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
from starlette.responses import JSONResponse, Response

from consumer_fusion.errors import FusionError
from consumer_fusion.server.authentication import note_refusal
from consumer_fusion.server.http_errors import find_status, write_error, write_headers, write_problem

_log = logging.getLogger("consumer_fusion.api")
_PRIVATE = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}
_CODES = {404: "not_found", 405: "method_not_allowed", 406: "not_acceptable", 413: "too_large"}
_TAG_DECIMALS = 3


def answer(request: Request, body: BaseModel) -> Response:
    """The answer, or 304 where the caller has it already.

    The validator is a weak one (RFC 9110, section 8.8.1): two answers with the same one mean the same, though
    scores fade in places that nobody looks at and `as_of` moves on.
    """
    tag = make_tag(body.model_dump(mode="json"))
    headers = {**_PRIVATE, "ETag": tag}
    if matches_tag(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return Response(body.model_dump_json(), media_type="application/json", headers=headers)


def make_tag(body: object) -> str:
    """A weak validator of what a body means."""
    text = json.dumps(_round(body), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def matches_tag(header: str | None, tag: str) -> bool:
    """Whether an If-None-Match header names the validator (weak comparison)."""
    if header is None:
        return False
    opaque = tag.removeprefix("W/")
    return any(each.strip() in ("*", opaque, tag) for each in header.split(","))


def add_error_handlers(app: FastAPI) -> None:
    """Let every error leave in the one shape, also those that no route is there for."""
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
        _log.error("the question could not be answered: %s", error.code)
        # A query's text is for whoever looks after the server, not for whoever asks.
        return _problem(status, error.code, "The question could not be answered. Try again later.", headers)
    return JSONResponse(write_error(error), status, headers)


def _answer_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, "http_error")
    return _problem(error.status_code, code, str(error.detail), error.headers or {})


def _answer_validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # What was sent is left out: it may be a consumer's key.
    found = [
        {"code": "invalid_input", "message": each["msg"], "hint": "See /api/v1/openapi.json.",
         "where": ".".join(str(part) for part in each["loc"])}
        for each in error.errors()
    ]  # fmt: skip
    body = write_problem(422, "invalid_input", str(found[0]["message"]) if found else "")
    return JSONResponse({**body, "errors": found}, 422, _PRIVATE)


def _answer_failure(_: Request, error: Exception) -> Response:
    _log.error("an unforeseen failure", exc_info=error)
    return _problem(500, "internal_error", "Something went wrong here; it is in the log.", _PRIVATE)


def _problem(status: int, code: str, message: str, headers: Mapping[str, str]) -> Response:
    return JSONResponse(write_problem(status, code, message), status, dict(headers))


def _round(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _TAG_DECIMALS)
    if isinstance(value, dict):
        # What faded did so until the moment asked about, which moves on by itself.
        moving = (
            "as_of",
            "percentile_as_of",
            "next_cursor",
            *(("at",) if value.get("event_id") == "fading" else ()),
        )
        return {name: _round(each) for name, each in value.items() if name not in moving}
    if isinstance(value, list):
        return [_round(each) for each in value]
    return value
