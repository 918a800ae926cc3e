"""Notices: what people and programs asked to be told of a pair, judged, kept, signed and posted until it is taken."""

from __future__ import annotations

from consumer_fusion.notices.deliveries import (
    DueDelivery,
    add_deliveries,
    count_deliveries,
    forget_deliveries,
    list_deliveries,
    note_try,
    retry_deliveries,
    take_due,
)
from consumer_fusion.notices.envelopes import sign_body, verify_signature, write_cloud_event
from consumer_fusion.notices.judging import Hint, Notice, Standing, judge_pair
from consumer_fusion.notices.sending import check_receiver, post_delivery
from consumer_fusion.notices.standings import forget_standings, keep_standings, list_standings, read_standings
from consumer_fusion.notices.subscriptions import (
    check_url,
    create_subscription,
    list_subscriptions,
    withdraw_subscription,
)

__all__ = [
    "DueDelivery",
    "Hint",
    "Notice",
    "Standing",
    "add_deliveries",
    "check_receiver",
    "check_url",
    "count_deliveries",
    "create_subscription",
    "forget_deliveries",
    "forget_standings",
    "judge_pair",
    "keep_standings",
    "list_deliveries",
    "list_standings",
    "list_subscriptions",
    "note_try",
    "post_delivery",
    "read_standings",
    "retry_deliveries",
    "sign_body",
    "take_due",
    "verify_signature",
    "withdraw_subscription",
    "write_cloud_event",
]
