"""States in blocks: some dozens of states of neighbouring consumers of a brand are one row of the store.

A row of the store costs a microsecond to read or write in Python, whatever it holds; a block holds its states as
records of fixed width, so that a million of them become arrays at the speed of the disk. Blocks are cut where they
outgrow their size, as the leaves of a B-tree are (Bayer and McCreight, "Organization and maintenance of large ordered
indices", 1972), so that they are as full for a brand with few consumers as for one with all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from consumer_fusion.records.pair_state import STATE_BLOCKS, SUMS
from consumer_fusion.score.model.row_order import find_runs, order_rows
from consumer_fusion.settings import BUCKET_COUNT
from consumer_fusion.storage.store import RangeCondition, Session, Where

STATES_PER_BLOCK = 64
"""Number of states of a block after it was cut."""

LARGEST_BLOCK = 2 * STATES_PER_BLOCK
"""Number of states above which a block is cut."""

FEW_PAIRS = 500
"""Maximum number of pairs whose blocks are looked up one by one; for more, all blocks of their brands are listed."""

_BLOCKS_PER_BATCH = 2_000
_BLOCKS_STREAMED = 500
"""Their columns are gathered from, and later scored in, the processor's cache."""
_PLACES_PER_BUCKET = 2**63 // BUCKET_COUNT
_BRANDS_PER_STATEMENT = 500

_RECORD = np.dtype(
    [
        ("consumer_id", "<i8"),
        ("kind_id", "<u4"),
        ("event_count", "<u4"),
        *((name, "<f8") for name in SUMS),
        ("last_occurred_us", "<i8"),
    ]
)

Columns = dict[str, npt.NDArray[Any]]
Integers = npt.NDArray[np.int64]


def read_blocks(session: Session, pairs: pa.Table) -> Columns:
    """The states in the blocks that hold some pairs, with those of other pairs in these blocks, in any order.

    Args:
        session: Session of the store.
        pairs: brand_id and consumer_id.
    """
    return _read_keys(session, _find_keys(session, *_list_pairs(pairs)))


def stream_blocks(session: Session, brand_ids: Collection[int] | None) -> Iterator[Columns]:
    """The states in all blocks, or in those of some brands, some ten thousand at a time.

    Args:
        session: Session of the store.
        brand_ids: Brands; None for all.

    Yields:
        Columns `STATE_COLUMNS` and `place`, in the order of brand, place and kind over all batches.
    """
    for where in list_conditions(brand_ids):
        for blocks in session.stream(
            STATE_BLOCKS, where, order_by=STATE_BLOCKS.primary_key, rows_per_batch=_BLOCKS_STREAMED
        ):
            states = _unpack(blocks)
            yield states | {"place": find_places(states["consumer_id"])}


def add_to_blocks(session: Session, added: Columns) -> None:
    """Add states to those in the blocks; the later time of the newest event is kept.

    Args:
        session: A writing session.
        added: Columns `STATE_COLUMNS`, in any order.
    """
    place = find_places(added["consumer_id"])
    order = order_rows(added["brand_id"], place)
    added = {name: values[order] for name, values in {**added, "place": place}.items()}
    starts = find_runs([added["brand_id"], added["place"]])
    pairs = _find_keys(session, added["brand_id"][starts], added["consumer_id"][starts])
    added["block_place"] = np.repeat(pairs["first_place"], np.diff(starts, append=len(order)))
    # Few changes may be all over the blocks, of which only some are in memory at a time.
    edges = find_runs([added["brand_id"], added["block_place"]])[::_BLOCKS_PER_BATCH].tolist()
    for first, last in zip(edges, [*edges[1:], len(order)], strict=False):
        some = {name: values[first:last] for name, values in added.items()}
        kept = _read_keys(session, {"brand_id": some["brand_id"], "first_place": some["block_place"]})
        _write_blocks(session, sum_states({name: np.concatenate([kept[name], some[name]]) for name in kept}))


