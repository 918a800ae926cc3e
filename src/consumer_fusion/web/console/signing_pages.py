"""Signing in and out, taking up a one-time link, and the visitor of a demo: the pages before all others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from consumer_fusion import access
from consumer_fusion.errors import AuthenticationError, FusionError
from consumer_fusion.kit.language import say
from consumer_fusion.web import session
from consumer_fusion.web.console.addresses import is_own_path
from consumer_fusion.web.errors import find_status, write_headers
from consumer_fusion.workspace import Workspace

Show = Callable[[Request, str, str, object, int], Response]
"""Shows a page to somebody who is not signed in: request, template, title, content, status."""
ReadForm = Callable[[Request], Awaitable[Mapping[str, Sequence[str]] | None]]


@dataclass(frozen=True, slots=True)
class SignInPage:
    """Signing in.

    Attributes:
        email: What was given before.
        onward: The page that they wanted.
        message: Why it did not work.
        hint: What to do about it.
    """

    email: str = ""
    onward: str = "/"
    message: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class WelcomePage:
    """Choosing a password by a one-time link.

    Attributes:
        purpose: owner, invitation or password; empty when the link does not count.
        path: Where the form goes.
        email: What was given before; asked of the first owner only.
        name: What was given before.
        message: Why it did not work.
        hint: What to do about it.
    """

    purpose: str
    path: str
    email: str = ""
    name: str = ""
    message: str = ""
    hint: str = ""


class SigningPages:
    """Answers those who are not signed in yet.

    Args:
        workspace: The workspace.
        show: Shows a page to them.
        read_form: Reads what was filled in.
    """

    def __init__(self, workspace: Workspace, show: Show, read_form: ReadForm) -> None:
        self.workspace = workspace
        self.show = show
        self.read_form = read_form

    async def show_sign_in(self, request: Request) -> Response:
        """The form to sign in."""
        onward = request.query_params.get("next", "/")
        if session.find_staff(request) is not None:
            return _go(onward)
        return self.show(request, "sign_in.html", say("Sign in"), SignInPage(onward=onward), 200)

    async def sign_in(self, request: Request) -> Response:
        """Sign in with address and password."""
        form = await self.read_form(request) or {}
        email, onward = _read(form, "email"), _read(form, "next") or "/"
        try:
            await session.sign_in(request, email, _read(form, "password"))
        except FusionError as error:
            content = SignInPage(email, onward, say(error.message), error.hint)
            response = self.show(request, "sign_in.html", say("Sign in"), content, find_status(error))
            response.headers.update(write_headers(error))
            return response
        return _go(onward)

    async def sign_out(self, request: Request) -> Response:
        """Sign out of this browser."""
        await session.sign_out(request)
        return _go("/sign-in")

    async def show_welcome(self, request: Request) -> Response:
        """The form of a one-time link; looking at it does not use it up."""
        secret = request.path_params["secret"]
        try:
            link = await run_in_threadpool(self._find_link, secret)
        except FusionError as error:
            content = WelcomePage("", request.url.path, message=error.message, hint=error.hint)
            return self.show(request, "welcome.html", say("Welcome"), content, find_status(error))
        return self.show(request, "welcome.html", say("Welcome"), WelcomePage(link.purpose, request.url.path), 200)

    async def take_up(self, request: Request) -> Response:
        """Choose a password by a one-time link, and be signed in."""
        secret = request.path_params["secret"]
        form = await self.read_form(request) or {}
        email, name = _read(form, "email"), _read(form, "name")
        try:
            link = await run_in_threadpool(self._find_link, secret)
            await session.take_up_link(request, secret, _read(form, "password"), email=email, name=name)
        except FusionError as error:
            purpose = "" if isinstance(error, AuthenticationError) else link.purpose
            content = WelcomePage(purpose, request.url.path, email, name, error.message, error.hint)
            return self.show(request, "welcome.html", say("Welcome"), content, find_status(error))
        return _go("/")

    async def sign_in_visitor(self, request: Request) -> Response:
        """Let the visitor of a demo in, on the same machine."""
        if session.find_staff(request) is None:
            try:
                await session.sign_in_visitor(request)
            except FusionError as error:
                content = SignInPage(message=error.message, hint=error.hint)
                return self.show(request, "sign_in.html", say("Sign in"), content, find_status(error))
        return _go("/")

    def _find_link(self, secret: str) -> access.OneTimeLink:
        with self.workspace.store.reading() as reading:
            return access.find_link(reading, secret, self.workspace.now_us)


def _read(form: Mapping[str, Sequence[str]], name: str) -> str:
    return (form.get(name) or [""])[0]


def _go(path: str) -> RedirectResponse:
    return RedirectResponse(path if is_own_path(path) else "/", status_code=303, headers={"Cache-Control": "no-store"})
