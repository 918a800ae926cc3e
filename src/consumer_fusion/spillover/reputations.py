"""Spillover: the effect of a public event on the other brands that its consumer is declared to be associated with.

The rule is in `docs/concepts/spillover.md`. It applies only to declared commercial associations, one step deep, and
only informs about that association (Votolato and Unnava 2006; Lei, Dawar and Lemmink 2008; Knittel and Stango).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from consumer_fusion.i18n.messages import Message, as_message
from consumer_fusion.i18n.translation import N_
from consumer_fusion.records.derived_event import DerivedEvent, ParentEvent
from consumer_fusion.records.perception import Perception
from consumer_fusion.records.points import PointsTable
from consumer_fusion.spillover.links import AssociationLink, measure_link
from consumer_fusion.spillover.onlookers import (
    Circumstances,
    OnlookerEstimate,
    estimate_onlookers,
    find_responsible,
)

HARM_THRESHOLD = 0.375
BENEFIT_THRESHOLD = 1.0
BENEFIT_SHARE = 0.6


def derive_reputations(
    parents: Iterable[ParentEvent],
    associations: Sequence[AssociationLink],
    brand_keys: Mapping[int, str],
    points: PointsTable,
    perceptions: Mapping[tuple[int, str], Perception] | None = None,
) -> list[DerivedEvent]:
    """The reputation events derived from public events, at most one for each parent and associated brand.

    Args:
        parents: Events, of any kinds.
        associations: Rows of `associations`, their consumers canonical.
        brand_keys: The key of each brand, as in `visible_brands`.
        points: The points table in force.
        perceptions: Perception of the words of parents, by source and event.
    """
    links: dict[tuple[int, int], list[AssociationLink]] = defaultdict(list)
    brands_of: dict[int, set[int]] = defaultdict(set)
    for each in associations:
        if each.is_commercial:
            links[each.consumer_id, each.brand_id].append(each)
            brands_of[each.consumer_id].add(each.brand_id)
    derived = []
    for parent in parents:
        kind = points.kinds.get(parent.kind_key)
        if kind is None or kind.spreads is None or parent.is_private:
            continue
        is_harm = any(entry.points < 0 for entry in points.kinds[kind.spreads].entries)
        force = _measure_force(parent, is_harm)
        if force < (HARM_THRESHOLD if is_harm else BENEFIT_THRESHOLD):
            continue
        associated = sorted(brands_of.get(parent.consumer_id, ()))
        if not associated:
            continue
        perception = (perceptions or {}).get((parent.source_id, parent.event_id))
        share, onlookers = _judge_onlookers(parent, perception) if is_harm else (BENEFIT_SHARE, None)
        for brand_id in associated:
            declared = [
                each
                for each in links[parent.consumer_id, brand_id]
                if each.valid_from_us <= parent.occurred_us
            ]
            if brand_id == parent.brand_id or not declared:
                continue
            is_visible = brand_keys.get(brand_id) in _read_list(parent.properties.get("visible_brands"))
            link = 1.0 if is_visible else 0.5 * measure_link(declared, parent.occurred_us)
            magnitude = parent.trust * min(1.0, force) * link * share
            if magnitude <= 0:
                continue
            derived.append(
                DerivedEvent(
                    parent=parent,
                    kind_key=kind.spreads,
                    brand_id=brand_id,
                    magnitude=magnitude,
                    trust=1.0,
                    occurred_us=parent.occurred_us,
                    association_id=declared[0].association_id,
                    sentence=_write_sentence(
                        parent, declared[0], brand_keys, brand_id, is_visible, onlookers
                    ),
                )
            )
    return derived


def _measure_force(parent: ParentEvent, is_harm: bool) -> float:
    severity = parent.properties.get("severity")
    if severity is None:
        severity = parent.properties.get("sentiment")
    if severity is None:
        return 0.0
    people = _read_number(parent.properties.get("people"))
    reach = 0.2 * math.log10(1 + max(people, 0.0))
    return min(abs(_read_number(severity)), 1.0) * (min(reach, 1.0) if is_harm else reach)


def _judge_onlookers(parent: ParentEvent, perception: Perception | None) -> tuple[float, Message]:
    """The share of the harm that falls on the speaker rather than on the brand, and why; 0 where it is unknown.

    What the source states holds, then what the staff decided, then the estimate from the words.
    """
    stated = parent.properties.get("onlookers_share")
    if stated is None and perception is not None:
        stated = perception.onlookers_share
    if stated is None and perception is not None and not perception.abstained:
        estimate = _estimate(parent, perception)
        probability = f"{estimate.probability:.0%}"
        if estimate.is_prior_only:
            return estimate.share, Message(
                "onlookers are expected to side with the staff ({probability}, from the post alone), "
                "so {share} of the harm falls on the author",
                probability=probability,
                share=f"{estimate.share:.0%}",
            )
        return estimate.share, Message(
            "onlookers sided with the staff ({probability}), so {share} of the harm falls on the author",
            probability=probability,
            share=f"{estimate.share:.0%}",
        )
    share = min(max(_read_number(stated), 0.0), 1.0)
    return share, Message("onlookers sided against the speaker ({share})", share=f"{share:.0%}")


def _estimate(parent: ParentEvent, perception: Perception) -> OnlookerEstimate:
    properties = parent.properties
    circumstances = Circumstances(
        followers=int(_read_number(properties.get("followers", properties.get("people")))),
        is_staff_named=properties.get("names_staff") is True,
        is_tip_withheld=properties.get("tip_withheld") is True,
    )
    critical, supportive = (
        max(int(_read_number(properties.get(name))), 0) for name in ("critical_replies", "supportive_replies")
    )
    return estimate_onlookers(
        perception, circumstances, find_responsible(perception), critical=critical, supportive=supportive
    )


def _write_sentence(
    parent: ParentEvent, association: AssociationLink, brand_keys: Mapping[int, str], brand_id: int, is_visible: bool,
    onlookers: Message | None,
) -> str:  # fmt: skip
    there = brand_keys.get(parent.brand_id) or Message(N_("another brand"))
    seen = _describe_visibility(
        association, brand_keys.get(brand_id) or Message(N_("this brand")), is_visible
    )
    kind = as_message(parent.kind)
    if onlookers is not None:
        return Message(
            "Spillover of '{kind}' at {there}: {seen}, and {onlookers}",
            kind=kind,
            there=there,
            seen=seen,
            onlookers=onlookers,
        )
    return Message("Spillover of '{kind}' at {there}: {seen}", kind=kind, there=there, seen=seen)


def _describe_visibility(association: AssociationLink, here: str, is_visible: bool) -> Message:
    if is_visible:
        return Message("{here} was in plain view", here=here)
    if association.evidence == "wears":
        return Message("the consumer wears {here} (declared association)", here=here)
    if association.evidence == "shown_on_stage":
        return Message("{here} is shown on stage (declared association)", here=here)
    return Message("the consumer has a contract with {here} (declared association)", here=here)


def _read_list(value: object) -> Sequence[str]:
    return [str(each) for each in value] if isinstance(value, (list, tuple)) else []


def _read_number(value: object) -> float:
    try:
        return float(str(value))
    except (TypeError, ValueError):
        return 0.0
