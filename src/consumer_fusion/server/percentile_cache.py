"""Percentiles: where a score lies among all of its brand, told from what was last read of them, with its moment.

To know the place of one score, those of all pairs of the brand must be read. That is done aside, and not for every
question: a place moves little in some minutes. The score itself is always read anew; see `docs/concepts/score.md`.
Now and the usual moment are asked about again and again; brands are read for them ahead, and nobody waits for it.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from time import monotonic

import numpy as np

from consumer_fusion.score.effective_points import POINTS_MARK
from consumer_fusion.score.model.percentiles import ScoreDistribution, read_standing, spread_scores
from consumer_fusion.score.queries import answers
from consumer_fusion.server.cache import Cache, Version
from consumer_fusion.server.many_pairs import (
    MANY_STATES,
    FloatArray,
    IntArray,
    count_all_states,
    count_states,
    group_brands,
    read_places,
    read_places_in_worker,
)
from consumer_fusion.server.worker_pool import WorkerPool
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

GOOD_SECONDS = 300.0
"""For so long places are told from the same reading, whatever came in."""
INSTANT_STATES = 2_000
"""So many rows of states are read at once when a brand is asked about for the first time."""
COUNTED_SECONDS = 60.0
"""How many rows of states a small brand has is counted again after so long."""
_SAME_SCORE = 0.05
"""A score that moved by less only faded: within minutes none fades by more, and nobody sees a smaller move."""


@dataclass(frozen=True, slots=True)
class Percentile:
    """Where a score lies among those of its brand.

    Attributes:
        percentile: As `score.ScoreDistribution.rank` tells it.
        as_of_us: The moment of those.
    """

    percentile: float
    as_of_us: int


@dataclass(frozen=True, slots=True)
class BrandPercentiles:
    """The scores of all pairs of a brand at a moment.

    Attributes:
        as_of_us: The moment.
        consumers: In ascending order.
        scores: In their order.
        spread: How they are spread.
    """

    as_of_us: int
    consumers: IntArray
    scores: FloatArray
    spread: ScoreDistribution

    def rank(self, consumer_id: int, value: float) -> Percentile | None:
        """The place of a consumer's score; a pair that is not there or moved since is placed by its score."""
        if not len(self.scores):
            return None
        found = int(np.searchsorted(self.consumers, consumer_id))
        if found < len(self.consumers) and self.consumers[found] == consumer_id:
            if abs(self.scores[found] - value) < _SAME_SCORE:
                value = float(self.scores[found])
        return Percentile(float(self.spread.rank([value])[0]), self.as_of_us)


class PercentileCache:
    """Tells places; `warm` in the beginning.

    Args:
        workspace: The workspace.
        workers: Where many pairs are read.
        cache: Where the scores of brands are kept.
    """

    def __init__(self, workspace: Workspace, workers: WorkerPool, cache: Cache) -> None:
        self._workspace = workspace
        self._workers = workers
        self._cache = cache
        self._sizes: dict[int, tuple[int, float]] = {}

    def find_place(
        self, brand_id: int, consumer_id: int, value: float, as_of_us: int | None, *, is_fresh: bool = False
    ) -> Percentile | None:
        """Where a score lies; None while that is not known: of a large brand that is being read for the first time.

        Args:
            brand_id: The brand.
            consumer_id: The consumer.
            value: Their score.
            as_of_us: The moment asked about; None for now.
            is_fresh: Whether all scores of the brand must be of now.
        """
        is_ahead = as_of_us is None or as_of_us == answers.find_fixed_moment(self._workspace, None)
        with self._workspace.store.reading() as session:
            # A moment that is past does not change while the rules stay, but for events that tell of it late.
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
        """Read all brands in the background, the largest first, so that places are known when they are asked for."""
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
        """How many rows of states a brand has, or had when it was large already: to count them takes long."""
        size, counted = self._sizes.get(brand_id, (0, -math.inf))
        if size < MANY_STATES and monotonic() - counted > COUNTED_SECONDS:
            size = count_states(session, brand_id)
            self._sizes[brand_id] = (size, monotonic())
        return size

    def _read_kept(
        self, session: Session, brand_id: int, value: float, as_of_us: int | None
    ) -> Percentile | None:
        """The place as an earlier run of the server, or a command, left the means to tell it."""
        version = session.read_mark(POINTS_MARK) or ""
        moment = self._workspace.now_us if as_of_us is None else as_of_us
        found = read_standing(session, brand_id, [value], moment, version)
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
            BrandPercentiles(moment, consumers, scores, spread_scores(scores))
            for consumers, scores in (read[brand_id] for brand_id in brand_ids)
        ]


def _make_key(brand_id: int, as_of_us: int | None) -> Hashable:
    return ("percentiles", brand_id, as_of_us)