def change_blocks(
    session: Session,
    pairs: pa.Table | None,
    change: Callable[[Columns], Columns],
    *,
    brand_ids: Collection[int] | None = None,
) -> None:
    """Change states in blocks, a batch of blocks at a time.

    Args:
        session: A writing session.
        pairs: brand_id and consumer_id of the pairs whose blocks are changed; None for all blocks.
        change: Returns the states that are left of those given, in their order.
        brand_ids: Brands, where no pairs are given; None for all.
    """
    if pairs is None:
        keys = _list_keys(session, brand_ids)
    else:
        keys = _sort_keys(_find_keys(session, *_list_pairs(pairs)))
    for first in range(0, len(keys["brand_id"]), _BLOCKS_PER_BATCH):
        some = {name: values[first : first + _BLOCKS_PER_BATCH] for name, values in keys.items()}
        left = change(sum_states(_read_keys(session, some)))
        _write_blocks(session, left)
        _delete_empty(session, some, left)


def sum_states(states: Columns) -> Columns:
    """States in the order of brand, place and kind; rows of the same pair and kind are added up."""
    order = order_rows(states["brand_id"], states["place"], states["kind_id"])
    states = {name: values[order] for name, values in states.items()}
    starts = find_runs([states[name] for name in ("brand_id", "place", "kind_id")])
    if len(starts) == len(order):
        return states
    summed: Columns = {}
    for name, values in states.items():
        if name in SUMS or name == "event_count":
            summed[name] = np.add.reduceat(values, starts)
        elif name == "last_occurred_us":
            summed[name] = np.maximum.reduceat(values, starts)
        else:
            summed[name] = values[starts]
    return summed


def find_places(consumer_id: Integers) -> Integers:
    """The order of consumers within a brand: by bucket, because events are folded bucket by bucket."""
    return (consumer_id % BUCKET_COUNT) * _PLACES_PER_BUCKET + consumer_id // BUCKET_COUNT


def list_conditions(brand_ids: Collection[int] | None) -> Iterator[Where]:
    """Conditions on `brand_id` that together select some brands, or all: a statement has limited parameters."""
    if brand_ids is None:
        yield {}
        return
    listed = sorted(set(brand_ids))
    for first in range(0, max(len(listed), 1), _BRANDS_PER_STATEMENT):
        yield {"brand_id": listed[first : first + _BRANDS_PER_STATEMENT]}


def _list_pairs(pairs: pa.Table) -> tuple[Integers, Integers]:
    return pairs["brand_id"].to_numpy(), pairs["consumer_id"].to_numpy()


def _find_keys(session: Session, brand_id: Integers, consumer_id: Integers) -> Columns:
    """The key of the block that holds, or would hold, each pair: the last one that begins at or before its place."""
    place = find_places(consumer_id)
    first_place = np.zeros(len(place), np.int64)
    if len(place) <= FEW_PAIRS:
        for row, (brand, own) in enumerate(zip(brand_id.tolist(), place.tolist(), strict=True)):
            where: Where = {"brand_id": brand, "first_place": RangeCondition(at_most=own)}
            first_place[row] = session.summarise(STATE_BLOCKS, "first_place", "max", where) or 0
    else:
        listed = _list_keys(session, np.unique(brand_id).tolist())
        edges = [*find_runs([listed["brand_id"]]).tolist(), len(listed["brand_id"])]
        for first, last in zip(edges, edges[1:], strict=False):
            rows = np.flatnonzero(brand_id == listed["brand_id"][first])
            begins = listed["first_place"][first:last]
            found = np.searchsorted(begins, place[rows], side="right") - 1
            first_place[rows] = np.where(found >= 0, begins[np.maximum(found, 0)], 0)
    return {"brand_id": brand_id, "first_place": first_place}


def _list_keys(session: Session, brand_ids: Collection[int] | None) -> Columns:
    """The keys of all blocks, or of those of some brands, in order."""
    columns = ("brand_id", "first_place")
    parts = [session.read(STATE_BLOCKS, where, columns=columns) for where in list_conditions(brand_ids)]
    return _sort_keys({name: np.concatenate([part[name].to_numpy() for part in parts]) for name in columns})


