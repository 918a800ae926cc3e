"""Locks of working folders: a folder belongs to one process for as long as that process lives.

A claim is a lock of the operating system on a file next to the folder. It ends with the process, however that ends:
so the remains of a dead process can be distinguished from the files of a living one, without guessing by age.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Collection
from pathlib import Path
from types import TracebackType

_LOCK = ".lock"


class FolderLock:
    """A locked folder; as a context it is released with the block.

    On normal exit the folder is removed. On an error it is kept, so that the work can be resumed
    later, unless it is not resumable.
    """

    def __init__(self, folder: Path, descriptor: int, *, is_resumable: bool) -> None:
        self.folder = folder
        self._descriptor = descriptor
        self._is_resumable = is_resumable

    def release(self, *, with_folder: bool) -> None:
        """Release the folder, and remove it if it is no longer needed."""
        if with_folder:
            shutil.rmtree(self.folder, ignore_errors=True)
        # The name is removed before the lock: a process that opened the file meanwhile sees that its name is gone.
        _name_lock(self.folder).unlink(missing_ok=True)
        os.close(self._descriptor)

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release(with_folder=error is None or not self._is_resumable)


def lock_folder(folder: Path, *, is_resumable: bool = False) -> FolderLock | None:
    """Lock a folder, which need not exist; None while another living process (or thread) holds it.

    Args:
        folder: The folder.
        is_resumable: Whether the folder is kept when the work in it fails.
    """
    lock = _name_lock(folder)
    lock.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if _is_named(descriptor, lock):
            return FolderLock(folder, descriptor, is_resumable=is_resumable)
        os.close(descriptor)


def remove_unlocked(parent: Path, *, keep: Collection[str] = ()) -> int:
    """Remove the working folders that no living process holds.

    Args:
        parent: The folder of the working folders.
        keep: Names of folders to keep for resumption.

    Returns:
        Number of removed folders.
    """
    names = {path.name.removesuffix(_LOCK) for path in parent.iterdir()} if parent.exists() else set()
    removed = 0
    for name in sorted(names - set(keep)):
        claim = lock_folder(parent / name)
        if claim is not None:
            removed += (parent / name).exists()
            claim.release(with_folder=True)
    return removed


def _name_lock(folder: Path) -> Path:
    return folder.with_name(folder.name + _LOCK)


def _is_named(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
