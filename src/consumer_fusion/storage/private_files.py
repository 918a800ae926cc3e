"""Files and folders with personal data: accessible by their owner only, from their creation."""

from __future__ import annotations

from pathlib import Path

_OTHERS = 0o077


def make_file(path: Path) -> Path:
    """Create an empty file that only its owner may open, and return its path; an existing one is unchanged."""
    path.touch(mode=0o600)
    return path


def make_folder(path: Path) -> None:
    """Create a folder that only its owner may enter; an existing empty one becomes private."""
    is_new = not path.exists()
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not is_new and not any(path.iterdir()):
        path.chmod(0o700)


def is_private(path: Path) -> bool:
    """Whether only the owner may open it."""
    return not path.stat().st_mode & _OTHERS
