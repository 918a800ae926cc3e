"""What endpoints ask about the one who sends a request: who it is, whether they may, signing in and out.

The request came through `SessionMiddleware`, which writes the cookies of the answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from consumer_fusion.access import signing_in
from consumer_fusion.access.form_tokens import make_form_token
from consumer_fusion.access.sessions import NewSession, close_session, close_sessions
from consumer_fusion.access.signing_in import SignedIn, call_with_token, find_signed_in, sign_in_on_localhost
from consumer_fusion.access.tokens import verify_token
from consumer_fusion.errors import AuthenticationError, FusionError, RefusedError
from consumer_fusion.records.access import Caller
from consumer_fusion.records.audit import Actor, AuditEntry
from consumer_fusion.server.http_errors import find_status
from consumer_fusion.server.session_middleware import Gate, Visit, find_visit, is_bearer

_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_FORWARDED = ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "forwarded", "via")


def read_form_token(request: HTTPConnection) -> str:
    """The form token for a page; it goes into the field `form_token`, or into the header `X-Form-Token`."""
    visit = find_visit(request)
    visit.has_form = True
    return make_form_token(visit.gate.signing_key, visit.held)


def find_staff(request: HTTPConnection) -> SignedIn | None:
    """Who is signed in, if anybody is."""
    return find_visit(request).signed_in


def require_staff(request: HTTPConnection) -> SignedIn:
    """Who is signed in.

    Raises:
        AuthenticationError: Nobody is.
    """
    signed_in = find_staff(request)
    if signed_in is None:
        raise AuthenticationError("Nobody is signed in.", hint="Sign in and ask again.")
    return signed_in


def admit_caller(_workspace: object, request: HTTPConnection) -> Caller:
    """Who asks, by a token or signed in, for endpoints that run in a thread and check permissions themselves.

    Raises:
        AuthenticationError: It is nobody, or their token does not count.
    """
    if is_bearer(request.headers):
        secret = request.headers["authorization"].partition(" ")[2].strip()
        return _verify_token(find_visit(request).gate, secret)
    return require_staff(request).caller


def renew_visit(request: HTTPConnection) -> None:
    """Find out anew who is signed in, for an answer that goes on for long: nobody may be by now.

    Tokens are looked at anew each time they are asked for, so that there is nothing to do for them.
    """
    visit = request.scope.get("state", {}).get("visit")
    if isinstance(visit, Visit) and visit.token is not None:
        gate = visit.gate
        visit.signed_in = find_signed_in(gate.store, gate.visits, visit.token, gate.now_us(), gate.limits)


def note_looks(request: HTTPConnection, entries: Iterable[AuditEntry]) -> None:
    """Put many looks on record, such as of the pairs of a list."""
    find_visit(request).gate.trail.note_looks(entries)


def note_refusal(request: HTTPConnection, caller: Caller, error: FusionError, route: str) -> None:
    """Put on record that somebody was refused something, if that is what the error says.

    To who may not see all brands, what is not known here may be of a brand that they may not see.
    """
    status = find_status(error)
    if status == 403 or (status == 404 and caller.brands is not None):
        visit = find_visit(request)
        visit.gate.trail.note_refusal(caller.actor, route, visit.gate.now_us())


async def sign_in(request: HTTPConnection, email: str, password: str) -> NewSession:
    """Sign in with a password; the answer carries the cookie.

    Raises:
        AuthenticationError: The address or the password is not right.
        ThrottledError: They have to wait.
        RefusedError: They did not come by HTTPS.
    """
    visit = find_visit(request)
    _require_private_line(request, visit)
    gate = visit.gate
    async with gate.hashing:
        visit.opened = await run_in_threadpool(
            signing_in.sign_in, gate.store, gate.visits, gate.trail.note_looks, email, password,
            _read_address(request), gate.now_us(), cost=gate.cost, limits=gate.limits, previous_token=visit.token,
        )  # fmt: skip
    return visit.opened


async def take_up_link(
    request: HTTPConnection, secret: str, password: str, *, email: str = "", name: str = ""
) -> NewSession:
    """Choose a password by a one-time link and be signed in; the answer carries the cookie.

    Raises:
        AuthenticationError: The link does not count.
        InputError: The password or the address cannot be.
        ConflictError: There is an owner by now.
        RefusedError: They did not come by HTTPS.
    """
    visit = find_visit(request)
    _require_private_line(request, visit)
    gate = visit.gate
    async with gate.hashing:
        visit.opened = await run_in_threadpool(
            signing_in.take_up_link, gate.store, gate.visits, secret, password, gate.now_us(), email=email,
            name=name, cost=gate.cost, limits=gate.limits, previous_token=visit.token,
        )  # fmt: skip
    return visit.opened


async def sign_in_visitor(request: HTTPConnection) -> NewSession:
    """Sign the visitor of a demo in, on the same machine only; the answer carries the cookie.

    Raises:
        RefusedError: It is no demo, or not the same machine.
    """
    visit = find_visit(request)
    visit.opened = await run_in_threadpool(_open_demo, visit.gate, request)
    return visit.opened


async def sign_out(request: HTTPConnection, *, everywhere: bool = False) -> None:
    """Sign out of this browser, or of all; the answer takes the cookie back."""
    visit = find_visit(request)
    visit.is_closing = visit.signed_in is not None
    await run_in_threadpool(_close, visit, everywhere)


def _verify_token(gate: Gate, secret: str) -> Caller:
    with gate.store.reading() as session:
        token = verify_token(session, secret, gate.now_us())
        caller = call_with_token(session, token)
    gate.trail.note_token(token.token_id, gate.now_us())
    return caller


def _open_demo(gate: Gate, request: HTTPConnection) -> NewSession:
    return sign_in_on_localhost(
        gate.store, gate.visits, gate.trail.note_looks, from_address=_read_address(request),
        bound_address=gate.bound_address, host=_read_host(request), is_forwarded=_is_forwarded(request),
        is_demo=gate.is_demo, now_us=gate.now_us(), limits=gate.limits,
    )  # fmt: skip


def _close(visit: Visit, everywhere: bool) -> None:
    if visit.signed_in is None or visit.token is None:
        return
    account_id, gate = visit.signed_in.account.account_id, visit.gate
    with gate.visits.writing() as session:
        if everywhere:
            close_sessions(session, account_id)
        else:
            close_session(session, visit.token)
    action = "sign out everywhere" if everywhere else "sign out"
    gate.trail.note_looks([AuditEntry(Actor("staff", account_id), action, gate.now_us(), account_id)])


def _require_private_line(request: HTTPConnection, visit: Visit) -> None:
    is_local = _read_host(request) in _LOCAL_NAMES and not _is_forwarded(request)
    if not (visit.is_secure or is_local or visit.gate.is_plain_http_allowed):
        raise RefusedError(
            "A password would travel in the open: the page was opened without HTTPS.",
            hint="Put a server that speaks HTTPS in front (see docs/how-to/access.md), or open it as localhost.",
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
