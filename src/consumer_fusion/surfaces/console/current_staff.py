"""Who looks at the console: what it needs to know of them, and how the sessions of staff tell it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request

from consumer_fusion.records.access import Caller


@dataclass(frozen=True, slots=True)
class CurrentStaff:
    """A member of staff in front of the console.

    Attributes:
        name: What they are called on the page.
        caller: What they may do, and how they stand in the audit.
        is_demo: Whether they came in by the demo, without a password.
    """

    name: str
    caller: Caller
    is_demo: bool = False


class ConsoleSessions(Protocol):
    """Sessions as the console sees them."""

    @property
    def sign_in_path(self) -> str:
        """Where somebody who is not signed in is sent; `next` names the page that they wanted."""
        ...

    @property
    def sign_out_path(self) -> str:
        """Where the form for signing out is sent."""
        ...

    def find_signed_in_staff(self, request: Request) -> CurrentStaff | None:
        """Who is signed in, or None."""
        ...

    def make_form_token(self, request: Request) -> str:
        """What every form of a page carries; whoever keeps the sessions checks it before a page is asked."""
        ...
