"""Worker pool: what reads very many pairs runs in a process of its own, so that no other request waits for it.

In the process that answers, such work would hold up all others for seconds and keep its memory afterwards. The other
process is started when it is first needed and ends when nothing was asked of it for a while, or when its parent does.
Where none can be started, the work is done in place.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from consumer_fusion.errors import StoreError
from consumer_fusion.server.allocator import limit_arenas, release_memory
from consumer_fusion.workspace import Workspace, open_workspace

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
IDLE_SECONDS = 120.0
_NICENESS = 5
_log = logging.getLogger(__name__)
_open = ExitStack()
_opened: Workspace | None = None
"""The workspace of this process, where it is the other one."""


class WorkerPool:
    """The other process of a workspace; `close` in the end.

    Args:
        workspace: The workspace.
        idle_seconds: It ends when nothing was asked of it for so long.
    """

    def __init__(self, workspace: Workspace, idle_seconds: float = IDLE_SECONDS) -> None:
        self._workspace = workspace
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._turn = threading.Condition()
        self._asking = 0
        self._pool: ProcessPoolExecutor | None = None
        self._timer: threading.Timer | None = None
        self._is_closed = False

    def run(
        self,
        function: Callable[Concatenate[Workspace, Arguments], Result],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Result:
        """Call a function of a module with the workspace, in the other process, one at a time.

        Args:
            function: Named at the top of a module; its arguments and its result can be pickled.
            arguments: What it takes after the workspace.
            named: The same, by name.

        Raises:
            StoreError: It is closed.
        """
        with self._turn:
            self._asking += 1
        try:
            return self._run(function, *arguments, **named)
        finally:
            with self._turn:
                self._asking -= 1
                self._turn.notify_all()

    def run_ahead(
        self,
        function: Callable[Concatenate[Workspace, Arguments], Result],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Result:
        """The same for what nobody waits for: all others have their turn first."""
        with self._turn:
            while self._asking and not self._is_closed:
                self._turn.wait(timeout=1.0)
        return self._run(function, *arguments, **named)

    def _run(
        self,
        function: Callable[Concatenate[Workspace, Arguments], Result],
        *arguments: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Result:
        with self._lock:
            if self._is_closed:
                raise StoreError("The server is stopping.", hint="Ask again once it runs.")
            self._stop_timer()
            try:
                if self._pool is None:
                    self._pool = _start_pool(self._workspace.folder)
                is_done, result = self._pool.submit(_call, function, arguments, named).result()
            except (BrokenExecutor, OSError, pickle.PickleError) as error:
                _log.warning("the process for large reads is gone: %s", type(error).__name__)
                self._end()
                is_done, result = False, None
            else:
                self._timer = threading.Timer(self._idle_seconds, self._end_idle)
                self._timer.daemon = True
                self._timer.start()
        if is_done:
            return result  # type: ignore[no-any-return]
        # Whatever was in the way shows itself here, to whoever asked.
        return function(self._workspace, *arguments, **named)

    def close(self) -> None:
        """End the other process, after what it is doing."""
        with self._lock:
            self._is_closed = True
            self._end()

    def _end_idle(self) -> None:
        # Whoever asks just now keeps it alive.
        if self._lock.acquire(blocking=False):
            try:
                self._end()
            finally:
                self._lock.release()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self) -> None:
        self._stop_timer()
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=True, cancel_futures=True)


def _start_pool(folder: Path) -> ProcessPoolExecutor:
    """One process, started anew and not forked: threads of this one may hold locks at any moment."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=context, initializer=_begin, initargs=(folder,))


def _begin(folder: Path) -> None:
    """What the other process does first: it opens the workspace, and may take longer, but less of the machine."""
    global _opened
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICENESS)
    limit_arenas()
    os.environ["CONSUMER_FUSION_THREADS"] = "1"
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _opened = _open.enter_context(open_workspace(folder))


def _end_with_parent() -> None:
    """A parent that is killed tells nobody; its end is seen here."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _call(
    function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]
) -> tuple[bool, Any]:
    """In the other process: call a function; one that fails is called again by the parent, who meets its error."""
    assert _opened is not None
    try:
        return True, function(_opened, *arguments, **named)
    except Exception as error:  # noqa: BLE001 - see above
        _log.warning("a large read failed: %s", type(error).__name__)
        return False, None
    finally:
        release_memory()
