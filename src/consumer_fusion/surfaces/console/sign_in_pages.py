"""Sign-in, sign-out and one-time link pages; in demo mode visitors are signed in without a password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from consumer_fusion.access import form_tokens
from consumer_fusion.access.one_time_links import LINK_PATH, find_link
from consumer_fusion.access.passwords import MIN_CHARACTERS
from consumer_fusion.errors import FusionError, RefusedError
from consumer_fusion.i18n.locales import LANGUAGE_COOKIE, choose_language
from consumer_fusion.i18n.translation import N_, _, use_language
from consumer_fusion.server import authentication
from consumer_fusion.server.http_errors import find_status, write_headers
from consumer_fusion.server.session_middleware import find_request_session
from consumer_fusion.surfaces.console.console_application import read_theme
from consumer_fusion.surfaces.console.current_staff import CurrentStaff
from consumer_fusion.surfaces.console.templating import PageFrame, render_page
from consumer_fusion.surfaces.console.urls import is_own_path, make_path

SIGN_IN_PATH = "/sign-in"
SIGN_OUT_PATH = "/sign-out"
_TOLD = {
    "out": N_("You are signed out."),
    "lost": N_("You were signed out, so nothing was changed. Sign in and do it again."),
}
"""Message of the sign-in page, by the query parameter of the redirect."""


@dataclass(frozen=True, slots=True)
class SignInPage:
    """Content of the sign-in page.

    Attributes:
        action: Path that the form is submitted to.
        email: E-mail address entered before.
        message: Error message.
        hint: Hint for fixing the error.
        is_owner_link: Whether the link creates the first owner, who enters their e-mail address.
        min_characters: Minimum length of a password.
        staff_name: Name of the user already signed in; empty for none.
        is_demo: Whether demo mode allows entry without a password.
    """

    action: str
    email: str = field(default="", repr=False)
    message: str = ""
    hint: str = ""
    is_owner_link: bool = False
    min_characters: int = MIN_CHARACTERS
    staff_name: str = ""
    is_demo: bool = False


class StaffSessions:
    """Sessions as the console sees them; requests have passed through `SessionMiddleware`."""

    sign_in_path = SIGN_IN_PATH
    sign_out_path = SIGN_OUT_PATH

    def find_signed_in_staff(self, request: Request) -> CurrentStaff | None:
        """The signed-in user, or None."""
        found = authentication.find_staff(request)
        if found is None:
            return None
        return CurrentStaff(found.account.name, found.caller, is_demo=found.session.origin == "demo")

    def make_form_token(self, request: Request) -> str:
        """CSRF token for every form of a page."""
        return authentication.read_form_token(request)

    def check_form(self, request: Request, given: str) -> None:
        """Reject a form without a valid token; one with the token in a header was checked by the middleware.

        Raises:
            PermissionDeniedError: The token is invalid.
        """
        if "x-form-token" not in request.headers:
            session = find_request_session(request)
            form_tokens.check_form(session.guard.signing_key, session.held, given)


def sign_in_routes() -> list[Route]:
    """The routes of these pages, to be added to those of the console inside `SessionMiddleware`."""
    return [
        Route(SIGN_IN_PATH, _show_sign_in, methods=["GET"]),
        Route(SIGN_IN_PATH, _sign_in, methods=["POST"]),
        Route(SIGN_OUT_PATH, _sign_out, methods=["POST"]),
        Route(f"{LINK_PATH}{{secret}}", _show_link, methods=["GET"]),
        Route(f"{LINK_PATH}{{secret}}", _take_up_link, methods=["POST"]),
    ]


async def _show_sign_in(request: Request) -> Response:
    if authentication.find_staff(request) is not None:
        return RedirectResponse(_read_next(request), status_code=303)
    is_demo = find_request_session(request).guard.is_demo
    # A user who has just signed out is not signed in again automatically.
    if is_demo and "out" not in request.query_params:
        try:
            await authentication.sign_in_visitor(request)
        except RefusedError as error:
            return _render(request, "sign_in.html", SignInPage(_sign_in_action(request), hint=error.message))
        return RedirectResponse(_read_next(request), status_code=303)
    told = next((words for name, words in _TOLD.items() if name in request.query_params), "")
    return _render(request, "sign_in.html", SignInPage(_sign_in_action(request), hint=told, is_demo=is_demo))


async def _sign_in(request: Request) -> Response:
    fields = await _read_fields(request)
    try:
        await authentication.sign_in(request, fields.get("email", ""), fields.get("password", ""))
    except FusionError as error:
        page = SignInPage(_sign_in_action(request), fields.get("email", ""), error.message, error.hint)
        return _render(request, "sign_in.html", page, error)
    return RedirectResponse(_read_next(request), status_code=303)


async def _sign_out(request: Request) -> Response:
    fields = await _read_fields(request)
    await authentication.sign_out(request, everywhere=fields.get("everywhere") == "yes")
    return RedirectResponse(make_path(SIGN_IN_PATH, out="yes"), status_code=303)


async def _show_link(request: Request) -> Response:
    return await run_in_threadpool(_answer_link, request, {}, None)


async def _take_up_link(request: Request) -> Response:
    fields = await _read_fields(request)
    try:
        await authentication.take_up_link(
            request, request.path_params["secret"], fields.get("password", ""),
            email=fields.get("email", ""), name=fields.get("name", ""),
        )  # fmt: skip
    except FusionError as error:
        return await run_in_threadpool(_answer_link, request, fields, error)
    return RedirectResponse("/", status_code=303)


def _answer_link(request: Request, fields: Mapping[str, str], error: FusionError | None) -> Response:
    sender, secret = find_request_session(request), request.path_params["secret"]
    guard, name = sender.guard, sender.signed_in.account.name if sender.signed_in else ""
    try:
        with guard.store.reading() as session:
            link = find_link(session, secret, guard.now_us())
    except FusionError as gone:
        page = SignInPage(SIGN_IN_PATH, message=gone.message, hint=gone.hint, staff_name=name)
        return _render(request, "sign_in.html", page, gone)
    page = SignInPage(
        f"{LINK_PATH}{secret}",
        fields.get("email", ""),
        message=error.message if error else "",
        hint=error.hint if error else "",
        is_owner_link=link.purpose == "owner",
        staff_name=name,
    )
    return _render(request, "welcome.html", page, error)


def _render(
    request: Request, template: str, page: SignInPage, error: FusionError | None = None
) -> HTMLResponse:
    with use_language(
        choose_language(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language"))
    ):
        title = _("Sign in") if template == "sign_in.html" else _("Welcome")
        # The URL of a link holds its secret, so it must not appear in any other form.
        here = SIGN_IN_PATH if template == "sign_in.html" else "/"
        frame = PageFrame(
            title=title,
            form_token=authentication.read_form_token(request),
            here=here,
            theme=read_theme(request),
        )
        headers = {"Cache-Control": "no-store", **(write_headers(error) if error else {})}
        status = find_status(error) if error else 200
        return HTMLResponse(render_page(template, frame, page), status, headers)


def _sign_in_action(request: Request) -> str:
    return make_path(SIGN_IN_PATH, next=_read_next(request))


def _read_next(request: Request) -> str:
    path = request.query_params.get("next", "/")
    # After signing in, do not return to the sign-in, sign-out or link pages.
    is_door = path.startswith((SIGN_IN_PATH, SIGN_OUT_PATH, LINK_PATH))
    return path if is_own_path(path) and not is_door else "/"


async def _read_fields(request: Request) -> dict[str, str]:
    async with request.form(max_files=0, max_fields=20) as form:
        return {name: value for name, value in form.items() if isinstance(value, str)}
