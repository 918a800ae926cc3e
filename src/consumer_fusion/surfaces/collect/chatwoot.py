"""Chatwoot webhooks: conversations of consumers with the brand's staff, converted to events.

| webhook | event |
|---|---|
| conversation_created, on a chat | Live Chat Conversation Started |
| conversation_created, by mail or a messenger | Ticket Opened |
| message_created, from the consumer | Message Sent (no points; the text is stored) |
| message_created, the first public one from staff | First Reply, with its seconds, and those of its SLA |
| message_created, later ones from staff | Reply Sent |
| conversation_status_changed, conversation_resolved: resolved, evidently by a person | Ticket Resolved |
| the same, by a bot, unanswered, or after a long silence | Conversation Closed (no points) |
| conversation_status_changed, conversation_opened: open after resolved, because the consumer wrote | Ticket Reopened |
| the same, by staff; open after pending | Conversation Opened (no points) |

A delivery does not say who changed a status, so nothing is credited without evidence. Whether a bot that handed over
was asked to, and whether the person who took over was in time, is unknown: `Handed Off` never results from here.

Ids derive from the event, not from the delivery, so that a delivery sent twice, or over two webhooks, is one event.
Private notes of staff and system activities are ignored.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from consumer_fusion.records.timestamps import to_microseconds
from consumer_fusion.surfaces.collect.collect_errors import CollectError
from consumer_fusion.surfaces.collect.own_events import write_event

SIGNATURE_SECONDS = 300
"""Maximum difference between a signature's timestamp and the clock."""
_FIRST_REPLY_TOLERANCE_SECONDS = 5.0
_SILENCE_SECONDS = 86_400.0
"""After this silence, a person cannot be told from a rule that resolves idle conversations."""  # words: as is
_STAFF_MESSAGES = ("outgoing", "template", 1, 3)
_CHANNELS: Mapping[str, str] = {"WebWidget": "chat", "TwilioSms": "sms", "Api": "chat"}


def check_signature(headers: Mapping[bytes, bytes], body: bytes, secret: str, now_us: int) -> None:
    """Check that a delivery was recently signed with the secret.

    Raises:
        CollectError: The signature is wrong or too old.
    """
    stamp = headers.get(b"x-chatwoot-timestamp", b"").strip()
    given = headers.get(b"x-chatwoot-signature", b"").strip()
    signed = hmac.new(secret.encode(), stamp + b"." + body, sha256).hexdigest()
    is_right = hmac.compare_digest(given, b"sha256=" + signed.encode())
    if not (is_right and stamp.isdigit() and len(stamp) < 12):
        raise CollectError(401, "wrong_signature", "The signature is wrong. Check the secret of the webhook.")
    if abs(now_us / 1e6 - int(stamp)) > SIGNATURE_SECONDS:
        raise CollectError(
            401, "stale_signature", "The signature is too old. Check the clocks of both sides."
        )


def cut_deliveries(document: Any, source: str, received_us: int) -> list[str]:
    """The events of a delivery, one line each; none where it is irrelevant.

    Raises:
        CollectError: The body is not a delivery.
    """
    if not isinstance(document, dict) or not isinstance(document.get("event"), str):
        raise CollectError(400, "invalid_body", "The body is not a Chatwoot delivery: it has no `event`.")
    received_at = datetime.fromtimestamp(received_us / 1e6, UTC).isoformat()
    conversation = document.get("conversation")
    if not isinstance(conversation, dict):
        conversation = document
    event: dict[str, Any] | None = None
    match document["event"]:
        case "conversation_created":
            event = _read_start(document, conversation)
        case "message_created":
            event = _read_message(document, conversation)
        case "conversation_status_changed" | "conversation_resolved" | "conversation_opened":
            event = _read_status(document, conversation)
    if event is None:
        return []
    place = f"chatwoot-{_read_account(document, conversation)}-{conversation.get('id')}"
    kept = {
        **event,
        "event_id": f"{place}-{event['event_id']}",
        "consumer": event.get("consumer") or _name_contact(document, conversation),
        "occurred_at": event["occurred_at"] or received_at,
        "channel": _name_channel(conversation),
        "identifiers": _read_identifiers(document, conversation),
        "properties": {"conversation": place, **event.get("properties", {})},
    }
    return [write_event({name: value for name, value in kept.items() if value}, source, received_at)]


