"""Files and folders that hold personal data: their owner's alone from the moment they are made."""

from __future__ import annotations

from pathlib import Path

_OTHERS = 0o077


def make_file(path: Path) -> Path:
    """Make an empty file that only its owner may open, and return its path; one that is there stays as it is."""
    path.touch(mode=0o600)
    return path


def make_folder(path: Path) -> None:
    """Make a folder that only its owner may enter; one that is there and empty becomes so."""
    is_new = not path.exists()
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not is_new and not any(path.iterdir()):
        path.chmod(0o700)


def is_private(path: Path) -> bool:
    """Whether nobody but the owner may open it."""
    return not path.stat().st_mode & _OTHERS
