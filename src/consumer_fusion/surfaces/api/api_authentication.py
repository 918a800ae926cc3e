"""Protocol of the read API's authentication; the server provides `server.authentication.admit_caller`."""

from __future__ import annotations

from typing import Protocol

from starlette.requests import Request

from consumer_fusion.records.access import Caller
from consumer_fusion.workspace import Workspace


class Authenticator(Protocol):
    """Identifies the caller of a request."""

    def __call__(self, workspace: Workspace, request: Request, /) -> Caller:
        """The caller.

        Raises:
            AuthenticationError: The request is unauthenticated.
        """
        ...
