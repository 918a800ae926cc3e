"""Admission: who asks, told by a token in a header or by the session of a browser that is signed in."""

from __future__ import annotations

from typing import Protocol

from starlette.requests import Request

from consumer_fusion import access
from consumer_fusion.access import Caller
from consumer_fusion.errors import AuthenticationError
from consumer_fusion.workspace import Workspace

SESSION_COOKIES = ("__Host-fusion_session", "fusion_session")
_BEARER = "bearer "


class Admission(Protocol):
    """Tells who asks."""

    def __call__(self, workspace: Workspace, request: Request) -> Caller:
        """The one who asks.

        Raises:
            AuthenticationError: Nobody who is known here.
        """
        ...


def admit_caller(workspace: Workspace, request: Request) -> Caller:
    """Admit whoever shows a token (`Authorization: Bearer cft_...`) or the cookie of a session.

    A cookie opens nothing here but reading, so that a page elsewhere which makes a browser send it gains nothing.

    Raises:
        AuthenticationError: Neither is there, or it does not count.
    """
    header = request.headers.get("authorization", "")
    with workspace.store.reading() as session:
        if header[: len(_BEARER)].lower() == _BEARER:
            token = access.verify_token(session, header[len(_BEARER) :].strip(), workspace.now_us)
            return access.call_with_token(session, token)
        for name in SESSION_COOKIES:
            cookie = request.cookies.get(name)
            signed_in = cookie and access.find_signed_in(session, cookie, workspace.now_us)
            if signed_in:
                return signed_in.caller
    raise AuthenticationError(
        "The request shows neither a token nor a session.",
        hint="Send a token as `Authorization: Bearer cft_...`; analysts and owners make them in the console.",
    )
