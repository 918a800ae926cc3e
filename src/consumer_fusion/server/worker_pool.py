"""Aside: what reads very many pairs runs in a process of its own, so that nobody who asks for one pair waits for it.

In the process that answers, such work would hold up all others for seconds and keep its memory afterwards. The other
process is started when it is first needed and ends when nothing was asked of it for a while, or when its parent does.
Where none can be started, the work is done in place.
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Concatenate, ParamSpec, TypeVar

from consumer_fusion.errors import StoreError
from consumer_fusion.server.allocator import release_memory
from consumer_fusion.workspace import Workspace, open_workspace

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
IDLE_SECONDS = 120.0
_NICENESS = 5
_SPARING = {"CONSUMER_FUSION_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""It may take longer, but less of the machine."""
_LENGTH = struct.Struct("<Q")
_log = logging.getLogger("consumer_fusion.aside")


class WorkerProcess:
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
        self._process: subprocess.Popen[bytes] | None = None
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
        """The same for what nobody waits for: everybody else has their turn first."""
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
            try:
                is_done, result = self._ask((function, arguments, named))
            except (OSError, EOFError, pickle.PickleError) as error:
                _log.warning("the process for large reads is gone: %s", type(error).__name__)
                self._end()
                is_done, result = False, None
            else:
                self._rest()
        if is_done:
            return result  # type: ignore[no-any-return]
        # Whatever was in the way shows itself here, to whoever asked.
        return function(self._workspace, *arguments, **named)

    def close(self) -> None:
        """End the other process, after what it is doing."""
        with self._lock:
            self._is_closed = True
            self._end()

    def _ask(self, task: object) -> tuple[bool, Any]:
        if self._is_closed:
            raise StoreError("The server is stopping.", hint="Ask again once it runs.")
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(  # noqa: S603 - nothing of it comes from outside
                [sys.executable, "-m", "consumer_fusion.server.worker_pool", str(self._workspace.folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, **_SPARING},
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        _write(self._process.stdin, task)
        # Only parent and child speak over these pipes.
        answered: tuple[bool, Any] = pickle.loads(_read(self._process.stdout))  # noqa: S301
        return answered

    def _rest(self) -> None:
        self._timer = threading.Timer(self._idle_seconds, self._end_idle)
        self._timer.daemon = True
        self._timer.start()

    def _end_idle(self) -> None:
        # Whoever asks just now keeps it alive.
        if self._lock.acquire(blocking=False):
            try:
                self._end()
            finally:
                self._lock.release()

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        process, self._process = self._process, None
        if process is None:
            return
        # It ends by itself when nobody is there to ask.
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            process.wait(timeout=10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _write(pipe: IO[bytes], content: object) -> None:
    data = pickle.dumps(content, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.write(_LENGTH.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def _read(pipe: IO[bytes]) -> bytes:
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    data = pipe.read(_LENGTH.unpack(head)[0])
    if len(data) < _LENGTH.unpack(head)[0]:
        raise EOFError
    return data


def _work(folder: Path) -> None:
    """What the other process does: one task after the other, until its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(_NICENESS)
    tasks, answers = os.fdopen(0, "rb", closefd=False), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anybody prints is no answer
    with open_workspace(folder) as workspace:
        while True:
            try:
                task = _read(tasks)
            except EOFError:
                return
            try:
                function, arguments, named = pickle.loads(task)  # noqa: S301 - from the parent
                answered = (True, function(workspace, *arguments, **named))
            except Exception as error:  # noqa: BLE001 - the parent does it in place and meets the error itself
                _log.warning("a large read failed: %s", type(error).__name__)
                answered = (False, None)
            try:
                _write(answers, answered)
            except BrokenPipeError:
                return
            del answered
            release_memory()


if __name__ == "__main__":
    _work(Path(sys.argv[1]))
