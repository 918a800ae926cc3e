"""The console's routes: authenticate, build the page in a thread in the user's language, render errors as pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import quote, unquote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from consumer_fusion.access.permissions import PERMISSIONS, may
from consumer_fusion.errors import FusionError, InputError, NotFoundError
from consumer_fusion.i18n.locales import LANGUAGE_COOKIE, LANGUAGES, CatalogueLanguage, choose_language
from consumer_fusion.i18n.translation import _, use_language
from consumer_fusion.records.audit import AuditNote
from consumer_fusion.server.authentication import note_looks, note_refusal
from consumer_fusion.server.http_errors import find_status, write_error, write_headers
from consumer_fusion.server.session_middleware import find_request_session
from consumer_fusion.surfaces.console.cache_control import without_cache
from consumer_fusion.surfaces.console.current_staff import ConsoleSessions, CurrentStaff
from consumer_fusion.surfaces.console.forms import SubmittedForm, read_form
from consumer_fusion.surfaces.console.navigation import list_groups
from consumer_fusion.surfaces.console.pages import Answer, Download, Page, PageRequest, Redirect
from consumer_fusion.surfaces.console.queries import ConsoleQueries
from consumer_fusion.surfaces.console.routes import GROUP_PAGES, PAGES, PageFunction
from consumer_fusion.surfaces.console.statics import static_routes
from consumer_fusion.surfaces.console.templating import PageFrame, render_page
from consumer_fusion.surfaces.console.urls import is_own_path, make_path
from consumer_fusion.workspace import Workspace

NOTICE_COOKIE, THEME_COOKIE = "fusion_notice", "fusion_theme"
NO_CACHE_HEADER = "x-no-cache"
"""Sent by a page that was notified of new events, so that it gets no stale result."""
THEMES = ("auto", "light", "dark")
PATIENCE_SECONDS = 20.0
"""Maximum time that a change waits for an import that is writing."""
_YEAR_SECONDS = 31_536_000
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""No foreign resources and no inline scripts; style attributes are allowed because charts use them."""
_HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Cookie, Accept-Language, HX-Request",
}


@dataclass(frozen=True, slots=True)
class ProblemPage:
    """An error page.

    Attributes:
        status: HTTP status.
        message: Description of the problem, and what was expected.
        hint: How to fix it.
        code: Stable error code.
    """

    status: int
    message: str
    hint: str
    code: str


