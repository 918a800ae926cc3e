"""Stored imports: their files and status, and the digest by which an interrupted one is found again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from consumer_fusion.ingest.formats import ImportFormat, write_reading
from consumer_fusion.ingest.staging import STAGE_FILE
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.import_record import IMPORTS, ImportResult
from consumer_fusion.storage.file_locks import FolderLock, lock_folder, remove_unlocked
from consumer_fusion.storage.store import Session

STARTED = "started"
FINISHED = "finished"
ABANDONED = "abandoned"
_STREAM = "stream "
"""Prefix of the fingerprint of an import that cannot be resumed."""


def compute_fingerprint(files: Sequence[Path], reading: ImportFormat) -> str:
    """A digest of the files' names, sizes and modification times, and of their format."""
    digest = hashlib.sha256(write_reading(reading).encode())
    for file in files:
        state = file.stat()
        digest.update(f"\0{file}\0{state.st_size}\0{state.st_mtime_ns}".encode())
    return digest.hexdigest()


def begin_import(
    session: Session, files: Sequence[Path], reading: ImportFormat, staging_folder: Path, now_us: int
) -> tuple[str, FolderLock]:
    """Store an import, or resume an interrupted one of the same files and format.

    One that another running process works on is left to that process: this one then begins from the start, and finds in
    the end that its events are stored already.

    Args:
        session: A writing session.
        files: Files to import.
        reading: Format of the files.
        staging_folder: Folder in which imports are prepared.
        now_us: Present time.

    Returns:
        Its id, and the lock on the folder of that name.
    """
    fingerprint = compute_fingerprint(files, reading)
    interrupted = session.read(
        IMPORTS,
        {"fingerprint": fingerprint, "status": STARTED},
        columns=("import_id",),
        order_by=("started_us", "import_id"),
    )
    for found in reversed(interrupted["import_id"].to_pylist()):
        claim = lock_folder(staging_folder / found, is_resumable=True)
        if claim is not None:
            return found, claim
    # Rejected rows are retried later, when the files may be gone; lookup files stay where they are.
    folders = dict.fromkeys((*reading.lookup_folders, *(str(file.parent) for file in files[:1])))
    return _enter(
        session,
        staging_folder,
        fingerprint,
        replace(reading, lookup_folders=tuple(folders)),
        now_us,
        is_resumable=True,
    )


def begin_stream(session: Session, staging_folder: Path, now_us: int) -> tuple[str, FolderLock]:
    """Store an import of events from a program; it cannot be resumed when it is interrupted.

    Returns:
        Its id, and the lock on the folder of that name.
    """
    reading = ImportFormat(format="events", source="events")
    return _enter(session, staging_folder, _STREAM + make_id(), reading, now_us, is_resumable=False)


def enter_arrivals(session: Session, reading: ImportFormat, now_us: int) -> str:
    """Store an import of arrivals, some of which were rejected, and return its id."""
    import_id = make_id()
    session.insert(
        IMPORTS,
        ("import_id", "fingerprint", "reading", "status", "started_us"),
        [(import_id, _STREAM + import_id, write_reading(reading), STARTED, now_us)],
    )
    return import_id


def _enter(
    session: Session,
    staging_folder: Path,
    fingerprint: str,
    reading: ImportFormat,
    now_us: int,
    *,
    is_resumable: bool,
) -> tuple[str, FolderLock]:
    import_id = make_id()
    claim = lock_folder(staging_folder / import_id, is_resumable=is_resumable)
    assert claim is not None, "an id that was made just now is nobody else's"
    session.insert(
        IMPORTS,
        ("import_id", "fingerprint", "reading", "status", "started_us"),
        [(import_id, fingerprint, write_reading(reading), STARTED, now_us)],
    )
    return import_id, claim


def finish_import(session: Session, import_id: str, acceptance: ImportResult, now_us: int) -> None:
    """Store the result of an import."""
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


def abandon_imports(session: Session, staging_folder: Path, *, before_us: int) -> int:
    """Abandon imports that no process works on and that cannot be resumed, and remove their prepared files.

    Args:
        session: A writing session.
        staging_folder: Folder in which imports are prepared.
        before_us: Time before which an interrupted import must have last advanced to be abandoned.

    Returns:
        Number of removed folders.
    """
    waiting: list[str] = []
    rows = session.read(IMPORTS, {"status": STARTED}, columns=("import_id", "fingerprint")).to_pylist()
    for row in rows:
        import_id: str = row["import_id"]
        stage = staging_folder / import_id / STAGE_FILE
        can_go_on = not row["fingerprint"].startswith(_STREAM) and stage.exists()
        claim = lock_folder(staging_folder / import_id)
        if claim is None:
            waiting.append(import_id)
        elif can_go_on and stage.stat().st_mtime * 1e6 > before_us:
            claim.release(with_folder=False)
            waiting.append(import_id)
        else:
            session.update(IMPORTS, {"status": ABANDONED}, {"import_id": import_id})
            claim.release(with_folder=False)
    return remove_unlocked(staging_folder, keep=waiting)
