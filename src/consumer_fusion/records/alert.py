"""An alert: a change of a pair to which a webhook is subscribed, and its deliveries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from consumer_fusion.records.table import Column, Table

NoticeType = Literal["score_crossed", "first_dissatisfaction", "symbiosis_changed"]
DeliveryStatus = Literal["pending", "delivered", "dead"]
NOTICE_TYPES: tuple[NoticeType, ...] = get_args(NoticeType)
DELIVERY_STATUSES: tuple[DeliveryStatus, ...] = get_args(DeliveryStatus)


@dataclass(frozen=True, slots=True)
class LastSeenState:
    """The last seen state of a pair.

    Attributes:
        fusion_score: Its score.
        symbiosis: The class of the relationship.
    """

    fusion_score: float
    symbiosis: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook subscription.

    Attributes:
        subscription_id: Id of the subscription.
        url: URL to which alerts are posted.
        secret: Secret for the signatures.
        types: Types of alert.
        brand: Only of this brand; None for all.
        line: For `score_crossed`: the watched score.
        quiet_hours: Minimum number of hours between two equal alerts about the same pair.
        is_internal: Whether the URL may be in the server's own network, and without TLS.
        created_us: Time of creation.
        withdrawn_us: Time of withdrawal.
    """

    subscription_id: str
    url: str
    secret: str = field(repr=False)
    types: tuple[NoticeType, ...]
    brand: str | None
    line: float
    quiet_hours: float
    is_internal: bool
    created_us: int
    withdrawn_us: int | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """The delivery of one alert to one subscription.

    Attributes:
        delivery_id: Id of the delivery, the same at every attempt.
        subscription_id: Subscription that receives it.
        notice_type: Type of alert.
        status: pending, delivered, or dead after the last attempt.
        tries: Number of attempts.
        next_us: Time of the next attempt.
        answer: Result of the last attempt: an HTTP status, or a word for the failure.
        created_us: Time of creation.
        delivered_us: Time of delivery.
    """

    delivery_id: str
    subscription_id: str
    notice_type: NoticeType
    status: DeliveryStatus
    tries: int
    next_us: int
    answer: str | None
    created_us: int
    delivered_us: int | None


SUBSCRIPTIONS = Table(
    name="subscriptions",
    grain="one URL to which alerts are posted",
    writer="alerts.subscriptions",
    columns=(
        Column("subscription_id", "text", "Id of the subscription."),
        Column("url", "text", "URL to which alerts are posted."),
        Column(
            "secret",
            "text",
            "Secret for the signatures, which are computed with it, so it is stored in plain text.",
        ),
        Column("types", "text", "Types of alert, a JSON list."),
        Column("brand", "text", "Only of this brand.", is_optional=True),
        Column("line", "real", "The score whose crossing triggers an alert."),
        Column(
            "quiet_hours", "real", "Minimum number of hours between two equal alerts about the same pair."
        ),
        Column("is_internal", "boolean", "Whether the URL may be in the server's own network."),
        Column("created_us", "integer", "Time of creation."),
        Column("withdrawn_us", "integer", "Time of withdrawal.", is_optional=True),
    ),
    primary_key=("subscription_id",),
)

NOTICE_STANDINGS = Table(
    name="notice_standings",
    grain="one watched pair in its last seen state",
    writer="score.model.last_seen_state",
    columns=(
        Column("consumer_id", "integer", "The consumer, after merges."),
        Column("brand_id", "integer", "The brand."),
        Column("fusion_score", "real", "The score."),
        Column("symbiosis", "text", "The class of the relationship."),
        Column("points_version", "text", "Version of the points that it was read with."),
        Column("seen_us", "integer", "Time of the state."),
    ),
    primary_key=("consumer_id", "brand_id"),
    subject="consumer_id",
    erasure="delete rows",
    is_clustered=True,
)

DELIVERIES = Table(
    name="deliveries",
    grain="the delivery of one alert to one subscription",
    writer="alerts.deliveries",
    columns=(
        Column("delivery_id", "text", "Id of the delivery, the same at every attempt."),
        Column("subscription_id", "text", "Subscription that receives it (`subscriptions`)."),
        Column("notice_type", "text", "Type of alert."),
        Column("consumer_id", "integer", "The consumer of the pair."),
        Column("brand_id", "integer", "The brand of the pair."),
        Column("body", "text", "Body of the alert: a CloudEvent.", is_personal=True),
        Column("status", "text", "pending, delivered, or dead after the last attempt."),
        Column("tries", "integer", "Number of attempts."),
        Column("next_us", "integer", "Time of the next attempt."),
        Column("answer", "text", "Result of the last attempt.", is_optional=True),
        Column("created_us", "integer", "Time of creation."),
        Column("delivered_us", "integer", "Time of delivery.", is_optional=True),
    ),
    primary_key=("delivery_id",),
    indexes=(("status", "next_us"), ("consumer_id", "brand_id")),
    subject="consumer_id",
    erasure="delete rows",
)
