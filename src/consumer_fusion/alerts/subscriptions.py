"""Subscriptions: the webhooks, and the alerts that each of them is sent."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from consumer_fusion.errors import InputError, NotFoundError
from consumer_fusion.i18n.messages import Message
from consumer_fusion.records.alert import NOTICE_TYPES, SUBSCRIPTIONS, NoticeType, Subscription
from consumer_fusion.records.characters import check_name, find_unsafe
from consumer_fusion.records.ids import make_id
from consumer_fusion.storage.store import Session

SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, not a secret
DEFAULT_LINE = 50.0
DEFAULT_QUIET_HOURS = 24.0


def create_subscription(
    session: Session, *, url: str, types: Collection[NoticeType], now_us: int, brand: str | None = None,
    line: float = DEFAULT_LINE, quiet_hours: float = DEFAULT_QUIET_HOURS, is_internal: bool = False,
) -> Subscription:  # fmt: skip
    """Create a subscription; the result contains its secret.

    Args:
        session: A writing session.
        url: URL to which alerts are posted; https, or also http if it is internal.
        types: Types of alerts.
        now_us: The current time, in microseconds since the epoch.
        brand: Only alerts of this brand.
        line: The threshold of the score.
        quiet_hours: Minimum number of hours between equal alerts about the same pair.
        is_internal: Whether the address may be in the network of the server.

    Raises:
        InputError: One of the arguments is invalid.
    """
    check_url(url, is_internal=is_internal)
    check_name("The brand of a subscription", brand or "")
    unknown = sorted(set(types) - set(NOTICE_TYPES))
    if unknown or not types:
        raise InputError(
            Message("There is no alert {unknown}.", unknown=", ".join(unknown))
            if unknown
            else "No alert is given.",
            hint=Message("Use one or more of {NOTICE_TYPES}.", NOTICE_TYPES=", ".join(NOTICE_TYPES)),
        )
    if not 0 < line < 100 or not 0 <= quiet_hours <= 10_000:
        raise InputError(
            Message(
                "The threshold {line} or the quiet hours {quiet_hours} are out of range.",
                line=f"{line:g}",
                quiet_hours=f"{quiet_hours:g}",
            ),
            hint="The threshold is a score between 0 and 100, the hours are 0 to 10000.",
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
    """The subscriptions, in the order of their creation."""
    where = None if with_withdrawn else {"withdrawn_us": None}
    rows = session.read(SUBSCRIPTIONS, where, order_by=("created_us", "subscription_id")).to_pylist()
    return [read_subscription(row) for row in rows]


def withdraw_subscription(session: Session, subscription_id: str, now_us: int) -> None:
    """Withdraw a subscription; nothing is sent to it any more.

    Raises:
        NotFoundError: There is no such subscription.
    """
    if not session.update(
        SUBSCRIPTIONS, {"withdrawn_us": now_us}, {"subscription_id": subscription_id, "withdrawn_us": None}
    ):
        raise NotFoundError(
            "There is no webhook with this id in force.", hint="`fusion webhooks list` lists them."
        )


def read_subscription(row: Mapping[str, Any]) -> Subscription:
    """A subscription from its row."""
    return Subscription(**{**row, "types": tuple(json.loads(row["types"]))})


def check_url(url: str, *, is_internal: bool) -> None:
    """Refuse a malformed URL, or one without encryption.

    Raises:
        InputError: The URL is malformed, contains a password, or has no TLS and is not internal.
    """
    # `urlsplit` removes line breaks, so that the stored URL would differ from the checked one.
    if any(each <= " " for each in url) or find_unsafe(url) is not None:
        raise InputError(
            "The URL contains blanks or control characters.", hint="Write it as https://host/path."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InputError("The URL is invalid.", hint="Write it as https://host/path.") from None
    if not parts.hostname or parts.scheme not in ("https", "http") or port == 0:
        raise InputError("The URL is invalid.", hint="Write it as https://host/path.")
    if parts.username or parts.password:
        raise InputError("The URL contains a password.", hint="Leave it out; alerts are signed.")
    if parts.scheme == "http" and not is_internal:
        raise InputError(
            "The URL does not use TLS, so that others could read the alerts.",
            hint="Use https, or mark the address as internal.",
        )
