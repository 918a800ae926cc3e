"""A workspace: one folder with settings, points, store and segments; opening it only connects these."""

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
from consumer_fusion.records.schema import Schema, describe
from consumer_fusion.records.timestamps import to_microseconds
from consumer_fusion.settings import SETTINGS_FILE, Settings, read_settings, write_settings
from consumer_fusion.storage.duckdb import DuckDBEngine
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.file_locks import lock_folder
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
"""A folder with this file holds a simulated town and may be recreated."""
ARRIVALS_FILE = "arrivals.db"
SESSIONS_FILE = "sessions.db"
STORE_FILES = {STORE_FILE: STORE_SCHEMA, ARRIVALS_FILE: ARRIVAL_SCHEMA, SESSIONS_FILE: SESSION_SCHEMA}
"""The database files, with the schema of each."""
SPILL_FOLDER = "spill"
POINTS_FILE = "points.toml"
WORKSPACE_FILES = (
    *(f"{name}{ending}" for name in STORE_FILES for ending in ("", "-wal", "-shm")),
    SETTINGS_FILE, POINTS_FILE, SPILL_FOLDER, "staging", "segments",
)  # fmt: skip
"""All files and folders of a workspace."""
_POINTS_HEADER = """\
# The points of this workspace: only differences from the shipped table, in the same format:
#
# [kinds."Event Attended"]
# points = { feet = 5, delight = 5 }
"""


@dataclass(frozen=True, slots=True)
class Workspace:
    """An opened workspace.

    Attributes:
        folder: Folder of the workspace.
        settings: Settings.
        store: Main store.
        arrivals: Store of events received over the network, durable until they land.
        session_store: Store of sessions and failed sign-ins.
        engine: Compute engine.
        arrivals_engine: Engine for events received over the network (decision 0041).
        clock: Clock.
        on_change: Called in the transaction of a change, for example to audit it.
        is_read_only: Whether the folder is read-only.
    """

    folder: Path
    settings: Settings
    store: Store
    arrivals: Store
    session_store: Store
    engine: Engine
    arrivals_engine: Engine
    clock: Clock
    on_change: Callable[[Session], object] | None = None
    is_read_only: bool = False

    @property
    def points_path(self) -> Path:
        """File of the points that differ from the shipped ones."""
        return self.folder / POINTS_FILE

    @property
    def staging_folder(self) -> Path:
        """Folder in which imports are prepared."""
        return self.folder / "staging"

    @property
    def now_us(self) -> int:
        """Current time, in microseconds since the epoch."""
        return to_microseconds(self.clock())

    def note_change(self, session: Session) -> None:
        """Call `on_change` in the transaction of a change; called by the code that makes the change."""
        if self.on_change is not None:
            self.on_change(session)


class CreatedWorkspace(Schema):
    """A workspace that was created."""

    workspace: Path = describe("Workspace", "Its folder.")


def create_workspace(folder: Path) -> Path:
    """Create a new workspace with its settings file and an empty table of own points.

    Raises:
        ConflictError: The folder contains a workspace already.
        InputError: The folder cannot be created or written.
    """
    if (folder / STORE_FILE).exists():
        raise ConflictError(f"{folder} already contains a workspace.", hint="Choose another folder.")
    try:
        make_folder(folder)
        if not (folder / SETTINGS_FILE).exists():
            make_file(folder / SETTINGS_FILE)
            write_settings(folder)
        if not (folder / POINTS_FILE).exists():
            make_file(folder / POINTS_FILE).write_text(_POINTS_HEADER, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"No workspace can be created in {folder}: {error.strerror}.",
            hint="Choose a writable folder.",
        ) from error
    _create_store(folder / SESSIONS_FILE, SESSION_SCHEMA)
    _create_store(folder / ARRIVALS_FILE, ARRIVAL_SCHEMA)
    # Created last: its presence means that the workspace is complete.
    _create_store(folder / STORE_FILE, STORE_SCHEMA)
    return folder


def _create_store(path: Path, schema: StoreSchema) -> None:
    # Under another name until it is complete, so that an interruption leaves no partial store.
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
        folder: Folder of the workspace.
        clock: Clock.
        threads: Number of compute threads, which overrides the setting; each takes memory.

    Raises:
        WorkspaceNotFoundError: The folder contains no workspace.
        ConflictError: A file in it has a version that is unknown to this release.
    """
    folder = Path(folder).resolve()
    if not (folder / STORE_FILE).exists():
        raise WorkspaceNotFoundError(
            f"There is no workspace in {folder}.", hint="Create one with `fusion init`, or try `fusion demo`."
        )
    settings = read_settings(folder)
    if threads is not None:
        settings = settings.model_copy(update={"threads": threads})
    # Checked even if we own the folder: its disk may be mounted read-only.
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
        # The engine names its spilled files identically in every process, so each needs a folder of its own.
        spill = lock_folder(scratch / SPILL_FOLDER / make_id())
        assert spill is not None, "a new id is unique"
        opened.callback(spill.release, with_folder=True)
        if not is_read_only:
            opened.callback(_sweep_replaced, store, folder)
        engine = DuckDBEngine(
            spill.folder, memory_limit_mb=settings.memory_limit_mb, threads=settings.threads
        )
        opened.callback(engine.close)
        arrivals_engine = make_intake_engine(settings, spill.folder / "arrivals")
        opened.callback(arrivals_engine.close)
        for each in (store, arrivals, session_store):
            each.bring_up_to_date()
        yield Workspace(
            folder, settings, store, arrivals, session_store, engine, arrivals_engine, clock,
            is_read_only=is_read_only,
        )  # fmt: skip


def make_intake_engine(settings: Settings, spill_folder: Path) -> DuckDBEngine:
    """An engine for taking events in.

    One thread takes half the processor time of two for the same rows, and less memory (decision 0041).
    """
    return DuckDBEngine(spill_folder, memory_limit_mb=settings.memory_limit_mb, threads=1)


def _open_store(
    folder: Path, scratch: Path, name: str, schema: StoreSchema, *, is_read_only: bool
) -> SQLiteStore:
    if (folder / name).exists():
        return SQLiteStore(folder / name, schema, is_read_only=is_read_only)
    # A file that an older release did not have.
    made = SQLiteStore(scratch / name, schema)
    made.create()
    return made


def _sweep_replaced(store: Store, folder: Path) -> None:
    with suppress(StoreError):
        sweep_replaced(store, folder)
