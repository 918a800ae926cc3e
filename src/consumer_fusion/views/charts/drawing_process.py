"""The process in which figures are drawn, so that a crash of the drawing library affects nothing else.

It is started with the first figure, draws one at a time, and ends with its parent, or after it has been idle for a
while. A process that dies is replaced.
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
"""Time limit of a figure."""
IDLE_SECONDS = 300
MEMORY_BYTES = 3 << 29
"""Memory limit of a figure; the library reserves six hundred megabytes before it draws."""
_TRIES = 2
_log = logging.getLogger("consumer_fusion.views.charts")


class DrawingProcess:
    """Draws figures in another process; call `close` at the end.

    Args:
        seconds: Time limit of a figure.
        idle_seconds: Idle time after which the process ends.
        memory_bytes: Memory limit of a figure.
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
        """The id of the process; None where none was started."""
        return None if self._process is None else self._process.pid

    def draw(self, specification: Mapping[str, Any], locale: str) -> str:
        """Draw a figure as SVG text.

        Args:
            specification: A Vega-Lite specification.
            locale: Locale of numbers and times.

        Raises:
            DrawingError: It cannot be drawn, or not within the limits.
        """
        task = json.dumps([specification, locale])
        with self._lock:
            for _ in range(_TRIES):  # an idle process may just have ended
                answer, is_late = self._ask(task)
                if answer or is_late:
                    break
        svg = json.loads(answer) if answer else None
        if not isinstance(svg, str):
            raise DrawingError(
                "The figure could not be drawn.",
                hint="Its numbers are available; please report this as a bug.",
            )
        return svg

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _ask(self, task: str) -> tuple[str, bool]:
        """The response, empty where the process died, and whether it died because of the time limit."""
        try:
            process = self._find_process()
        except OSError as error:
            _log.warning("the drawing process cannot be started: %s", type(error).__name__)
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
            _log.warning("the drawing process %s", "took too long" if is_late else "died")
        return answer, is_late

    def _find_process(self) -> subprocess.Popen[str]:
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - no argument comes from outside
                [sys.executable, "-P", str(Path(vega.__file__)), *map(str, self._limits)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # the library's messages may contain personal data
                encoding="utf-8",
                env={**os.environ, "MALLOC_ARENA_MAX": "2"},
            )
        return self._process
