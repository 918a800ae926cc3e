"""Webhooks: which addresses are told of what, what became of each notice, and trying dead ones again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from consumer_fusion.alerts import watching
from consumer_fusion.alerts.deliveries import count_deliveries, list_deliveries, retry_deliveries
from consumer_fusion.alerts.subscriptions import list_subscriptions, withdraw_subscription
from consumer_fusion.i18n.translation import mark, say, say_count
from consumer_fusion.records.alert import (
    DELIVERY_STATUSES,
    NOTICE_TYPES,
    Delivery,
    DeliveryStatus,
    NoticeType,
    Subscription,
)
from consumer_fusion.storage.store import Session
from consumer_fusion.surfaces.console.one_time_secret import show_once
from consumer_fusion.surfaces.console.pages import Answer, Deed, Page, Redirect, Visit

DELIVERIES_LISTED = 100
NOTICE_WORDS: dict[NoticeType, str] = {
    "score_crossed": mark("a score crossed a line"),
    "first_dissatisfaction": mark("the first hint of dissatisfaction"),
    "symbiosis_changed": mark("the kind of relationship changed"),
}
STATUS_WORDS: dict[DeliveryStatus, str] = {
    "pending": mark("on its way"),
    "delivered": mark("delivered"),
    "dead": mark("given up"),
}
ANSWER_WORDS = {
    "name_not_found": mark("its name is not found"),
    "address_refused": mark("it lies in a network that is not allowed"),
    "timed_out": mark("no answer in time"),
    "no_connection": mark("no connection"),
    "withdrawn": mark("withdrawn before it was sent"),
}
"""What kept a try from getting an answer; else there is an HTTP status."""


@dataclass(frozen=True, slots=True)
class WebhooksPage:
    """Subscriptions and deliveries.

    Attributes:
        subscriptions: Those in force.
        brands: Brands that there are.
        types: What can be told, with the words for it.
        counts: How many deliveries there are of each status.
        status: Only deliveries of this status; empty for all.
        deliveries: The newest first.
        addresses: The address of each subscription, also of those withdrawn.
        type_words: The words for each notice.
        status_words: The words for each status.
        answer_words: The words for what the last try met, where it met no answer.
    """

    subscriptions: Sequence[Subscription]
    brands: Sequence[str]
    types: Sequence[tuple[NoticeType, str]]
    counts: Mapping[str, int]
    status: str
    deliveries: Sequence[Delivery]
    addresses: Mapping[str, str]
    type_words: Mapping[NoticeType, str]
    status_words: Mapping[DeliveryStatus, str]
    answer_words: Mapping[str, str]


def show_webhooks(visit: Visit) -> Answer:
    """Who is told of what, and what became of it."""
    visit.require("change_webhooks")
    status = next((each for each in DELIVERY_STATUSES if each == visit.asked.get("status")), None)
    with visit.workspace.store.reading() as session:
        everything = list_subscriptions(session, with_withdrawn=True)
        content = WebhooksPage(
            [each for each in everything if each.withdrawn_us is None],
            visit.list_brands(),
            list(NOTICE_WORDS.items()),
            count_deliveries(session),
            status or "",
            list_deliveries(session, status=status, limit=DELIVERIES_LISTED),
            {each.subscription_id: each.url for each in everything},
            NOTICE_WORDS,
            STATUS_WORDS,
            ANSWER_WORDS,
        )
    return Page("webhooks.html", say("Webhooks"), content, section="webhooks")


def subscribe(visit: Visit) -> Answer:
    """Begin to tell an address; the answer is the only page that ever shows what notices are signed with."""
    visit.require("change_webhooks")
    types = [each for each in NOTICE_TYPES if each in visit.read_choices("type")]
    brand, line = visit.read_optional("brand") or None, visit.read_number("line", 50.0)

    def tell(session: Session) -> Deed:
        made_last = list_subscriptions(session)[-1]
        return Deed(
            "subscribe webhook", object_id=made_last.subscription_id, brand=brand,
            detail={"types": list(types), "line": line},
        )  # fmt: skip

    made = watching.subscribe(
        visit.acting(tell),
        url=visit.read_form("url"),
        types=types,
        brand=brand,
        line=line,
        quiet_hours=visit.read_number("quiet_hours", 24.0),
        is_internal=visit.read_optional("internal") == "yes",
    )
    notes = [
        say("Notices to {address} are signed with it.", address=made.url),
        say(
            "The receiver computes the HMAC-SHA256 of id, time and body with it, and compares it with the header "
            "“webhook-signature”."
        ),
    ]
    return show_once(say("A signing secret"), made.secret, notes, section="webhooks", back="/webhooks")


def withdraw(visit: Visit) -> Answer:
    """Tell an address no more."""
    visit.require("change_webhooks")
    subscription_id = visit.read_form("subscription")
    with visit.workspace.store.writing() as session:
        withdraw_subscription(session, subscription_id, visit.workspace.now_us)
        visit.acting(Deed("withdraw webhook", object_id=subscription_id)).note_change(session)
    return Redirect("/webhooks", say("The address is told of nothing any more."))


def retry(visit: Visit) -> Answer:
    """Try deliveries that were given up again from the start: one, or all."""
    visit.require("change_webhooks")
    delivery_id = visit.read_optional("delivery")
    with visit.workspace.store.writing() as session:
        count = retry_deliveries(session, [delivery_id] if delivery_id else None, visit.workspace.now_us)
        deed = Deed("retry deliveries", object_id=delivery_id or None, detail={"count": count})
        visit.acting(deed).note_change(session)
    return Redirect(
        "/webhooks",
        say_count("{count} notice is tried again.", "{count} notices are tried again.", count),
    )
