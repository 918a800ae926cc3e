"""Hands cases to the peers, here or in an environment of their own, and takes what they said."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from cause_cases import Case
from cause_peers import NO_CONTROLS, PEERS

TIMEOUT_SECONDS = 3_600
SLOW_CASES = 60
"""Peers that get no more cases than this are shown on real series only."""


def run_peers(
    cases: Sequence[Case],
    *,
    python: str | None = None,
    kept: Path | None = None,
    with_slow: bool = True,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, list[dict]]:
    """What each peer said of the first cases, as many as it is given.

    Args:
        cases: With controls in all of them or in none.
        python: The interpreter of an environment in which the peers are installed; by default this one.
        kept: A folder in which answers are kept; the same arrays are not asked about twice.
        with_slow: Whether the slow ones are asked at all.
        say: Takes a line on how it goes.
    """
    has_controls = bool(cases[0].controls)
    told: dict[str, list[dict]] = {}
    for peer, (_, needs_controls, most) in PEERS.items():
        if (needs_controls and not has_controls) or (has_controls and peer in NO_CONTROLS):
            continue
        if most <= SLOW_CASES and not with_slow:
            continue
        say(f"  {peer}: {min(most, len(cases))} cases")
        told[peer] = _run_peer(peer, cases[:most], python or sys.executable, kept)
    return told


def _run_peer(peer: str, cases: Sequence[Case], python: str, kept: Path | None) -> list[dict]:
    arrays, plan = {}, []
    for number, case in enumerate(cases):
        arrays[f"y{number}"], arrays[f"x{number}"] = case.tell_peers()
        plan.append({"peer": peer, "case": number, "before": case.before})
    content = hashlib.sha256(json.dumps(plan).encode())
    for name in sorted(arrays):
        content.update(np.ascontiguousarray(arrays[name]).tobytes())
    answer = kept / f"{content.hexdigest()[:24]}.json" if kept else None
    if answer and answer.is_file():
        return json.loads(answer.read_text(encoding="utf-8"))
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    with tempfile.TemporaryDirectory() as folder:
        jobs, results = Path(folder) / "jobs.npz", Path(folder) / "results.json"
        np.savez(jobs, plan=np.array(json.dumps(plan)), **arrays)
        script = Path(__file__).with_name("cause_peers.py")
        done = subprocess.run(
            [python, str(script), str(jobs), str(results)],
            check=False, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, env={**os.environ, **threads},
        )  # fmt: skip
        if done.returncode or not results.is_file():
            return [{"missing": (done.stderr.strip().splitlines() or ["no answer"])[-1]}]
        told = results.read_text(encoding="utf-8")
    if answer:
        answer.parent.mkdir(parents=True, exist_ok=True)
        answer.write_text(told, encoding="utf-8")
    return json.loads(told)
