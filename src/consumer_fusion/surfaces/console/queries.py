"""Cached queries of the workspace for the pages: scores of a brand, one pair, activity, the brands."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion import inspection
from consumer_fusion.causal.effects.effect_report import EffectReport
from consumer_fusion.causal.effects.operations import EffectParameters, answer_question
from consumer_fusion.causal.effects.shrinking import read_effect
from consumer_fusion.events.activity_counts import Activity, count_activity
from consumer_fusion.events.entities import find_keys, name_entities
from consumer_fusion.events.event_reader import find_members, map_canonical
from consumer_fusion.i18n.translation import read_language
from consumer_fusion.perception.message_views import (
    AspectSentiment,
    MonthlySentiment,
    summarise_aspects,
    summarise_months,
)
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.event import DERIVED_EVENTS, EVENTS
from consumer_fusion.records.segment import SEGMENTS
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, from_microseconds
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.model.score_arrays import score_states
from consumer_fusion.score.queries import answers, pair_answers
from consumer_fusion.score.queries.answers import NamedMoment
from consumer_fusion.score.queries.brand_scores import FALLING_DAYS
from consumer_fusion.score.queries.brand_visibility import find_brand_ids
from consumer_fusion.score.queries.score_queries import read_states
from consumer_fusion.score.queries.trends import add_present, list_trend_days, read_trend
from consumer_fusion.score.states.kept_states import read_kept_states
from consumer_fusion.server.brand_cache import BrandCache
from consumer_fusion.server.cache import Cache, Version
from consumer_fusion.server.many_pairs import MANY_STATES, is_many, summarise_brands
from consumer_fusion.server.worker_pool import WorkerPool
from consumer_fusion.surfaces.console.cache_control import find_patience
from consumer_fusion.workspace import Workspace

T = TypeVar("T")
MOMENTS_KNOWN = 200
"""Number of as-of times remembered as moving or fixed."""
BRANDS_WARMED = 5
_NOW_US = 3_600_000_000
"""An as-of time this close to the clock counts as now for percentiles."""
_STEP_US = 600_000_000
"""The default as-of time moves in steps of ten minutes, so that cached values can be used; new events count at once."""


@dataclass(frozen=True, slots=True)
class BrandsData:
    """All brands at an as-of time.

    Attributes:
        as_of_us: As-of time, in microseconds since the epoch.
        brands: Columns of `answers.summarise_brands`, the largest brand first.
    """

    as_of_us: int
    brands: pa.Table


@dataclass(frozen=True, slots=True)
class BrandData:
    """The relationships of a brand at an as-of time.

    Attributes:
        brand: Key of the brand.
        brand_id: Number of the brand.
        fixed_us: As-of time that was chosen by date; None for the default.
        as_of_us: As-of time, in microseconds since the epoch.
        scores: Columns `SNAPSHOT_SCHEMA`, in the order of consumers.
    """

    brand: str
    brand_id: int
    fixed_us: int | None
    as_of_us: int
    scores: pa.Table


@dataclass(frozen=True, slots=True)
class PairData:
    """One relationship at an as-of time.

    Attributes:
        answer: The score with its contributions, changes and events.
        percentile: Percentile among the pairs of the brand, 0 to 100; None where unknown.
        change_28_days: Change of the score over the last 28 days.
    """

    answer: pair_answers.PairSnapshot
    percentile: float | None
    change_28_days: float


class ConsoleQueries:
    """Queries for the pages, with a cache.

    Args:
        workspace: Workspace.
        cache: Cache of results.
        workers: Worker processes that read many pairs.
        brands: Scores of all pairs of brands.
    """

    def __init__(
        self,
        workspace: Workspace,
        cache: Cache | None = None,
        workers: WorkerPool | None = None,
        brands: BrandCache | None = None,
    ) -> None:
        self._workspace = workspace
        self.cache = cache or Cache()
        self._workers = workers or WorkerPool(workspace)
        self._brands = brands or BrandCache(workspace, self._workers, self.cache)
        self._chosen: OrderedDict[int, bool] = OrderedDict()
        self._lock = threading.Lock()

    def find_version(self, as_of_us: int = 0) -> Version:
        """Version of the data that results depend on now.

        Args:
            as_of_us: As-of time, for results whose as-of time moves with the clock; otherwise 0.
        """
        version = put_points_in_force(self._workspace).points.version
        with self._workspace.store.reading() as session:
            return Version(
                (version, session.read_version("rules"), session.read_version("actions")),
                (session.read_version("events"), session.read_version("segments"), as_of_us),
            )

    def choose_moment(self, asked: NamedMoment | None = None) -> int:
        """As-of time in microseconds when none is given as a date.

        Args:
            asked: Named as-of time (newest event or now); None for the default.
        """
        moment_us = answers.find_fixed_moment(self._workspace, asked)
        is_now = moment_us is None
        if moment_us is None:
            newest_us = answers.resolve_as_of(self._workspace, "latest")
            moment_us = max(newest_us, self._workspace.now_us // _STEP_US * _STEP_US)
        with self._lock:
            self._chosen[moment_us] = is_now
            self._chosen.move_to_end(moment_us)
            while len(self._chosen) > MOMENTS_KNOWN:
                self._chosen.popitem(last=False)
        return moment_us

    def read_brands(self, as_of_us: int) -> BrandsData:
        """Summary of all brands. In a large workspace it may be stale; its `as_of_us` says how old it is."""
        found = self._find_brands(as_of_us, is_waiting=True)
        assert found is not None, "it waits"
        return found

    def find_brands(self, as_of_us: int) -> BrandsData | None:
        """Like `read_brands`, but None where reading takes seconds; it is then computed in the background."""
        return self._find_brands(as_of_us, is_waiting=False)

    def list_brand_names(self, as_of_us: int) -> list[str]:
        """Keys of all brands, the largest first; alphabetically until their sizes are known."""
        found = self.find_brands(as_of_us)
        if found is not None:
            return list(found.brands["brand"].to_pylist())
        with self._workspace.store.reading() as session:
            rows = session.read(
                ENTITIES, {"entity_type": "brand"}, columns=("entity_key",), order_by=("entity_key",)
            )
        return list(rows["entity_key"].to_pylist())

    def _find_brands(self, as_of_us: int, *, is_waiting: bool) -> BrandsData | None:
        is_large = self._is_many(None)
        if is_large and self._find_fixed(as_of_us) is None:
            kept = self.cache.recall(
                ("brands", "snapshots"), self.find_version(),
                lambda: answers.read_brand_summaries(self._workspace), patience_seconds=find_patience(),
            )  # fmt: skip
            if kept is not None:
                return BrandsData(kept[1], kept[0])

        def make() -> BrandsData:
            if is_large:
                return BrandsData(as_of_us, self._workers.run(summarise_brands, as_of_us))
            return BrandsData(as_of_us, summarise_brands(self._workspace, as_of_us))

        key, version = self._place(("brands",), as_of_us)
        ask = self._recall if is_waiting else self._find
        return ask(key, version, make, is_large=is_large)

    def read_brand(self, brand: str, as_of_us: int) -> BrandData:
        """The relationships of a brand. Those of a large brand may be stale; `as_of_us` says how old they are.

        Raises:
            NotFoundError: There is no such brand.
        """
        found = self._find_brand(brand, as_of_us, is_waiting=True)
        assert found is not None, "it waits"
        return found

    def find_brand(self, brand: str, as_of_us: int) -> BrandData | None:
        """Like `read_brand`, but None where reading takes seconds; it is then computed in the background."""
        return self._find_brand(brand, as_of_us, is_waiting=False)

    def _find_brand(self, brand: str, as_of_us: int, *, is_waiting: bool) -> BrandData | None:
        with self._workspace.store.reading() as session:
            brand_id = (find_brand_ids(session, brand) or [0])[0]
        fixed_us = self._find_fixed(as_of_us)
        most_states = math.inf if is_waiting else MANY_STATES
        found = self._brands.find(
            brand_id, fixed_us, patience_seconds=find_patience(), most_states=most_states
        )
        return None if found is None else BrandData(brand, brand_id, fixed_us, found.as_of_us, found.scores)

    def _find_fixed(self, as_of_us: int) -> int | None:
        """The as-of time if it was chosen by date; None for the default one, which advances."""
        with self._lock:
            is_named = as_of_us in self._chosen
        is_default = is_named and answers.find_fixed_moment(self._workspace, None) in (None, as_of_us)
        return None if is_default else as_of_us

    def name_consumers(self, consumers: Collection[int]) -> dict[int, str]:
        """The keys of consumers."""
        with self._workspace.store.reading() as session:
            return name_entities(session, consumers)

    def list_consumers(self, search: str = "") -> npt.NDArray[np.int64]:
        """The consumers whose key contains a text, whatever its case, in the order of their keys."""
        with self._workspace.store.reading() as session:
            newest = session.summarise(ENTITIES, "entity_id", "max")
        keys = self.cache.recall(("consumer keys",), Version(None, newest), self._read_consumer_keys)
        if search:
            keys = keys.filter(pc.match_substring(keys["entity_key"], search, ignore_case=True))
        found: npt.NDArray[np.int64] = keys["entity_id"].to_numpy()
        return found

    def _read_consumer_keys(self) -> pa.Table:
        with self._workspace.store.reading() as session:
            where = {"entity_type": "consumer"}
            keys = session.read(ENTITIES, where, columns=("entity_id", "entity_key"))
        return keys.sort_by("entity_key")

    def complete_scores(self, data: BrandData, consumers: Sequence[int]) -> list[dict[str, Any]]:
        """The rows of some consumers of a brand with all columns of a score, read again, in their order."""
        workspace = self._workspace
        as_of_us = answers.resolve_as_of(workspace, None) if data.fixed_us is None else data.fixed_us
        force = put_points_in_force(workspace)
        with workspace.store.reading() as session:
            context = force.open(workspace, session)
            states = read_states(context, as_of_us, consumers=consumers, brand_ids=[data.brand_id])
            keys = name_entities(session, consumers)
        scores = score_states(states, force.points, force.kind_ids).to_pylist()
        found = {row["consumer_id"]: row for row in scores}
        own = data.scores.filter(np.isin(data.scores["consumer_id"].to_numpy(), consumers))
        change = dict(zip(own["consumer_id"].to_pylist(), own["change_28_days"].to_pylist(), strict=True))
        return [
            {**found[each], "consumer": keys[each], "brand": data.brand, "change_28_days": change.get(each)}
            for each in consumers
            if each in found
        ]

    def read_pair(self, consumer: str, brand: str, as_of_us: int, *, with_other_brands: bool) -> PairData:
        """One relationship with everything that it consists of; never stale.

        Args:
            consumer: Key of the consumer.
            brand: Key of the brand.
            as_of_us: As-of time, in microseconds since the epoch.
            with_other_brands: Whether to name events of other brands from which some of its events are derived.
        """
        # Explanations are written in the language of the request.
        key, _ = self._place(
            ("pair", consumer, brand, read_language().code, str(with_other_brands)), as_of_us
        )
        version = self.find_pair_version(consumer, brand, as_of_us)
        reading = self.cache.recall(
            key, version, lambda: self._make_pair(consumer, brand, as_of_us, with_other_brands)
        )
        if reading.percentile is not None:
            return reading
        # The other pairs of a large brand may not have been read when this result was cached.
        value = reading.answer.reading.fusion_score
        return replace(reading, percentile=self._find_percentile(reading.answer, value))

    def find_pair_version(self, consumer: str, brand: str, as_of_us: int) -> Version:
        """Version of the data of one relationship; it stays the same while nothing happens in it.

        Args:
            consumer: Key of the consumer.
            brand: Key of the brand.
            as_of_us: As-of time, in microseconds since the epoch.
        """
        version = put_points_in_force(self._workspace).points.version
        with self._workspace.store.reading() as session:
            brand_ids = list(find_keys(session, "brand", [brand]).values())
            members = find_members(session, find_keys(session, "consumer", [consumer]).values())
            where = {"consumer_id": members or [0], "brand_id": brand_ids or [0]}
            events = tuple(
                tuple(session.read(table, where, columns=("sequence",))["sequence"].to_pylist())
                for table in (EVENTS, DERIVED_EVENTS)
            )
            states = read_kept_states(session, consumers=members, brand_ids=brand_ids).select(
                ["kind_id", "event_count", "y"]
            )
            sealed_us = session.summarise(SEGMENTS, "sealed_us", "max")
            declared = session.read_version("rules")
        happened = (events, tuple(map(tuple, (column.to_pylist() for column in states.columns))), sealed_us)
        return Version((version, declared, happened, as_of_us))

    def warm(self) -> None:
        """Fill the cache with the first pages of a large workspace: the brands, and the largest of them."""
        if not self._is_many(None):
            return
        moment_us = self.choose_moment()
        for brand in self.read_brands(moment_us).brands["brand"].to_pylist()[:BRANDS_WARMED]:
            if self._is_many(brand):
                self.read_brand(brand, moment_us)
                self.read_activity(brand)

    def read_sentiment(self, brand: str) -> list[MonthlySentiment]:
        """Sentiment of the messages of a brand by month; that of a large brand may be stale."""
        return self._recall(
            ("sentiment", brand), self.find_version(), lambda: summarise_months(self._workspace, brand),
            is_large=self._is_many(brand),
        )  # fmt: skip

    def read_aspects(self, brand: str) -> list[AspectSentiment]:
        """Sentiment of the messages of a brand by aspect; that of a large brand may be stale."""
        return self._recall(
            ("aspects", brand), self.find_version(), lambda: summarise_aspects(self._workspace, brand),
            is_large=self._is_many(brand),
        )  # fmt: skip

    def read_activity(self, brand: str) -> Activity:
        """Events of a brand by day and by channel; those of a large brand may be stale."""
        make, is_large = self._choose_counter(brand)
        return self._recall(("activity", brand), self.find_version(), make, is_large=is_large)

    def find_activity(self, brand: str) -> Activity | None:
        """Like `read_activity`, but None where counting takes seconds; it is then computed in the background."""
        make, is_large = self._choose_counter(brand)
        return self._find(("activity", brand), self.find_version(), make, is_large=is_large)

    def _choose_counter(self, brand: str) -> tuple[Callable[[], Activity], bool]:
        is_large = self._is_many(brand)

        def make() -> Activity:
            return (
                self._workers.run(count_activity, brand)
                if is_large
                else count_activity(self._workspace, brand)
            )

        return make, is_large

    def read_trend(self, brand: str, as_of_us: int) -> pa.Table:
        """Scores of a brand over the last half-year; past days are recomputed once a day."""
        days = list_trend_days(as_of_us)
        is_large = self._is_many(brand)

        def make() -> pa.Table:
            if is_large:
                return self._workers.run(read_trend, brand, days)
            return read_trend(self._workspace, brand, days)

        version = Version(self.find_version().fixed)
        past = self._recall(("trend", brand, days[0]), version, make, is_large=is_large)
        return add_present(past, self.read_brand(brand, as_of_us).scores["fusion_score"], as_of_us)

    def find_effect(self, action_id: str, metric: str) -> EffectReport:
        """The last measured effect; measures it now if it never was."""
        kept = read_effect(self._workspace, action_id, metric)
        if kept is not None:
            return kept[0]
        asked = EffectParameters(action_id=action_id, metric=metric)
        return self._recall(
            ("effect", action_id, metric),
            self.find_version(),
            lambda: answer_question(self._workspace, asked),
            is_large=False,
        )

    def count_unscored(self) -> list[dict[str, object]]:
        """The kinds of events that have no points yet; in a large workspace the counts may be stale."""
        make, is_large = self._choose_kind_counter()
        return self._recall(("unscored",), self.find_version(), make, is_large=is_large)

    def find_unscored(self) -> list[dict[str, object]] | None:
        """Like `count_unscored`, but None where counting takes seconds; it is then computed in the background."""
        make, is_large = self._choose_kind_counter()
        return self._find(("unscored",), self.find_version(), make, is_large=is_large)

    def _choose_kind_counter(self) -> tuple[Callable[[], list[dict[str, object]]], bool]:
        is_large = self._is_many(None)

        def make() -> list[dict[str, object]]:
            if is_large:
                return self._workers.run(inspection.count_unscored)
            return inspection.count_unscored(self._workspace)

        return make, is_large

    def _place(self, what: tuple[str, ...], as_of_us: int) -> tuple[Hashable, Version]:
        """Cache key and version of a result at an as-of time; a time that moves with the events is not in the key."""
        with self._lock:
            is_now = self._chosen.get(as_of_us)
        # Events that arrive after the choice change which time is the newest; the key still moves with them.
        return (
            ((*what, as_of_us), self.find_version())
            if is_now is None
            else ((*what, is_now), self.find_version(as_of_us))
        )

    def _make_pair(self, consumer: str, brand: str, as_of_us: int, with_other_brands: bool) -> PairData:
        moment = from_microseconds(as_of_us)
        answer = pair_answers.explain_pair(
            self._workspace,
            consumer,
            brand,
            as_of=moment,
            with_other_brands=with_other_brands,
            recall=lambda key, version, read: self.cache.recall(key, Version(version), read),
        )
        earlier = answer.fold.read(as_of_us - FALLING_DAYS * DAY_MICROSECONDS)
        now_score = answer.reading.fusion_score
        return PairData(answer, self._find_percentile(answer, now_score), now_score - earlier.fusion_score)

    def _find_percentile(self, answer: pair_answers.PairSnapshot, value: float) -> float | None:
        with self._workspace.store.reading() as session:
            brand_ids = list(find_keys(session, "brand", [answer.brand]).values())
            found = find_keys(session, "consumer", [answer.consumer]).values()
            consumers = list(map_canonical(session, list(found)).values())
            is_pair = bool(brand_ids and consumers) and bool(
                read_kept_states(session, consumers=consumers[:1], brand_ids=brand_ids).num_rows
            )
        if not is_pair:
            return None
        is_now = abs(self._workspace.now_us - answer.as_of_us) < _NOW_US
        place = self._brands.find_percentile(
            brand_ids[0], consumers[0], value, None if is_now else answer.as_of_us
        )
        return None if place is None else place.percentile

    def _is_many(self, brand: str | None) -> bool:
        """Whether a brand, or the workspace, is large enough that its pairs are read in a worker process."""

        def look() -> bool:
            with self._workspace.store.reading() as session:
                if brand is None:
                    return is_many(session, None)
                return is_many(session, find_keys(session, "brand", [brand]).values())

        minute = int(monotonic() // 60)
        return self.cache.recall(("size", brand), Version(None, minute), look)

    def _recall(self, key: Hashable, version: Version, make: Callable[[], T], *, is_large: bool) -> T:
        return self.cache.recall(key, version, make, patience_seconds=find_patience(is_large=is_large))

    def _find(self, key: Hashable, version: Version, make: Callable[[], T], *, is_large: bool) -> T | None:
        """Like `_recall`, but a large result that is not cached is computed in the background, and None is returned."""
        find = self.cache.find if is_large else self.cache.recall
        return find(key, version, make, patience_seconds=find_patience(is_large=is_large))
