"""Write keys, with which a source can send events and nothing else: shown once, stored as a hash, rotated, revoked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from consumer_fusion.access.credentials import (
    WRITE_KEY_PREFIX,
    digest_secret,
    is_of_form,
    make_secret,
    matches_digest,
    read_ending,
)
from consumer_fusion.errors import AuthenticationError, ConflictError, InputError, NotFoundError
from consumer_fusion.i18n.messages import Message, as_message
from consumer_fusion.i18n.translation import N_
from consumer_fusion.records.access import KEY_KINDS, WRITE_KEYS, KeyKind
from consumer_fusion.records.characters import check_name
from consumer_fusion.records.ids import make_id
from consumer_fusion.storage.store import Session

DEFAULT_OVERLAP_HOURS = 72.0

KeyState = Literal["active", "rotated", "expired", "revoked"]
KEY_STATES: Mapping[KeyState, str] = {
    "active": N_("valid"),
    "rotated": N_("valid until {expires_at}"),
    "expired": N_("expired"),
    "revoked": N_("revoked"),
}
"""The states of write keys and tokens, with their labels; a rotated key stays valid for an overlap."""


@dataclass(frozen=True, slots=True)
class WriteKey:
    """A write key, without the secret.

    Attributes:
        key_id: Id.
        source: Source of its events.
        brand: Brand of events that name none.
        kind: Place of use: a server, a browser (anyone can read it), or another service that sends webhooks; events of
        a browser are trusted less.
        trust: Maximum trust in its events; None for no limit.
        signing_secret: Secret with which webhooks are signed.
        ending: Last four characters of the key.
        created_us: Time of creation, in microseconds since the epoch.
        expires_us: Time when it expires, once it was rotated.
        revoked_us: Time of revocation.
        used_us: Time of last use.
        replaces_key_id: Key that it replaces.
    """

    key_id: str
    source: str
    brand: str | None
    kind: KeyKind
    trust: float | None
    signing_secret: str | None = field(repr=False)
    ending: str
    created_us: int
    expires_us: int | None = None
    revoked_us: int | None = None
    used_us: int | None = None
    replaces_key_id: str | None = None

    def counts_at(self, now_us: int) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.state_at(now_us) in ("active", "rotated")

    def state_at(self, now_us: int) -> KeyState:
        """Its state, one of `KEY_STATES`."""
        if self.revoked_us is not None:
            return "revoked"
        if self.expires_us is None:
            return "active"
        return "rotated" if now_us < self.expires_us else "expired"


@dataclass(frozen=True, slots=True)
class NewWriteKey:
    """A newly created write key.

    Attributes:
        secret: Key itself, available only here.
        key: All other data.
    """

    secret: str = field(repr=False)
    key: WriteKey


def create_write_key(
    session: Session, *, source: str, kind: KeyKind, now_us: int, brand: str | None = None,
    trust: float | None = None, signing_secret: str | None = None,
) -> NewWriteKey:  # fmt: skip
    """Create a write key for a source.

    Args:
        session: Writing session.
        source: Source of its events; a source may have several keys.
        kind: server, browser or webhook.
        now_us: Current time, in microseconds since the epoch.
        brand: Brand of events that name none.
        trust: Maximum trust in its events, 0 to 1.
        signing_secret: Secret with which webhooks are signed; only for the kind webhook.

    Raises:
        InputError: An argument is not valid.
    """
    if not source.strip():
        raise InputError(
            "A write key needs a source.", hint="Name the source of its events, such as web-shop."
        )
    check_name("The source of a write key", source)
    check_name("The brand of a write key", brand or "")
    if kind not in KEY_KINDS:
        raise InputError(
            Message("'{kind}' is not a kind of key.", kind=as_message(kind)),
            hint=Message("Choose one of {KEY_KINDS}.", KEY_KINDS=", ".join(KEY_KINDS)),
        )
    if trust is not None and not 0 <= trust <= 1:
        raise InputError(
            Message("The trust {trust} is not between 0 and 1.", trust=trust),
            hint="Enter a number from 0 to 1, or omit it.",
        )
    if signing_secret is not None and kind != "webhook":
        raise InputError(
            Message("A key of the kind {kind} has no signing secret.", kind=as_message(kind)),
            hint="Choose the kind webhook.",
        )
    key = WriteKey(
        make_id(), source.strip(), brand, kind, trust, signing_secret, ending="", created_us=now_us
    )
    return _add_key(session, key)


def rotate_write_key(
    session: Session, key_id: str, *, now_us: int, overlap_hours: float = DEFAULT_OVERLAP_HOURS
) -> NewWriteKey:
    """Replace a key by a new one; both are valid for a while, so that senders can be switched one by one.

    Raises:
        NotFoundError: There is no such key.
        ConflictError: It is no longer valid, or was rotated already.
        InputError: The overlap is negative.
    """
    if overlap_hours < 0:
        raise InputError(
            Message("The overlap of {overlap_hours} hours is negative.", overlap_hours=overlap_hours),
            hint="Give 0 or more.",
        )
    old = find_write_key(session, key_id)
    if not old.counts_at(now_us) or old.expires_us is not None:
        raise ConflictError(
            "The key was revoked or rotated already.", hint="`fusion keys list` shows which keys are active."
        )
    expires_us = now_us + round(overlap_hours * 3_600_000_000)
    session.update(WRITE_KEYS, {"expires_us": expires_us}, {"key_id": key_id})
    new = replace(
        old,
        key_id=make_id(),
        ending="",
        created_us=now_us,
        used_us=None,
        expires_us=None,
        replaces_key_id=key_id,
    )
    return _add_key(session, new)


def revoke_write_key(session: Session, key_id: str, *, now_us: int) -> WriteKey:
    """Revoke a key immediately; revoking it again changes nothing.

    Raises:
        NotFoundError: There is no such key.
    """
    key = find_write_key(session, key_id)
    if key.revoked_us is not None:
        return key
    session.update(WRITE_KEYS, {"revoked_us": now_us}, {"key_id": key_id})
    return replace(key, revoked_us=now_us)


def verify_write_key(session: Session, secret: str, now_us: int) -> WriteKey:
    """The key with a secret.

    The result may be cached for some seconds, by the hash of the secret; call `counts_at` each time.

    Raises:
        AuthenticationError: There is no such key, or it is no longer valid. Senders then discard their events, so the
        caller must count and report the error.
    """
    if is_of_form(secret, WRITE_KEY_PREFIX):
        rows = session.read(WRITE_KEYS, {"digest": digest_secret(secret)}).to_pylist()
        if rows and matches_digest(secret, rows[0]["digest"]):
            key = _read_key(rows[0])
            if key.counts_at(now_us):
                return key
            raise AuthenticationError(
                Message("The write key ending in {ending} was revoked or has expired.", ending=key.ending),
                hint="Send with an active key; `fusion keys list` shows them.",
            )
    raise AuthenticationError(
        "This is not a write key of this workspace.",
        hint="Create one with `fusion keys create` and send it in full; it begins with cfw_.",
    )


def find_write_key(session: Session, key_id: str) -> WriteKey:
    """The key with an id.

    Raises:
        NotFoundError: There is none.
    """
    rows = session.read(WRITE_KEYS, {"key_id": key_id}).to_pylist()
    if not rows:
        raise NotFoundError("There is no write key with this id.", hint="`fusion keys list` shows the ids.")
    return _read_key(rows[0])


def list_write_keys(session: Session) -> list[WriteKey]:
    """All write keys, including invalid ones, in order of creation."""
    return [_read_key(row) for row in session.read(WRITE_KEYS, order_by=("created_us", "key_id")).to_pylist()]


def note_key_uses(session: Session, used: Mapping[str, int]) -> None:
    """Store the last use of keys; buffered, so that receiving events does not wait for it.

    Args:
        session: Writing session.
        used: Time of last use, by the id of the key.
    """
    for key_id, used_us in used.items():
        session.update(WRITE_KEYS, {"used_us": used_us}, {"key_id": key_id})


def _add_key(session: Session, key: WriteKey) -> NewWriteKey:
    secret = make_secret(WRITE_KEY_PREFIX)
    key = replace(key, ending=read_ending(secret))
    values = {name: getattr(key, name) for name in WRITE_KEYS.column_names if name != "digest"}
    values["digest"] = digest_secret(secret)
    session.insert(WRITE_KEYS, tuple(values), [tuple(values.values())])
    return NewWriteKey(secret, key)


def _read_key(row: Mapping[str, Any]) -> WriteKey:
    return WriteKey(**{name: value for name, value in row.items() if name != "digest"})
