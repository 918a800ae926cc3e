"""Draws figures with Vega, one per input line, in a process of its own; run as a file, so that it loads nothing else.

The drawing library may crash its process on unexpected input. See `drawing_process`.
"""

from __future__ import annotations

import json
import resource
import signal
import sys

import vl_convert


def draw_lines(seconds: int, idle_seconds: int, memory_bytes: int) -> None:
    """Draw the specification in each line of standard input, until it ends, is idle too long, or a figure times out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold personal data
    while True:
        # The alarm also ends the process in the middle of a library call, and when the parent is gone.
        signal.alarm(idle_seconds)
        line = sys.stdin.readline()
        if not line:
            return
        signal.alarm(seconds)
        specification, locale = json.loads(line)
        try:
            # No URL is allowed: the data are inside, and no font is fetched.
            svg = vl_convert.vegalite_to_svg(
                specification, allowed_base_urls=[], format_locale=locale, time_format_locale=locale
            )
        except Exception:  # noqa: BLE001 - its message may contain personal data
            svg = None
        sys.stdout.write(json.dumps(svg) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    draw_lines(*map(int, sys.argv[1:]))
