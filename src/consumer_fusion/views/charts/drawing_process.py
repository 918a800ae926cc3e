"""The process in which figures are drawn, so that one that cannot be drawn ends nothing else.

It is started with the first figure, draws one at a time, and ends with its parent, or when nothing was asked of it
for a while. One that dies is replaced.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from consumer_fusion.errors import DrawingError
from consumer_fusion.views.charts import vega

FIGURE_SECONDS = 20
"""No figure takes longer."""
IDLE_SECONDS = 300
MEMORY_BYTES = 3 << 29
"""No figure takes more memory; six hundred megabytes are set apart by the library before it draws."""
_TRIES = 2
_log = logging.getLogger("consumer_fusion.views.charts")


class DrawingProcess:
    """Draws figures in another process; `close` in the end.

    Args:
        seconds: No figure takes longer.
        idle_seconds: The process ends when nothing was asked of it for so long.
        memory_bytes: No figure takes more.
    """

    def __init__(
        self, *, seconds: int = FIGURE_SECONDS, idle_seconds: int = IDLE_SECONDS, memory_bytes: int = MEMORY_BYTES
    ) -> None:  # fmt: skip
        self._seconds = seconds
        self._limits = (seconds, idle_seconds, memory_bytes)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    @property
    def process_id(self) -> int | None:
        """The number of the process; None where none was started."""
        return None if self._process is None else self._process.pid

    def draw(self, specification: Mapping[str, Any], locale: str) -> str:
        """Draw a figure as SVG text.

        Args:
            specification: What Vega-Lite draws.
            locale: How numbers and times are written.

        Raises:
            DrawingError: It cannot be drawn, or not within the limits.
        """
        task = json.dumps([specification, locale])
        with self._lock:
            for _ in range(_TRIES):  # one that rested may just have ended
                answer, is_late = self._ask(task)
                if answer or is_late:
                    break
        svg = json.loads(answer) if answer else None
        if not isinstance(svg, str):
            raise DrawingError(
                "The figure could not be drawn.", hint="Its numbers are there; report this as a fault."
            )
        return svg

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _ask(self, task: str) -> tuple[str, bool]:
        """The answer, empty where the process died of the task, and whether that was because it took too long."""
        try:
            process = self._find_process()
        except OSError as error:
            _log.warning("the process that draws cannot be started: %s", type(error).__name__)
            return "", False
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(self._seconds, process.kill)
        timer.start()
        try:
            process.stdin.write(task + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except (OSError, ValueError):
            answer = ""
        is_late = not timer.is_alive()
        timer.cancel()
        if not answer.endswith("\n"):
            answer = ""
            self.close()
            _log.warning("the process that draws %s", "took too long" if is_late else "died")
        return answer, is_late

    def _find_process(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - nothing of it comes from outside
                [sys.executable, "-P", str(Path(vega.__file__)), *map(str, self._limits)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # what the library says there may name somebody
                encoding="utf-8",
                env={**os.environ, "MALLOC_ARENA_MAX": "2"},
            )
        return self._process
