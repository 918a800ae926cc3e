"""The gate of the console: who sends a request, whether a change came from a page of ours, cookies and headers.

`SessionMiddleware` goes around the console and the read API, never around the collect API (whose senders have write
keys and no cookies). Endpoints use the functions of `consumer_fusion.server.authentication`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio
from itsdangerous import BadSignature, Signer
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consumer_fusion.access.form_tokens import check_form, check_origin
from consumer_fusion.access.password_sign_in import SignedInAccount, find_signed_in
from consumer_fusion.access.passwords import DEFAULT_COST, PasswordCost
from consumer_fusion.access.sessions import DEFAULT_LIMITS, NewSession, SessionLimits
from consumer_fusion.errors import FusionError, InputError, PermissionDeniedError
from consumer_fusion.server.audit_buffer import AuditBuffer
from consumer_fusion.server.http_errors import find_status, write_error, write_headers
from consumer_fusion.storage.store import Store

FORM_FIELD = "form_token"
FORM_HEADER = "x-form-token"
MAX_FORM_BYTES = 1_048_576
"""A form larger than this sends its token in the header, such as an upload does."""
_SESSION_COOKIE = "fusion_session"
_FORM_COOKIE = "fusion_visit"
_TOUCH_US = 60_000_000
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_DEFAULT_HEADERS = {
    # Not no-referrer: browsers then send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
}


@dataclass(frozen=True, slots=True)
class SessionGuard:
    """What the middleware needs to know who may come in.

    Attributes:
        store: The store.
        session_store: The session store: who is signed in.
        audit_buffer: Where looks and uses go.
        signing_key: The installation's, from `access.read_signing_key`.
        now_us: Says what time it is.
        is_demo: Whether the workspace is a demo.
        bound_address: The address that the server listens on.
        limits: How long sessions last.
        cost: What a guess of a password costs.
        is_plain_http_allowed: Whether people may sign in without HTTPS from other machines; only for a network
            that is encrypted in another way.
        hashing: Lets so many passwords be checked at once; each takes 64 MiB.
    """

    store: Store
    session_store: Store
    audit_buffer: AuditBuffer
    signing_key: bytes = field(repr=False)
    now_us: Callable[[], int]
    is_demo: bool = False
    bound_address: str = ""
    limits: SessionLimits = DEFAULT_LIMITS
    cost: PasswordCost = DEFAULT_COST
    is_plain_http_allowed: bool = False
    hashing: anyio.Semaphore = field(default_factory=lambda: anyio.Semaphore(2))


@dataclass(slots=True)
class RequestSession:
    """What is known of the one who sends a request, and what the answer does to their cookies.

    Attributes:
        guard: The gate they came through.
        is_secure: Whether they came by HTTPS.
        signed_in: Who is signed in, if anybody is.
        token: The session token of the browser, if it counts.
        held: What form tokens are made from: the session token, or a random text before signing in.
        has_new_held: Whether the browser does not have that text yet.
        has_form: Whether the answer carries a form token, so that the browser needs what it is made from.
        opened: A session that begins with the answer.
        is_closing: Whether the session ends with the answer.
        is_own_page: Whether a change was asked for by a page of ours.
    """

    guard: SessionGuard
    is_secure: bool
    signed_in: SignedInAccount | None = None
    token: str | None = field(default=None, repr=False)
    held: str = field(default="", repr=False)
    has_new_held: bool = False
    has_form: bool = False
    opened: NewSession | None = None
    is_closing: bool = False
    is_own_page: bool = False


class SessionMiddleware:
    """Finds out who is signed in and refuses changes that pages of other sites ask for.

    Args:
        app: The console and the read API.
        guard: Who may come in.
        write_refusal: Makes the answer to a change that is refused, for a console that speaks in pages.
        paths_without_form: Changes that need no form token, because they change nothing but the browser's own
            cookies; they too must come from a page of ours.
    """

    def __init__(
        self,
        app: ASGIApp,
        guard: SessionGuard,
        write_refusal: Callable[[Request, FusionError], Awaitable[Response]] | None = None,
        paths_without_form: frozenset[str] = frozenset(),
    ) -> None:
        self.app = app
        self.guard = guard
        self.write_refusal = write_refusal or _write_json_refusal
        self.paths_without_form = paths_without_form

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_session = await _read_request_session(self.guard, scope)
        scope.setdefault("state", {})["request_session"] = request_session

        async def send_with_cookies(message: Message) -> None:
            if message["type"] == "http.response.start":
                _write_answer_headers(MutableHeaders(scope=message), request_session)
            await send(message)

        try:
            if scope["method"] not in _SAFE_METHODS and not is_bearer(Headers(scope=scope)):
                _check_origin(scope)
                request_session.is_own_page = True
                if scope["path"] not in self.paths_without_form:
                    receive = await _check_form(scope, receive, request_session)
        except FusionError as error:
            if request_session.signed_in is not None:
                self.guard.audit_buffer.note_refusal(
                    request_session.signed_in.caller.actor, "a form of another page", self.guard.now_us()
                )
            refusal = await self.write_refusal(Request(scope), error)
            await refusal(scope, receive, send_with_cookies)
            return
        await self.app(scope, receive, send_with_cookies)


def find_request_session(request: HTTPConnection) -> RequestSession:
    """What the middleware found out about a request.

    Raises:
        PermissionDeniedError: The request did not come through the middleware, so nobody is let in.
    """
    request_session = request.scope.get("state", {}).get("request_session")
    if not isinstance(request_session, RequestSession):
        raise PermissionDeniedError("This part of the server knows nobody.", hint="Report this as a fault.")
    return request_session


def is_bearer(headers: Headers) -> bool:
    """Whether a request carries a token instead of a cookie."""
    # A browser never adds such a header by itself, so no page of another site can make one be sent.
    return headers.get("authorization", "").lower().startswith("bearer ")


async def _write_json_refusal(_request: Request, error: FusionError) -> Response:
    return JSONResponse(write_error(error), find_status(error), dict(write_headers(error)))


async def _read_request_session(guard: SessionGuard, scope: Scope) -> RequestSession:
    connection = HTTPConnection(scope)
    cookies = connection.cookies
    request_session = RequestSession(
        guard, is_secure=scope.get("scheme") == "https", held=secrets.token_urlsafe(32)
    )
    if is_bearer(connection.headers):
        # Its changes are not checked for where they come from, so the cookie beside it must not count.
        return request_session
    token = _unsign(
        guard, _SESSION_COOKIE, cookies.get(_name_cookie(_SESSION_COOKIE, request_session.is_secure))
    )
    if token is not None:
        request_session.signed_in = await run_in_threadpool(_find_signed_in, guard, token)
        if request_session.signed_in is not None:
            request_session.token = request_session.held = token
            now_us = guard.now_us()
            if now_us - request_session.signed_in.session.seen_us > _TOUCH_US:
                guard.audit_buffer.note_session(request_session.signed_in.session.digest, now_us)
            return request_session
    held = _unsign(guard, _FORM_COOKIE, cookies.get(_name_cookie(_FORM_COOKIE, request_session.is_secure)))
    if held is None:
        request_session.has_new_held = True
    else:
        request_session.held = held
    return request_session


def _check_origin(scope: Scope) -> None:
    headers = Headers(scope=scope)
    own = f"{scope.get('scheme', 'http')}://{headers.get('host', '')}"
    check_origin(headers.get("origin"), headers.get("referer"), headers.get("sec-fetch-site"), own)


async def _check_form(scope: Scope, receive: Receive, request_session: RequestSession) -> Receive:
    """Check the form token of a change, and return a `receive` that gives the body once more."""
    headers = Headers(scope=scope)
    given = headers.get(FORM_HEADER)
    if given is None:
        body = await _read_body(receive)
        try:
            async with Request(dict(scope), _replay(body, receive)).form() as form:
                field_value = form.get(FORM_FIELD)
        except (HTTPException, MultiPartException) as error:
            raise InputError("The form cannot be read.", hint="Send it as a browser does.") from error
        receive = _replay(body, receive)
        given = field_value if isinstance(field_value, str) else ""
    check_form(request_session.guard.signing_key, request_session.held, given)
    return receive


async def _read_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_FORM_BYTES:
            raise InputError(
                f"The form is larger than {MAX_FORM_BYTES:,} bytes.", hint=f"Send its token as {FORM_HEADER}."
            )
        if not message.get("more_body", False):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return messages.pop() if messages else await receive()

    return receive_again


def _write_answer_headers(headers: MutableHeaders, request_session: RequestSession) -> None:
    for name, value in _DEFAULT_HEADERS.items():
        headers.setdefault(name, value)
    if request_session.signed_in is not None or request_session.opened is not None:
        # What somebody saw must not be read by the next one through the cache or the Back button.
        headers.setdefault("Cache-Control", "no-store")
        headers.add_vary_header("Cookie")
    if request_session.opened is not None:
        age_s = max(0, (request_session.opened.expires_us - request_session.guard.now_us()) // 1_000_000)
        _add_cookie(headers, request_session, _SESSION_COOKIE, request_session.opened.token, age_s)
        _add_cookie(headers, request_session, _FORM_COOKIE, "", 0)
    elif request_session.is_closing:
        _add_cookie(headers, request_session, _SESSION_COOKIE, "", 0)
    elif request_session.has_new_held and request_session.has_form:
        _add_cookie(headers, request_session, _FORM_COOKIE, request_session.held, None)


def _add_cookie(
    headers: MutableHeaders, request_session: RequestSession, name: str, value: str, age_s: int | None
) -> None:
    signed = _make_signer(request_session.guard, name).sign(value).decode() if value else ""
    parts = [
        f"{_name_cookie(name, request_session.is_secure)}={signed}", "Path=/", "HttpOnly",
        # Lax, so that a link in a message leads to the page and not to the sign-in; changes need more anyway.
        "SameSite=Lax",
    ]  # fmt: skip
    if request_session.is_secure:
        parts.append("Secure")
    if age_s is not None:
        parts.append(f"Max-Age={age_s}")
    headers.append("Set-Cookie", "; ".join(parts))


def _name_cookie(name: str, is_secure: bool) -> str:
    # Browsers take a __Host- cookie only by HTTPS from the host itself, so no neighbouring host can plant one.
    return f"__Host-{name}" if is_secure else name


def _make_signer(guard: SessionGuard, name: str) -> Signer:
    return Signer(guard.signing_key, salt=name, key_derivation="hmac", digest_method=hashlib.sha256)


def _unsign(guard: SessionGuard, name: str, signed: str | None) -> str | None:
    try:
        return None if signed is None else _make_signer(guard, name).unsign(signed).decode()
    except (BadSignature, UnicodeDecodeError):
        return None


def _find_signed_in(guard: SessionGuard, token: str) -> SignedInAccount | None:
    return find_signed_in(guard.store, guard.session_store, token, guard.now_us(), guard.limits)
