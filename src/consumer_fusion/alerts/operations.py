"""Operations on webhooks: the addresses to which alerts are posted, and the status of each delivery."""

from __future__ import annotations

from consumer_fusion.alerts import alert_evaluation
from consumer_fusion.alerts.deliveries import list_deliveries, retry_deliveries
from consumer_fusion.alerts.subscriptions import (
    DEFAULT_LINE,
    DEFAULT_QUIET_HOURS,
    list_subscriptions,
    withdraw_subscription,
)
from consumer_fusion.i18n.translation import N_
from consumer_fusion.operations import (
    Context,
    Moment,
    NoParameters,
    Operation,
    OperationGroup,
    Query,
    Schema,
    Text,
    describe,
)
from consumer_fusion.records.alert import Delivery, DeliveryStatus, NoticeType, Subscription

NOTICE_WORDS: dict[NoticeType, str] = {
    "score_crossed": N_("a score crossed the threshold"),
    "first_dissatisfaction": N_("first sign of dissatisfaction"),
    "symbiosis_changed": N_("the kind of relationship changed"),
}
STATUS_WORDS: dict[DeliveryStatus, str] = {
    "pending": N_("pending"),
    "delivered": N_("delivered"),
    "dead": N_("failed"),
}
ANSWER_WORDS = {
    "name_not_found": N_("host name not found"),
    "address_refused": N_("the address is in a network that is not allowed"),
    "timed_out": N_("timed out"),
    "no_connection": N_("no connection"),
    "withdrawn": N_("removed before it was sent"),
}
"""Reasons why an attempt got no response; otherwise there is an HTTP status."""

_ID = (N_("ID"), "The id of the webhook.")
_URL = (N_("URL"), N_("Address to which alerts are posted: https://host/path."))
_TYPES = (N_("Events"), N_("Alerts to post."))
_BRAND = (N_("Brand"), N_("Only for this brand; leave empty for all."))
_LINE = (N_("Threshold"), N_("The score whose crossing is an alert, in both directions."))
_QUIET = (
    N_("Quiet hours"),
    N_("Minimum number of hours between equal alerts about the same relationship."),
)
_INTERNAL = (N_("Internal address"), N_("The address may be in the server's own network."))


class Webhook(Schema):
    """A webhook in force, without its signing secret."""

    subscription_id: str = describe(*_ID, is_shown=False)
    url: str = describe(*_URL)
    types: tuple[NoticeType, ...] = describe(*_TYPES, words=NOTICE_WORDS)
    brand: str | None = describe(*_BRAND)
    line: float = describe(*_LINE)
    quiet_hours: float = describe(*_QUIET)
    is_internal: bool = describe(*_INTERNAL, is_shown=False)
    created_at: Moment = describe(N_("Added (UTC)"), "Time at which it was added.")


class NewWebhook(Schema):
    """A webhook that was just added."""

    subscription_id: str = describe(*_ID)
    url: str = describe(*_URL)
    secret: str = describe(
        N_("Signing secret"),
        N_(
            "The receiver computes the HMAC-SHA256 of id, time and body with it, and compares it with the header "
            "“webhook-signature”."
        ),
        is_secret=True,
    )


class AddWebhook(Schema):
    """A webhook to add."""

    url: Text = describe(*_URL)
    types: list[NoticeType] = describe(*_TYPES, words=NOTICE_WORDS, option="--of")
    brand: str | None = describe(*_BRAND, default=None)
    line: float = describe(*_LINE, default=DEFAULT_LINE)
    quiet_hours: float = describe(*_QUIET, default=DEFAULT_QUIET_HOURS)
    is_internal: bool = describe(*_INTERNAL, default=False, option="--internal")


class WebhookId(Schema):
    """The id of a webhook."""

    subscription_id: Text = describe(*_ID)


class DeliveryFilter(Schema):
    """A filter of deliveries."""

    status: DeliveryStatus | None = describe(
        N_("Status"), N_("Only deliveries of this status."), default=None, words=STATUS_WORDS
    )
    limit: int = describe(N_("At most"), N_("Maximum number of rows."), default=100, is_shown=False)


class DeliveryRow(Schema):
    """A delivery of an alert to a webhook."""

    delivery_id: str = describe(N_("ID"), "Its id, the same at every attempt.", is_shown=False)
    subscription_id: str = describe(*_ID, is_shown=False)
    url: str = describe(*_URL)
    notice_type: NoticeType = describe(N_("Event"), "Type of the alert.", words=NOTICE_WORDS)
    status: DeliveryStatus = describe(
        N_("Status"), "pending, delivered, or dead after the last attempt.", words=STATUS_WORDS
    )
    tries: int = describe(N_("Attempts"), "Number of attempts.")
    answer: str | None = describe(
        N_("Response"),
        "Result of the last attempt: an HTTP status, or the reason why there was none.",
        words=ANSWER_WORDS,
    )
    created_at: Moment = describe(N_("Created (UTC)"), "Time at which it was created.")
    delivered_at: Moment | None = describe(N_("Delivered (UTC)"), "Time at which it was delivered.")


