"""Deriving and folding: what follows from stored events is brought up to date, in the transaction of the change.

Derived events are written or deleted, and states are folded. `pipeline` gives the order in
which an event gets here.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from consumer_fusion.events.entities import ensure_keys, name_entities
from consumer_fusion.events.event_reader import read_identity_map
from consumer_fusion.events.landing import AffectedConsumers, Progress, ignore_progress
from consumer_fusion.i18n.messages import store_message
from consumer_fusion.records.derived_event import DerivedEvent, ParentEvent
from consumer_fusion.records.event import DERIVED_EVENTS
from consumer_fusion.records.timestamps import to_day
from consumer_fusion.score.fold.derivation import derive_failures, derive_recoveries
from consumer_fusion.score.fold.folding import fold_new_events, refold
from consumer_fusion.score.fold.message_derivation import apply_perceptions
from consumer_fusion.score.fold.parent_events import read_parents
from consumer_fusion.score.score_context import ScoreContext
from consumer_fusion.spillover.links import read_associations
from consumer_fusion.spillover.reputations import derive_reputations


def derive_and_fold(
    context: ScoreContext, landing: AffectedConsumers, now_us: int, progress: Progress = ignore_progress
) -> None:
    """Bring what follows from events up to date: derived events, and states.

    Args:
        context: The transaction of the change, and the points in force.
        landing: Consumers affected by the change.
        now_us: Current time.
        progress: Progress callback.
    """
    if landing.refold_consumers:
        identity_map = read_identity_map(context.session)
        landing.refold_consumers = {identity_map.get(each, each) for each in landing.refold_consumers}
        if landing.consumers is not None:
            landing.consumers |= landing.refold_consumers | landing.refold_members
    if landing.consumers is None or landing.consumers:
        progress("derive", 0, None)
        landing.refold_consumers |= derive_events(context, landing.consumers, now_us)
    if landing.refold_consumers or landing.refold_members:
        progress("fold again", 0, None)
        refold(context, consumers=landing.refold_consumers, members=landing.refold_members)
    progress("fold", 0, None)
    while fold_new_events(context):
        pass


def derive_events(context: ScoreContext, consumers: Collection[int] | None, now_us: int) -> set[int]:
    """Write the events derived from the stored ones, and delete those that no longer follow.

    Args:
        context: The transaction of the change, and the points in force.
        consumers: Canonical consumers; None for all.
        now_us: Current time.

    Returns:
        Canonical consumers that lost a derived event and must be folded again.
    """
    session, points = context.session, context.points
    perceived = apply_perceptions(context, read_parents(context, consumers=consumers), consumers)
    parents = perceived.parents
    identity_map = read_identity_map(session)
    links = [
        replace(link, consumer_id=identity_map.get(link.consumer_id, link.consumer_id))
        for link in read_associations(session)
    ]
    brand_keys = name_entities(
        session, {parent.brand_id for parent in parents} | {link.brand_id for link in links}
    )
    derived = [
        *perceived.derived,
        *derive_failures(parents, points),
        *derive_reputations(parents, links, brand_keys, points, perceived.perceptions),
    ]
    derived += derive_recoveries(parents, derived, points)
    return _replace_derived(context, derived, brand_keys, consumers, now_us)


def _replace_derived(
    context: ScoreContext,
    derived: Sequence[DerivedEvent],
    brand_keys: Mapping[int, str],
    consumers: Collection[int] | None,
    now_us: int,
) -> set[int]:
    session = context.session
    parent_sources = name_entities(session, {each.parent.source_id for each in derived})
    own_sources = ensure_keys(session, "source", [f"derived from {key}" for key in parent_sources.values()])
    source_ids = {number: own_sources[f"derived from {key}"] for number, key in parent_sources.items()}
    names = DERIVED_EVENTS.column_names[1:]
    wanted = {
        row[:2]: row
        for row in (
            _write_derived(each, source_ids, context.kind_ids, brand_keys, now_us) for each in derived
        )
    }
    if consumers is None:
        known = session.read(DERIVED_EVENTS)
    else:
        keys = pa.table({"consumer_id": pa.array(sorted(consumers), pa.int64())})
        known = session.read_matching(DERIVED_EVENTS, keys)
    lost: set[int] = set()
    gone: list[int] = []
    unchanging = [name for name in names if name != "received_us"]
    for row in known.to_pylist():
        key = (row["source_id"], row["event_id"])
        new = wanted.get(key)
        if new is not None and all(row[name] == new[names.index(name)] for name in unchanging):
            del wanted[key]
        else:
            gone.append(row["sequence"])
            lost.add(row["consumer_id"])
    if gone:
        session.delete_matching(DERIVED_EVENTS, pa.table({"sequence": pa.array(gone, pa.int64())}))
    session.insert(DERIVED_EVENTS, names, wanted.values())
    return lost


def _write_derived(
    each: DerivedEvent,
    source_ids: Mapping[int, int],
    kind_ids: Mapping[str, int],
    brand_keys: Mapping[int, str],
    received_us: int,
) -> tuple[Any, ...]:
    parent: ParentEvent = each.parent
    brand = brand_keys.get(each.brand_id, str(each.brand_id))
    properties = {
        name: parent.properties[name]
        for name in ("severity", "sentiment", "people", "onlookers_share")
        if name in parent.properties
    }
    return (
        source_ids[parent.source_id],
        f"{parent.event_id} > {each.kind_key} > {brand}",
        each.occurred_us,
        "second",
        received_us,
        to_day(each.occurred_us),
        parent.consumer_id,
        each.brand_id,
        each.kind_key,
        kind_ids[each.kind_key],
        None,
        None,
        None,
        None,
        each.trust,
        each.magnitude,
        json.dumps(properties),
        parent.source_id,
        parent.event_id,
        each.association_id,
        store_message(each.sentence),
    )
