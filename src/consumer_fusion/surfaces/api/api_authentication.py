"""Admission: who asks the read API. The server hands in how; see `server.authentication.admit_caller`."""

from __future__ import annotations

from typing import Protocol

from starlette.requests import Request

from consumer_fusion.records.access import Caller
from consumer_fusion.workspace import Workspace


class Authenticator(Protocol):
    """Tells who asks."""

    def __call__(self, workspace: Workspace, request: Request, /) -> Caller:
        """The one who asks.

        Raises:
            AuthenticationError: Nobody who is known here.
        """
        ...
