"""Workspaces that are made once and copied for each test, which may then change its own."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

_room: list[Path] = []


def make_room(folder: Path) -> None:
    """Say where the workspaces that are made once are kept: one folder for all processes that run the tests."""
    folder.mkdir(exist_ok=True)
    _room[:] = [folder]


def find_made(make: Callable[..., object], *arguments: object) -> Path:
    """The folder in which `make(folder, *arguments)` worked, once for all processes that run the tests; only to read.

    Another process that wants the same waits until it is made.

    Args:
        make: Fills a folder that is there or not; a function of a module, which has a name in every process.
        arguments: What it is told beside the folder; nothing but what its `repr` tells.
    """
    name = f"{make.__module__}.{make.__qualname__}"
    assert "<" not in name, "a function within a function is another one in every process"
    mark = hashlib.sha256(repr((name, arguments)).encode()).hexdigest()[:16]
    made = _room[0] / f"{make.__name__}-{mark}"
    whole = made.with_suffix(".whole")
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(made, ignore_errors=True)
            make(made, *arguments)
            whole.touch()
    return made


def copy_made(folder: Path, make: Callable[..., object], *arguments: object) -> Path:
    """Have in a folder a copy of what `make(folder, *arguments)` makes; it is made once, see `find_made`.

    Args:
        folder: A folder that is not there, or is empty.
        make: Makes a workspace and closes it.
        arguments: What it is told beside the folder.
    """
    return Path(shutil.copytree(find_made(make, *arguments), folder, dirs_exist_ok=True))
