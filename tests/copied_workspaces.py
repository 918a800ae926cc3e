"""Workspaces that are made once and copied for each test, which may then change its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

_made: dict[tuple[object, ...], Path] = {}
_room: list[Path] = []


def copy_made(folder: Path, make: Callable[..., object], *arguments: object) -> Path:
    """Have in a folder what `make(folder, *arguments)` makes: made the first time, a copy of that from then on.

    Args:
        folder: A folder that is not there, or is empty.
        make: Makes a workspace and closes it.
        arguments: What it is told beside the folder.
    """
    key = (make, *arguments)
    if key not in _made:
        if not _room:
            _room.append(Path(tempfile.mkdtemp(prefix="made-workspaces-")))
        made = Path(tempfile.mkdtemp(dir=_room[0])) / "made"
        make(made, *arguments)
        _made[key] = made
    return Path(shutil.copytree(_made[key], folder, dirs_exist_ok=True))


def discard_made() -> None:
    """Remove what was made."""
    _made.clear()
    while _room:
        shutil.rmtree(_room.pop())
