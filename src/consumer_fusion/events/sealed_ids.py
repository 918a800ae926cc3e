"""Look-up of sealed ids without reading segments: next to each is a file of the sorted digests of its ids.

A search among digests costs the same however many events are stored, and only a hit is looked up in its segment.
The files are derived from the segments: they are created on first use, and a missing one, or one without the right
digest of its content and of its segment, is created again.
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
# Half of the MD5 digest (RFC 1321): the same in every release of every engine, unlike the engine's own hash.
DIGEST_SQL = "md5_number_lower(cast(source_id as varchar) || ' ' || event_id)"
_DIGEST_BYTES = 8
_SEAL_BYTES = 32


def find_sealed(
    engine: Engine, folder: Path, segments: Sequence[Segment], keys: pa.Table, *, columns: Sequence[str]
) -> pa.Table:  # fmt: skip
    """The events of the segments with one of the keys.

    Args:
        engine: Engine to read segments with.
        folder: Folder of the workspace.
        segments: Segments to search.
        keys: `source_id` and `event_id`.
        columns: Columns of the events to return.
    """
    hits, is_suspect = _find_suspects(engine, folder, segments, keys)
    # Without a hit a segment is read nevertheless, for the types of its columns.
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
    """The segments that contain an event with one of the keys, and rarely one that contains none."""
    return _find_suspects(engine, folder, segments, keys)[0]


def _find_suspects(
    engine: Engine, folder: Path, segments: Sequence[Segment], keys: pa.Table
) -> tuple[list[Segment], npt.NDArray[np.bool_]]:
    """The segments that contain a digest of the keys, and which of the keys have one there."""
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
    """Create missing digest files in advance."""
    for each in segments:
        _open_digests(engine, folder, each)


def _find_hits(known: DigestArray, digests: DigestArray) -> npt.NDArray[np.bool_]:
    places = np.minimum(np.searchsorted(known, digests), len(known) - 1)
    hits: npt.NDArray[np.bool_] = known[places] == digests
    return hits


def find_wrong_digests(folder: Path, segments: Sequence[Segment]) -> list[Path]:
    """The damaged digest files; they are created again on next use."""
    paths = [(place_digests(folder / each.path), each) for each in segments]
    return [path for path, each in paths if path.exists() and not _is_whole(path, each)]


def _open_digests(engine: Engine, folder: Path, segment: Segment) -> DigestArray:
    path = place_digests(folder / segment.path)
    if _is_whole(path, segment):
        return np.memmap(path, np.uint64, "r", shape=(segment.row_count,))
    # Streamed and sorted in place: a segment may have millions of ids.
    digests: DigestArray = np.empty(segment.row_count, np.uint64)
    done = 0
    for batch in engine.stream(
        f"select {DIGEST_SQL} as digest from read_parquet({quote_paths([folder / segment.path])})",
        step="digest the ids of a segment",
    ):
        digests[done : done + batch.num_rows] = batch["digest"].to_numpy()
        done += batch.num_rows
    digests.sort()
    # Under a temporary name until it is complete: another process may be creating the same file.
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
    """Whether a file has the right digest of its content; cached while the file is unchanged."""
    content = np.memmap(path, np.uint8, "r")
    seal = _seal_digests(segment_sha256, content[:-_SEAL_BYTES])
    return seal == content[-_SEAL_BYTES:].tobytes()


def _seal_digests(segment_sha256: str, digests: npt.NDArray[Any]) -> bytes:
    """SHA-256 of the digests of ids together with that of their segment."""
    seal = hashlib.sha256(segment_sha256.encode())
    seal.update(digests.data)
    return seal.digest()
