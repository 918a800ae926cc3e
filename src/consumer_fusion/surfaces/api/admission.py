"""Admission: who asks the read API. Behind the gate both tokens and sessions count, without it only tokens."""

from __future__ import annotations

from typing import Protocol

from starlette.requests import Request

from consumer_fusion.access.signing_in import call_with_token
from consumer_fusion.access.tokens import verify_token
from consumer_fusion.errors import AuthenticationError
from consumer_fusion.records.access import Caller
from consumer_fusion.workspace import Workspace

_BEARER = "bearer "


class Admission(Protocol):
    """Tells who asks."""

    def __call__(self, workspace: Workspace, request: Request, /) -> Caller:
        """The one who asks.

        Raises:
            AuthenticationError: Nobody who is known here.
        """
        ...


def admit_token(workspace: Workspace, request: Request) -> Caller:
    """Admit whoever shows a token (`Authorization: Bearer cft_...`), where no gate stands before the API.

    Raises:
        AuthenticationError: There is none, or it does not count.
    """
    header = request.headers.get("authorization", "")
    if header[: len(_BEARER)].lower() != _BEARER:
        raise AuthenticationError(
            "The request shows no token.",
            hint="Send one as `Authorization: Bearer cft_...`; analysts and owners make them in the console.",
        )
    with workspace.store.reading() as session:
        token = verify_token(session, header[len(_BEARER) :].strip(), workspace.now_us)
        return call_with_token(session, token)
