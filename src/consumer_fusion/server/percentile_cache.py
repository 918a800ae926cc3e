"""Percentiles of scores within their brand, computed from the last read of the brand, with its as-of time.

The percentile of one score needs the scores of all pairs of the brand. These are read in a worker process, and not
for every request, because a percentile changes little within minutes. The score itself is always read again; see
`docs/concepts/score.md`. Brands are read ahead for now and the default as-of time, so that requests do not wait.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from time import monotonic

import numpy as np

from consumer_fusion.records.points import POINTS_MARK
from consumer_fusion.score.model.percentiles import ScoreDistribution, compute_distribution, read_percentiles
from consumer_fusion.score.queries import answers
from consumer_fusion.score.states.kept_states import count_kept_states
from consumer_fusion.server.cache import Cache, Version
from consumer_fusion.server.many_pairs import (
    MANY_STATES,
    FloatArray,
    IntArray,
    count_all_states,
    group_brands,
    read_places,
    read_places_in_worker,
)
from consumer_fusion.server.worker_pool import WorkerPool
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

GOOD_SECONDS = 300.0
"""Time for which percentiles are computed from the same read, whatever arrives."""
INSTANT_STATES = 2_000
"""Number of state rows up to which a brand is read at once on its first request."""
COUNTED_SECONDS = 60.0
"""Interval after which the state rows of a small brand are counted again."""
_SAME_SCORE = 0.05
"""Smaller changes are due to decay: within minutes no score decays by more, and such a change is not visible."""


@dataclass(frozen=True, slots=True)
class Percentile:
    """Percentile of a score within its brand.

    Attributes:
        percentile: Percentile from `score.ScoreDistribution.rank`.
        as_of_us: As-of time of the scores of the brand.
    """

    percentile: float
    as_of_us: int


@dataclass(frozen=True, slots=True)
class BrandPercentiles:
    """The scores of all pairs of a brand at an as-of time.

    Attributes:
        as_of_us: As-of time, in microseconds since the epoch.
        consumers: Consumer ids, in ascending order.
        scores: Scores, in the same order.
        spread: Distribution of the scores.
    """

    as_of_us: int
    consumers: IntArray
    scores: FloatArray
    spread: ScoreDistribution

    def rank(self, consumer_id: int, value: float) -> Percentile | None:
        """Percentile of a consumer's score; a missing or since changed pair is ranked by the given score."""
        if not len(self.scores):
            return None
        found = int(np.searchsorted(self.consumers, consumer_id))
        if found < len(self.consumers) and self.consumers[found] == consumer_id:
            if abs(self.scores[found] - value) < _SAME_SCORE:
                value = float(self.scores[found])
        return Percentile(float(self.spread.rank([value])[0]), self.as_of_us)


class PercentileCache:
    """Provides percentiles; call `warm` at the start.

    Args:
        workspace: Workspace.
        workers: Worker processes that read many pairs.
        cache: Cache of the scores of brands.
    """

    def __init__(self, workspace: Workspace, workers: WorkerPool, cache: Cache) -> None:
        self._workspace = workspace
        self._workers = workers
        self._cache = cache
        self._sizes: dict[int, tuple[int, float]] = {}

    def find_percentile(
        self, brand_id: int, consumer_id: int, value: float, as_of_us: int | None, *, is_fresh: bool = False
    ) -> Percentile | None:
        """Percentile of a score; None while it is unknown, because a large brand is read for the first time.

        Args:
            brand_id: Brand.
            consumer_id: Consumer.
            value: Score.
            as_of_us: As-of time, in microseconds since the epoch; None for now.
            is_fresh: Whether all scores of the brand must be current.
        """
        is_ahead = as_of_us is None or as_of_us == answers.find_fixed_moment(self._workspace, None)
        with self._workspace.store.reading() as session:
            # Scores at a past time do not change while the rules stay the same, except by late events.
            moving = object() if is_fresh else int(monotonic() // GOOD_SECONDS)
            version = Version(session.read_version("rules"), moving)
            size = self._find_size(session, brand_id)
        key = _make_key(brand_id, as_of_us)

        def compute() -> BrandPercentiles:
            (made,) = self._read([brand_id], as_of_us, size=size, is_ahead=is_ahead and not is_fresh)
            return made

        if size <= INSTANT_STATES or not is_ahead or is_fresh:
            patience = math.inf if is_ahead and not is_fresh else 0.0
            found = self._cache.recall(key, version, compute, patience_seconds=patience)
        else:
            kept = self._cache.find(key, version, compute, patience_seconds=math.inf)
            if kept is None:
                with self._workspace.store.reading() as session:
                    return self._read_kept(session, brand_id, value, as_of_us)
            found = kept
        return found.rank(consumer_id, value)

    def warm(self) -> None:
        """Read all brands in the background, the largest first, so that percentiles are ready when needed."""
        as_of_us = answers.find_fixed_moment(self._workspace, None)
        with self._workspace.store.reading() as session:
            sizes = count_all_states(session)
            version = Version(session.read_version("rules"), int(monotonic() // GOOD_SECONDS))
        large = {each: size for each, size in sizes.items() if size > INSTANT_STATES}
        self._sizes |= {each: (size, monotonic()) for each, size in sizes.items()}

        def read() -> None:
            for brand_ids in group_brands(large):
                size = sum(large[each] for each in brand_ids)
                began = monotonic()
                made = self._read(brand_ids, as_of_us, size=size, is_ahead=True)
                for brand_id, each in zip(brand_ids, made, strict=True):
                    key = _make_key(brand_id, as_of_us)
                    self._cache.put(key, version, each, seconds=monotonic() - began)

        self._cache.run_later(("percentiles", "all"), read)

    def _find_size(self, session: Session, brand_id: int) -> int:
        """Number of state rows of a brand; a large one is not counted again, because counting takes long."""
        size, counted = self._sizes.get(brand_id, (0, -math.inf))
        if size < MANY_STATES and monotonic() - counted > COUNTED_SECONDS:
            size = count_kept_states(session, brand_id)
            self._sizes[brand_id] = (size, monotonic())
        return size

    def _read_kept(
        self, session: Session, brand_id: int, value: float, as_of_us: int | None
    ) -> Percentile | None:
        """Percentile from a distribution stored by an earlier run of the server or by a command."""
        version = session.read_mark(POINTS_MARK) or ""
        moment = self._workspace.now_us if as_of_us is None else as_of_us
        found = read_percentiles(session, brand_id, [value], moment, version)
        return None if found is None else Percentile(found[0][0], found[1])

    def _read(
        self, brand_ids: Sequence[int], as_of_us: int | None, *, size: int, is_ahead: bool
    ) -> list[BrandPercentiles]:
        moment = self._workspace.now_us if as_of_us is None else as_of_us
        if size < MANY_STATES:
            read = read_places(self._workspace, brand_ids, moment)
        elif is_ahead:
            read = self._workers.run_ahead(read_places_in_worker, brand_ids, moment)
        else:
            read = self._workers.run(read_places, brand_ids, moment)
        return [
            BrandPercentiles(moment, consumers, scores, compute_distribution(scores))
            for consumers, scores in (read[brand_id] for brand_id in brand_ids)
        ]


def _make_key(brand_id: int, as_of_us: int | None) -> Hashable:
    return ("percentiles", brand_id, as_of_us)
