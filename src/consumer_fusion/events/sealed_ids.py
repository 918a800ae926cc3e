"""Which ids are sealed already, without reading segments: beside each lies a file of the digests of its ids, in order.

A search among digests costs the same however many events are on record, and only a hit is looked up in its segment.
The files follow from the segments: they are made when they are first needed, and one that is missing, or does not bear
the digest of its own content and of its segment, is made again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from consumer_fusion.records.ids import make_id
from consumer_fusion.records.segment import Segment
from consumer_fusion.storage.duckdb import quote_paths
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.private_files import make_file
from consumer_fusion.storage.segments import place_digests

DigestArray = npt.NDArray[np.uint64]
# A half of the MD5 digest (RFC 1321): the same in every release of every engine, which the engine's own hash is not.
DIGEST_SQL = "md5_number_lower(cast(source_id as varchar) || ' ' || event_id)"
_DIGEST_BYTES = 8
_SEAL_BYTES = 32


def find_sealed(
    engine: Engine, folder: Path, segments: Sequence[Segment], keys: pa.Table, *, columns: Sequence[str]
) -> pa.Table:  # fmt: skip
    """The events of the segments that have one of the keys.

    Args:
        engine: Where segments are read.
        folder: The workspace.
        segments: Where to look.
        keys: `source_id` and `event_id`.
        columns: Which columns of the events.
    """
    hits, is_suspect = _find_suspects(engine, folder, segments, keys)
    # Without a hit a segment is read all the same, because it knows the types of its columns.
    paths = [folder / each.path for each in hits or segments[:1]]
    listed = ", ".join(f"e.{name}" for name in columns)
    return engine.read(
        f"""
        select {listed} from read_parquet({quote_paths(paths)}) e
        join suspects k on k.source_id = e.source_id and k.event_id = e.event_id
        """,
        step="look up ids in segments",
        tables={"suspects": keys.filter(pa.array(is_suspect))},
    )


def find_holders(
    engine: Engine, folder: Path, segments: Sequence[Segment], keys: pa.Table
) -> list[Segment]:  # fmt: skip
    """The segments that hold an event with one of the keys, and now and then one that holds none."""
    return _find_suspects(engine, folder, segments, keys)[0]


def _find_suspects(
    engine: Engine, folder: Path, segments: Sequence[Segment], keys: pa.Table
) -> tuple[list[Segment], npt.NDArray[np.bool_]]:
    """The segments in which a digest of the keys is, and which of the keys have one there."""
    digests = engine.read(
        f"select {DIGEST_SQL} as digest from keys", step="digest the ids of the import", tables={"keys": keys}
    )["digest"].to_numpy()
    is_suspect = np.zeros(len(digests), bool)
    holders: list[Segment] = []
    for each in segments:
        is_hit = _find_hits(_open_digests(engine, folder, each), digests)
        if is_hit.any():
            is_suspect |= is_hit
            holders.append(each)
    return holders, is_suspect


def digest_segments(engine: Engine, folder: Path, segments: Sequence[Segment]) -> None:
    """Make the files of digests that are missing, before somebody waits for them."""
    for each in segments:
        _open_digests(engine, folder, each)


def _find_hits(known: DigestArray, digests: DigestArray) -> npt.NDArray[np.bool_]:
    places = np.minimum(np.searchsorted(known, digests), len(known) - 1)
    hits: npt.NDArray[np.bool_] = known[places] == digests
    return hits


def find_wrong_digests(folder: Path, segments: Sequence[Segment]) -> list[Path]:
    """The files of digests that are there and are not whole; they are made anew when they are next needed."""
    paths = [(place_digests(folder / each.path), each) for each in segments]
    return [path for path, each in paths if path.exists() and not _is_whole(path, each)]


def _open_digests(engine: Engine, folder: Path, segment: Segment) -> DigestArray:
    path = place_digests(folder / segment.path)
    if _is_whole(path, segment):
        return np.memmap(path, np.uint64, "r", shape=(segment.row_count,))
    digests: DigestArray = engine.read(
        f"select {DIGEST_SQL} as digest from read_parquet({quote_paths([folder / segment.path])}) order by 1",
        step="digest the ids of a segment",
    )["digest"].to_numpy()
    # Under a name of its own until it is whole: another process may be making the same.
    unfinished = path.with_name(f"{path.name}.{make_id()}")
    with make_file(unfinished).open("wb") as file:
        digests.tofile(file)
        file.write(_seal_digests(segment.sha256, digests))
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    return digests


def _is_whole(path: Path, segment: Segment) -> bool:
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    if status.st_size != segment.row_count * _DIGEST_BYTES + _SEAL_BYTES:
        return False
    return _is_sealed(path, segment.sha256, status.st_ino, status.st_mtime_ns)


@lru_cache(maxsize=65_536)
def _is_sealed(path: Path, segment_sha256: str, _inode: int, _modified_ns: int) -> bool:
    """Whether a file bears the digest of its content; looked at once for as long as the file stays as it is."""
    content = np.memmap(path, np.uint8, "r")
    seal = _seal_digests(segment_sha256, content[:-_SEAL_BYTES])
    return seal == content[-_SEAL_BYTES:].tobytes()


def _seal_digests(segment_sha256: str, digests: npt.NDArray[Any]) -> bytes:
    """SHA-256 of the digests of ids together with that of their segment."""
    seal = hashlib.sha256(segment_sha256.encode())
    seal.update(digests.data)
    return seal.digest()
