"""A visit: one request as the pages see it, and what a page may answer."""

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
    """A page, or with htmx a part of one.

    Attributes:
        template: Which template.
        title: What the page is about, in the language of the visit.
        content: A frozen dataclass with what the template shows, under the name `page`.
        status: HTTP status.
        section: Which entry of the navigation it belongs to.
        brand: The brand that it is about, if it is about one.
        look: What the audit is to know of somebody's looking at it.
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
    """Go on to another page after something was done.

    Attributes:
        path: Where.
        notice: What is said there.
    """

    path: str
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Download:
    """A file.

    Attributes:
        name: Of the file.
        text: Its content.
        media_type: What it is.
        look: What the audit is to know of it; else that it was downloaded, from where and how many rows.
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
        workspace: The workspace.
        queries: What was read of it and is kept for a while.
        staff: Who asks.
        language: The language to answer in.
        asked: The parameters of the address.
        sent: What was filled in, when something is to be done.
        path: The path asked for.
        site: Where the console is, as the visitor's browser says it: scheme and host.
        is_part: Whether htmx asks for a part of a page.
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
        """The fields that were filled in."""
        return self.sent.fields

    def require(self, permission: Permission, brand: str | None = None) -> None:
        """Refuse what the visitor may not do."""
        require_permission(self.staff.caller, permission, brand)

    def may(self, permission: Permission, brand: str | None = None) -> bool:
        """Whether the visitor may do something."""
        return may(self.staff.caller, permission, brand)

    def read_asked(self, name: str) -> str:
        """A parameter of the address that must be there."""
        return _require(self.asked.get(name, ""), name)

    def read_form(self, name: str) -> str:
        """A field of the form that must be filled in."""
        return _require(self.read_optional(name), name)

    def read_optional(self, name: str) -> str:
        """A field of the form, empty where it was not filled in."""
        return (self.form.get(name) or [""])[0].strip()

    def read_choices(self, name: str) -> list[str]:
        """All values of a field of which several may be chosen."""
        return [value.strip() for value in self.form.get(name, ()) if value.strip()]

    def read_number(self, name: str, empty: float) -> float:
        """A number in the form, with a decimal point or comma; `empty` where nothing was filled in."""
        text = self.read_optional(name).replace("−", "-").replace(",", ".")
        try:
            return float(text) if text else empty
        except ValueError:
            raise InputError(
                _("“{text}” in the field {name} is no number.", text=text, name=name),
                hint=_("Write one such as 3 or -2.7."),
            ) from None

    def read_upload(self, name: str) -> Upload:
        """A file that must have been chosen."""
        if name not in self.sent.uploads:
            raise InputError(_("No file was chosen."), hint=_("Choose one and send the form again."))
        return self.sent.uploads[name]

    def list_brands(self) -> list[str]:
        """The brands that there are and that the visitor may see, the largest first."""
        brands = self.queries.list_brand_names(self.as_of_us)
        return [brand for brand in brands if self.staff.caller.sees(brand)]

    def ask(self, query: Query, parameters: BaseModel) -> Any:
        """What a query answers the visitor."""
        return execute(query, self.workspace, self.staff.caller, parameters)

    def acting(self, deed: AuditNote | Callable[[Session], AuditNote]) -> Workspace:
        """The workspace in which what the visitor does is put on record in the transaction that does it.

        Args:
            deed: What they do; or tells it when it is done, just before it is durable.
        """
        return audit_changes(
            self.workspace,
            self.staff.caller.actor,
            lambda session: deed if isinstance(deed, AuditNote) else deed(session),
        )

    def write_entry(self, deed: AuditNote) -> AuditEntry:
        """What goes on record of something that the visitor did."""
        with self.workspace.store.reading() as session:
            return make_entry(session, self.staff.caller.actor, deed, self.workspace.now_us)

    def show_key(self, key: str) -> str:
        """A consumer's key as this visitor may see it."""
        return key if self.may("see_identities") else mask_consumer_key(key)

    @property
    def as_of_us(self) -> int:
        """The moment that scores are shown of: the one asked for or the usual one."""
        asked = answers.parse_as_of(self.asked.get("as_of") or None)
        if isinstance(asked, datetime):
            return _find_end(self.asked["as_of"], asked)
        return self.queries.choose_moment(asked)

    @property
    def is_quiet(self) -> bool:
        """Whether nobody asked for a moment and scores are of the newest event, because nothing happened for a day."""
        return not self.asked.get("as_of") and answers.find_fixed_moment(self.workspace, None) is not None


def _require(value: str, name: str) -> str:
    if not value:
        raise InputError(_("“{name}” is missing.", name=name), hint=_("Go back and fill it in."))
    return value


def _find_end(text: str, moment: datetime) -> int:
    moment_us = to_microseconds(moment)
    # A day alone means its end, a minute its end: everything that happened in it counts.
    if len(text) == len("2026-06-15"):
        return moment_us + DAY_MICROSECONDS - 1
    return moment_us + 59_999_999 if len(text) == len("2026-06-15T20:30") else moment_us
