"""Authentication of requests, for endpoints: identity, permissions, signing in and out.

The request has passed through `SessionMiddleware`, which writes the cookies of the response.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from consumer_fusion.access import password_sign_in
from consumer_fusion.access.form_tokens import make_form_token
from consumer_fusion.access.password_sign_in import (
    SignedInAccount,
    call_with_token,
    find_signed_in,
    sign_in_on_localhost,
)
from consumer_fusion.access.sessions import NewSession, close_session, close_sessions
from consumer_fusion.access.tokens import verify_token
from consumer_fusion.errors import AuthenticationError, FusionError, RefusedError
from consumer_fusion.records.access import Caller
from consumer_fusion.records.audit import Actor, AuditEntry
from consumer_fusion.server.http_errors import find_status
from consumer_fusion.server.session_middleware import (
    RequestSession,
    SessionGuard,
    find_request_session,
    is_bearer,
)

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_FORWARDED = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via")


def read_form_token(request: HTTPConnection) -> str:
    """The form token for a page; it is sent in the field `form_token` or in the header `X-Form-Token`."""
    request_session = find_request_session(request)
    request_session.has_form = True
    return make_form_token(request_session.guard.signing_key, request_session.held)


def find_staff(request: HTTPConnection) -> SignedInAccount | None:
    """The signed-in user, or None."""
    return find_request_session(request).signed_in


def require_staff(request: HTTPConnection) -> SignedInAccount:
    """The signed-in user.

    Raises:
        AuthenticationError: Nobody is signed in.
    """
    signed_in = find_staff(request)
    if signed_in is None:
        raise AuthenticationError("Nobody is signed in.", hint="Sign in and try again.")
    return signed_in


def admit_caller(_workspace: object, request: HTTPConnection) -> Caller:
    """The caller, by token or session, for endpoints that run in a thread and check permissions themselves.

    Raises:
        AuthenticationError: The request is unauthenticated, or its token is invalid.
    """
    if is_bearer(request.headers):
        secret = request.headers["authorization"].partition(" ")[2].strip()
        return _verify_token(find_request_session(request).guard, secret)
    return require_staff(request).caller


def renew_session(request: HTTPConnection) -> None:
    """Check again who is signed in, for a long response during which the session may end.

    Tokens are verified at every call of `admit_caller`, so nothing is to be done for them.
    """
    request_session = request.scope.get("state", {}).get("request_session")
    if isinstance(request_session, RequestSession) and request_session.token is not None:
        guard = request_session.guard
        request_session.signed_in = find_signed_in(
            guard.store, guard.session_store, request_session.token, guard.now_us(), guard.limits
        )


def note_looks(request: HTTPConnection, entries: Iterable[AuditEntry]) -> None:
    """Buffer many audit entries of views, such as of the pairs of a list."""
    find_request_session(request).guard.audit_buffer.note_looks(entries)


def note_refusal(request: HTTPConnection, caller: Caller, error: FusionError, route: str) -> None:
    """Audit a refusal, if that is what the error means.

    For callers who may not see all brands, a 404 may hide a brand that they may not see.
    """
    status = find_status(error)
    if status == 403 or (status == 404 and caller.brands is not None):
        request_session = find_request_session(request)
        request_session.guard.audit_buffer.note_refusal(caller.actor, route, request_session.guard.now_us())


async def sign_in(request: HTTPConnection, email: str, password: str) -> NewSession:
    """Sign in with a password; the response carries the cookie.

    Raises:
        AuthenticationError: The e-mail address or the password is wrong.
        ThrottledError: Too many attempts; the caller has to wait.
        RefusedError: The connection is not HTTPS.
    """
    request_session = find_request_session(request)
    _require_private_line(request, request_session)
    guard = request_session.guard
    async with guard.hashing:
        request_session.opened = await run_in_threadpool(
            password_sign_in.sign_in, guard.store, guard.session_store, guard.audit_buffer.note_looks, email, password,
            _read_address(request), guard.now_us(), cost=guard.cost, limits=guard.limits,
            previous_token=request_session.token,
        )  # fmt: skip
    return request_session.opened


async def take_up_link(
    request: HTTPConnection, secret: str, password: str, *, email: str = "", name: str = ""
) -> NewSession:
    """Set a password with a one-time link and sign in; the response carries the cookie.

    Raises:
        AuthenticationError: The link is not valid.
        InputError: The password or the e-mail address is not acceptable.
        ConflictError: There is an owner already.
        RefusedError: The connection is not HTTPS.
    """
    request_session = find_request_session(request)
    _require_private_line(request, request_session)
    guard = request_session.guard
    async with guard.hashing:
        request_session.opened = await run_in_threadpool(
            password_sign_in.take_up_link, guard.store, guard.session_store, secret, password, guard.now_us(),
            email=email, name=name, cost=guard.cost, limits=guard.limits,
            previous_token=request_session.token,
        )  # fmt: skip
    return request_session.opened


async def sign_in_visitor(request: HTTPConnection) -> NewSession:
    """Sign in the visitor of a demo, on the same machine only; the response carries the cookie.

    Raises:
        RefusedError: The workspace is not a demo, or the visitor is on another machine.
    """
    request_session = find_request_session(request)
    request_session.opened = await run_in_threadpool(_open_demo, request_session.guard, request)
    return request_session.opened


async def sign_out(request: HTTPConnection, *, everywhere: bool = False) -> None:
    """Sign out of this browser, or of all; the response deletes the cookie."""
    request_session = find_request_session(request)
    request_session.is_closing = request_session.signed_in is not None
    await run_in_threadpool(_close, request_session, everywhere)


def _verify_token(guard: SessionGuard, secret: str) -> Caller:
    with guard.store.reading() as session:
        token = verify_token(session, secret, guard.now_us())
        caller = call_with_token(session, token)
    guard.audit_buffer.note_token(token.token_id, guard.now_us())
    return caller


def _open_demo(guard: SessionGuard, request: HTTPConnection) -> NewSession:
    return sign_in_on_localhost(
        guard.store, guard.session_store, guard.audit_buffer.note_looks, from_address=_read_address(request),
        bound_address=guard.bound_address, host=_read_host(request), is_forwarded=_is_forwarded(request),
        is_demo=guard.is_demo, now_us=guard.now_us(), limits=guard.limits,
    )  # fmt: skip


def _close(request_session: RequestSession, everywhere: bool) -> None:
    if request_session.signed_in is None or request_session.token is None:
        return
    account_id, guard = request_session.signed_in.account.account_id, request_session.guard
    with guard.session_store.writing() as session:
        if everywhere:
            close_sessions(session, account_id)
        else:
            close_session(session, request_session.token)
    action = "sign out everywhere" if everywhere else "sign out"
    guard.audit_buffer.note_looks(
        [AuditEntry(Actor("staff", account_id), action, guard.now_us(), account_id)]
    )


def _require_private_line(request: HTTPConnection, request_session: RequestSession) -> None:
    is_local = _read_host(request) in _LOCAL_NAMES and not _is_forwarded(request)
    if not (request_session.is_secure or is_local or request_session.guard.is_plain_http_allowed):
        raise RefusedError(
            "The password would be sent unencrypted: the page was opened without HTTPS.",
            hint="Put an HTTPS proxy in front (see docs/how-to/access.md), or open the page as localhost.",
        )


def _is_forwarded(request: HTTPConnection) -> bool:
    return any(name in request.headers for name in _FORWARDED)


def _read_address(request: HTTPConnection) -> str:
    peer = request.scope.get("client")
    return peer[0] if peer else "unknown"


def _read_host(request: HTTPConnection) -> str:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""
