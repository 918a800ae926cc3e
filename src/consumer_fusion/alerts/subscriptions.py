"""Subscriptions: which addresses are told of what."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from consumer_fusion.errors import InputError, NotFoundError
from consumer_fusion.records.alert import NOTICE_TYPES, SUBSCRIPTIONS, NoticeType, Subscription
from consumer_fusion.records.characters import check_name, find_unsafe
from consumer_fusion.records.ids import make_id
from consumer_fusion.storage.store import Session

SECRET_PREFIX = "whsec_"  # noqa: S105 - how secrets begin
DEFAULT_LINE = 50.0
DEFAULT_QUIET_HOURS = 24.0


def create_subscription(
    session: Session, *, url: str, types: Collection[NoticeType], now_us: int, brand: str | None = None,
    line: float = DEFAULT_LINE, quiet_hours: float = DEFAULT_QUIET_HOURS, is_internal: bool = False,
) -> Subscription:  # fmt: skip
    """Begin to tell an address; its secret is in what this returns.

    Args:
        session: A writing session.
        url: Where to; https, or http as well if it is internal.
        types: Of what.
        now_us: When.
        brand: Only of this brand.
        line: The score whose crossing is told.
        quiet_hours: The same notice about the same pair comes at most once in so many hours.
        is_internal: Whether the address may lie in the network of the server.

    Raises:
        InputError: One of these cannot be.
    """
    check_url(url, is_internal=is_internal)
    check_name("The brand of a subscription", brand or "")
    unknown = sorted(set(types) - set(NOTICE_TYPES))
    if unknown or not types:
        raise InputError(
            f"There is no notice {', '.join(unknown)}." if unknown else "No notice is asked for.",
            hint=f"Take one or more of {', '.join(NOTICE_TYPES)}.",
        )
    if not 0 < line < 100 or not 0 <= quiet_hours <= 10_000:
        raise InputError(
            f"The line {line:g} or the quiet hours {quiet_hours:g} cannot be.",
            hint="The line is a score between 0 and 100, the hours are 0 to 10000.",
        )
    secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    made = Subscription(
        make_id(), url, secret, tuple(each for each in NOTICE_TYPES if each in types), brand, line, quiet_hours,
        is_internal, now_us,
    )  # fmt: skip
    values = {name: getattr(made, name) for name in SUBSCRIPTIONS.column_names}
    values["types"] = json.dumps(made.types)
    session.insert(SUBSCRIPTIONS, tuple(values), [tuple(values.values())])
    return made


def list_subscriptions(session: Session, *, with_withdrawn: bool = False) -> list[Subscription]:
    """The subscriptions, in the order in which they were made."""
    where = None if with_withdrawn else {"withdrawn_us": None}
    rows = session.read(SUBSCRIPTIONS, where, order_by=("created_us", "subscription_id")).to_pylist()
    return [read_subscription(row) for row in rows]


def withdraw_subscription(session: Session, subscription_id: str, now_us: int) -> None:
    """Tell an address no more, from the next try on.

    Raises:
        NotFoundError: There is no such subscription.
    """
    if not session.update(
        SUBSCRIPTIONS, {"withdrawn_us": now_us}, {"subscription_id": subscription_id, "withdrawn_us": None}
    ):
        raise NotFoundError(
            "There is no subscription of this id that is in force.", hint="`fusion webhooks list` shows them."
        )


def read_subscription(row: Mapping[str, Any]) -> Subscription:
    """A row of the table as a record."""
    return Subscription(**{**row, "types": tuple(json.loads(row["types"]))})


def check_url(url: str, *, is_internal: bool) -> None:
    """Refuse an address that is none, or that would carry notices in the open.

    Raises:
        InputError: It is one of these.
    """
    # The library would leave ends of lines out, so that what is kept were not what was looked at.
    if any(each <= " " for each in url) or find_unsafe(url) is not None:
        raise InputError(
            "The address holds blanks or control characters.", hint="Write it as https://host/path."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InputError(
            "The address is not one of the web.", hint="Write it as https://host/path."
        ) from None
    if not parts.hostname or parts.scheme not in ("https", "http") or port == 0:
        raise InputError("The address is not one of the web.", hint="Write it as https://host/path.")
    if parts.username or parts.password:
        raise InputError("The address holds a password.", hint="Leave it out; notices are signed.")
    if parts.scheme == "http" and not is_internal:
        raise InputError(
            "The address has no TLS, so that others could read the notices.",
            hint="Use https, or say that the address is internal.",
        )