def _choose(request: Request) -> CatalogueLanguage:
    return choose_language(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language"))


class Console:
    """Serves the pages; `SessionMiddleware` wraps its routes and rejects invalid changes with `refuse_change`.

    Args:
        workspace: Workspace; must stay open as long as the routes are used.
        visiting: Sessions, which identify the signed-in user.
        queries: Cached queries; created when not given.
    """

    def __init__(
        self, workspace: Workspace, visiting: ConsoleSessions, queries: ConsoleQueries | None = None
    ) -> None:
        # A user should learn soon that an import is writing rather than wait until it ends.
        self.workspace = replace(workspace, store=workspace.store.with_timeout(PATIENCE_SECONDS))
        self.visiting = visiting
        self.queries = queries or ConsoleQueries(workspace)

    def make_routes(self) -> list[BaseRoute]:
        """The routes of the pages, of the language and theme preferences, and of the static files."""
        routes: list[BaseRoute] = [
            Route(
                path, self._make_endpoint(maker), methods=["POST"] if maker.is_change else ["GET"], name=path
            )
            for path, maker in PAGES.items()
        ]
        routes.append(Route("/preferences", self._choose_preferences, methods=["POST"]))
        return [*routes, *static_routes()]

    async def refuse_change(self, request: Request, error: FusionError) -> Response:
        """Response to a change that did not come from our own page, or not in this session."""
        return await run_in_threadpool(self._refuse_change, request, error)

    async def show_missing(self, request: Request, _unused: Exception) -> Response:
        """Response to an unknown path: a page for browsers, JSON for programs."""
        with use_language(_choose(request)):
            hint = _("The URL may be mistyped or from an older release.")
            error = NotFoundError(_("There is no such page."), hint=hint)
        if "text/html" not in request.headers.get("accept", ""):
            return JSONResponse(write_error(error), 404, headers=_HEADERS)
        return await run_in_threadpool(self._tell_problem, request, error)

    def _refuse_change(self, request: Request, error: FusionError) -> Response:
        staff = self.visiting.find_signed_in_staff(request)
        if find_request_session(request).is_own_page:
            # The page was loaded before signing in or out in another window; its intent is known, so continue there.
            if staff is None and request.url.path in PAGES:
                return self._send_to_sign_in(request, is_lost=True)
            if staff is not None and request.url.path == self.visiting.sign_in_path:
                wanted = request.query_params.get("next", "/")
                return RedirectResponse(wanted if is_own_path(wanted) else "/", 303, headers=_HEADERS)
        return self._tell_problem(request, error)

    def _tell_problem(self, request: Request, error: FusionError) -> Response:
        with use_language(_choose(request)):
            staff = self.visiting.find_signed_in_staff(request)
            if staff is not None:
                return self._show_problem(request, staff, error)
            status = find_status(error)
            frame = PageFrame(
                _("This could not be done"), theme=read_theme(request), is_part=_is_part(request)
            )
            html = render_page(_choose_template(request), frame, _describe(error))
            return HTMLResponse(html, status, headers={**_HEADERS, **write_headers(error)})

    def _make_endpoint(self, maker: PageFunction) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            form = (
                await read_form(request, takes_file=maker.takes_file) if maker.is_change else SubmittedForm()
            )
            return await run_in_threadpool(self._answer, request, maker, form)

        return answer

    def _answer(self, request: Request, maker: PageFunction, form: SubmittedForm | None) -> Response:
        language = _choose(request)
        with use_language(language):
            staff = self.visiting.find_signed_in_staff(request)
            if staff is None:
                return self._send_to_sign_in(request)
            try:
                if form is None:
                    raise InputError(
                        _("The request is too large."),
                        hint=_("Send less data at a time."),
                    )
                page_request = self._make_page_request(request, staff, language, form)
                page_request.require(maker.needs)
                with without_cache() if NO_CACHE_HEADER in request.headers else nullcontext():
                    answered = maker.make(page_request, self.queries.cache)
                return self._respond(request, page_request, answered)
            except FusionError as error:
                note_refusal(request, staff.caller, error, request.url.path)
                return self._show_problem(request, staff, error)

    def _make_page_request(
        self,
        request: Request,
        staff: CurrentStaff,
        language: CatalogueLanguage,
        form: SubmittedForm,
    ) -> PageRequest:
        return PageRequest(
            self.workspace,
            self.queries,
            staff,
            language,
            dict(request.query_params),
            form,
            request.url.path,
            f"{request.url.scheme}://{request.url.netloc}",
            _is_part(request),
        )

    def _respond(self, request: Request, page_request: PageRequest, answered: Answer) -> Response:
        if isinstance(answered, Redirect):
            return _send_on(request, answered)
        look = answered.look or _tell_look(page_request, answered)
        if look is not None:
            # Before the page is shown: a view that cannot be audited is not shown.
            note_looks(request, [page_request.write_entry(look)])
        if isinstance(answered, Download):
            name = quote(answered.name)
            return Response(
                answered.text,
                media_type=f"{answered.media_type}; charset=utf-8",
                headers={**_HEADERS, "Content-Disposition": f"attachment; filename*=UTF-8''{name}"},
            )
        return self._show(request, page_request.staff, answered)

    def _show(self, request: Request, staff: CurrentStaff, page: Page) -> HTMLResponse:
        frame = self._make_frame(request, staff, page)
        response = HTMLResponse(
            render_page(page.template, frame, page.content), status_code=page.status, headers=_HEADERS
        )
        if frame.notice:
            response.delete_cookie(NOTICE_COOKIE)
        return response

    def _make_frame(self, request: Request, staff: CurrentStaff, page: Page) -> PageFrame:
        form_token = self.visiting.make_form_token(request)
        if _is_part(request):
            return PageFrame(page.title, form_token=form_token, here=_read_here(request), is_part=True)
        moment_us = self.queries.choose_moment()
        brands = self.queries.list_brand_names(moment_us)
        return PageFrame(
            title=page.title,
            section=page.section,
            groups=list_groups(
                {each for each in PERMISSIONS if may(staff.caller, each)}, page.brand, GROUP_PAGES
            ),
            brand=page.brand,
            brands=[brand for brand in brands if staff.caller.sees(brand)][:200],
            staff_name=staff.name,
            is_demo=staff.is_demo,
            form_token=form_token,
            sign_out_path=self.visiting.sign_out_path,
            here=_read_here(request),
            theme=read_theme(request),
            notice=unquote(request.cookies.get(NOTICE_COOKIE, ""))[:500],
        )

    def _show_problem(self, request: Request, staff: CurrentStaff, error: FusionError) -> Response:
        title = _("This could not be done")
        page = Page(_choose_template(request), title, _describe(error), find_status(error))
        response = self._show(request, staff, page)
        response.headers.update(write_headers(error))
        return response

    def _send_to_sign_in(self, request: Request, *, is_lost: bool = False) -> Response:
        """Redirect to the sign-in, which returns to the page open in the user's window.

        Args:
            request: The request.
            is_lost: Whether a submitted change was discarded.
        """
        path = make_path(
            self.visiting.sign_in_path, next=_read_window(request), lost="yes" if is_lost else None
        )
        if _is_part(request):
            return Response(status_code=200, headers={**_HEADERS, "HX-Redirect": path})
        return RedirectResponse(path, status_code=303, headers=_HEADERS)

    async def _choose_preferences(self, request: Request) -> Response:
        """Store language and theme in cookies; works without signing in, and changes nothing on the server."""
        form = (await read_form(request) or SubmittedForm()).fields
        back = (form.get("back") or ["/"])[0]
        response = RedirectResponse(back if is_own_path(back) else "/", status_code=303, headers=_HEADERS)
        keep = partial(
            response.set_cookie, max_age=_YEAR_SECONDS, httponly=True, samesite="lax",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        language, theme = (form.get("language") or [""])[0], (form.get("theme") or [""])[0]
        if language in LANGUAGES:
            keep(LANGUAGE_COOKIE, language)
        if theme in THEMES:
            keep(THEME_COOKIE, theme)
        return response


def _tell_look(page_request: PageRequest, answered: Page | Download) -> AuditNote | None:
    """Audit note of a download, or of a page about a brand, that does not provide its own."""
    asked = {name: page_request.asked.get(name) for name in ("brand", "consumer")}
    if isinstance(answered, Download):
        rows = max(0, answered.text.count("\n") - 1)
        return AuditNote("download", page_request.path, asked["consumer"], asked["brand"], {"rows": rows})
    return AuditNote("view page", page_request.path, brand=answered.brand) if answered.brand else None


def read_theme(request: Request) -> str:
    """Theme chosen by the user: light, dark, or auto."""
    theme = request.cookies.get(THEME_COOKIE, "auto")
    return theme if theme in THEMES else "auto"


def _is_part(request: Request) -> bool:
    return request.headers.get("hx-request") == "true" and request.headers.get("hx-boosted") != "true"


def _read_here(request: Request) -> str:
    if request.method != "GET":
        return "/"
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _read_window(request: Request) -> str:
    """Path of the page open in the user's window, also for requests of a part or a form."""
    if request.method == "GET" and not _is_part(request):
        return _read_here(request)
    address = urlsplit(request.headers.get("hx-current-url") or request.headers.get("referer") or "/")
    path = address.path + (f"?{address.query}" if address.query else "")
    return path if is_own_path(path) else "/"


def _choose_template(request: Request) -> str:
    return "problem_part.html" if _is_part(request) else "problem.html"


def _describe(error: FusionError) -> ProblemPage:
    return ProblemPage(find_status(error), error.message, error.hint, error.code)


def _send_on(request: Request, answered: Redirect) -> Response:
    if _is_part(request):
        response = Response(status_code=200, headers={**_HEADERS, "HX-Redirect": answered.path})
    else:
        response = RedirectResponse(answered.path, status_code=303, headers=_HEADERS)
    if answered.notice:
        response.set_cookie(
            NOTICE_COOKIE, quote(answered.notice), max_age=60, httponly=True, samesite="lax",
            secure=request.url.scheme == "https",
        )  # fmt: skip
    return response
