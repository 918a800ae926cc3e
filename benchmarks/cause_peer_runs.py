"""Hands cases to the peers, here or in an environment of their own, and takes what they said."""

from __future__ import annotations

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


def run_peers(
    cases: Sequence[Case], *, python: str | None = None, say: Callable[[str], None] = lambda text: None
) -> dict[str, list[dict]]:
    """What each peer said of the first cases, as many as it is given.

    Args:
        cases: With controls in all of them or in none.
        python: The interpreter of an environment in which the peers are installed; by default this one.
        say: Takes a line on how it goes.
    """
    has_controls = bool(cases[0].controls)
    told: dict[str, list[dict]] = {}
    for peer, (_, needs_controls, most) in PEERS.items():
        if (needs_controls and not has_controls) or (has_controls and peer in NO_CONTROLS):
            continue
        say(f"  {peer}: {min(most, len(cases))} cases")
        told[peer] = _run_peer(peer, cases[:most], python or sys.executable)
    return told


def _run_peer(peer: str, cases: Sequence[Case], python: str) -> list[dict]:
    arrays, plan = {}, []
    for number, case in enumerate(cases):
        arrays[f"y{number}"], arrays[f"x{number}"] = case.tell_peers()
        plan.append({"peer": peer, "case": number, "before": case.before})
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
        return json.loads(results.read_text(encoding="utf-8"))