class DeliveryIds(Schema):
    """The ids of deliveries."""

    delivery_ids: list[str] = describe(
        N_("Deliveries"), N_("Failed deliveries; none for all."), default=[], is_shown=False
    )


class RetriedDeliveries(Schema):
    """The number of deliveries to retry."""

    retried: int = describe(N_("Retried"), "Number of deliveries to retry.")


def _list_webhooks(context: Context, _: NoParameters) -> list[Webhook]:
    with context.reading() as session:
        return [_describe(each) for each in list_subscriptions(session)]


def _describe(each: Subscription) -> Webhook:
    return Webhook(
        subscription_id=each.subscription_id, url=each.url, types=each.types, brand=each.brand, line=each.line,
        quiet_hours=each.quiet_hours, is_internal=each.is_internal, created_at=each.created_us,
    )  # fmt: skip


def _add_webhook(context: Context, asked: AddWebhook) -> NewWebhook:
    context.describe(brand=asked.brand, types=asked.types, line=asked.line)
    made = alert_evaluation.subscribe(
        context.workspace, url=asked.url, types=asked.types, brand=asked.brand, line=asked.line,
        quiet_hours=asked.quiet_hours, is_internal=asked.is_internal,
        note=lambda made: context.describe(object_id=made.subscription_id),
    )  # fmt: skip
    return NewWebhook(subscription_id=made.subscription_id, url=made.url, secret=made.secret)


def _remove_webhook(context: Context, asked: WebhookId) -> WebhookId:
    context.describe(object_id=asked.subscription_id)
    with context.writing() as session:
        withdraw_subscription(session, asked.subscription_id, context.workspace.now_us)
    return asked


def _list_deliveries(context: Context, asked: DeliveryFilter) -> list[DeliveryRow]:
    with context.reading() as session:
        urls = {each.subscription_id: each.url for each in list_subscriptions(session, with_withdrawn=True)}
        found = list_deliveries(session, status=asked.status, limit=asked.limit)
    return [_describe_delivery(each, urls.get(each.subscription_id, "")) for each in found]


def _describe_delivery(each: Delivery, url: str) -> DeliveryRow:
    return DeliveryRow(
        delivery_id=each.delivery_id, subscription_id=each.subscription_id, url=url, notice_type=each.notice_type,
        status=each.status, tries=each.tries, answer=each.answer, created_at=each.created_us,
        delivered_at=each.delivered_us,
    )  # fmt: skip


def _retry_deliveries(context: Context, asked: DeliveryIds) -> RetriedDeliveries:
    with context.writing() as session:
        count = retry_deliveries(session, asked.delivery_ids or None, context.workspace.now_us)
        context.describe(deliveries=asked.delivery_ids or "all", count=count)
    return RetriedDeliveries(retried=count)


GROUPS = (
    OperationGroup(
        "webhooks",
        N_("Webhooks"),
        N_(
            "Add and remove webhooks. A webhook posts alerts to another program: a score crossed a threshold, or a "
            "first sign of dissatisfaction."
        ),
        under="Access",
    ),
)
OPERATIONS = (
    Query(
        name="webhooks list", run=_list_webhooks, needs="change_webhooks", result=Webhook, is_many=True,
        title=N_("Webhooks"), summary="List the webhooks.",
        empty=N_("No webhooks yet."),
    ),
    Operation(
        name="webhooks add", run=_add_webhook, needs="change_webhooks", parameters=AddWebhook, result=NewWebhook,
        arguments=("url",), summary=N_("Add a webhook; its signing secret is shown once."), audit="add webhook",
        button=N_("Add webhook"), done=N_("Alerts to {url} are signed with this secret."),
    ),
    Operation(
        name="webhooks remove", run=_remove_webhook, needs="change_webhooks", parameters=WebhookId, result=WebhookId,
        arguments=("subscription_id",), summary="Remove a webhook; its pending deliveries are dropped.",
        audit="remove webhook", button=N_("Remove"), done=N_("The webhook was removed."),
        of_row="subscription_id", is_on_page=False, is_danger=True,
        question=N_("Remove this webhook? Nothing is posted to it from now on."),
    ),
    Query(
        name="webhooks deliveries", run=_list_deliveries, needs="change_webhooks", parameters=DeliveryFilter,
        result=DeliveryRow, is_many=True, title=N_("Deliveries"), summary="List deliveries, the newest first.",
        empty=N_("No deliveries yet: they come with the first alert."),
    ),
    Operation(
        name="webhooks retry", run=_retry_deliveries, needs="change_webhooks", parameters=DeliveryIds,
        result=RetriedDeliveries, arguments=("delivery_ids",), summary="Retry failed deliveries.",
        audit="retry deliveries", button=N_("Retry"), done=N_("Deliveries to retry: {retried}."),
        of_row="delivery_id", is_on_page=False, is_offered=lambda row: row.status == "dead",
    ),
)  # fmt: skip
