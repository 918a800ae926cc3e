"""What the pages read of the workspace, kept for a while: scores of a brand, one pair, activity, the brands."""

from __future__ import annotations

import itertools
from collections.abc import Hashable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion import answers, ingest, score
from consumer_fusion.kit.language import read_language
from consumer_fusion.kit.moments import DAY_MICROSECONDS, from_microseconds
from consumer_fusion.points_in_force import put_points_in_force
from consumer_fusion.records.association import ASSOCIATIONS
from consumer_fusion.records.identity import MERGES
from consumer_fusion.stores import Session
from consumer_fusion.web.console.shelves import Shelf, Stamp
from consumer_fusion.workspace import Workspace

HISTORY_DAYS = 180
QUIET_DAYS = 2
"""When nothing happened for so long, scores are shown of the newest event unless somebody asks for now."""
_STEP_US = 600_000_000
"""`Now` moves in steps of ten minutes, so that what is kept can be shown; new events count at once."""


@dataclass(frozen=True, slots=True)
class BrandReading:
    """The relationships of a brand at a moment.

    Attributes:
        brand: Key of the brand.
        as_of_us: The moment.
        scores: The columns of `answers.score_pairs` with `change_28_days`, what fell most first.
    """

    brand: str
    as_of_us: int
    scores: pa.Table


@dataclass(frozen=True, slots=True)
class PairReading:
    """One relationship at a moment.

    Attributes:
        answer: The reading, its contributions, changes and events.
        history: `day`, `fusion_score`, `low`, `high` of the last days.
        percentile: Place among the pairs of the brand, 0 to 100; None where unknown.
        change_28_days: How far the score is from where it was 28 days earlier.
    """

    answer: answers.PairAnswer
    history: pa.Table
    percentile: float | None
    change_28_days: float


@dataclass(frozen=True, slots=True)
class Activity:
    """What came in of a brand.

    Attributes:
        days: `day`, `channel`, `event_count`.
        event_count: All events.
        newest_event_us: When the newest one happened; None without events.
        newest_received_us: When one last came in; None without events.
    """

    days: pa.Table
    event_count: int
    newest_event_us: int | None
    newest_received_us: int | None


class Readings:
    """Reads the workspace for the pages and keeps what it read.

    Args:
        workspace: The workspace.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._brands: Shelf[pa.Table] = Shelf(8)
        self._brand: Shelf[BrandReading] = Shelf(6)
        self._pair: Shelf[PairReading] = Shelf(64)
        self._activity: Shelf[Activity] = Shelf(16)
        self._changes = itertools.count()
        self._generation = next(self._changes)

    def forget(self) -> None:
        """Let nothing that was kept be shown again, because somebody has changed something."""
        self._generation = next(self._changes)

    def stamp(self, as_of_us: int = 0) -> Stamp:
        """What everything would be read from now.

        Args:
            as_of_us: The moment it is of, where it moves with the clock.
        """
        version = put_points_in_force(self._workspace).points.version
        with self._workspace.store.reading() as session:
            return Stamp(
                (version, self._generation, _count_declared(session)),
                (session.read_mark(score.NEWEST_MARK), session.read_mark(score.FOLDED_MARK), as_of_us),
            )

    def choose_moment(self, *, is_now: bool) -> int:
        """The moment that scores are shown of when nobody asks for another.

        Args:
            is_now: Whether now is asked for, also when nothing happened for days.
        """
        newest_us = answers.resolve_as_of(self._workspace, "latest")
        now_us = self._workspace.now_us
        if not is_now and now_us - newest_us > QUIET_DAYS * DAY_MICROSECONDS:
            return newest_us
        return max(newest_us, now_us // _STEP_US * _STEP_US)

    def list_brands(self, as_of_us: int) -> pa.Table:
        """All brands, the largest first, with quartiles and the mix of classes."""
        key, stamp = self._place(("brands",), as_of_us)
        return self._brands.take(
            key, stamp, lambda: answers.summarise_brands(self._workspace, as_of=from_microseconds(as_of_us))
        )

    def read_brand(self, brand: str, as_of_us: int) -> BrandReading:
        """The relationships of a brand.

        Raises:
            NotFoundError: There is no such brand.
        """

        def make() -> BrandReading:
            scores = answers.score_pairs(
                self._workspace, brand=brand, as_of=from_microseconds(as_of_us), order="falling"
            )
            return BrandReading(brand, as_of_us, scores.combine_chunks())

        key, stamp = self._place((brand,), as_of_us)
        return self._brand.take(key, stamp, make)

    def read_pair(self, consumer: str, brand: str, as_of_us: int) -> PairReading:
        """One relationship with all that it is made of."""
        # Sentences are written in the language of whoever asks.
        key, stamp = self._place((consumer, brand, read_language().code), as_of_us)
        return self._pair.take(key, stamp, lambda: self._make_pair(consumer, brand, as_of_us))

    def read_activity(self, brand: str) -> Activity:
        """What came in of a brand, day by day and channel by channel."""
        return self._activity.take(brand, self.stamp(), lambda: _count_activity(self._workspace, brand))

    def _place(self, what: tuple[str, ...], as_of_us: int) -> tuple[Hashable, Stamp]:
        """The key and stamp of something of a moment; a moment that moves with the events is no part of the key."""
        for name in (True, False):
            if as_of_us == self.choose_moment(is_now=name):
                return (*what, name), self.stamp(as_of_us)
        return (*what, as_of_us), self.stamp()

    def _make_pair(self, consumer: str, brand: str, as_of_us: int) -> PairReading:
        moment = from_microseconds(as_of_us)
        answer = answers.explain_pair(self._workspace, consumer, brand, as_of=moment)
        row = answers.score_pairs(
            self._workspace, consumer=answer.consumer, brand=brand, as_of=moment
        ).to_pylist()[0]
        points = put_points_in_force(self._workspace).points
        earlier_us = as_of_us - answers.FALLING_DAYS * DAY_MICROSECONDS
        earlier = score.read_pair(score.fold_ledger(answer.entries, earlier_us, points), points)
        return PairReading(
            answer,
            answers.replay_pair(self._workspace, answer, HISTORY_DAYS),
            row["percentile"],
            answer.explanation.reading.fusion_score - earlier.fusion_score,
        )


def _count_declared(session: Session) -> tuple[Hashable, ...]:
    """Changes when a merge or an association is declared or taken back, by whichever process."""
    return (
        session.count(MERGES),
        session.summarise(MERGES, "undone_us", "max"),
        session.count(ASSOCIATIONS),
        session.summarise(ASSOCIATIONS, "withdrawn_us", "max"),
    )


def _count_activity(workspace: Workspace, brand: str) -> Activity:
    with workspace.store.reading() as session:
        source = score.open_events(
            session,
            workspace.folder,
            score.Selection(brand_ids=list(ingest.find_keys(session, "brand", [brand]).values())),
            columns=("consumer_id", "brand_id", "kind_id", "day", "occurred_us", "received_us", "channel"),
        )
        rows = workspace.engine.read(
            "select day, channel, count(*) as event_count, max(occurred_us) as newest_us, "  # noqa: S608
            f"max(received_us) as received_us from {source.relation} e group by day, channel order by 1, 2",
            step="count activity by channel",
            tables=source.tables,
        )
    return Activity(
        rows.select(["day", "channel", "event_count"]),
        pc.sum(rows["event_count"]).as_py() or 0,
        pc.max(rows["newest_us"]).as_py(),
        pc.max(rows["received_us"]).as_py(),
    )
