"""Judging: is what happened to a pair something that a subscription asked for."""

from __future__ import annotations

from dataclasses import dataclass

from consumer_fusion.records.alert import LastSeenState, NoticeType, Subscription


@dataclass(frozen=True, slots=True)
class DissatisfactionSignal:
    """An event that says that a consumer is not satisfied, the first in a long time.

    Attributes:
        event_id: Which.
        kind: Of what kind.
        occurred_us: When.
    """

    event_id: str
    kind: str
    occurred_us: int


@dataclass(frozen=True, slots=True)
class Alert:
    """Something to be told.

    Attributes:
        type: What it is.
        detail: What belongs to it besides how the pair stands.
    """

    type: NoticeType
    detail: dict[str, object]


def judge_pair(
    subscription: Subscription,
    before: LastSeenState,
    after: LastSeenState,
    hint: DissatisfactionSignal | None,
) -> list[Alert]:
    """The notices that a change of a pair gives a subscription.

    Args:
        subscription: What is asked for.
        before: How the pair stood without what happened.
        after: How it stands now.
        hint: The first event in a long time that says that the consumer is not satisfied.
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
    # From not knowing to knowing is no change of the relationship.
    is_known = "unknown" not in (before.symbiosis, after.symbiosis)
    if "symbiosis_changed" in subscription.types and is_known and before.symbiosis != after.symbiosis:
        notices.append(Alert("symbiosis_changed", {"from": before.symbiosis, "to": after.symbiosis}))
    return notices
