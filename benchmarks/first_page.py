"""From a checkout to the first page: how long the installation takes, `make demo` after it, and how much memory.

    python benchmarks/first_page.py              the demo of the environment that runs this
    python benchmarks/first_page.py --install    a clean checkout of the last commit is set up first, and timed

Downloads are part of an installation, so that its seconds hold for this machine, its network and pip's cache; the CPU
seconds beside them travel better.
"""

from __future__ import annotations

import argparse
import http.cookiejar
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from measuring import describe_machine

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    "/",
    "/relationship?consumer=pop-artist&brand=sweater-brand",
    "/consumers?brand=sweater-brand",
    "/points",
)
LIMIT_SECONDS, LIMIT_MEGABYTES = 60, 500


def set_up(folder: Path) -> Path:
    """A clean checkout with its environment; returns its command."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        ["make", "--silent", "setup"],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    size = sum(path.stat().st_size for path in (folder / ".venv").rglob("*") if not path.is_symlink())
    print(f"make setup: {seconds:.0f} s, {cpu:.0f} s of them CPU; {size / 1e9:.1f} GB on disk")
    return folder / ".venv" / "bin" / "fusion"


def read_megabytes(process: subprocess.Popen[str], field: str) -> float:
    """What the system says of the memory of a process."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(status.partition(f"{field}:")[2].split()[0]) / 1024


def read_family_megabytes(process: subprocess.Popen[str]) -> float:
    """What a process and its helpers hold now, what they share counted once."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
    total = 0
    for number in (str(process.pid), *children):
        rollup = Path(f"/proc/{number}/smaps_rollup")
        if rollup.exists():
            total += int(rollup.read_text(encoding="ascii").partition("Pss:")[2].split()[0])
    return total / 1024


def measure_demo(fusion: Path, folder: Path, people: int) -> tuple[float, float]:
    """Seconds to the first page, and the largest memory until then."""
    begin = time.perf_counter()
    demo = subprocess.Popen(
        [str(fusion), "demo", "--people", str(people), "--port", "0", "--workspace", str(folder / "town")],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "CI": "true"},
    )  # fmt: skip
    told = ""
    while "Stop it" not in told:
        line = demo.stdout.readline() if demo.stdout else ""
        if not line:
            raise SystemExit("the demo ended before it served")
        told += line
    address = re.search(r"http://[\d.:]+", told)
    assert address is not None
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    seconds = []
    for page in PAGES:
        # 202 is a page that says that it is being read, and comes by itself: what counts is the one that has come.
        status = 0
        while status != 200:
            with browser.open(f"{address[0]}{page}", timeout=120) as answer:
                status = answer.status
                answer.read()
            time.sleep(0.0 if status == 200 else 0.2)
        seconds.append(time.perf_counter() - begin)
        if page == PAGES[0]:
            first_megabytes = read_megabytes(demo, "VmHWM")
    events = re.search(r"([\d,]+) events", told)
    peak, now = read_megabytes(demo, "VmHWM"), read_megabytes(demo, "VmRSS")
    print(f"fusion demo, {people:,} people, {events[1] if events else 'no'} events")
    print(f"first page after {seconds[0]:.1f} s, {len(PAGES)} pages after {seconds[-1]:.1f} s")
    print(f"at most {first_megabytes:.0f} MB until the first page, {peak:.0f} MB until the last, {now:.0f} MB then; "
          f"{read_family_megabytes(demo):.0f} MB with its helpers")  # fmt: skip
    demo.send_signal(signal.SIGINT)
    demo.wait()
    return seconds[0], first_megabytes


def main() -> None:
    """Measure, and fail where a limit is passed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--install", action="store_true", help="set up a clean checkout first")
    parser.add_argument("--people", type=int, default=4000)
    arguments = parser.parse_args()
    print(f"{describe_machine()}, load average {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        fusion = (
            set_up(folder / "checkout") if arguments.install else Path(sys.executable).with_name("fusion")
        )
        seconds, megabytes = measure_demo(fusion, folder, arguments.people)
    if seconds > LIMIT_SECONDS or megabytes > LIMIT_MEGABYTES:
        raise SystemExit(f"more than {LIMIT_SECONDS} s or {LIMIT_MEGABYTES} MB")


if __name__ == "__main__":
    main()
