"""Scores of all pairs of brands, cached for pages and for percentiles alike, with their as-of time.

A large brand is read from its stored snapshot, and then only the pairs that changed since, which takes milliseconds.
One without a snapshot, or at a past time, is read in a worker process. The score of a pair itself is always read again;
see `docs/concepts/score.md`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.pair_state import CHANGED_PAIRS
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.queries import answers
from consumer_fusion.score.queries.brand_scores import FALLING_DAYS, bring_up_to_date
from consumer_fusion.score.states.brand_snapshots import (
    KEPT_MICROSECONDS,
    BrandSnapshot,
    is_usable,
    read_snapshot,
    read_snapshot_heads,
)
from consumer_fusion.score.states.kept_states import count_kept_states
from consumer_fusion.server.cache import Cache, Version
from consumer_fusion.server.many_pairs import MANY_STATES, read_brands, store_brand
from consumer_fusion.server.worker_pool import WorkerPool
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

PERCENTILE_SECONDS = 300.0
"""Maximum age of scores for percentiles, which change little within minutes."""
INSTANT_STATES = 2_000
"""Number of states of a brand up to which a percentile is waited for."""
COUNTED_SECONDS = 60.0
"""Interval after which the states of a small brand are counted again."""
DRIFT_SECONDS = 10.0
"""Scores decay with time; results computed for now are computed again after this time."""


@dataclass(frozen=True, slots=True)
class Percentile:
    """Percentile of a score within its brand.

    Attributes:
        percentile: From 0 to 100; see `ScoreDistribution.rank`.
        as_of_us: As-of time of the scores of the brand.
    """

    percentile: float
    as_of_us: int


class BrandCache:
    """Caches the scores of brands.

    Args:
        workspace: Workspace.
        workers: Worker processes that read many pairs.
        cache: Cache of the scores.
    """

    def __init__(self, workspace: Workspace, workers: WorkerPool, cache: Cache) -> None:
        self._workspace = workspace
        self._workers = workers
        self._cache = cache
        self._sizes: dict[int, tuple[int, float]] = {}

    def find(
        self, brand_id: int, fixed_us: int | None = None, *, patience_seconds: float = 0.0,
        most_states: float = math.inf,
    ) -> BrandSnapshot | None:  # fmt: skip
        """The scores of all pairs of a brand.

        Args:
            brand_id: The brand.
            fixed_us: As-of time, in microseconds since the epoch; None for the default, which advances.
            patience_seconds: Maximum age of the scores while newer ones are read in the background.
            most_states: Number of states of a brand up to which the caller waits while all of them are read.

        Returns:
            None for a larger brand that is not cached; it is then read in the background.
        """
        workspace = self._workspace
        as_of_us = answers.resolve_as_of(workspace, None) if fixed_us is None else fixed_us
        points_version = put_points_in_force(workspace).points.version
        with workspace.store.reading() as session:
            head = read_snapshot_heads(session, brand_id).get(brand_id) if fixed_us is None else None
            size = self._count_states(session, brand_id)
            is_stored = head is not None and is_usable(head, points_version, as_of_us)
            version = (
                _find_stored_version(session, head)
                if head is not None and is_stored
                else _find_version(session, points_version, as_of_us)
            )
        key = ("brand scores", brand_id, fixed_us)
        if is_stored:
            return self._recall_stored(brand_id, version, as_of_us, patience_seconds)

        def compute() -> BrandSnapshot:
            if size < MANY_STATES:
                return read_brands(workspace, [brand_id], as_of_us)[0]
            if fixed_us is None and not workspace.is_read_only:
                self._workers.run(store_brand, brand_id)
                return self._update(key, brand_id, as_of_us)
            return self._workers.run(read_brands, [brand_id], as_of_us)[0]

        if size >= MANY_STATES and fixed_us is None:
            patience_seconds = math.inf
        ask = self._cache.recall if size <= most_states else self._cache.find
        return ask(key, version, compute, patience_seconds=patience_seconds)

    def find_all(
        self, brand_ids: Collection[int] | None, fixed_us: int | None = None, *,
        change_days: int | None = FALLING_DAYS, begun_us: int | None = None, is_large: bool = False,
        patience_seconds: float = 0.0,
    ) -> list[BrandSnapshot]:  # fmt: skip
        """The scores of all pairs of several brands; the caller waits until all of them are read.

        Args:
            brand_ids: Brands; None for all.
            fixed_us: As-of time, in microseconds since the epoch; None for now, which advances.
            begun_us: As-of time of scores whose order is to be continued: used for now, where there are no snapshots.
            change_days: Number of days over which changes are computed; None where they are not needed.
            is_large: Whether a worker process reads them, because there are many pairs.
            patience_seconds: Maximum age of the scores while newer ones are read in the background.

        Returns:
            A snapshot of each brand, in the order of brands.
        """
        workspace = self._workspace
        is_default = fixed_us == answers.find_fixed_moment(workspace, None)
        as_of_us = workspace.now_us if fixed_us is None else fixed_us
        points_version = put_points_in_force(workspace).points.version
        stored: dict[int, Version] = {}
        with workspace.store.reading() as session:
            if brand_ids is None:
                rows = session.read(ENTITIES, {"entity_type": "brand"}, columns=("entity_id",))
                brand_ids = rows["entity_id"].to_pylist()
            wanted = sorted(brand_ids)
            if is_default and change_days in (None, FALLING_DAYS):
                stored = {
                    brand_id: _find_stored_version(session, head)
                    for brand_id, head in read_snapshot_heads(session).items()
                    if is_usable(head, points_version, as_of_us)
                }
            if fixed_us is None and begun_us is not None:
                fixed_us = as_of_us = begun_us
            version = _find_version(session, points_version, as_of_us)
        if stored.keys() >= set(wanted):
            return [self._recall_stored(each, stored[each], as_of_us, patience_seconds) for each in wanted]

        def compute() -> list[BrandSnapshot]:
            if is_large:
                return self._workers.run(read_brands, wanted, as_of_us, change_days)
            return read_brands(workspace, wanted, as_of_us, change_days)

        key = ("scores of brands", tuple(wanted), fixed_us, change_days)
        return self._cache.recall(key, version, compute, patience_seconds=patience_seconds)

    def find_percentile(
        self, brand_id: int, consumer_id: int, value: float, fixed_us: int | None, *, is_fresh: bool = False
    ) -> Percentile | None:
        """Percentile of a score; None while it is unknown, because a large brand is read for the first time.

        Args:
            brand_id: Brand.
            consumer_id: Consumer.
            value: Score.
            fixed_us: As-of time, in microseconds since the epoch; None for now.
            is_fresh: Whether all scores of the brand must be current.
        """
        default_us = answers.find_fixed_moment(self._workspace, None)
        if fixed_us == default_us:
            asked_us = None
        elif fixed_us is not None:
            return _rank(self.find(brand_id, fixed_us), consumer_id, value)
        else:
            # The default is the time of the newest event; since then scores have only decayed, an hour at a time here.
            asked_us = self._workspace.now_us // KEPT_MICROSECONDS * KEPT_MICROSECONDS
        if is_fresh:
            return _rank(self.find(brand_id, asked_us), consumer_id, value)
        found = self.find(brand_id, asked_us, patience_seconds=PERCENTILE_SECONDS, most_states=INSTANT_STATES)
        return _rank(found, consumer_id, value)

    def _recall_stored(
        self, brand_id: int, version: Version, as_of_us: int, patience_seconds: float
    ) -> BrandSnapshot:
        key = ("brand scores", brand_id, None)
        update = partial(self._update, key, brand_id, as_of_us)
        return self._cache.recall(key, version, update, patience_seconds=patience_seconds)

    def _update(self, key: Hashable, brand_id: int, as_of_us: int) -> BrandSnapshot:
        """The stored snapshot with the pairs that changed since; what was read before is used."""
        force = put_points_in_force(self._workspace)
        before = self._cache.peek(key)
        with self._workspace.store.reading() as session:
            context = force.open(self._workspace, session)
            head = read_snapshot_heads(session, brand_id).get(brand_id)
            if head is not None:
                is_same = isinstance(before, BrandSnapshot) and before.snapshot_id == head["snapshot_id"]
                base = before if is_same else read_snapshot(session, head)
                assert isinstance(base, BrandSnapshot)
                return bring_up_to_date(context, base, as_of_us)
        # It was forgotten meanwhile, because very many pairs changed.
        return self._workers.run(read_brands, [brand_id], as_of_us)[0]

    def _count_states(self, session: Session, brand_id: int) -> int:
        """Number of states of a brand; those of a large one are not counted again, because counting takes long."""
        size, counted = self._sizes.get(brand_id, (0, -math.inf))
        if size < MANY_STATES and monotonic() - counted > COUNTED_SECONDS:
            size = count_kept_states(session, brand_id)
            self._sizes[brand_id] = (size, monotonic())
        return size


def _find_version(session: Session, points_version: str, as_of_us: int) -> Version:
    """Version of scores that are computed from states; those of a time that advances are used for some seconds."""
    return Version(
        (points_version, session.read_version("rules")),
        (
            session.read_version("events"),
            session.read_version("segments"),
            as_of_us // round(DRIFT_SECONDS * 1e6),
        ),
    )


def _find_stored_version(session: Session, head: Mapping[str, Any]) -> Version:
    """Version of a stored snapshot with the pairs that changed since; events of other brands do not change it."""
    newest = session.summarise(CHANGED_PAIRS, "sequence", "max", {"brand_id": head["brand_id"]})
    return Version((head["points_version"], session.read_version("rules")), (head["snapshot_id"], newest))


def _rank(found: BrandSnapshot | None, consumer_id: int, value: float) -> Percentile | None:
    """Percentile of a score in a snapshot; None where there is neither a snapshot yet nor a comparable score."""
    place = None if found is None else found.rank(consumer_id, value)
    return None if found is None or place is None else Percentile(place, found.as_of_us)
