"""Coming in: with a password, by a one-time link, with a token.

Signing in takes three steps, because a password is checked between two transactions and not within one, or guessing
would keep everybody else from coming in: `begin_sign_in`, `matches_password`, `finish_sign_in`. They write to the file
of visits alone, and only read the store, where an import may be writing for minutes.
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
from consumer_fusion.records.access import Account, Caller
from consumer_fusion.records.audit import PRODUCT, Actor, AuditEntry
from consumer_fusion.storage.store import Session, Store

PATIENCE_SECONDS = 10.0

Note = Callable[[Iterable[AuditEntry]], object]
"""Puts on record who came in, who failed to and who went; soon, where the store cannot be written just now."""


DEMO_EMAIL = "visitor@demo.invalid"
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """A try that was counted and is not decided yet.

    Attributes:
        email: The name of the account as it was given.
        address: The network address it came from.
        account: The account, if there is one that may be used.
        kept: The kept text of its password.
    """

    email: str = field(repr=False)
    address: str = field(repr=False)
    account: Account | None = field(repr=False)
    kept: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedInAccount:
    """Who is signed in, as of this request.

    Attributes:
        account: Their account.
        caller: What they may ask for.
        session: The session that they are signed in by.
    """

    account: Account
    caller: Caller
    session: OpenSession


def begin_sign_in(store: Store, session_store: Store, email: str, address: str, now_us: int) -> SignInAttempt:
    """Count a try, and read what it is to be compared with.

    Raises:
        ThrottledError: They have to wait.
        StoreError: The try could not be counted; then nobody is let in.
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
    """Sign in, or put on record that it failed.

    Args:
        store: The store.
        session_store: The session store.
        note: Puts on record what happened.
        tried: What `begin_sign_in` returned.
        now_us: When.
        is_right: What `matches_password` said.
        limits: How long the session lasts.
        previous_token: What the browser had before.

    Returns:
        The session, or None; for no other reason than a wrong name or password, and nothing says which.
    """
    if tried.account is None:
        return None
    account_id = tried.account.account_id
    if not is_right or not _is_unchanged(store, tried):
        note([AuditEntry(Actor("staff", account_id), "fail to sign in", now_us, account_id)])
        return None
    with session_store.writing(wait_seconds=PATIENCE_SECONDS) as session:
        forgive_try(session, tried.email, tried.address)
        # Of the account as it was when the password was read: one that is changed or removed at this very moment
        # has another epoch, so that this session never counts.
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
    """The three steps of signing in with a password; none of them waits for who is writing to the store.

    Args:
        store: The store.
        session_store: The session store.
        note: Puts on record what happened.
        email: The name of the account.
        password: The password.
        address: The network address that it comes from.
        now_us: When.
        cost: What a guess costs.
        limits: How long the session lasts.
        previous_token: What the browser had before.

    Raises:
        ThrottledError: They have to wait.
        AuthenticationError: Name or password are wrong; which one is not said.
        StoreError: Trying could not be counted; then nobody is let in.
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
            "The address or the password is not right.",
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
    # Where somebody else is writing, the next time they sign in does it.
    with suppress(StoreError), store.writing(wait_seconds=0.0) as session:
        renew_password_hash(session, account_id, before, after)


def find_signed_in(
    store: Store, session_store: Store, token: str, now_us: int, limits: SessionLimits = DEFAULT_LIMITS
) -> SignedInAccount | None:
    """Who is signed in by a token, with the role and the brands that they have at this moment."""
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
    """What a program may read with a token: what both the token and its maker's account allow at this moment.

    Raises:
        AuthenticationError: The account of whoever made it may not be used any more.
    """
    account = find_account(session, token.account_id)
    if not account.is_active:
        raise AuthenticationError(
            "The account that made this token was removed.", hint="Ask a member of staff for another token."
        )
    return Caller(Actor("token", token.token_id), "read-only", narrow_brands(account.brands, token.brands))


def make_owner_link(session: Session, now_us: int) -> str | None:
    """The secret of a link that makes the first owner, or None where there is an owner who can sign in.

    There is no default password: whoever starts the product is shown this link, once. A new start makes a new
    link, and the one before counts no longer.
    """
    if has_owner(session):
        return None
    secret = create_link(session, "owner", account_id=None, now_us=now_us)
    append_audit(session, [AuditEntry(PRODUCT, "make owner link", now_us)])
    return secret


def take_up_link(
    store: Store, session_store: Store, secret: str, password: str, now_us: int, *, email: str = "", name: str = "",
    cost: PasswordCost = DEFAULT_COST, limits: SessionLimits = DEFAULT_LIMITS, previous_token: str | None = None,
) -> NewSession:  # fmt: skip
    """Choose a password by a one-time link, and be signed in.

    Args:
        store: The store.
        session_store: The session store.
        secret: The secret of the link.
        password: The password that they choose.
        now_us: When.
        email: The address to sign in with; asked of the first owner only.
        name: What they would like to be called.
        cost: What a guess of the password will cost.
        limits: How long the session lasts.
        previous_token: What the browser had before.

    Raises:
        AuthenticationError: The link does not count.
        InputError: The password or the address cannot be; the link stays good.
        ConflictError: There is an owner by now.
    """
    with store.reading() as session:
        known = _name_account(session, find_link(session, secret, now_us))
    check_password(password, about=f"{email} {name} {known}")
    # Before the transaction, because it takes long; a link that does not count was refused above.
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
        raise ConflictError("There is an owner by now.", hint="Ask them for an invitation.")
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
    """What goes on record when somebody came in."""
    return AuditEntry(
        Actor("staff", account_id), "sign in", now_us, object_id=account_id, detail={"origin": origin}
    )


def sign_in_on_localhost(
    store: Store, session_store: Store, note: Note, *, from_address: str, bound_address: str, host: str,
    is_forwarded: bool, is_demo: bool, now_us: int, limits: SessionLimits = DEFAULT_LIMITS,
) -> NewSession:  # fmt: skip
    """Sign the visitor of a demo in without a password; nothing but a browser on the same machine gets in.

    Args:
        store: The store.
        session_store: The session store.
        note: Puts on record that somebody came in.
        from_address: The network address that the request comes from.
        bound_address: The address that the server listens on.
        host: The Host header, without its port. A page of the web whose name was pointed at this machine (DNS
            rebinding) shows itself here.
        is_forwarded: Whether a header says that another server passed the request on; it is then of anybody.
        is_demo: Whether the workspace is a demo.
        now_us: When.
        limits: How long the session lasts.

    Raises:
        RefusedError: One of these does not hold.
    """
    reasons = [
        reason
        for holds, reason in (
            (is_demo, "the workspace is no demo"),
            (_is_loopback(from_address), "the request comes from another machine"),
            (_is_loopback(bound_address), "the server listens to other machines"),
            (_is_local_name(host), "the address asked for is not localhost"),
            (not is_forwarded, "another server passed the request on"),
        )
        if not holds
    ]
    if reasons:
        raise RefusedError(
            f"Nobody is signed in without a password here: {'; '.join(reasons)}.",
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
