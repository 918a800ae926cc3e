"""A workspace: one folder with settings, points, store and segments; opening it is wiring and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from consumer_fusion.errors import ConflictError, InputError, StoreError, WorkspaceNotFoundError
from consumer_fusion.records.clock import Clock, read_system_clock
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.timestamps import to_microseconds
from consumer_fusion.settings import SETTINGS_FILE, Settings, read_settings, write_settings
from consumer_fusion.storage.duckdb import DuckDBEngine
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.file_locks import claim_folder
from consumer_fusion.storage.private_files import make_file, make_folder
from consumer_fusion.storage.segments import sweep_replaced, sync_folder
from consumer_fusion.storage.sqlite import (
    ARRIVAL_SCHEMA,
    SESSION_SCHEMA,
    STORE_SCHEMA,
    SQLiteStore,
    StoreSchema,
)
from consumer_fusion.storage.store import Session, Store

STORE_FILE = "fusion.db"
DEMO_MARK = "demo.txt"
"""A folder with this file holds a simulated town and may be made anew."""
ARRIVALS_FILE = "arrivals.db"
SESSIONS_FILE = "sessions.db"
STORE_FILES = {STORE_FILE: STORE_SCHEMA, ARRIVALS_FILE: ARRIVAL_SCHEMA, SESSIONS_FILE: SESSION_SCHEMA}
"""The files that are databases, with what each holds."""
SPILL_FOLDER = "spill"
POINTS_FILE = "points.toml"
WORKSPACE_FILES = (
    *(f"{name}{ending}" for name in STORE_FILES for ending in ("", "-wal", "-shm")),
    SETTINGS_FILE, POINTS_FILE, SPILL_FOLDER, "staging", "segments",
)  # fmt: skip
"""Everything that a workspace puts into its folder."""
_POINTS_HEADER = """\
# The points of this workspace. Only what stands here differs from the shipped table; in its form:
#
# [kinds."Event Attended"]
# points = { feet = 5, delight = 5 }
"""


@dataclass(frozen=True, slots=True)
class Workspace:
    """What an opened workspace consists of.

    Attributes:
        folder: Where it is.
        settings: Its settings.
        store: The hot store.
        arrivals: Where events that arrive over the network are durable until they are read.
        session_store: Where it is kept who is signed in and who tried to.
        engine: Where queries run.
        clock: What time it is.
        on_change: What else is written in the transaction of a change, such as who made it.
        is_read_only: Whether nothing may be written where it lies.
    """

    folder: Path
    settings: Settings
    store: Store
    arrivals: Store
    session_store: Store
    engine: Engine
    clock: Clock
    on_change: Callable[[Session], object] | None = None
    is_read_only: bool = False

    @property
    def points_path(self) -> Path:
        """The file of the points that differ from the shipped ones."""
        return self.folder / POINTS_FILE

    @property
    def staging_folder(self) -> Path:
        """Where imports are prepared."""
        return self.folder / "staging"

    @property
    def now_us(self) -> int:
        """The present moment."""
        return to_microseconds(self.clock())

    def note_change(self, session: Session) -> None:
        """Write what belongs to a change, in its transaction; called by whoever made the change."""
        if self.on_change is not None:
            self.on_change(session)


def create_workspace(folder: Path) -> Path:
    """Make a new workspace with its settings file and an empty table of own points.

    Raises:
        ConflictError: There is one already.
        InputError: The folder cannot be made or written.
    """
    if (folder / STORE_FILE).exists():
        raise ConflictError(f"There is a workspace in {folder} already.", hint="Choose another folder.")
    try:
        make_folder(folder)
        if not (folder / SETTINGS_FILE).exists():
            make_file(folder / SETTINGS_FILE)
            write_settings(folder)
        if not (folder / POINTS_FILE).exists():
            make_file(folder / POINTS_FILE).write_text(_POINTS_HEADER, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"No workspace can be made in {folder}: {error.strerror}.",
            hint="Name a folder that can be written.",
        ) from error
    _create_store(folder / SESSIONS_FILE, SESSION_SCHEMA)
    _create_store(folder / ARRIVALS_FILE, ARRIVAL_SCHEMA)
    # The last one: where it is, the workspace is whole.
    _create_store(folder / STORE_FILE, STORE_SCHEMA)
    return folder


def _create_store(path: Path, schema: StoreSchema) -> None:
    # Under another name until it is whole, so that an interruption leaves no half of a store.
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    store = SQLiteStore(unfinished, schema)
    store.create()
    store.close()
    unfinished.rename(path)
    sync_folder(path.parent)


@contextmanager
def open_workspace(
    folder: Path | str = ".", *, clock: Clock = read_system_clock, threads: int | None = None
) -> Iterator[Workspace]:
    """Open the workspace in a folder, and close it at the end of the `with` block.

    Args:
        folder: Where it is.
        clock: What time it is.
        threads: So many threads compute, whatever its settings say; each takes memory.

    Raises:
        WorkspaceNotFoundError: There is none.
        ConflictError: A file in it has a version that this release does not know.
    """
    folder = Path(folder).resolve()
    if not (folder / STORE_FILE).exists():
        raise WorkspaceNotFoundError(
            f"There is no workspace in {folder}.", hint="Make one with `fusion init` or try `fusion demo`."
        )
    settings = read_settings(folder)
    if threads is not None:
        settings = settings.model_copy(update={"threads": threads})
    # Also where the folder is ours: its disk may be mounted for reading only.
    is_read_only = not os.access(folder, os.W_OK)
    with ExitStack() as opened:
        scratch = folder
        if is_read_only:
            scratch = Path(opened.enter_context(TemporaryDirectory(prefix="fusion-")))
        store, arrivals, session_store = (
            _open_store(folder, scratch, name, schema, is_read_only=is_read_only)
            for name, schema in STORE_FILES.items()
        )
        for each in (store, arrivals, session_store):
            opened.callback(each.close)
        # The engine gives its spilled files the same names in every process: each needs a folder of its own.
        spill = claim_folder(scratch / SPILL_FOLDER / make_id())
        assert spill is not None, "an id that was made just now is nobody else's"
        opened.callback(spill.release, with_folder=True)
        if not is_read_only:
            opened.callback(_sweep_replaced, store, folder)
        engine = DuckDBEngine(
            spill.folder, memory_limit_mb=settings.memory_limit_mb, threads=settings.threads
        )
        opened.callback(engine.close)
        for each in (store, arrivals, session_store):
            each.bring_up_to_date()
        yield Workspace(
            folder, settings, store, arrivals, session_store, engine, clock, is_read_only=is_read_only
        )


def _open_store(
    folder: Path, scratch: Path, name: str, schema: StoreSchema, *, is_read_only: bool
) -> SQLiteStore:
    if (folder / name).exists():
        return SQLiteStore(folder / name, schema, is_read_only=is_read_only)
    # A file beside the store that an older release did not have.
    made = SQLiteStore(scratch / name, schema)
    made.create()
    return made


def _sweep_replaced(store: Store, folder: Path) -> None:
    with suppress(StoreError):
        sweep_replaced(store, folder)
