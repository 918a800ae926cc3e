"""Who looks at the console: what it needs to know of them, and how the sessions of staff tell it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request

from consumer_fusion.access import Caller
from consumer_fusion.records.audit import AuditEntry
from consumer_fusion.web import session

SIGN_IN_PATH, SIGN_OUT_PATH = "/sign-in", "/sign-out"


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
    """Sessions as the console sees them."""

    def find_visitor(self, request: Request) -> Visitor | None:
        """Who is signed in, or None."""
        ...

    def make_form_token(self, request: Request) -> str:
        """What every form of a page carries; whoever keeps the sessions checks it before a page is asked."""
        ...

    def note_look(self, request: Request, entry: AuditEntry) -> None:
        """Put on record that somebody looks at something.

        Raises:
            StoreError: It cannot be, so nothing may be shown.
        """
        ...


class StaffVisiting:
    """The sessions of staff; `SessionMiddleware` must stand before the console and checks every change."""

    def find_visitor(self, request: Request) -> Visitor | None:
        """Who is signed in, or None."""
        signed_in = session.find_staff(request)
        if signed_in is None:
            return None
        return Visitor(signed_in.account.name, signed_in.caller, signed_in.session.origin == "demo")

    def make_form_token(self, request: Request) -> str:
        """The form token for a page."""
        return session.read_form_token(request)

    def note_look(self, request: Request, entry: AuditEntry) -> None:
        """Put on record that somebody looks at something."""
        session.note_looks(request, [entry])
