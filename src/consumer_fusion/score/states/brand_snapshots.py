"""Snapshots of brands: the scores of all their pairs at an as-of time, stored, with the pairs that changed since.

Pages about a brand need the scores of all its pairs. They are computed once in a while; in between, the
transaction that changes a state notes the pair, so that a snapshot and the few pairs noted since are up to date.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from consumer_fusion.records.pair_state import BRAND_SNAPSHOTS, CHANGED_PAIRS, SNAPSHOT_SCORES
from consumer_fusion.records.score import Symbiosis
from consumer_fusion.score.model.percentiles import ScoreDistribution, compute_distribution
from consumer_fusion.score.states.state_blocks import list_conditions
from consumer_fusion.storage.store import RangeCondition, Session, Store, Value, Where

SYMBIOSIS_CLASSES: tuple[str, ...] = get_args(Symbiosis)
SNAPSHOT_SCHEMA = pa.schema(
    [
        ("consumer_id", pa.int64()),
        ("fusion_score", pa.float64()),
        ("change_28_days", pa.float64()),
        *((name, pa.float32()) for name in ("consumer_to_brand", "brand_to_consumer", "confidence")),
        ("symbiosis", pa.dictionary(pa.int8(), pa.string())),
    ]
)
"""The columns of a snapshot."""

KEPT_MICROSECONDS = 3_600_000_000
"""Age of a snapshot from which its brand is read again: decay takes 0.4% an hour at a half-life of 7 days."""

SAME_SCORE = 0.25
"""Smaller changes of a score are due to decay: a snapshot is an hour old at most while a server runs, and an hour takes
0.4% of at most 50 points at the shortest shipped half-life, 7 days."""

PAIRS_PER_ROW = 16_384
"""Number of pairs in a row of the store."""

BYTES_PER_TRANSACTION = 1 << 20
"""Others wait a few milliseconds for a transaction of this size."""

_BRANDS_TOGETHER = 100
_ROWS_SWEPT = 4
_SECONDS_SWEEPING = 0.005
"""Time after which a transaction deletes no further scores: a row may hold those of one pair, or of thousands."""

_RECORD = np.dtype(
    [
        (field.name, "i1" if pa.types.is_dictionary(field.type) else field.type.to_pandas_dtype())
        for field in SNAPSHOT_SCHEMA
    ]
)


@dataclass(frozen=True)
class BrandSnapshot:
    """The scores of all pairs of a brand at an as-of time.

    Attributes:
        brand_id: The brand.
        as_of_us: As-of time, in microseconds since the epoch. Pairs that changed since are as of the time at which the
            change was read.
        points_version: Version of the points that the scores were read with.
        scores: Columns `SNAPSHOT_SCHEMA`, in the order of consumers.
        distribution: Distribution of all scores at the as-of time.
        newest_change: Sequence of the newest noted change that it contains.
        snapshot_id: Number of the stored snapshot that it comes from; 0 where it comes from none.
    """

    brand_id: int
    as_of_us: int
    points_version: str
    scores: pa.Table
    distribution: ScoreDistribution
    newest_change: int = 0
    snapshot_id: int = 0

    def rank(self, consumer_id: int, value: float, *, tolerance: float = SAME_SCORE) -> float | None:
        """The percentile of a consumer's score among all of the as-of time; None without any.

        Args:
            consumer_id: The consumer.
            value: The score, which counts if the consumer has none here or it changed since.
            tolerance: Difference up to which it did not change; infinite for a snapshot that is up to date.
        """
        if not len(self.distribution.values):
            return None
        consumers = self.scores["consumer_id"].to_numpy()
        place = int(np.searchsorted(consumers, consumer_id))
        if place < len(consumers) and consumers[place] == consumer_id:
            kept = float(self.scores["fusion_score"][place].as_py())
            value = kept if abs(kept - value) < tolerance else value
        return float(self.distribution.rank([value])[0])


def note_changed_pairs(session: Session, pairs: pa.Table, oldest_us: int) -> None:
    """Note that pairs changed, for those brands that have a snapshot.

    Args:
        session: A writing session.
        pairs: consumer_id and brand_id; a pair may occur several times.
        oldest_us: Time before which no event of them was added or removed.
    """
    brands = pa.table({"brand_id": pairs["brand_id"].unique()})
    known = session.read_matching(BRAND_SNAPSHOTS, brands, columns=("brand_id",))["brand_id"].to_numpy()
    if not len(known):
        return
    brand_id, consumer_id = (pairs[name].to_numpy() for name in ("brand_id", "consumer_id"))
    is_noted = np.isin(brand_id, known)
    rows = (
        (*pair, oldest_us)
        for pair in zip(brand_id[is_noted].tolist(), consumer_id[is_noted].tolist(), strict=True)
    )
    session.insert(CHANGED_PAIRS, ("brand_id", "consumer_id", "oldest_us"), rows)


def forget_snapshots(session: Session, brand_ids: Collection[int] | None) -> None:
    """Forget the snapshots of brands of which very many pairs changed; a job makes them again.

    Args:
        session: A writing session.
        brand_ids: Brands; None for all.
    """
    for where in list_conditions(brand_ids):
        session.delete(BRAND_SNAPSHOTS, where)
        session.delete(CHANGED_PAIRS, where)


def read_snapshot_heads(session: Session, brand_id: int | None = None) -> dict[int, dict[str, Any]]:
    """The snapshots without their scores, by brand: the columns of `BRAND_SNAPSHOTS`."""
    where = {"is_complete": True} | ({} if brand_id is None else {"brand_id": brand_id})
    rows = session.read(BRAND_SNAPSHOTS, where, order_by=("snapshot_id",)).to_pylist()
    return {row["brand_id"]: row for row in rows}


def is_usable(head: Mapping[str, Any], points_version: str, as_of_us: int) -> bool:
    """Whether a stored snapshot answers for the default as-of time.

    Not if the points are others now, nor if it was taken for a later time: the default falls back to that of the newest
    event once a workspace has been quiet for a day.
    """
    is_later = head["as_of_us"] - as_of_us > KEPT_MICROSECONDS
    return bool(head["points_version"] == points_version) and not is_later


def read_snapshot(session: Session, head: Mapping[str, Any]) -> BrandSnapshot:
    """A stored snapshot.

    Args:
        session: Session of the store in which its head was read.
        head: One of `read_snapshot_heads`.
    """
    where = {"snapshot_id": head["snapshot_id"]}
    rows = session.read(SNAPSHOT_SCORES, where, columns=("scores",), order_by=("first_consumer_id",))
    scores = _unpack(b"".join(rows["scores"].to_pylist()))
    return make_snapshot(
        head["brand_id"], head["as_of_us"], head["points_version"], scores,
        newest_change=head["newest_change"], snapshot_id=head["snapshot_id"],
    )  # fmt: skip


def make_snapshot(
    brand_id: int, as_of_us: int, points_version: str, scores: pa.Table, *, newest_change: int = 0,
    snapshot_id: int = 0,
) -> BrandSnapshot:  # fmt: skip
    """The snapshot of scores that are all of one as-of time; see the attributes of `BrandSnapshot`."""
    distribution = compute_distribution(scores["fusion_score"].to_numpy())
    return BrandSnapshot(brand_id, as_of_us, points_version, scores, distribution, newest_change, snapshot_id)


def begin_snapshots(store: Store, brand_ids: Collection[int]) -> dict[int, int]:
    """Begin snapshots of brands before their scores are read: changes from now on are noted.

    Returns:
        The number of each brand's snapshot.
    """
    fixed: dict[str, Value] = {
        column.name: "" if column.type == "text" else 0
        for column in BRAND_SNAPSHOTS.columns[2:]
        if not column.is_optional
    }
    begun: dict[int, int] = {}
    with store.writing(is_rearranging=True) as session:
        for brand_id in brand_ids:
            session.insert(BRAND_SNAPSHOTS, ("brand_id", *fixed), [(brand_id, *fixed.values())])
            begun[brand_id] = int(session.summarise(BRAND_SNAPSHOTS, "snapshot_id", "max") or 0)
    return begun


def find_newest_change(session: Session) -> int:
    """The sequence of the newest change that was noted, also if a snapshot contains it by now; 0 for none."""
    noted = session.summarise(CHANGED_PAIRS, "sequence", "max")
    contained = session.summarise(BRAND_SNAPSHOTS, "newest_change", "max")
    return int(max(noted or 0, contained or 0))


def write_snapshots(store: Store, snapshots: Sequence[tuple[BrandSnapshot, Mapping[str, Value]]]) -> int:
    """Store snapshots that were begun in place of the former ones, in several short transactions.

    Args:
        store: The store.
        snapshots: Each with the columns of `BRAND_SNAPSHOTS` that summarise its scores.

    Returns:
        Number of those in use: not those forgotten meanwhile, because very many pairs changed, or overtaken by others.
    """
    rows = [(each.snapshot_id, *row) for each, _ in snapshots for row in _pack(each.scores)]
    for some in _cut(rows, [len(content) for *_key, content in rows]):
        with store.writing(is_rearranging=True) as session:
            session.insert(SNAPSHOT_SCORES, SNAPSHOT_SCORES.column_names, some)
    done = 0
    for first in range(0, len(snapshots), _BRANDS_TOGETHER):
        with store.writing(is_rearranging=True) as session:
            done += sum(_complete(session, *each) for each in snapshots[first : first + _BRANDS_TOGETHER])
    return done


def _complete(session: Session, snapshot: BrandSnapshot, summary: Mapping[str, Value]) -> bool:
    """Put a snapshot to use; returns whether it was neither forgotten nor overtaken meanwhile."""
    number, brand_id = snapshot.snapshot_id, snapshot.brand_id
    former = read_snapshot_heads(session, brand_id).get(brand_id)
    if former is not None and former["newest_change"] > snapshot.newest_change:
        # Of another process: the changes that it contains are deleted by now.
        session.delete(BRAND_SNAPSHOTS, {"snapshot_id": number})
        return False
    head: dict[str, Value] = {
        "is_complete": True, "as_of_us": snapshot.as_of_us, "points_version": snapshot.points_version,
        "newest_change": snapshot.newest_change, **summary,
    }  # fmt: skip
    if not session.update(BRAND_SNAPSHOTS, head, {"snapshot_id": number}):
        return False
    older = RangeCondition(at_most=number - 1)
    session.delete(BRAND_SNAPSHOTS, {"brand_id": brand_id, "snapshot_id": older})
    contained = RangeCondition(at_most=snapshot.newest_change)
    session.delete(CHANGED_PAIRS, {"brand_id": brand_id, "sequence": contained})
    return True


def _cut(rows: Sequence[tuple[Value, ...]], sizes: Sequence[int]) -> Iterator[Sequence[tuple[Value, ...]]]:
    """Rows in parts of about `BYTES_PER_TRANSACTION`."""
    first, size = 0, 0
    for row, own in enumerate(sizes):
        if size and size + own > BYTES_PER_TRANSACTION:
            yield rows[first:row]
            first, size = row, 0
        size += own
    if size:
        yield rows[first:]


def sweep_snapshots(store: Store) -> int:
    """Delete the scores of snapshots that were replaced or forgotten, and return the number of rows."""
    with store.reading() as session:
        known = session.read(BRAND_SNAPSHOTS, columns=("snapshot_id",))["snapshot_id"].to_numpy()
        gone = session.read(SNAPSHOT_SCORES, columns=("snapshot_id", "first_consumer_id"))
    gone = gone.filter(np.isin(gone["snapshot_id"].to_numpy(), known, invert=True))
    done = 0
    while done < gone.num_rows:
        with store.writing(is_rearranging=True) as session:
            end = perf_counter() + _SECONDS_SWEEPING
            while True:
                session.delete_matching(SNAPSHOT_SCORES, gone.slice(done, _ROWS_SWEPT))
                done += _ROWS_SWEPT
                if done >= gone.num_rows or perf_counter() > end:
                    break
    return int(gone.num_rows)


def list_changes(session: Session, brand_id: int, newest_change: int) -> pa.Table:
    """The changes of a brand after a change: sequence, consumer_id, oldest_us; in the order of consumer and time."""
    where: Where = {"brand_id": brand_id, "sequence": RangeCondition(above=newest_change)}
    rows = session.read(CHANGED_PAIRS, where, columns=("sequence", "consumer_id", "oldest_us"))
    return rows.sort_by([("consumer_id", "ascending"), ("oldest_us", "ascending")])


def replace_scores(scores: pa.Table, consumers: npt.NDArray[np.int64], read: pa.Table) -> pa.Table:
    """Scores of a brand in which those of some consumers are replaced; a consumer without one is left out.

    Args:
        scores: Columns `SNAPSHOT_SCHEMA`.
        consumers: The consumers.
        read: Their scores.
    """
    kept = scores.filter(np.isin(scores["consumer_id"].to_numpy(), consumers, invert=True))
    joined = pa.concat_tables([kept, read])
    order = np.argsort(joined["consumer_id"].to_numpy(), kind="stable")
    return joined.take(order).combine_chunks()


def _pack(scores: pa.Table) -> Iterator[tuple[int, bytes]]:
    records = np.empty(scores.num_rows, _RECORD)
    for name in _RECORD.names or ():
        column = scores[name].combine_chunks()
        records[name] = (column.indices if name == "symbiosis" else column).to_numpy()
    for first in range(0, len(records), PAIRS_PER_ROW):
        some = records[first : first + PAIRS_PER_ROW]
        yield int(some["consumer_id"][0]), some.tobytes()


def _unpack(content: bytes) -> pa.Table:
    records = np.frombuffer(content, _RECORD)
    columns: dict[str, Any] = {name: records[name].copy() for name in _RECORD.names or ()}
    columns["symbiosis"] = pa.DictionaryArray.from_arrays(columns["symbiosis"], list(SYMBIOSIS_CLASSES))
    return pa.table(columns, SNAPSHOT_SCHEMA)
