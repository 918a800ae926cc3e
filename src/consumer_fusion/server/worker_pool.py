"""Worker pool: reads of very many pairs run in a worker process, so that no other request waits for them.

In the server process such work would delay all other requests for seconds and keep its memory afterwards. The worker
process is started on first use and ends when it has been idle for a while, or when its parent ends. If it cannot be
started, the work is done in the server process.
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
from consumer_fusion.storage.pandas_exclusion import leave_out_pandas
from consumer_fusion.workspace import Workspace, open_workspace

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
IDLE_SECONDS = 30.0
_NICENESS = 5
_log = logging.getLogger(__name__)
_open = ExitStack()
_opened: Workspace | None = None
"""The workspace of this process, if it is the worker process."""


class WorkerPool:
    """The worker process of a workspace; call `close` at the end.

    Args:
        workspace: Workspace.
        idle_seconds: Idle time after which the process ends.
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
        """Call a module-level function with the workspace in the worker process, one call at a time.

        Args:
            function: Module-level function; its arguments and its result must be picklable.
            arguments: Positional arguments after the workspace.
            named: Keyword arguments.

        Raises:
            StoreError: The pool is closed.
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
        """Like `run` for work that no request waits for: calls of `run` have priority."""
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
                raise StoreError("The server is stopping.", hint="Retry once it runs.")
            self._stop_timer()
            try:
                if self._pool is None:
                    self._pool = _start_pool(self._workspace.folder)
                is_done, result = self._pool.submit(_call, function, arguments, named).result()
            except (BrokenExecutor, OSError, pickle.PickleError) as error:
                _log.warning("the worker process has died: %s", type(error).__name__)
                self._end()
                is_done, result = False, None
            else:
                self._timer = threading.Timer(self._idle_seconds, self._end_idle)
                self._timer.daemon = True
                self._timer.start()
        if is_done:
            return result  # type: ignore[no-any-return]
        # If the failure was not the worker's, it shows itself here to the caller.
        return function(self._workspace, *arguments, **named)

    def close(self) -> None:
        """End the worker process, after its current task."""
        with self._lock:
            self._is_closed = True
            self._end()

    def _end_idle(self) -> None:
        # A call that has just begun keeps it alive.
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
    """A pool of one process, spawned and not forked, because threads of this process may hold locks."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=context, initializer=_begin, initargs=(folder,))


def _begin(folder: Path) -> None:
    """Initialise the worker process: open the workspace, and lower its priority."""
    global _opened
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICENESS)
    leave_out_pandas()
    limit_arenas()
    os.environ["CONSUMER_FUSION_THREADS"] = "1"
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _opened = _open.enter_context(open_workspace(folder))


def _end_with_parent() -> None:
    """End this process when its parent ends; a killed parent cannot notify it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _call(
    function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]
) -> tuple[bool, Any]:
    """In the worker process: call a function; if it fails, the parent calls it again and gets the error."""
    assert _opened is not None
    try:
        return True, function(_opened, *arguments, **named)
    except Exception as error:  # noqa: BLE001 - the parent calls the function again
        _log.warning("a large read failed: %s", type(error).__name__)
        return False, None
    finally:
        release_memory()
