"""Effect of changed points on existing relationships: a sample of pairs scored with both points tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.events.entities import name_entities
from consumer_fusion.events.event_reader import open_events
from consumer_fusion.records.points import PointsTable
from consumer_fusion.score.effective_points import EffectivePoints, put_points_in_force
from consumer_fusion.score.fold.rhythms import apply_rhythm
from consumer_fusion.score.model.pair_events import PairFold
from consumer_fusion.score.points.points_table import digest_folding
from consumer_fusion.score.points_comparison import PointsDifference, compare_points
from consumer_fusion.score.queries.score_queries import read_ledgers, to_events
from consumer_fusion.score.states.kept_states import stream_kept_states
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

SAMPLED_PAIRS = 150
LISTED_PAIRS = 10
_LOOKED_AT = 50_000
_MOVED = 0.05


@dataclass(frozen=True, slots=True)
class PairEffect:
    """Effect of changed points on one relationship.

    Attributes:
        consumer: Key of the consumer.
        brand: Key of the brand.
        before: Current score.
        after: Score with the changed points.
        symbiosis_before: Current class.
        symbiosis_after: Class with the changed points.
    """

    consumer: str
    brand: str
    before: float
    after: float
    symbiosis_before: str
    symbiosis_after: str

    @property
    def change(self) -> float:
        """Change of the score."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Preview:
    """Effect of changed points.

    Attributes:
        differences: Differences between the points tables.
        pair_count: Number of relationships with events of the kind; a lower bound where `is_more`.
        is_more: Whether there are more than were counted.
        sampled_count: Number of relationships scored with both tables.
        mean_change: Mean change of the score in the sample.
        risen_count: Number of scores in the sample that would rise.
        fallen_count: Number of scores in the sample that would fall.
        class_count: Number of relationships in the sample that would change class.
        largest: Largest changes.
        is_folded_anew: Whether saving recomputes stored states from the events, which takes a while.
    """

    differences: Sequence[PointsDifference]
    pair_count: int
    is_more: bool
    sampled_count: int
    mean_change: float
    risen_count: int
    fallen_count: int
    class_count: int
    largest: Sequence[PairEffect]
    is_folded_anew: bool


def preview_points(workspace: Workspace, after: PointsTable, key: str, as_of_us: int) -> Preview:
    """Score a sample of the relationships with events of a kind, with the points in force and with changed ones.

    Args:
        workspace: Workspace.
        after: Changed points.
        key: Key of the changed kind.
        as_of_us: As-of time of the scores, in microseconds since the epoch.
    """
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        pairs = _find_pairs(workspace, session, force, key)
        sample = _spread(pairs, SAMPLED_PAIRS)
        effects = _measure(workspace, session, force, after, key, sample, as_of_us)
    changes = [effect.change for effect in effects]
    return Preview(
        differences=list(compare_points(force.points, after)),
        pair_count=pairs.num_rows,
        is_more=pairs.num_rows >= _LOOKED_AT,
        sampled_count=len(effects),
        mean_change=sum(changes) / len(changes) if changes else 0.0,
        risen_count=sum(change > _MOVED for change in changes),
        fallen_count=sum(change < -_MOVED for change in changes),
        class_count=sum(effect.symbiosis_before != effect.symbiosis_after for effect in effects),
        largest=sorted(effects, key=lambda effect: -abs(effect.change))[:LISTED_PAIRS],
        is_folded_anew=digest_folding(force.points) != digest_folding(after),
    )


def _find_pairs(workspace: Workspace, session: Session, force: EffectivePoints, key: str) -> pa.Table:
    """Pairs with events of the kind."""
    columns = ("consumer_id", "brand_id")
    number = force.kind_ids.get(key)
    if number is not None and key in force.points.kinds:
        found = _take_pairs(session, number)
        if found.num_rows:
            return found
    source = open_events(
        session, workspace.folder, columns=(*columns, "kind_id", "kind", "day", "occurred_us")
    )
    return workspace.engine.read(
        "select distinct e.consumer_id, e.brand_id "  # noqa: S608 - names of our own columns
        f"from {source.relation} e join wanted_kind w on w.kind = e.kind limit {_LOOKED_AT}",
        step="find pairs with events of a kind",
        tables={**source.tables, "wanted_kind": pa.table({"kind": [key.split("/", 1)[0]]})},
    )


def _take_pairs(session: Session, kind_id: int) -> pa.Table:
    """The first pairs with a state of the kind."""
    parts, count = [], 0
    for states in stream_kept_states(session):
        parts.append(states.filter(pc.equal(states["kind_id"], kind_id)).select(["consumer_id", "brand_id"]))
        count += parts[-1].num_rows
        if count >= _LOOKED_AT:
            break
    return pa.concat_tables(parts).slice(0, _LOOKED_AT)


def _spread(pairs: pa.Table, count: int) -> pa.Table:
    """A number of rows, spread evenly over the table."""
    if pairs.num_rows <= count:
        return pairs
    ordered = pairs.sort_by([("consumer_id", "ascending"), ("brand_id", "ascending")])
    return ordered.take([place * pairs.num_rows // count for place in range(count)])


def _measure(
    workspace: Workspace,
    session: Session,
    force: EffectivePoints,
    after: PointsTable,
    key: str,
    sample: pa.Table,
    as_of_us: int,
) -> list[PairEffect]:
    if not sample.num_rows:
        return []
    # Dispersions and rhythms learnt from this workspace apply to the changed points too.
    after = replace(after, dispersions=force.points.dispersions, rhythms=force.points.rhythms)
    ledgers = read_ledgers(
        force.open(workspace, session),
        consumers=pc.unique(sample["consumer_id"]).to_pylist(),
        brand_ids=pc.unique(sample["brand_id"]).to_pylist(),
        until_us=as_of_us,
    )
    names = name_entities(
        session, [*pc.unique(sample["consumer_id"]).to_pylist(), *pc.unique(sample["brand_id"]).to_pylist()]
    )
    effects = []
    for pair in sample.to_pylist():
        own = ledgers.filter(
            pc.and_(
                pc.equal(ledgers["consumer_id"], pair["consumer_id"]),
                pc.equal(ledgers["brand_id"], pair["brand_id"]),
            )
        )
        events = to_events(own)
        own_points, own_after = (apply_rhythm(one, pair["brand_id"]) for one in (force.points, after))
        before = PairFold(events, own_points).read(as_of_us)
        if key not in force.points.kinds:
            # Events of a kind without points have no magnitude; with the rule `one` each counts once.
            events = replace(events, magnitude=np.where(events.magnitude == 0, 1.0, events.magnitude))
        reading = PairFold(events, own_after).read(as_of_us)
        effects.append(
            PairEffect(
                names[pair["consumer_id"]],
                names[pair["brand_id"]],
                before.fusion_score,
                reading.fusion_score,
                before.symbiosis,
                reading.symbiosis,
            )
        )
    return effects
