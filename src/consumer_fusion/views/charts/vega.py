"""Draws figures by Vega, one a line, in a process of its own; run as a file, so that it loads nothing besides.

The drawing library ends the process that it runs in where it meets what it does not expect. See `drawing_process`.
"""

from __future__ import annotations

import json
import resource
import signal
import sys

import vl_convert


def draw_lines(seconds: int, idle_seconds: int, memory_bytes: int) -> None:
    """Draw what stands in each line of the standard input, until it ends, nobody asks, or one takes too long."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # what it holds is personal
    while True:
        # What this alarm ends, it ends in the midst of the library too, and when there is no parent any more.
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
        except Exception:  # noqa: BLE001 - its message may name somebody
            svg = None
        sys.stdout.write(json.dumps(svg) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    draw_lines(*map(int, sys.argv[1:]))
