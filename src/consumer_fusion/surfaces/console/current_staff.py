"""The signed-in user as the console sees them, and the protocol of the sessions that identify them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request

from consumer_fusion.records.access import Caller


@dataclass(frozen=True, slots=True)
class CurrentStaff:
    """A signed-in member of staff.

    Attributes:
        name: Display name.
        caller: Permissions, and identity in the audit log.
        is_demo: Whether the demo signed them in, without a password.
    """

    name: str
    caller: Caller
    is_demo: bool = False


class ConsoleSessions(Protocol):
    """Sessions as the console sees them."""

    @property
    def sign_in_path(self) -> str:
        """Path of the sign-in page; its parameter `next` names the page to return to."""
        ...

    @property
    def sign_out_path(self) -> str:
        """Path that the sign-out form is submitted to."""
        ...

    def find_signed_in_staff(self, request: Request) -> CurrentStaff | None:
        """The signed-in user, or None."""
        ...

    def make_form_token(self, request: Request) -> str:
        """CSRF token for every form of a page; the session middleware checks it before the page is called."""
        ...
