"""Who looks at the console: what it needs to know of them, whoever keeps the sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request

from consumer_fusion.access import Caller


@dataclass(frozen=True, slots=True)
class Visitor:
    """A member of staff in front of the console.

    Attributes:
        name: What they are called on the page.
        caller: What they may do, and how they stand in the audit.
        is_demo: Whether they came in by the demo, without a password.
    """

    name: str
    caller: Caller
    is_demo: bool = False


class Visiting(Protocol):
    """Sessions as the console sees them. Its methods may read the store, so they are called in a thread."""

    sign_in_path: str
    """Where somebody who is not signed in is sent; `next` names the page that they wanted."""
    sign_out_path: str
    """What a form posts to for signing out."""

    def find_visitor(self, request: Request) -> Visitor | None:
        """Who is signed in, or None."""
        ...

    def make_form_token(self, request: Request) -> str:
        """What every form of a page carries."""
        ...

    def check_form(self, request: Request, given: str) -> None:
        """Refuse a form that does not come from a page of ours.

        Raises:
            PermissionDeniedError: It does not.
        """
        ...