def _read_start(document: Mapping[str, Any], conversation: Mapping[str, Any]) -> dict[str, Any] | None:
    if _find_last_direction(conversation) in _STAFF_MESSAGES:
        return None  # started by the brand, so not a request for help
    started = _read_moment(conversation.get("created_at")) or _read_moment(conversation.get("timestamp"))
    return {
        "kind": "Live Chat Conversation Started"
        if _name_channel(conversation) == "chat"
        else "Ticket Opened",
        "event_id": "started",
        "occurred_at": _write_moment(started),
    }


def _read_message(document: Mapping[str, Any], conversation: Mapping[str, Any]) -> dict[str, Any] | None:
    direction = document.get("message_type")
    if document.get("private") or direction not in ("incoming", "outgoing", 0, 1):
        return None
    sent = _read_moment(document.get("created_at"))
    text = document.get("content")
    message = {
        "event_id": f"message-{document.get('id')}",
        "occurred_at": _write_moment(sent),
        "text": text if isinstance(text, str) else None,
    }
    if direction in ("incoming", 0):
        return {**message, "kind": "Message Sent"}
    sender = document.get("sender")
    is_staff = isinstance(sender, dict) and sender.get("type", "user") == "user"
    if not is_staff or not _is_first_reply(sent, conversation):
        return {**message, "kind": "Reply Sent"}
    asked = _read_moment(conversation.get("waiting_since"))
    if asked is None or (sent is not None and asked > sent):
        asked = _read_moment(conversation.get("created_at"))
    waited = max(0.0, (sent - asked) / 1e6) if sent is not None and asked is not None else None
    target = _find_target(conversation)
    times = {"response_seconds": waited, "target_seconds": target}
    # One id per conversation: of all possible first replies, the first to arrive counts.
    return {
        **message,
        "kind": "First Reply",
        "event_id": "first-reply",
        "properties": {name: seconds for name, seconds in times.items() if seconds is not None},
    }


def _find_target(conversation: Mapping[str, Any]) -> float | None:
    """Target time of the first reply in seconds, where an SLA of the conversation defines it (Enterprise Edition).

    A target in business hours is ignored: response times are measured in clock hours, so the two are not comparable.
    """
    sla = conversation.get("applied_sla")
    if not isinstance(sla, dict) or sla.get("sla_only_during_business_hours"):
        return None
    target = sla.get("sla_first_response_time_threshold")
    if isinstance(target, bool) or not isinstance(target, (int, float)):
        return None
    return float(target) if 0 < target < float("inf") else None


def _is_first_reply(sent: int | None, conversation: Mapping[str, Any]) -> bool:
    first = _read_moment(conversation.get("first_reply_created_at"))
    return first is None or sent is None or abs(sent - first) <= _FIRST_REPLY_TOLERANCE_SECONDS * 1e6


def _read_status(document: Mapping[str, Any], conversation: Mapping[str, Any]) -> dict[str, Any] | None:
    changed = _read_moment(conversation.get("updated_at")) or _read_moment(
        conversation.get("last_activity_at")
    )
    before = _find_previous_status(document)
    status = {"conversation_resolved": "resolved", "conversation_opened": "open"}.get(
        document["event"], conversation.get("status")
    )
    if status == "resolved":
        kind = (
            "Ticket Resolved"
            if _is_resolved_by_person(document, conversation, changed)
            else "Conversation Closed"
        )
    elif status == "open" and before in ("resolved", "pending"):
        is_consumers = before == "resolved" and _is_waiting(conversation)
        kind = "Ticket Reopened" if is_consumers else "Conversation Opened"
    else:
        return None
    moment = f"{changed / 1e6:.0f}" if changed is not None else "unknown"
    return {
        "kind": kind,
        "event_id": f"{kind.lower().replace(' ', '-')}-{moment}",
        "occurred_at": _write_moment(changed),
    }


