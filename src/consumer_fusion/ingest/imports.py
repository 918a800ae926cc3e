"""Imports on record: which files are being read or were, and by which digest an interrupted one is found again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from consumer_fusion.ingest.formats import Reading, write_reading
from consumer_fusion.kit.ids import make_id
from consumer_fusion.records.intake import IMPORTS, Acceptance
from consumer_fusion.stores import Session

STARTED = "started"
FINISHED = "finished"


def compute_fingerprint(files: Sequence[Path], reading: Reading) -> str:
    """A digest of the files' names, sizes and times of change, and of how they are read."""
    digest = hashlib.sha256(write_reading(reading).encode())
    for file in files:
        state = file.stat()
        digest.update(f"\0{file}\0{state.st_size}\0{state.st_mtime_ns}".encode())
    return digest.hexdigest()


def begin_import(session: Session, files: Sequence[Path], reading: Reading, now_us: int) -> str:
    """Enter an import, or find the interrupted one of the same files and reading.

    Returns:
        Its id.
    """
    fingerprint = compute_fingerprint(files, reading)
    interrupted = session.read(
        IMPORTS,
        {"fingerprint": fingerprint, "status": STARTED},
        columns=("import_id",),
        order_by=("started_us",),
    )
    if interrupted.num_rows:
        found: str = interrupted["import_id"][-1].as_py()
        return found
    # Rows that are set aside are tried again later, when the files may be gone; lookup files stay where they are.
    folders = dict.fromkeys((*reading.lookup_folders, *(str(file.parent) for file in files[:1])))
    import_id = make_id()
    _enter(session, import_id, fingerprint, replace(reading, lookup_folders=tuple(folders)), now_us)
    return import_id


def begin_stream(session: Session, import_id: str, now_us: int) -> None:
    """Enter an import of events that a program hands in; it cannot be found again when it is interrupted."""
    _enter(session, import_id, f"stream {import_id}", Reading(format="events", source="events"), now_us)


def _enter(session: Session, import_id: str, fingerprint: str, reading: Reading, now_us: int) -> None:
    session.insert(
        IMPORTS,
        ("import_id", "fingerprint", "reading", "status", "started_us"),
        [(import_id, fingerprint, write_reading(reading), STARTED, now_us)],
    )


def finish_import(session: Session, import_id: str, acceptance: Acceptance, now_us: int) -> None:
    """Note what became of an import."""
    session.update(
        IMPORTS,
        {
            "status": FINISHED,
            "accepted": acceptance.accepted,
            "duplicates": acceptance.duplicates,
            "rejected": acceptance.rejected,
            "unattributed": acceptance.unattributed,
            "finished_us": now_us,
        },
        {"import_id": import_id},
    )
