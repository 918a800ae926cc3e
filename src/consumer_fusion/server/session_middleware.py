"""Session middleware: identifies the user, checks that changes come from our own pages, and sets cookies and headers.

`SessionMiddleware` wraps the console and the read API, never the collect API (whose senders use write keys and no
cookies). Endpoints use the functions of `consumer_fusion.server.authentication`.
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
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as ASGIMessage

from consumer_fusion.access.form_tokens import check_form, check_origin
from consumer_fusion.access.password_sign_in import SignedInAccount, find_signed_in
from consumer_fusion.access.passwords import DEFAULT_COST, PasswordCost
from consumer_fusion.access.sessions import DEFAULT_LIMITS, NewSession, SessionLimits
from consumer_fusion.errors import FusionError, InputError, PermissionDeniedError
from consumer_fusion.i18n.messages import Message
from consumer_fusion.server.audit_buffer import AuditBuffer
from consumer_fusion.server.http_errors import ErrorResponse, find_status, write_error, write_headers
from consumer_fusion.storage.store import Store

FORM_FIELD = "form_token"
FORM_HEADER = "x-form-token"
MAX_FORM_BYTES = 1_048_576
"""A larger form must send its token in the header, as uploads do."""
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
    """Configuration and stores of the middleware.

    Attributes:
        store: Store.
        session_store: Session store.
        audit_buffer: Buffer of the audit log.
        signing_key: Signing key of the installation, from `access.read_signing_key`.
        now_us: Clock, in microseconds since the epoch.
        is_demo: Whether the workspace is a demo.
        bound_address: Address that the server listens on.
        limits: Lifetimes of sessions.
        cost: Cost parameters of password hashing.
        is_plain_http_allowed: Whether users may sign in without HTTPS from other machines; only for networks that
        are encrypted in another way.
        hashing: Limits the number of concurrent password checks; each takes 64 MiB.
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
    """Session state of a request, and its effect on the cookies of the response.

    Attributes:
        guard: Session guard.
        is_secure: Whether the connection is HTTPS.
        signed_in: Signed-in user, if any.
        token: Valid session token of the browser, if any.
        held: Value that form tokens derive from: the session token, or a random text before signing in.
        has_new_held: Whether the browser does not have that value yet.
        has_form: Whether the response contains a form token, so that the browser needs that value.
        opened: Session that begins with the response.
        is_closing: Whether the session ends with the response.
        is_own_page: Whether a change was requested by one of our own pages.
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
    """Identifies the signed-in user, and rejects changes requested by pages of other sites.

    Args:
        app: Console and read API.
        guard: Session guard.
        write_refusal: Function that renders the response to a rejected change; JSON by default.
        paths_without_form: Paths of changes that need no form token, because they only change cookies of the browser;
        they too must come from our own pages.
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

        async def send_with_cookies(message: ASGIMessage) -> None:
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
    """Session state of a request.

    Raises:
        PermissionDeniedError: The request did not pass through the middleware, so access is denied.
    """
    request_session = request.scope.get("state", {}).get("request_session")
    if not isinstance(request_session, RequestSession):
        raise PermissionDeniedError(
            "This part of the server has no session handling.", hint="Please report this bug."
        )
    return request_session


def is_bearer(headers: Headers) -> bool:
    """Whether a request carries a token instead of a cookie."""
    # Browsers never add such a header by themselves, so pages of other sites cannot cause it to be sent.
    return headers.get("authorization", "").lower().startswith("bearer ")


async def _write_json_refusal(_request: Request, error: FusionError) -> Response:
    return ErrorResponse(write_error(error), find_status(error), dict(write_headers(error)))


async def _read_request_session(guard: SessionGuard, scope: Scope) -> RequestSession:
    connection = HTTPConnection(scope)
    cookies = connection.cookies
    request_session = RequestSession(
        guard, is_secure=scope.get("scheme") == "https", held=secrets.token_urlsafe(32)
    )
    if is_bearer(connection.headers):
        # Changes with a token skip the origin check, so a cookie sent with it must be ignored.
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
    """Check the form token of a change, and return a `receive` that replays the body."""
    headers = Headers(scope=scope)
    given = headers.get(FORM_HEADER)
    if given is None:
        body = await _read_body(receive)
        try:
            async with Request(dict(scope), _replay(body, receive)).form() as form:
                field_value = form.get(FORM_FIELD)
        except (HTTPException, MultiPartException) as error:
            raise InputError(
                "The form cannot be read.", hint="Send it in the encoding that browsers use."
            ) from error
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
                Message(
                    "The form is larger than {MAX_FORM_BYTES} bytes.", MAX_FORM_BYTES=f"{MAX_FORM_BYTES:,}"
                ),
                hint=Message("Send its token as {FORM_HEADER}.", FORM_HEADER=FORM_HEADER),
            )
        if not message.get("more_body", False):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    messages: list[ASGIMessage] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> ASGIMessage:
        return messages.pop() if messages else await receive()

    return receive_again


def _write_answer_headers(headers: MutableHeaders, request_session: RequestSession) -> None:
    for name, value in _DEFAULT_HEADERS.items():
        headers.setdefault(name, value)
    if request_session.signed_in is not None or request_session.opened is not None:
        # Pages of a signed-in user must not be readable by the next one through the cache or the Back button.
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
        # Lax, so that a link in a message opens the page and not the sign-in; changes need a form token anyway.
        "SameSite=Lax",
    ]  # fmt: skip
    if request_session.is_secure:
        parts.append("Secure")
    if age_s is not None:
        parts.append(f"Max-Age={age_s}")
    headers.append("Set-Cookie", "; ".join(parts))


def _name_cookie(name: str, is_secure: bool) -> str:
    # Browsers accept a __Host- cookie only over HTTPS from the host itself, so no other subdomain can set one.
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
