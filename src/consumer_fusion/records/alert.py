"""A notice: something about a pair that somebody asked to be told of, and its deliveries to webhooks."""

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
    """How a pair stands.

    Attributes:
        fusion_score: Its score.
        symbiosis: The class of the relationship.
    """

    fusion_score: float
    symbiosis: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where notices go.

    Attributes:
        subscription_id: Its id.
        url: Where they are posted to.
        secret: What they are signed with.
        types: Which notices.
        brand: Only of this brand; None for all.
        line: For `score_crossed`: the score that is watched.
        quiet_hours: The same notice about the same pair comes at most once in so many hours.
        is_internal: Whether the address may lie in the network of the server, and be without TLS.
        created_us: When it was made.
        withdrawn_us: When it was withdrawn.
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
    """One notice on its way to one subscription.

    Attributes:
        delivery_id: Its id, the same at every try.
        subscription_id: Where it goes.
        notice_type: Which notice.
        status: pending, delivered, or dead after the last try.
        tries: How often it was tried.
        next_us: When it is tried next.
        answer: What the last try met: an HTTP status, or a word for what kept it from getting one.
        created_us: When it was made.
        delivered_us: When it was taken.
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
    grain="one address that notices are posted to",
    writer="alerts.subscriptions",
    columns=(
        Column("subscription_id", "text", "Its id."),
        Column("url", "text", "Where notices are posted to."),
        Column(
            "secret", "text", "What they are signed with; signatures are made of it, so it is kept as it is."
        ),
        Column("types", "text", "Which notices, a JSON list."),
        Column("brand", "text", "Only of this brand.", is_optional=True),
        Column("line", "real", "The score whose crossing is told."),
        Column("quiet_hours", "real", "The same notice about the same pair comes once in so many hours."),
        Column("is_internal", "boolean", "Whether the address may lie in the network of the server."),
        Column("created_us", "integer", "When it was made."),
        Column("withdrawn_us", "integer", "When it was withdrawn.", is_optional=True),
    ),
    primary_key=("subscription_id",),
)

NOTICE_STANDINGS = Table(
    name="notice_standings",
    grain="one watched pair, as it stood when it was last looked at",
    writer="score.model.last_seen_state",
    columns=(
        Column("consumer_id", "integer", "The consumer, after merges."),
        Column("brand_id", "integer", "The brand."),
        Column("fusion_score", "real", "The score."),
        Column("symbiosis", "text", "The class of the relationship."),
        Column("points_version", "text", "The points that it was read with."),
        Column("seen_us", "integer", "When."),
    ),
    primary_key=("consumer_id", "brand_id"),
    subject="consumer_id",
    erasure="delete rows",
    is_clustered=True,
)

DELIVERIES = Table(
    name="deliveries",
    grain="one notice on its way to one subscription",
    writer="alerts.deliveries",
    columns=(
        Column("delivery_id", "text", "Its id, the same at every try."),
        Column("subscription_id", "text", "Where it goes (`subscriptions`)."),
        Column("notice_type", "text", "Which notice."),
        Column("consumer_id", "integer", "Whom it is about."),
        Column("brand_id", "integer", "And which brand."),
        Column("body", "text", "The notice as it is posted: a CloudEvent.", is_personal=True),
        Column("status", "text", "pending, delivered, or dead after the last try."),
        Column("tries", "integer", "How often it was tried."),
        Column("next_us", "integer", "When it is tried next."),
        Column("answer", "text", "What the last try met.", is_optional=True),
        Column("created_us", "integer", "When it was made."),
        Column("delivered_us", "integer", "When it was taken.", is_optional=True),
    ),
    primary_key=("delivery_id",),
    indexes=(("status", "next_us"), ("consumer_id", "brand_id")),
    subject="consumer_id",
    erasure="delete rows",
)
