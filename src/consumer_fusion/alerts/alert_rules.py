"""Alert rules: decide whether a change of a pair matches a subscription."""

from __future__ import annotations

from dataclasses import dataclass

from consumer_fusion.records.alert import LastSeenState, NoticeType, Subscription


@dataclass(frozen=True, slots=True)
class DissatisfactionSignal:
    """An event that signals dissatisfaction of a consumer, the first in a long time.

    Attributes:
        event_id: Id of the event.
        kind: Kind of the event.
        occurred_us: Time of the event, in microseconds since the epoch.
    """

    event_id: str
    kind: str
    occurred_us: int


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert about a pair.

    Attributes:
        type: Type of the alert.
        detail: Its data besides the state of the pair.
    """

    type: NoticeType
    detail: dict[str, object]


def judge_pair(
    subscription: Subscription,
    before: LastSeenState,
    after: LastSeenState,
    hint: DissatisfactionSignal | None,
) -> list[Alert]:
    """The alerts for a subscription due to a change of a pair.

    Args:
        subscription: The subscription.
        before: State of the pair before the change.
        after: State of the pair now.
        hint: The first event in a long time that signals dissatisfaction of the consumer.
    """
    notices: list[Alert] = []
    line = subscription.line
    if "score_crossed" in subscription.types:
        if before.fusion_score >= line > after.fusion_score:
            notices.append(Alert("score_crossed", {"line": line, "direction": "down"}))
        elif before.fusion_score < line <= after.fusion_score:
            notices.append(Alert("score_crossed", {"line": line, "direction": "up"}))
    if "first_dissatisfaction" in subscription.types and hint is not None:
        notices.append(Alert("first_dissatisfaction", {"event_id": hint.event_id, "kind": hint.kind}))
    # A change from too little data to enough data is not a change of the relationship.
    is_known = "unknown" not in (before.symbiosis, after.symbiosis)
    if "symbiosis_changed" in subscription.types and is_known and before.symbiosis != after.symbiosis:
        notices.append(Alert("symbiosis_changed", {"from": before.symbiosis, "to": after.symbiosis}))
    return notices
