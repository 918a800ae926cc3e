"""Deliveries: queued alerts, retried with increasing back-off, then marked as dead and visible.

A delivery is stored in the transaction that judged its pair, so that it is neither lost nor made twice. While one is
being posted its next attempt is postponed, so that a crash in between only repeats it, under the same id.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from consumer_fusion.alerts.subscriptions import read_subscription
from consumer_fusion.errors import NotFoundError
from consumer_fusion.records.alert import (
    DELIVERIES,
    DELIVERY_STATUSES,
    SUBSCRIPTIONS,
    Delivery,
    DeliveryStatus,
    NoticeType,
    Subscription,
)
from consumer_fusion.storage.store import RangeCondition, Session

PAUSES_SECONDS = (5, 30, 120, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400)
"""Back-off after the first failed attempt, the second, ...; after the last the delivery is dead (two days)."""
LEASE_SECONDS = 120
_JITTER = 0.2
_SECOND_US = 1_000_000
_HOUR_US = 3_600 * _SECOND_US
_NAMES = tuple(Delivery.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery that is due.

    Attributes:
        delivery: The delivery, with this attempt counted.
        subscription: Its subscription.
        body: The request body.
    """

    delivery: Delivery
    subscription: Subscription
    body: str


def add_deliveries(
    session: Session, subscription: Subscription, notices: Iterable[tuple[NoticeType, int, int, str, str]],
    now_us: int,
) -> int:  # fmt: skip
    """Queue deliveries; an alert that was sent within the quiet hours is not repeated.

    Args:
        session: A writing session.
        subscription: The subscription.
        notices: Type, consumer, brand, id and body of each.
        now_us: The current time, in microseconds since the epoch.

    Returns:
        Number of queued deliveries.
    """
    rows = []
    quiet = RangeCondition(above=now_us - round(subscription.quiet_hours * _HOUR_US) - 1)
    for notice_type, consumer_id, brand_id, delivery_id, body in notices:
        same: dict[str, Any] = {
            "subscription_id": subscription.subscription_id, "notice_type": notice_type,
            "consumer_id": consumer_id, "brand_id": brand_id, "created_us": quiet,
        }  # fmt: skip
        if subscription.quiet_hours and session.count(DELIVERIES, same):
            continue
        rows.append(
            (
                delivery_id, subscription.subscription_id, notice_type, consumer_id, brand_id, body, "pending", 0,
                now_us, None, now_us, None,
            )
        )  # fmt: skip
    return session.insert(DELIVERIES, DELIVERIES.column_names, rows, ignore=True)


def take_due(session: Session, now_us: int, limit: int = 50) -> list[DueDelivery]:
    """Take deliveries that are due; a lease keeps other processes from posting them at the same time.

    Args:
        session: A writing session.
        now_us: The current time, in microseconds since the epoch.
        limit: Maximum number of deliveries.
    """
    where: dict[str, Any] = {"status": "pending", "next_us": RangeCondition(at_most=now_us)}
    rows = session.read(DELIVERIES, where, order_by=("next_us", "delivery_id"), limit=limit).to_pylist()
    known = {
        row["subscription_id"]: read_subscription(row) for row in session.read(SUBSCRIPTIONS).to_pylist()
    }
    due: list[DueDelivery] = []
    for row in rows:
        subscription = known[row["subscription_id"]]
        values: dict[str, Any] = {"tries": row["tries"] + 1, "next_us": now_us + LEASE_SECONDS * _SECOND_US}
        if subscription.withdrawn_us is not None:
            values = {"status": "dead", "answer": "withdrawn"}
        session.update(DELIVERIES, values, {"delivery_id": row["delivery_id"]})
        if subscription.withdrawn_us is None:
            made = Delivery(**{name: row[name] for name in _NAMES})
            due.append(DueDelivery(replace(made, tries=row["tries"] + 1), subscription, row["body"]))
    return due


def record_attempt(
    session: Session, delivery: Delivery, answer: str, now_us: int, *, is_taken: bool, is_final: bool = False,
    retry_after_s: float | None = None,
) -> DeliveryStatus:  # fmt: skip
    """Record the result of an attempt, and the time of the next one.

    Args:
        session: A writing session.
        delivery: The delivery, with this attempt counted.
        answer: An HTTP status, or a code for the reason why there was none.
        now_us: The current time, in microseconds since the epoch.
        is_taken: Whether the receiver accepted it.
        is_final: Whether the receiver wants no more (410).
        retry_after_s: Delay in seconds that the receiver asked for.

    Returns:
        The new status.
    """
    values: dict[str, Any] = {"answer": answer}
    status: DeliveryStatus = "pending"
    if is_taken:
        status = "delivered"
        values["delivered_us"] = now_us
    elif is_final or delivery.tries > len(PAUSES_SECONDS):
        status = "dead"
    else:
        pause = PAUSES_SECONDS[delivery.tries - 1] * (1 + random.uniform(-_JITTER, _JITTER))  # noqa: S311 - spreads load
        pause = max(pause, min(retry_after_s or 0.0, PAUSES_SECONDS[-1]))
        values["next_us"] = now_us + round(pause * _SECOND_US)
    session.update(
        DELIVERIES, {**values, "status": status}, {"delivery_id": delivery.delivery_id, "status": "pending"}
    )
    return status


def list_deliveries(
    session: Session, *, status: DeliveryStatus | None = None, limit: int = 100
) -> list[Delivery]:
    """Deliveries, the newest first."""
    where = {} if status is None else {"status": status}
    rows = session.read(
        DELIVERIES, where, columns=_NAMES, order_by=("created_us desc", "delivery_id desc"), limit=limit
    )
    return [Delivery(**row) for row in rows.to_pylist()]


def retry_deliveries(session: Session, delivery_ids: Collection[str] | None, now_us: int) -> int:
    """Retry dead deliveries from the start; None for all.

    Raises:
        NotFoundError: One of them is not dead or does not exist.
    """
    dead: dict[str, Any] = {"status": "dead"}
    if delivery_ids is not None:
        dead["delivery_id"] = sorted(delivery_ids)
        found = session.count(DELIVERIES, dead)
        if found != len(set(delivery_ids)):
            raise NotFoundError(
                "Not all of these are dead deliveries.",
                hint="`fusion webhooks deliveries --status dead` lists them.",
            )
    return session.update(DELIVERIES, {"status": "pending", "tries": 0, "next_us": now_us}, dead)


def count_deliveries(session: Session) -> dict[str, int]:
    """Number of deliveries by status."""
    return {status: session.count(DELIVERIES, {"status": status}) for status in DELIVERY_STATUSES}


def delete_deliveries(session: Session, before_us: int) -> int:
    """Delete deliveries that were accepted before a time, because their bodies contain personal data."""
    return session.delete(
        DELIVERIES, {"status": "delivered", "delivered_us": RangeCondition(at_most=before_us)}
    )
