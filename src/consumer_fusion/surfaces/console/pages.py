"""Requests as the pages see them, and what a page may return."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from consumer_fusion.access.audit import audit_changes, make_entry
from consumer_fusion.access.execution import execute
from consumer_fusion.access.permissions import may, require_permission
from consumer_fusion.errors import InputError
from consumer_fusion.i18n.locales import CatalogueLanguage
from consumer_fusion.i18n.translation import _
from consumer_fusion.operations import Query
from consumer_fusion.records.access import Permission
from consumer_fusion.records.audit import AuditEntry, AuditNote
from consumer_fusion.records.identifier import mask_consumer_key
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, to_microseconds
from consumer_fusion.score.queries import answers
from consumer_fusion.storage.store import Session
from consumer_fusion.surfaces.console.current_staff import CurrentStaff
from consumer_fusion.surfaces.console.forms import SubmittedForm, Upload
from consumer_fusion.surfaces.console.queries import ConsoleQueries
from consumer_fusion.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Page:
    """A page, or a part of one for htmx.

    Attributes:
        template: Name of the template.
        title: Title of the page, in the language of the request.
        content: Frozen dataclass passed to the template as `page`.
        status: HTTP status.
        section: Navigation entry that it belongs to.
        brand: Brand that the page is about, if any.
        look: Audit note of viewing the page; None where viewing is not audited.
    """

    template: str
    title: str
    content: object
    status: int = 200
    section: str = ""
    brand: str | None = None
    look: AuditNote | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirect to another page after an action.

    Attributes:
        path: Target path.
        notice: Message shown there.
    """

    path: str
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Download:
    """A file download.

    Attributes:
        name: File name.
        text: Its content.
        media_type: Media type.
        look: Audit note; None records a download with its path and number of rows.
    """

    name: str
    text: str
    media_type: str = "text/csv"
    look: AuditNote | None = None


Answer = Page | Redirect | Download


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One request.

    Attributes:
        workspace: Workspace.
        queries: Cached queries of the workspace.
        staff: Signed-in member of staff.
        language: Language of the response.
        asked: Query parameters.
        sent: Submitted form.
        path: Path of the request.
        site: Origin of the console as the browser names it: scheme and host.
        is_part: Whether htmx requests a part of a page.
    """

    workspace: Workspace
    queries: ConsoleQueries
    staff: CurrentStaff
    language: CatalogueLanguage
    asked: Mapping[str, str]
    sent: SubmittedForm = field(default_factory=SubmittedForm)
    path: str = "/"
    site: str = ""
    is_part: bool = False

    @property
    def form(self) -> Mapping[str, Sequence[str]]:
        """Fields of the submitted form."""
        return self.sent.fields

    def require(self, permission: Permission, brand: str | None = None) -> None:
        """Raise `PermissionDeniedError` unless the user has the permission."""
        require_permission(self.staff.caller, permission, brand)

    def may(self, permission: Permission, brand: str | None = None) -> bool:
        """Whether the user has the permission."""
        return may(self.staff.caller, permission, brand)

    def read_asked(self, name: str) -> str:
        """A required query parameter."""
        return _require(self.asked.get(name, ""), name)

    def read_form(self, name: str) -> str:
        """A required field of the form."""
        return _require(self.read_optional(name), name)

    def read_optional(self, name: str) -> str:
        """A field of the form; empty where it was not filled in."""
        return (self.form.get(name) or [""])[0].strip()

    def read_choices(self, name: str) -> list[str]:
        """All values of a multiple-choice field."""
        return [value.strip() for value in self.form.get(name, ()) if value.strip()]

    def read_number(self, name: str, empty: float) -> float:
        """A number in the form, with a decimal point or comma; `empty` where nothing was filled in."""
        text = self.read_optional(name).replace("−", "-").replace(",", ".")
        try:
            return float(text) if text else empty
        except ValueError:
            raise InputError(
                _("“{text}” in the field {name} is not a number.", text=text, name=name),
                hint=_("Enter a number such as 3 or -2.7."),
            ) from None

    def read_upload(self, name: str) -> Upload:
        """A required uploaded file."""
        if name not in self.sent.uploads:
            raise InputError(_("No file was chosen."), hint=_("Choose a file and submit the form again."))
        return self.sent.uploads[name]

    def list_brands(self) -> list[str]:
        """The brands that the user may see, the largest first."""
        brands = self.queries.list_brand_names(self.as_of_us)
        return [brand for brand in brands if self.staff.caller.sees(brand)]

    def ask(self, query: Query, parameters: BaseModel) -> Any:
        """Run a query with the permissions of the user."""
        return execute(query, self.workspace, self.staff.caller, parameters)

    def acting(self, deed: AuditNote | Callable[[Session], AuditNote]) -> Workspace:
        """A workspace whose changes are audited, in their own transaction, as acts of the user.

        Args:
            deed: Audit note, or a function that returns it just before the transaction commits.
        """
        return audit_changes(
            self.workspace,
            self.staff.caller.actor,
            lambda session: deed if isinstance(deed, AuditNote) else deed(session),
        )

    def write_entry(self, deed: AuditNote) -> AuditEntry:
        """Audit entry of an act of the user."""
        with self.workspace.store.reading() as session:
            return make_entry(session, self.staff.caller.actor, deed, self.workspace.now_us)

    def show_key(self, key: str) -> str:
        """A consumer's key as the user may see it: masked without permission to see identities."""
        return key if self.may("see_identities") else mask_consumer_key(key)

    @property
    def as_of_us(self) -> int:
        """As-of time of the scores: the requested one, or the default."""
        asked = answers.parse_as_of(self.asked.get("as_of") or None)
        if isinstance(asked, datetime):
            return _find_end(self.asked["as_of"], asked)
        return self.queries.choose_moment(asked)

    @property
    def is_quiet(self) -> bool:
        """Whether no as-of time is requested and the newest event is used, because nothing happened for a day."""
        return not self.asked.get("as_of") and answers.find_fixed_moment(self.workspace, None) is not None


def _require(value: str, name: str) -> str:
    if not value:
        raise InputError(_("“{name}” is missing.", name=name), hint=_("Go back and fill it in."))
    return value


def _find_end(text: str, moment: datetime) -> int:
    moment_us = to_microseconds(moment)
    # A date without a time means the end of that day, a minute the end of that minute.
    if len(text) == len("2026-06-15"):
        return moment_us + DAY_MICROSECONDS - 1
    return moment_us + 59_999_999 if len(text) == len("2026-06-15T20:30") else moment_us