def _is_resolved_by_person(
    document: Mapping[str, Any], conversation: Mapping[str, Any], changed: int | None
) -> bool:
    """Whether the delivery shows that a person resolved it: named as performer, or assigned and recently answering."""
    for named in (document.get("performed_by"), conversation.get("performer")):
        if isinstance(named, dict):
            return named.get("type") == "user"
    meta = conversation.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    assignee, last = meta.get("assignee"), _read_moment(conversation.get("last_activity_at"))
    if not isinstance(assignee, dict) or last is None or changed is None:
        return False
    is_person = assignee.get("type", "user") == "user" and meta.get("assignee_type") in (None, "User")
    is_answered = _read_moment(conversation.get("first_reply_created_at")) is not None
    return is_person and is_answered and changed - last < _SILENCE_SECONDS * 1e6


def _is_waiting(conversation: Mapping[str, Any]) -> bool:
    """Whether the last message is from the consumer."""
    direction = _find_last_direction(conversation)
    return bool(conversation.get("waiting_since")) if direction is None else direction in ("incoming", 0)


def _find_last_direction(conversation: Mapping[str, Any]) -> object:
    messages = conversation.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    return last.get("message_type") if isinstance(last, dict) else None


def _find_previous_status(document: Mapping[str, Any]) -> str | None:
    changes = document.get("changed_attributes")
    for change in changes if isinstance(changes, list) else [changes]:
        status = change.get("status") if isinstance(change, dict) else None
        previous = status.get("previous_value") if isinstance(status, dict) else None
        if isinstance(previous, str):
            return previous
    return None


def _read_account(document: Mapping[str, Any], conversation: Mapping[str, Any]) -> object:
    account = document.get("account")
    return account.get("id") if isinstance(account, dict) else conversation.get("account_id", 0)


def _find_contact(document: Mapping[str, Any], conversation: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = conversation.get("meta")
    sender = meta.get("sender") if isinstance(meta, dict) else None
    if isinstance(sender, dict):
        return sender
    incoming = document.get("message_type") in ("incoming", 0)
    return document["sender"] if incoming and isinstance(document.get("sender"), dict) else {}


def _name_contact(document: Mapping[str, Any], conversation: Mapping[str, Any]) -> str | None:
    contact = _find_contact(document, conversation)
    own_key = contact.get("identifier")  # the consumer's id in the brand's own systems
    if isinstance(own_key, str) and own_key.strip():
        return own_key.strip()
    number = contact.get("id")
    account = _read_account(document, conversation)
    return f"chatwoot-{account}-contact-{number}" if number is not None else None


def _read_identifiers(document: Mapping[str, Any], conversation: Mapping[str, Any]) -> dict[str, str]:
    contact = _find_contact(document, conversation)
    named = {"email": contact.get("email"), "phone": contact.get("phone_number")}
    return {name: value for name, value in named.items() if isinstance(value, str) and value.strip()}


def _name_channel(conversation: Mapping[str, Any]) -> str:
    channel = conversation.get("channel")
    name = channel.removeprefix("Channel::") if isinstance(channel, str) else "chat"
    return _CHANNELS.get(name, name.lower())


def _read_moment(value: object) -> int | None:
    """A time in microseconds: Chatwoot writes ISO 8601 in messages and seconds in conversations."""
    if isinstance(value, bool) or not value:
        return None
    if isinstance(value, (int, float)):
        return round(value * 1e6)
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return None
        return to_microseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return None


def _write_moment(moment_us: int | None) -> str | None:
    if moment_us is None or not 0 < moment_us < 253_402_300_799_000_000:
        return None
    return datetime.fromtimestamp(moment_us / 1e6, UTC).isoformat()
