"""Standings: where a score lies among all of its brand, told from what was last read of them, with its moment.

To know the place of one score, those of all pairs of the brand must be read. That is done aside, and not for every
question: a place moves little in some minutes. The score itself is always read anew; see `docs/concepts/score.md`.
Now and the usual moment are asked about again and again; brands are read for them ahead, and nobody waits for it.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic

import numpy as np

from consumer_fusion.score.effective_points import POINTS_MARK
from consumer_fusion.score.model.percentiles import Spread, read_standing, spread_scores
from consumer_fusion.score.queries import answers
from consumer_fusion.server.many_pairs import (
    MANY_STATES,
    FloatArray,
    IntArray,
    count_all_states,
    count_states,
    group_brands,
    read_places,
    read_places_aside,
)
from consumer_fusion.server.worker_pool import WorkerProcess
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

GOOD_SECONDS = 300.0
"""For so long places are told from the same reading, whatever came in."""
INSTANT_STATES = 2_000
"""So many rows of states are read at once when a brand is asked about for the first time."""
KEPT_PAIRS = 5_000_000
"""So many pairs are kept in memory, up to 32 bytes each; of brands that were not asked about the longest, none."""
_SAME_SCORE = 0.05
"""A score that moved by less only faded: within minutes none fades by more, and nobody sees a smaller move."""
_log = logging.getLogger("consumer_fusion.standings")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a score lies among those of its brand.

    Attributes:
        percentile: As `score.Spread.rank` tells it.
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
        basis: The version of the rules that they were read with.
        made: When, on the clock of `time.monotonic`.
    """

    as_of_us: int
    consumers: IntArray
    scores: FloatArray
    spread: Spread
    basis: int
    made: float

    def rank(self, consumer_id: int, value: float) -> Place | None:
        """The place of a consumer's score; a pair that is not there or moved since is placed by its score."""
        if not len(self.scores):
            return None
        found = int(np.searchsorted(self.consumers, consumer_id))
        if found < len(self.consumers) and self.consumers[found] == consumer_id:
            if abs(self.scores[found] - value) < _SAME_SCORE:
                value = float(self.scores[found])
        return Place(float(self.spread.rank([value])[0]), self.as_of_us)


class PercentileCache:
    """Tells places; `warm` in the beginning, `close` in the end.

    Args:
        workspace: The workspace.
        aside: Where many pairs are read.
    """

    def __init__(self, workspace: Workspace, aside: WorkerProcess) -> None:
        self._workspace = workspace
        self._aside = aside
        self._kept: OrderedDict[tuple[int, int | None], BrandPercentiles] = OrderedDict()
        self._sizes: dict[int, int] = {}
        self._refreshing: set[tuple[int, int | None]] = set()
        self._is_closed = False
        self._lock = threading.Lock()
        self._refresher = ThreadPoolExecutor(1, thread_name_prefix="standings")

    def find_place(
        self, brand_id: int, consumer_id: int, value: float, as_of_us: int | None, *, is_fresh: bool = False
    ) -> Place | None:
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
            basis = session.read_version("rules")
            with self._lock:
                kept = self._kept.get((brand_id, as_of_us))
                if kept is not None:
                    self._kept.move_to_end((brand_id, as_of_us))
            if kept is not None and kept.basis == basis and not is_fresh:
                is_good = monotonic() - kept.made <= GOOD_SECONDS
                if not is_good and is_ahead:
                    self._refresh_later([brand_id], as_of_us)
                if is_good or is_ahead:
                    return kept.rank(consumer_id, value)
            size = self._find_size(session, brand_id)
            if size > INSTANT_STATES and is_ahead and not is_fresh:
                self._refresh_later([brand_id], as_of_us)
                return self._read_kept(session, brand_id, value, as_of_us)
        made = self._make([brand_id], as_of_us, basis, size=size, is_ahead=is_ahead)
        return made[0].rank(consumer_id, value)

    def warm(self) -> None:
        """Read all brands in the background, the largest first, so that places are known when they are asked for."""
        as_of_us = answers.find_fixed_moment(self._workspace, None)
        with self._workspace.store.reading() as session:
            sizes = count_all_states(session)
        self._sizes.update(sizes)
        for together in group_brands({each: size for each, size in sizes.items() if size > INSTANT_STATES}):
            self._refresh_later(together, as_of_us)

    def close(self) -> None:
        """End what runs in the background."""
        with self._lock:
            self._is_closed = True
        self._refresher.shutdown(wait=True, cancel_futures=True)

    def _find_size(self, session: Session, brand_id: int) -> int:
        """How many rows of states a brand has, or had when it was large already: to count them takes long."""
        if self._sizes.get(brand_id, 0) < MANY_STATES:
            self._sizes[brand_id] = count_states(session, brand_id)
        return self._sizes[brand_id]

    def _read_kept(self, session: Session, brand_id: int, value: float, as_of_us: int | None) -> Place | None:
        """The place as an earlier run of the server, or a command, left the means to tell it."""
        version = session.read_mark(POINTS_MARK) or ""
        moment = self._workspace.now_us if as_of_us is None else as_of_us
        found = read_standing(session, brand_id, [value], moment, version)
        return None if found is None else Place(found[0][0], found[1])

    def _make(
        self, brand_ids: Sequence[int], as_of_us: int | None, basis: int, *, size: int, is_ahead: bool
    ) -> list[BrandPercentiles]:
        moment = self._workspace.now_us if as_of_us is None else as_of_us
        if size >= MANY_STATES:
            if is_ahead:
                read = self._aside.run_ahead(read_places_aside, brand_ids, moment)
            else:
                read = self._aside.run(read_places, brand_ids, moment)
        else:
            read = read_places(self._workspace, brand_ids, moment)
        made = [
            BrandPercentiles(moment, consumers, scores, spread_scores(scores), basis, monotonic())
            for consumers, scores in (read[brand_id] for brand_id in brand_ids)
        ]
        with self._lock:
            for brand_id, each in zip(brand_ids, made, strict=True):
                self._kept[brand_id, as_of_us] = each
                self._kept.move_to_end((brand_id, as_of_us))
            total = sum(len(each.scores) + 100 for each in self._kept.values())
            while total > KEPT_PAIRS and len(self._kept) > 1:
                total -= len(self._kept.popitem(last=False)[1].scores) + 100
        return made

    def _refresh_later(self, wanted: Sequence[int], as_of_us: int | None) -> None:
        with self._lock:
            brand_ids = [each for each in wanted if (each, as_of_us) not in self._refreshing]
            if not brand_ids or self._is_closed:
                return
            self._refreshing.update((each, as_of_us) for each in brand_ids)

        def refresh() -> None:
            try:
                with self._workspace.store.reading() as session:
                    basis = session.read_version("rules")
                    size = sum(self._find_size(session, each) for each in brand_ids)
                self._make(brand_ids, as_of_us, basis, size=size, is_ahead=True)
            except Exception as error:  # noqa: BLE001 - whoever asks next tries again
                _log.warning("brands could not be read: %s", type(error).__name__)
            finally:
                with self._lock:
                    self._refreshing.difference_update((each, as_of_us) for each in brand_ids)

        self._refresher.submit(refresh)
