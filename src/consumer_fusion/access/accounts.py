"""Staff accounts: who may sign in, with which role, for which brands."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from consumer_fusion.access.audit import append_audit
from consumer_fusion.access.one_time_links import withdraw_links
from consumer_fusion.access.tokens import revoke_tokens_of
from consumer_fusion.errors import ConflictError, InputError, NotFoundError
from consumer_fusion.i18n.messages import Message, as_message
from consumer_fusion.records.access import ACCOUNT_BRANDS, ROLES, STAFF_ACCOUNTS, Account, Caller, Role
from consumer_fusion.records.audit import Actor, AuditEntry
from consumer_fusion.records.characters import check_name
from consumer_fusion.records.ids import make_id
from consumer_fusion.storage.store import Session, Value

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")


def create_account(
    session: Session, *, email: str, role: Role, brands: Collection[str] | None, actor: Actor, now_us: int,
    name: str = "",
) -> Account:  # fmt: skip
    """Create an account as `add_account` does, and record the actor in the audit log."""
    account = add_account(session, email=email, role=role, brands=brands, now_us=now_us, name=name)
    detail = {"after": tell_rights(account)}
    append_audit(session, [AuditEntry(actor, "create account", now_us, account.account_id, detail=detail)])
    return account


def add_account(
    session: Session, *, email: str, role: Role, brands: Collection[str] | None, now_us: int, name: str = ""
) -> Account:
    """Create an account without a password; its owner chooses one with a one-time link.

    Args:
        session: Writing session.
        email: E-mail address to sign in with.
        role: owner, analyst, agent or read-only.
        brands: Brands that the account may see; None for all. An owner sees all.
        now_us: Current time, in microseconds since the epoch.
        name: Display name.

    Raises:
        InputError: The e-mail address, the role or the brands are not valid.
        ConflictError: There is already an account with the e-mail address.
    """
    address = check_name("The address of an account", normalize_email(email))
    check_name("The name of an account", name)
    _check_role(role, brands)
    if session.count(STAFF_ACCOUNTS, {"email": address}):
        raise ConflictError(
            "An account with this e-mail address already exists.",
            hint="Change it: `fusion staff change ADDRESS`.",
        )
    account = Account(
        account_id=make_id(),
        email=address,
        name=name.strip() or address.partition("@")[0],
        role=role,
        brands=None if brands is None else frozenset(brands),
        has_password=False,
        created_us=now_us,
    )
    values: dict[str, Value] = {
        "account_id": account.account_id, "email": account.email, "name": account.name, "role": account.role,
        "has_all_brands": account.brands is None, "created_us": now_us, "session_epoch": 0,
    }  # fmt: skip
    session.insert(STAFF_ACCOUNTS, tuple(values), [tuple(values.values())])
    _write_brands(session, account)
    return account


def change_account(
    session: Session, account_id: str, *, role: Role, brands: Collection[str] | None
) -> Account:
    """Change the role and brands of an account; takes effect with its next request.

    Raises:
        NotFoundError: There is no such account.
        InputError: The role or the brands are not valid.
        ConflictError: No owner would be left.
    """
    before = find_account(session, account_id)
    _check_role(role, brands)
    if role != "owner":
        _keep_an_owner(session, before)
    after = replace(before, role=role, brands=None if brands is None else frozenset(brands))
    session.update(
        STAFF_ACCOUNTS, {"role": role, "has_all_brands": brands is None}, {"account_id": account_id}
    )
    session.delete(ACCOUNT_BRANDS, {"account_id": account_id})
    _write_brands(session, after)
    return after


def remove_account(session: Session, account_id: str, *, now_us: int) -> None:
    """Remove an account: its sessions end, and its tokens and open links are withdrawn.

    The row stays, for the audit log, and so that the e-mail address can be invited again.

    Raises:
        NotFoundError: There is no such account.
        ConflictError: No owner would be left.
    """
    account = find_account(session, account_id)
    _keep_an_owner(session, account)
    _begin_epoch(session, account, {"disabled_us": now_us, "password": None})
    revoke_tokens_of(session, account_id, now_us)
    withdraw_links(session, account_id=account_id, now_us=now_us)


def restore_account(session: Session, account_id: str) -> Account:
    """Reactivate a removed account; its owner has to choose a new password.

    Raises:
        NotFoundError: There is no such account.
    """
    account = find_account(session, account_id)
    session.update(STAFF_ACCOUNTS, {"disabled_us": None}, {"account_id": account_id})
    return replace(account, disabled_us=None)


def sign_out_everywhere(session: Session, account_id: str) -> None:
    """End all sessions of an account."""
    _begin_epoch(session, find_account(session, account_id), {})


def set_password(
    session: Session,
    account_id: str,
    password_hash: str,
    *,
    actor: Actor,
    now_us: int,
    name: str | None = None,
) -> None:
    """Store the hash of a new password; the account is signed out everywhere.

    Args:
        session: Writing session.
        account_id: Account.
        password_hash: Hash from `hash_password`, computed before the transaction so that nobody waits for it.
        actor: Actor.
        now_us: Current time, in microseconds since the epoch.
        name: New display name; None keeps the present one.
    """
    values = {"password": password_hash, **({"name": name.strip()} if name and name.strip() else {})}
    _begin_epoch(session, find_account(session, account_id), values)
    append_audit(session, [AuditEntry(actor, "set password", now_us, account_id)])


def renew_password_hash(session: Session, account_id: str, before: str, after: str) -> None:
    """Store the hash of the same password at the current cost, unless the password was changed meanwhile."""
    session.update(STAFF_ACCOUNTS, {"password": after}, {"account_id": account_id, "password": before})


def find_account(session: Session, account_id: str) -> Account:
    """The account with an id, including removed ones.

    Raises:
        NotFoundError: There is none.
    """
    rows = session.read(STAFF_ACCOUNTS, {"account_id": account_id}).to_pylist()
    if not rows:
        raise NotFoundError("There is no such account.", hint="`fusion staff list` shows them.")
    return _read_account(session, rows[0])


def find_account_by_email(session: Session, email: str) -> Account | None:
    """The account with an e-mail address, including removed ones; None where there is none."""
    found = read_password(session, email)
    return None if found is None else found[0]


def read_password(session: Session, email: str) -> tuple[Account, str | None] | None:
    """The account with an e-mail address, and its password hash."""
    rows = session.read(STAFF_ACCOUNTS, {"email": fold_email(email)}).to_pylist()
    return (_read_account(session, rows[0]), rows[0]["password"]) if rows else None


def list_accounts(session: Session) -> list[Account]:
    """All accounts, including removed ones, in order of creation."""
    rows = session.read(STAFF_ACCOUNTS, order_by=("created_us", "account_id")).to_pylist()
    return [_read_account(session, row) for row in rows]


def has_owner(session: Session) -> bool:
    """Whether there is an active owner with a password."""
    return any(
        row["password"] is not None for row in session.read(STAFF_ACCOUNTS, _ACTIVE_OWNERS).to_pylist()
    )


def call_as(account: Account) -> Caller:
    """The caller that represents an account."""
    return Caller(Actor("staff", account.account_id), account.role, account.brands)


def tell_rights(account: Account) -> dict[str, object]:
    """The rights of an account for the audit log, without its e-mail address, because the log outlives the account."""
    return {"role": account.role, "brands": None if account.brands is None else sorted(account.brands)}


def fold_email(email: str) -> str:
    """Normalised e-mail address for comparison: trimmed, composed, lower case."""
    # Lone surrogates cannot be encoded; no e-mail address has one.
    plain = email.encode("utf-8", "replace").decode()
    return unicodedata.normalize("NFKC", plain).strip().casefold()


def normalize_email(email: str) -> str:
    """Normalised e-mail address.

    Raises:
        InputError: It is not valid.
    """
    address = fold_email(email)
    if not _EMAIL.fullmatch(address):
        raise InputError("This is not a valid e-mail address.", hint="Enter one such as anna@example.org.")
    return address


_ACTIVE_OWNERS = {"role": "owner", "disabled_us": None}


def _keep_an_owner(session: Session, account: Account) -> None:
    if account.role != "owner" or not account.is_active or not account.has_password:
        return
    owners = session.read(STAFF_ACCOUNTS, _ACTIVE_OWNERS).to_pylist()
    if not [row for row in owners if row["password"] and row["account_id"] != account.account_id]:
        raise ConflictError(
            "This is the only owner; without an owner nobody could manage accounts.",
            hint="Make another account an owner first.",
        )


def _check_role(role: str, brands: Collection[str] | None) -> None:
    if role not in ROLES:
        raise InputError(
            Message("'{role}' is not a role.", role=as_message(role)),
            hint=Message("Choose one of {ROLES}.", ROLES=", ".join(ROLES)),
        )
    if role == "owner" and brands is not None:
        raise InputError("An owner sees all brands.", hint="Omit the brands, or choose another role.")
    for brand in brands or ():
        check_name("The brand of an account", brand)
    if brands is not None and (not brands or not all(brand.strip() for brand in brands)):
        raise InputError("No brand was chosen.", hint="Choose one or more brands, or all.")


def _begin_epoch(session: Session, account: Account, changes: Mapping[str, Value]) -> None:
    """Change an account and end all its sessions: they are stored elsewhere and are valid only in their own epoch."""
    session.update(
        STAFF_ACCOUNTS,
        {**changes, "session_epoch": account.session_epoch + 1},
        {"account_id": account.account_id},
    )


def _write_brands(session: Session, account: Account) -> None:
    rows = [(account.account_id, brand) for brand in sorted(account.brands or ())]
    session.insert(ACCOUNT_BRANDS, ("account_id", "brand"), rows)


def _read_account(session: Session, row: Mapping[str, Any]) -> Account:
    brands = None
    if not row["has_all_brands"]:
        found = session.read(ACCOUNT_BRANDS, {"account_id": row["account_id"]}, columns=("brand",))
        brands = frozenset(found["brand"].to_pylist())
    return Account(
        row["account_id"], row["email"], row["name"], row["role"], brands, row["password"] is not None,
        row["created_us"], row["disabled_us"], row["session_epoch"],
    )  # fmt: skip
