"""Sources and their write keys: made, shown once, rotated, revoked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from consumer_fusion.access.keys import (
    NewWriteKey,
    WriteKey,
    create_write_key,
    list_write_keys,
    revoke_write_key,
    rotate_write_key,
)
from consumer_fusion.errors import InputError
from consumer_fusion.i18n.translation import mark, say
from consumer_fusion.records.access import KEY_KINDS
from consumer_fusion.surfaces.console.one_time_secret import show_once
from consumer_fusion.surfaces.console.pages import Answer, Page, Redirect, Visit

KIND_WORDS = {
    "server": mark("a server: nobody else can read the key"),
    "browser": mark(
        "a web page or app: anybody can read the key, so amounts count a quarter until a server says them"
    ),
    "webhook": mark("another service that calls us: believed in full when its signature is right"),
}


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A write key as it is listed.

    Attributes:
        key: The key, without the key itself.
        state: counts, ends (it was rotated and counts a while longer), expired or revoked.
    """

    key: WriteKey
    state: str


@dataclass(frozen=True, slots=True)
class KeysPage:
    """Sources and keys.

    Attributes:
        rows: The keys, those that count first.
        kinds: The kinds there are, with the words for them.
        brands: Brands that there are.
    """

    rows: Sequence[KeyRow]
    kinds: Sequence[tuple[str, str]]
    brands: Sequence[str]


def show_keys(visit: Visit) -> Answer:
    """The keys of all sources."""
    visit.require("change_keys")
    now_us = visit.workspace.now_us
    with visit.workspace.store.reading() as session:
        rows = [KeyRow(key, _name_state(key, now_us)) for key in list_write_keys(session)]
    rows.sort(key=lambda row: (row.state in ("revoked", "expired"), row.key.source, -row.key.created_us))
    brands = visit.readings.list_brand_names(visit.as_of_us)
    content = KeysPage(rows, [(kind, KIND_WORDS[kind]) for kind in KEY_KINDS], brands)
    return Page("keys.html", say("Sources and keys"), content, section="keys")


def create_key(visit: Visit) -> Answer:
    """Make a key for a source; the answer is the only page that ever shows it."""
    visit.require("change_keys")
    kind = next((each for each in KEY_KINDS if each == visit.read_form("kind")), None)
    if kind is None:
        raise InputError(say("Choose what kind of key it is."))
    with visit.workspace.store.writing() as session:
        made = create_write_key(
            session, source=visit.read_form("source"), kind=kind, actor=visit.visitor.caller.actor,
            now_us=visit.workspace.now_us, brand=visit.read_optional("brand") or None,
            signing_secret=visit.read_optional("signing_secret") or None,
        )  # fmt: skip
    return _show_once(made)


def rotate_key(visit: Visit) -> Answer:
    """Make a key in place of another; both count for three days."""
    visit.require("change_keys")
    with visit.workspace.store.writing() as session:
        made = rotate_write_key(
            session, visit.read_form("key"), actor=visit.visitor.caller.actor, now_us=visit.workspace.now_us
        )
    return _show_once(made)


def revoke_key(visit: Visit) -> Answer:
    """Let a key count no longer, from now on."""
    visit.require("change_keys")
    with visit.workspace.store.writing() as session:
        key = revoke_write_key(
            session, visit.read_form("key"), actor=visit.visitor.caller.actor, now_us=visit.workspace.now_us
        )
    return Redirect("/keys", say("The key of {source} counts no longer.", source=key.source))


def _show_once(made: NewWriteKey) -> Answer:
    notes = [
        say("For the source {source}. Keep it where the source reads it.", source=made.key.source),
        say(
            "Segment and RudderStack libraries take it as their write key; others send it as the name of HTTP basic "
            "authentication."
        ),
    ]
    return show_once(say("A new key"), made.secret, notes, section="keys", back="/keys")


def _name_state(key: WriteKey, now_us: int) -> str:
    if key.revoked_us is not None:
        return "revoked"
    if key.expires_us is None:
        return "counts"
    return "ends" if now_us < key.expires_us else "expired"
