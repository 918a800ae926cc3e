"""Codes and their labels, and the formats of counts, scores, shares and days, so that one thing has one name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from consumer_fusion.i18n.translation import N_, _, mark_count, ngettext, read_language

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Label:
    """The text for a code; both of its texts are translated when they are shown.

    Attributes:
        words: The text, in a word or two.
        meaning: Its explanation.
    """

    words: str
    meaning: str = ""


SYMBIOSIS_LABELS: Mapping[str, Label] = {
    "mutualism": Label(N_("mutual"), N_("consumer and brand clearly give each other something")),
    "commensal-brand-gains": Label(
        N_("brand benefits"), N_("the consumer gives, with no clear benefit in return")
    ),
    "commensal-consumer-gains": Label(
        N_("consumer benefits"), N_("the brand gives, with no clear benefit in return")
    ),
    "neutral": Label(N_("neutral"), N_("enough data, and neither side stands out")),
    "unknown": Label(N_("too little data"), N_("too few events, or too long ago, for a conclusion")),
    "one-sided-brand-takes": Label(N_("one-sided: brand benefits"), N_("the consumer gives and is harmed")),
    "one-sided-consumer-takes": Label(
        N_("one-sided: consumer benefits"), N_("the brand gives and is harmed")
    ),
    "amensal": Label(N_("one side loses"), N_("one side is harmed, with no clear effect on the other")),
    "competition": Label(N_("both lose"), N_("each side harms the other")),
}
"""From good to bad; the ecological words stay in code, command line and JSON."""

FACET_LABELS: Mapping[str, Label] = {
    "wallet": Label(N_("spend"), N_("money spent and taken back")),
    "feet": Label(N_("visits"), N_("visiting, browsing, taking part")),
    "voice": Label(N_("word of mouth"), N_("what is said, in public and in private")),
    "influence": Label(N_("influence"), N_("influencing others, openly or by example")),
    "service": Label(N_("service"), N_("being helped, in time and well")),
    "delight": Label(N_("satisfaction"), N_("getting what was wanted")),
    "standing": Label(N_("image"), N_("the impression it makes on others")),
    "wellbeing": Label(N_("wellbeing"), N_("money left, peace, privacy")),
}

DIRECTION_LABELS: Mapping[str, Label] = {
    "consumer_to_brand": Label(N_("Consumer → brand")),
    "brand_to_consumer": Label(N_("Brand → consumer")),
}

KIND_LABELS: Mapping[str, Label] = {
    "Order Completed/no payment": Label(N_("Order without payment")),
    "Order Refunded/no payment": Label(N_("Refund of zero")),
    "Order Refunded/defect": Label(N_("Refund: defective product")),
    "Order Refunded/wrong or late": Label(N_("Refund: wrong or late order")),
    "Order Cancelled/by brand": Label(N_("Order cancelled by the brand")),
    "Order Cancelled/no payment": Label(N_("Cancelled order without payment")),
    "Products Searched/no result": Label(N_("Product search without results")),
    "Message Received/over three a week": Label(N_("Message received: over three a week")),
    "Consent Withdrawn/met in time": Label(N_("Consent withdrawal handled in time")),
    "Consent Withdrawn/met late": Label(N_("Consent withdrawal handled late")),
    "Erasure Requested/met in time": Label(N_("Erasure request handled in time")),
    "Erasure Requested/met late": Label(N_("Erasure request handled late")),
    "Access Requested/met in time": Label(N_("Access request handled in time")),
    "Access Requested/met late": Label(N_("Access request handled late")),
    "First Reply/late": Label(N_("Late first reply")),
    "Ticket Resolved/first contact": Label(N_("Ticket resolved at first contact")),
    "Complaint Made/about product": Label(N_("Complaint about a product")),
    "Complaint Published/private about product": Label(N_("Private complaint about a product")),
    "Complaint Published/private": Label(N_("Private complaint")),
    "Complaint Published/about product": Label(N_("Public complaint about a product")),
    "Recovery/Service Failed": Label(N_("Recovery: service failure")),
    "Recovery/Product Failed": Label(N_("Recovery: product failure")),
    "Recovery/Delivery Late": Label(N_("Recovery: late delivery")),
    "Recovery/Stockout": Label(N_("Recovery: stockout")),
    "Recovery/Order Cancelled/by brand": Label(N_("Recovery: order cancelled by the brand")),
    "Recovery/Privacy Incident": Label(N_("Recovery: privacy incident")),
    "Recovery/Reputation Harmed": Label(N_("Recovery: damaged reputation")),
    "CSAT Answered/positive": Label(N_("CSAT answer: positive")),
    "CSAT Answered/negative": Label(N_("CSAT answer: negative")),
    "CES Answered/positive": Label(N_("CES answer: positive")),
    "CES Answered/negative": Label(N_("CES answer: negative")),
    "NPS Answered/positive": Label(N_("NPS answer: positive")),
    "NPS Answered/negative": Label(N_("NPS answer: negative")),
    "Product Reviewed/positive": Label(N_("Positive review")),
    "Product Reviewed/negative": Label(N_("Negative review")),
    "Brand Mentioned/positive": Label(N_("Positive mention")),
    "Brand Mentioned/negative": Label(N_("Negative mention")),
    "Association Observed/gained canon": Label(N_("Audience gained: icon")),
    "Association Observed/lost canon": Label(N_("Audience lost: icon")),
    "Association Observed/audience canon": Label(N_("Seen by an audience: icon")),
    "Association Observed/gained celebrity": Label(N_("Audience gained: celebrity")),
    "Association Observed/lost celebrity": Label(N_("Audience lost: celebrity")),
    "Association Observed/audience celebrity": Label(N_("Seen by an audience: celebrity")),
    "Association Observed/gained": Label(N_("Audience gained")),
    "Association Observed/lost": Label(N_("Audience lost")),
    "Association Observed/audience": Label(N_("Seen by an audience")),
    "Gift Received/confirmed": Label(N_("Gift received (confirmed)")),
    "Reward Granted/confirmed": Label(N_("Reward granted (confirmed)")),
}
"""Labels of the shipped variants, whose keys contain a slash; the keys of plain kinds are words already."""

_CERTAINTY_LABELS: Mapping[str, Label] = {
    "known": Label(N_("enough data")),
    "unknown": SYMBIOSIS_LABELS["unknown"],
}

_CHANNEL_LABELS: Mapping[str, Label] = {
    "unknown": Label(N_("unknown channel")),
    "other channels": Label(N_("other channels")),
    "product": Label(N_("product")),
    "web": Label(N_("web")),
    "shop": Label(N_("shop")),
    "email": Label(N_("email")),
    "post": Label(N_("post")),
    "chat": Label(N_("chat")),
    "app": Label(N_("app")),
    "social": Label(N_("social")),
    "phone": Label(N_("phone")),
}

REJECTION_LABELS: Mapping[str, Label] = {
    "broken_line": Label(N_("malformed line")),
    "invalid_encoding": Label(N_("wrong encoding")),
    "invalid_json": Label(N_("invalid JSON")),
    "engine_failed": Label(N_("unreadable row")),
    "unknown_type": Label(N_("unknown type")),
    "missing_id": Label(N_("missing event ID")),
    "missing_time": Label(N_("missing time")),
    "invalid_time": Label(N_("invalid time")),
    "invalid_received_at": Label(N_("invalid time of receipt")),
    "occurred_in_future": Label(N_("time in the future")),
    "invalid_precision": Label(N_("unknown time precision")),
    "missing_kind": Label(N_("missing kind of event")),
    "invalid_key": Label(N_("invalid key")),
    "invalid_value": Label(N_("invalid value")),
    "invalid_currency": Label(N_("unknown currency")),
    "invalid_trust": Label(N_("invalid trust")),
    "invalid_identifiers": Label(N_("invalid identifiers")),
    "invalid_properties": Label(N_("invalid properties")),
    "too_long": Label(N_("too long")),
    "invalid_number": Label(N_("unreadable number")),
}
"""Reasons of rejected rows, by the codes of `ingest.validation`."""

NOUNS = (
    mark_count("{count} relationship", "{count} relationships"),
    mark_count("{count} event", "{count} events"),
    mark_count("{count} smaller event", "{count} smaller events"),
    mark_count("{count} day", "{count} days"),
    mark_count("{count} row", "{count} rows"),
    mark_count("{count} duplicate", "{count} duplicates"),
    mark_count("{count} window", "{count} windows"),
    mark_count("{count} action", "{count} actions"),
    mark_count("{count} message", "{count} messages"),
)
"""Counted nouns, in both forms; `write_noun` writes them."""


def _name(code: str, labels: Mapping[str, Label]) -> str:
    """The text for a code; a code without one is shown unchanged."""
    return _(labels[code].words if code in labels else code)


def name_symbiosis(symbiosis: str) -> str:
    """A kind of relationship in words."""
    return _name(symbiosis, SYMBIOSIS_LABELS)


def name_facet(facet: str) -> str:
    """A facet in words."""
    return _name(facet, FACET_LABELS)


def explain_facet(facet: str) -> str:
    """The explanation of a facet."""
    return _(FACET_LABELS[facet].meaning)


def name_direction(direction: str) -> str:
    """A direction of giving, in words."""
    return _name(direction, DIRECTION_LABELS)


def name_kind(key: str) -> str:
    """A kind of event in words; a variant without a label shows its key with a colon for each slash."""
    if key in KIND_LABELS:
        return _(KIND_LABELS[key].words)
    return _(key).replace("/", ": ")


def name_certainty(certainty: str) -> str:
    """Whether there is enough data, in words."""
    return _name(certainty, _CERTAINTY_LABELS)


def name_channel(channel: str) -> str:
    """A channel in words; a source's own channel is shown unchanged."""
    return _name(channel, _CHANNEL_LABELS)