def _sort_keys(keys: Columns) -> Columns:
    """Keys in order, each once."""
    order = order_rows(keys["brand_id"], keys["first_place"])
    starts = order[find_runs([values[order] for values in keys.values()])]
    return {name: values[starts] for name, values in keys.items()}


def _read_keys(session: Session, keys: Columns) -> Columns:
    """The states of the blocks with these keys, in any order."""
    blocks = session.read_matching(STATE_BLOCKS, pa.table(_sort_keys(keys)))
    states = _unpack(blocks)
    states["block_place"] = np.repeat(blocks["first_place"].to_numpy(), blocks["state_count"].to_numpy())
    return states | {"place": find_places(states["consumer_id"])}


def _unpack(blocks: pa.Table) -> Columns:
    """The columns of the states of some blocks."""
    records = np.frombuffer(b"".join(map(_get_content, blocks["states"].chunks)), _RECORD)
    states: Columns = {"brand_id": np.repeat(blocks["brand_id"].to_numpy(), blocks["state_count"].to_numpy())}
    for name in _RECORD.names or ():
        states[name] = records[name].astype(np.float64 if name in SUMS else np.int64)
    return states


def _get_content(values: pa.Array) -> memoryview:
    """The bytes of all values, which lie one after another in Arrow's own buffer."""
    _, offsets, content = values.buffers()
    bounds = np.frombuffer(offsets, np.int32)[[values.offset, values.offset + len(values)]]
    return memoryview(content)[bounds[0] : bounds[1]]


def _write_blocks(session: Session, states: Columns) -> None:
    """Write blocks whole.

    Args:
        session: A writing session.
        states: Columns `STATE_COLUMNS` with `place` and `block_place`, the first place of their block; in the order of
            brand, place and kind.
    """
    if not len(states["brand_id"]):
        return
    records = np.empty(len(states["brand_id"]), _RECORD)
    for name in _RECORD.names or ():
        records[name] = states[name]
    starts = find_runs([states["brand_id"], states["block_place"]])
    first_places = states["block_place"][starts]
    sizes = np.diff(starts, append=len(records))
    is_large = sizes > LARGEST_BLOCK
    if is_large.any():
        pair_starts = find_runs([states["brand_id"], states["place"]])
        cuts = [
            start + np.arange(STATES_PER_BLOCK, size - STATES_PER_BLOCK // 2, STATES_PER_BLOCK)
            for start, size in zip(starts[is_large].tolist(), sizes[is_large].tolist(), strict=True)
        ]
        # Before the pair that lies across, so that no pair is in two blocks.
        begins = pair_starts[np.searchsorted(pair_starts, np.concatenate(cuts), side="right") - 1]
        begins = np.setdiff1d(begins, starts)
        order = np.argsort(np.concatenate([starts, begins]))
        starts = np.concatenate([starts, begins])[order]
        first_places = np.concatenate([first_places, states["place"][begins]])[order]
    content, width = records.tobytes(), _RECORD.itemsize
    ends = [*starts[1:].tolist(), len(records)]
    session.replace(
        STATE_BLOCKS,
        ("brand_id", "first_place", "state_count", "states"),
        (
            (brand_id, first_place, end - start, content[start * width : end * width])
            for brand_id, first_place, start, end in zip(
                states["brand_id"][starts].tolist(), first_places.tolist(), starts.tolist(), ends, strict=True
            )
        ),
    )


def _delete_empty(session: Session, keys: Columns, left: Columns) -> None:
    """Delete the blocks that have no states left; their places then belong to the block before."""
    starts = find_runs([left["brand_id"], left["block_place"]])
    held = np.rec.fromarrays([left["brand_id"][starts], left["block_place"][starts]])
    is_empty = ~np.isin(np.rec.fromarrays([keys["brand_id"], keys["first_place"]]), held)
    if is_empty.any():
        gone = {name: values[is_empty] for name, values in keys.items()}
        session.delete_matching(STATE_BLOCKS, pa.table(gone))
