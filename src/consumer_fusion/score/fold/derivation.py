"""Derived failures and recoveries: a complaint implies a failure, and a recovery repairs one.

Effects on other brands are not here (`spillover.reputations`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from consumer_fusion.i18n.messages import Message, as_message
from consumer_fusion.records.derived_event import DerivedEvent, ParentEvent
from consumer_fusion.records.points import PointsTable
from consumer_fusion.records.timestamps import DAY_MICROSECONDS

RECOVERY_KIND = "Recovery"
DEFAULT_RECOVERY_SHARE = 0.8
"""Share of its failure that a recovery cancels: the recovery paradox holds for satisfaction only (de Matos 2007)."""


def list_deriving_kinds(points: PointsTable) -> frozenset[str]:
    """Keys of the kinds from which events may be derived or that a recovery may repair."""
    mended = {kind.mends for kind in points.kinds.values() if kind.mends}
    return frozenset(
        key for key, kind in points.kinds.items() if kind.derives or kind.spreads or key in mended
    )


def derive_failures(parents: Iterable[ParentEvent], points: PointsTable) -> list[DerivedEvent]:
    """One failure per complaint that refers to no other event, so that the brand's side is charged once."""
    derived = []
    for parent in parents:
        kind = points.kinds.get(parent.kind_key)
        if kind is None or kind.derives is None or parent.properties.get("about_event_id"):
            continue
        failure = points.kinds[kind.derives]
        derived.append(
            DerivedEvent(
                parent=parent,
                kind_key=failure.key,
                brand_id=parent.brand_id,
                magnitude=_read_severity(parent),
                trust=parent.trust,
                occurred_us=parent.occurred_us,
                association_id=None,
                sentence=Message(
                    "{meaning} (inferred from the complaint)",
                    meaning=as_message(failure.meaning or failure.event),
                ),
            )
        )
    return derived


def derive_recoveries(
    parents: Sequence[ParentEvent], derived: Sequence[DerivedEvent], points: PointsTable
) -> list[DerivedEvent]:
    """Recovery events: each cancels a share of what is left of its failure, on the failure's own facets.

    All recoveries of one failure together never exceed it. A recovery of a complaint repairs the
    failure derived from it and the harm to reputation elsewhere.
    """
    variants = {kind.mends: kind for kind in points.kinds.values() if kind.mends}
    by_id: dict[str, list[tuple[str, int, float, float, int]]] = defaultdict(list)
    for parent in parents:
        if parent.kind_key in variants:
            by_id[parent.event_id].append(
                (parent.kind_key, parent.brand_id, parent.magnitude, parent.trust, parent.occurred_us)
            )
    for each in derived:
        if each.kind_key in variants:
            by_id[each.parent.event_id].append(
                (each.kind_key, each.brand_id, each.magnitude, each.trust, each.occurred_us)
            )
    left: dict[tuple[str, str, int], float] = defaultdict(lambda: 1.0)
    recoveries = []
    about = [parent for parent in parents if parent.kind == RECOVERY_KIND]
    for parent in sorted(about, key=lambda each: (each.occurred_us, each.event_id)):
        failed_id = str(parent.properties.get("about_event_id") or "")
        wanted = _read_number(parent.properties.get("share"), DEFAULT_RECOVERY_SHARE)
        for kind_key, brand_id, magnitude, trust, failed_us in by_id.get(failed_id, ()):
            share = min(max(wanted, 0.0), left[failed_id, kind_key, brand_id])
            left[failed_id, kind_key, brand_id] -= share
            variant = variants[kind_key]
            elapsed_days = max(parent.occurred_us - failed_us, 0) / DAY_MICROSECONDS
            fading = 2.0 ** (-elapsed_days / points.kinds[kind_key].half_life_days)
            if share <= 0:
                continue
            recoveries.append(
                DerivedEvent(
                    parent=parent,
                    kind_key=variant.key,
                    brand_id=brand_id,
                    magnitude=share * magnitude * trust * fading,
                    trust=1.0,
                    occurred_us=max(parent.occurred_us, failed_us),
                    association_id=None,
                    sentence=Message(
                        "{meaning}: {share} of its remaining effect is cancelled",
                        meaning=as_message(variant.meaning or variant.event),
                        share=f"{share:.0%}",
                    ),
                )
            )
    return recoveries


def _read_severity(parent: ParentEvent) -> float:
    return min(max(_read_number(parent.properties.get("severity"), 1.0), 0.0), 1.0)


def _read_number(value: object, default: float) -> float:
    try:
        return default if value is None else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return default