def name_rejection(code: str) -> str:
    """The reason of a rejected row, in words."""
    return _name(code, REJECTION_LABELS)


def write_count(count: int) -> str:
    """A count with thousands separators."""
    return read_language().write_number(count, 0)


def write_noun(count: int, noun: str) -> str:
    """A count with its noun, in singular or plural."""
    return ngettext(f"{{count}} {noun}", f"{{count}} {noun}s", count)


def write_score(score: float) -> str:
    """A score, to one decimal."""
    return read_language().write_number(score, 1)


def write_share(share: float) -> str:
    """A share as a percentage; “under 1%” or “over 99%” where it would otherwise round to 0% or 100%."""
    if 0 < share < 0.005:
        return _("under {share}", share=read_language().write_share(0.01))
    if 0.995 <= share < 1:
        return _("over {share}", share=read_language().write_share(0.99))
    return read_language().write_share(share)


def write_day(day: date) -> str:
    """A day in the current language, `5 Jun 2026`."""
    return read_language().write_day(day)


def write_time(microseconds: int) -> str:
    """A day and time in UTC, `5 Jun 2026, 20:00`."""
    return read_language().write_time(_EPOCH + timedelta(microseconds=microseconds))


def from_day_number(day: int) -> datetime:
    """Midnight UTC of a day counted from 1970."""
    return _EPOCH + timedelta(days=day)


def shorten(text: str, length: int) -> str:
    """The text, cut with an ellipsis where it is longer."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
