"""Signing in: with a password, by a one-time link, with a token.

Signing in takes three steps, because a password is checked between two transactions and not within one; otherwise
guessing would block all other sign-ins: `begin_sign_in`, `matches_password`, `finish_sign_in`. They write only to the
session store and only read the main store, where an import may be writing for minutes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from consumer_fusion.access.accounts import (
    call_as,
    create_account,
    find_account,
    find_account_by_email,
    has_owner,
    read_password,
    renew_password_hash,
    set_password,
)
from consumer_fusion.access.audit import append_audit
from consumer_fusion.access.one_time_links import OneTimeLink, create_link, find_link, use_link
from consumer_fusion.access.passwords import (
    DEFAULT_COST,
    PasswordCost,
    check_password,
    hash_password,
    matches_password,
    needs_new_hash,
)
from consumer_fusion.access.permissions import narrow_brands
from consumer_fusion.access.sessions import (
    DEFAULT_LIMITS,
    NewSession,
    OpenSession,
    SessionLimits,
    find_session,
    open_session,
)
from consumer_fusion.access.throttling import count_try, forgive_account, forgive_try
from consumer_fusion.access.tokens import ApiToken
from consumer_fusion.errors import AuthenticationError, ConflictError, NotFoundError, RefusedError, StoreError
from consumer_fusion.i18n.messages import Message
from consumer_fusion.records.access import Account, Caller
from consumer_fusion.records.audit import PRODUCT, Actor, AuditEntry
from consumer_fusion.storage.store import Session, Store

PATIENCE_SECONDS = 10.0

Note = Callable[[Iterable[AuditEntry]], object]
"""Appends sign-ins, failed sign-ins and sign-outs to the audit log, deferred if the store is being written."""


DEMO_EMAIL = "visitor@demo.invalid"
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """A counted sign-in attempt, not decided yet.

    Attributes:
        email: E-mail address as it was given.
        address: Network address of the client.
        account: Active account with the e-mail address, if any.
        kept: Its password hash.
    """

    email: str = field(repr=False)
    address: str = field(repr=False)
    account: Account | None = field(repr=False)
    kept: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedInAccount:
    """The signed-in user of a request.

    Attributes:
        account: Account.
        caller: Caller with the account's permissions.
        session: Session.
    """

    account: Account
    caller: Caller
    session: OpenSession


def begin_sign_in(store: Store, session_store: Store, email: str, address: str, now_us: int) -> SignInAttempt:
    """Count a sign-in attempt, and read the account and its password hash.

    Raises:
        ThrottledError: Too many attempts; the caller has to wait.
        StoreError: The attempt could not be counted, so the sign-in is refused.
    """
    with session_store.writing(wait_seconds=PATIENCE_SECONDS) as session:
        count_try(session, email, address, now_us)
    with store.reading() as session:
        account, kept = read_password(session, email) or (None, None)
    if account is None or not account.is_active:
        return SignInAttempt(email, address, None, None)
    return SignInAttempt(email, address, account, kept)


def finish_sign_in(
    store: Store, session_store: Store, note: Note, tried: SignInAttempt, now_us: int, *, is_right: bool,
    limits: SessionLimits = DEFAULT_LIMITS, previous_token: str | None = None,
) -> NewSession | None:  # fmt: skip
    """Sign in, or audit the failure.

    Args:
        store: Store.
        session_store: Session store.
        note: Appends to the audit log.
        tried: Attempt from `begin_sign_in`.
        now_us: Current time, in microseconds since the epoch.
        is_right: Result of `matches_password`.
        limits: Lifetimes of sessions.
        previous_token: Earlier session token of the browser.

    Returns:
        The session, or None if the e-mail address or the password is wrong, without distinguishing them.
    """
    if tried.account is None:
        return None
    account_id = tried.account.account_id
    if not is_right or not _is_unchanged(store, tried):
        note([AuditEntry(Actor("staff", account_id), "failed sign-in", now_us, account_id)])
        return None
    with session_store.writing(wait_seconds=PATIENCE_SECONDS) as session:
        forgive_try(session, tried.email, tried.address)
        # With the epoch from when the password was read: if the account is changed or removed at this moment, its
        # epoch differs, and this session is never valid.
        opened = open_session(
            session,
            tried.account,
            origin="password",
            now_us=now_us,
            limits=limits,
            previous_token=previous_token,
        )
    note([describe_sign_in(account_id, "password", now_us)])
    return opened


def sign_in(
    store: Store, session_store: Store, note: Note, email: str, password: str, address: str, now_us: int, *,
    cost: PasswordCost = DEFAULT_COST, limits: SessionLimits = DEFAULT_LIMITS, previous_token: str | None = None,
) -> NewSession:  # fmt: skip
    """The three steps of signing in with a password; none of them waits for writers of the store.

    Args:
        store: Store.
        session_store: Session store.
        note: Appends to the audit log.
        email: E-mail address of the account.
        password: Password.
        address: Network address of the client.
        now_us: Current time, in microseconds since the epoch.
        cost: Cost parameters of password hashing.
        limits: Lifetimes of sessions.
        previous_token: Earlier session token of the browser.

    Raises:
        ThrottledError: Too many attempts; the caller has to wait.
        AuthenticationError: The e-mail address or the password is wrong.
        StoreError: The attempt could not be counted, so the sign-in is refused.
    """
    tried = begin_sign_in(store, session_store, email, address, now_us)
    is_right = matches_password(tried.kept, password, cost)
    opened = finish_sign_in(
        store,
        session_store,
        note,
        tried,
        now_us,
        is_right=is_right,
        limits=limits,
        previous_token=previous_token,
    )
    if opened is None:
        raise AuthenticationError(
            "The e-mail address or the password is wrong.",
            hint="Try again, or ask an owner for a link to choose a new password.",
        )
    if tried.kept is not None and needs_new_hash(tried.kept, cost):
        _renew_hash(store, opened.account_id, tried.kept, hash_password(password, cost))
    return opened


def _is_unchanged(store: Store, tried: SignInAttempt) -> bool:
    with store.reading() as session:
        now = read_password(session, tried.email)
    return now is not None and now[0].is_active and now[1] == tried.kept


def _renew_hash(store: Store, account_id: str, before: str, after: str) -> None:
    # If the store is being written, the next sign-in renews the hash.
    with suppress(StoreError), store.writing(wait_seconds=0.0) as session:
        renew_password_hash(session, account_id, before, after)


def find_signed_in(
    store: Store, session_store: Store, token: str, now_us: int, limits: SessionLimits = DEFAULT_LIMITS
) -> SignedInAccount | None:
    """The signed-in user of a session token, with their current role and brands."""
    with session_store.reading() as session:
        found = find_session(session, token, now_us, limits)
    if found is None:
        return None
    try:
        with store.reading() as session:
            account = find_account(session, found.account_id)
    except NotFoundError:
        return None
    counts = account.is_active and account.session_epoch == found.epoch
    return SignedInAccount(account, call_as(account), found) if counts else None


def call_with_token(session: Session, token: ApiToken) -> Caller:
    """The caller of a token, with the current permissions of both the token and its account.

    Raises:
        AuthenticationError: The account of the token was removed.
    """
    account = find_account(session, token.account_id)
    if not account.is_active:
        raise AuthenticationError(
            "The account that made this token was removed.", hint="Ask a member of staff for another token."
        )
    return Caller(Actor("token", token.token_id), "read-only", narrow_brands(account.brands, token.brands))


def make_owner_link(session: Session, now_us: int) -> str | None:
    """The secret of a link that creates the first owner, or None where there is an owner who can sign in.

    There is no default password: the person who starts the product sees this link once. Each start creates a new
    link and invalidates the previous one.
    """
    if has_owner(session):
        return None
    secret = create_link(session, "owner", account_id=None, now_us=now_us)
    append_audit(session, [AuditEntry(PRODUCT, "create owner link", now_us)])
    return secret


def take_up_link(
    store: Store, session_store: Store, secret: str, password: str, now_us: int, *, email: str = "", name: str = "",
    cost: PasswordCost = DEFAULT_COST, limits: SessionLimits = DEFAULT_LIMITS, previous_token: str | None = None,
) -> NewSession:  # fmt: skip
    """Set a password with a one-time link, and sign in.

    Args:
        store: Store.
        session_store: Session store.
        secret: Secret of the link.
        password: New password.
        now_us: Current time, in microseconds since the epoch.
        email: E-mail address to sign in with; used for the first owner only.
        name: Display name.
        cost: Cost parameters of password hashing.
        limits: Lifetimes of sessions.
        previous_token: Earlier session token of the browser.

    Raises:
        AuthenticationError: The link is not valid.
        InputError: The password or the e-mail address is not valid; the link can still be used.
        ConflictError: There is an owner already.
    """
    with store.reading() as session:
        known = _name_account(session, find_link(session, secret, now_us))
    check_password(password, about=f"{email} {name} {known}")
    # Before the transaction, because it takes long; invalid links were refused above.
    hashed = hash_password(password, cost)
    with store.writing(wait_seconds=PATIENCE_SECONDS) as session:
        link = use_link(session, secret, now_us)
        account_id = _settle_account(session, link, email, name, now_us).account_id
        set_password(session, account_id, hashed, actor=Actor("link", account_id), now_us=now_us, name=name)
        append_audit(session, [describe_sign_in(account_id, "link", now_us)])
        account = find_account(session, account_id)
    with session_store.writing(wait_seconds=PATIENCE_SECONDS) as session:
        forgive_account(session, account.email)
        return open_session(
            session, account, origin="link", now_us=now_us, limits=limits, previous_token=previous_token
        )


def _settle_account(session: Session, link: OneTimeLink, email: str, name: str, now_us: int) -> Account:
    if link.account_id is not None:
        account = find_account(session, link.account_id)
        if not account.is_active:
            raise AuthenticationError("The account was removed.", hint="Ask an owner for a new invitation.")
        return account
    if has_owner(session):
        raise ConflictError("There is an owner already.", hint="Ask them for an invitation.")
    known = find_account_by_email(session, email)
    if known is not None and known.role == "owner" and known.is_active:
        return known
    return create_account(
        session, email=email, role="owner", brands=None, actor=Actor("link"), now_us=now_us, name=name
    )


def _name_account(session: Session, link: OneTimeLink) -> str:
    if link.account_id is None:
        return ""
    account = find_account(session, link.account_id)
    return f"{account.email} {account.name}"


def describe_sign_in(account_id: str, origin: str, now_us: int) -> AuditEntry:
    """Audit entry of a sign-in."""
    return AuditEntry(
        Actor("staff", account_id), "sign in", now_us, object_id=account_id, detail={"origin": origin}
    )


def sign_in_on_localhost(
    store: Store, session_store: Store, note: Note, *, from_address: str, bound_address: str, host: str,
    is_forwarded: bool, is_demo: bool, now_us: int, limits: SessionLimits = DEFAULT_LIMITS,
) -> NewSession:  # fmt: skip
    """Sign in the visitor of a demo without a password, only from a browser on the same machine.

    Args:
        store: Store.
        session_store: Session store.
        note: Appends to the audit log.
        from_address: Network address of the client.
        bound_address: Address that the server listens on.
        host: Host header, without its port. It reveals pages whose name was pointed at this machine (DNS rebinding).
        is_forwarded: Whether a header shows that a proxy forwarded the request, which may then come from anywhere.
        is_demo: Whether the workspace is a demo.
        now_us: Current time, in microseconds since the epoch.
        limits: Lifetimes of sessions.

    Raises:
        RefusedError: A condition is not met.
    """
    reasons = [
        reason
        for holds, reason in (
            (is_demo, "the workspace is not a demo"),
            (_is_loopback(from_address), "the request comes from another machine"),
            (_is_loopback(bound_address), "the server accepts connections from other machines"),
            (_is_local_name(host), "the URL is not localhost"),
            (not is_forwarded, "the request was forwarded by a proxy"),
        )
        if not holds
    ]
    if reasons:
        raise RefusedError(
            Message("Signing in without a password is not allowed: {reasons}.", reasons="; ".join(reasons)),
            hint="Sign in, or open the demo as http://localhost on the machine where it runs.",
        )
    staff = _find_visitor(store, now_us)
    with session_store.writing() as session:
        opened = open_session(session, staff, origin="demo", now_us=now_us, limits=limits)
    note([describe_sign_in(staff.account_id, "demo", now_us)])
    return opened


def _find_visitor(store: Store, now_us: int) -> Account:
    with store.reading() as session:
        staff = find_account_by_email(session, DEMO_EMAIL)
    if staff is not None:
        return staff
    with store.writing(wait_seconds=PATIENCE_SECONDS) as session:
        return find_account_by_email(session, DEMO_EMAIL) or create_account(
            session, email=DEMO_EMAIL, role="owner", brands=None, actor=PRODUCT, now_us=now_us, name="Visitor"
        )


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address == "localhost"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed.is_loopback


def _is_local_name(host: str) -> bool:
    return host.strip("[]").casefold() in _LOCAL_NAMES
