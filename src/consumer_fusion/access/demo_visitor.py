"""The one way in without a password: the visitor of a demo, on the same machine."""

from __future__ import annotations

import ipaddress

from consumer_fusion.access.accounts import create_account, find_account_by_email
from consumer_fusion.access.sessions import DEFAULT_LIMITS, NewSession, SessionLimits, open_session
from consumer_fusion.access.signing_in import PATIENCE_SECONDS, Note, describe_sign_in
from consumer_fusion.errors import RefusedError
from consumer_fusion.records.access import Account
from consumer_fusion.records.audit import PRODUCT
from consumer_fusion.stores import Store

DEMO_EMAIL = "visitor@demo.invalid"
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def sign_in_on_localhost(
    store: Store, visits: Store, note: Note, *, from_address: str, bound_address: str, host: str,
    is_forwarded: bool, is_demo: bool, now_us: int, limits: SessionLimits = DEFAULT_LIMITS,
) -> NewSession:  # fmt: skip
    """Sign the visitor of a demo in without a password; nothing but a browser on the same machine gets in.

    Args:
        store: The store.
        visits: The file of visits.
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
    visitor = _find_visitor(store, now_us)
    with visits.writing() as session:
        opened = open_session(session, visitor, origin="demo", now_us=now_us, limits=limits)
    note([describe_sign_in(visitor.account_id, "demo", now_us)])
    return opened


def _find_visitor(store: Store, now_us: int) -> Account:
    with store.reading() as session:
        visitor = find_account_by_email(session, DEMO_EMAIL)
    if visitor is not None:
        return visitor
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
