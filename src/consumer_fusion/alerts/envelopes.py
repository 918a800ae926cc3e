"""Envelopes: an alert as a CloudEvent 1.0 in JSON, and the signature by which its receiver authenticates it.

The signature follows Standard Webhooks (github.com/standard-webhooks/standard-webhooks): HMAC-SHA256 over id, time and
body, so that neither can be changed and an old one cannot be replayed for long.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

from consumer_fusion.alerts.subscriptions import SECRET_PREFIX
from consumer_fusion.records.alert import NoticeType
from consumer_fusion.records.timestamps import write_moment

EVENT_SOURCE = "/consumer-fusion"
EVENT_TYPES: Mapping[NoticeType, str] = {
    "score_crossed": "consumer-fusion.score.crossed.v1",
    "first_dissatisfaction": "consumer-fusion.dissatisfaction.first.v1",
    "symbiosis_changed": "consumer-fusion.symbiosis.changed.v1",
}


def write_cloud_event(
    delivery_id: str, notice_type: NoticeType, at_us: int, data: Mapping[str, object]
) -> str:
    """An alert as a CloudEvent in structured mode."""
    event = {
        "specversion": "1.0",
        "id": delivery_id,
        "source": EVENT_SOURCE,
        "type": EVENT_TYPES[notice_type],
        "time": write_moment(at_us),
        "datacontenttype": "application/json",
        "data": dict(data),
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def sign_body(secret: str, delivery_id: str, at_s: int, body: bytes) -> str:
    """The value of the header `webhook-signature`."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{delivery_id}.{at_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
