"""Effects of actions: the gates of the engine, and its peers on the same arrays. `python benchmarks/cause.py --peers`

Placebo dates on real series of thirteen sources and on simulated ones, with and without sister series; the rules that
judge a case are learnt on all other sources. The seeds were committed before the engine was tuned; `--seeds N` prints
N further ones beside them. A miss is printed as a miss.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from cause_cases import (
    AFTER_DAYS,
    BEFORE_DAYS,
    LAST_YEAR_DAYS,
    SEED,
    Case,
    count_windows,
    draw_real,
    draw_simulated,
)
from cause_data import Family, read_families
from cause_edges import try_edges
from cause_gates import (
    Gate,
    judge_against_peers,
    judge_rates,
    list_losses,
    skip_gate,
    write_gates,
    write_tables,
)
from cause_measures import Table, fit_case, learn_without, measure_cases, tabulate_peer
from cause_peer_runs import run_peers
from cause_scenarios import (
    Findings,
    compare_two_sided,
    measure_delays,
    measure_looks,
    measure_overlaps,
    measure_shrinkage,
    measure_speed,
)

from consumer_fusion.causal.inference.placebo_rules import load_reference_library

SINGLE, CONTROLS = "real, single series", "real, with controls"
SIMULATED, SIMULATED_CONTROLS = "simulated, single", "simulated, with controls"
LAST_YEAR, TEMPORARY = "real, last year's values", "real, temporary, two-sided"
ALL_PARTS = "rates,temporary,overlaps,shrinkage,looks,delays,speed,edges"
MOST_RMSE = {SINGLE: 0.5, CONTROLS: 0.7}


@dataclass(slots=True)
class Run:
    """One seed's results, as they come."""

    seed: int
    rows: list[tuple[Table, int]] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)

    def add(self, findings: Findings) -> None:
        self.lines += findings.lines
        self.gates += findings.gates


def main() -> None:
    """Run everything and print what was found against the gates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("CONSUMER_FUSION_DATA", "../shared/data"))
    parser.add_argument(
        "--cases", type=int, default=1_000, help="placebo dates a scenario; the gates ask 1,000"
    )
    parser.add_argument(
        "--seeds", type=int, default=0, help="further seeds to print beside the committed one"
    )
    parser.add_argument("--peers", action="store_true", help="measure the peers on the same arrays")
    parser.add_argument(
        "--peers-python",
        help="of an environment with the peers, such as .peers/bin/python after `make peers`",
    )
    parser.add_argument(
        "--only", help="parts, with commas: rates,temporary,overlaps,shrinkage,looks,delays,speed,edges"
    )
    parser.add_argument("--peers-kept", type=Path, help="a folder in which the answers of peers are kept")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--digest", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    families = read_families(Path(options.data))
    if len(families) < 2:
        parser.error(
            f"no daily series in {options.data}; give their folder with --data or CONSUMER_FUSION_DATA"
        )
    if options.digest is not None:
        print(measure_cases(SINGLE, draw_real(families, options.cases, options.digest)).digest())
        return
    parts = set((options.only or ALL_PARTS).split(","))
    started = time.monotonic()
    runs = []
    for number in range(options.seeds + 1):
        ask = None
        if options.peers and number == 0:
            ask = partial(run_peers, python=options.peers_python, kept=options.peers_kept, say=_say)
        runs.append(run_seed(families, SEED + number, options.cases, parts, ask))
        if "rates" in parts and number == 0:
            digest = runs[0].digests[SINGLE]
            runs[0].gates.append(check_rerun(Path(options.data), SEED, options.cases, digest))
        print_run(runs[-1], len(families), time.monotonic() - started)
    if options.seeds:
        print_beside(runs)
    if options.json:
        options.json.write_text(json.dumps(write_report(runs), indent=1), encoding="utf-8")


def run_seed(families: Sequence[Family], seed: int, count: int, parts: set[str], ask: Callable | None) -> Run:
    """All scenarios for one seed."""
    run = Run(seed)
    windows = count_windows(families)
    single = None
    if "rates" in parts or "shrinkage" in parts:
        cases = draw_real(families, count, seed)
        single = measure_cases(SINGLE, cases)
        judge_scenario(run, single, cases, 0.02, windows, ask)
    if "rates" in parts:
        cases = draw_real(families, count, seed, with_controls=True)
        judge_scenario(run, measure_cases(CONTROLS, cases), cases, 0.02, windows, ask)
        cases = draw_simulated(count, seed)
        simulated = measure_cases(SIMULATED, cases)
        judge_scenario(run, simulated, cases, 0.02, None, ask)
        run.gates.append(Gate(f"{SIMULATED}: power at +10%", simulated.power, low=0.60))
        run.gates.append(Gate(f"{SIMULATED}: RMSE", simulated.rmse, high=0.045))
        cases = draw_simulated(count, seed, with_controls=True)
        judge_scenario(run, measure_cases(SIMULATED_CONTROLS, cases), cases, 0.03, None, ask)
        cases = draw_real(families, count, seed, before=LAST_YEAR_DAYS + BEFORE_DAYS)
        judge_scenario(run, measure_cases(LAST_YEAR, cases), cases, 0.02, None, None)
        unseen = [family for family in families if not family.is_open]
        if unseen:
            run.rows.append((measure_unseen(unseen, seed, min(count, 300)), 0))
    if "temporary" in parts:
        measure_temporary(run, families, seed, count)
    if "overlaps" in parts:
        run.add(measure_overlaps(min(count, 300), seed, load_reference_library()))
    if "shrinkage" in parts and single is not None:
        run.add(measure_shrinkage(single, seed))
    if "looks" in parts:
        run.add(measure_looks(draw_real(families, count, seed + 500)))
    if "delays" in parts:
        run.add(measure_delays(draw_real(families, count, seed + 600, window=21)))
    if "speed" in parts:
        run.add(measure_speed())
    if "edges" in parts:
        run.add(try_edges(load_reference_library(), seed))
    return run


def judge_scenario(
    run: Run,
    table: Table,
    cases: Sequence[Case],
    most_seconds: float,
    windows: dict[str, int] | None,
    ask: Callable | None,
) -> None:
    """Add a scenario's rows and gates, with those of the peers on the same arrays."""
    run.rows.append((table, 0))
    run.digests[table.method] = table.digest()
    run.gates += judge_rates(table, most_seconds=most_seconds, windows=windows)
    if ask is None:
        if table.method in MOST_RMSE:
            run.gates.append(skip_gate(f"{table.method}: against peers", "run with --peers"))
        return
    told = []
    _say(f"{table.method}: the peers")
    for name, rows in ask(cases, with_slow=table.method in MOST_RMSE).items():
        peer = tabulate_peer(name, cases, rows)
        if peer is None:
            reason = rows[0].get("missing") or rows[0].get("failed") if rows else "not run"
            run.lines.append(f"{table.method}, {name}: {reason}")
            continue
        told.append(peer)
        places = peer.details["places"].astype(np.int64)
        run.rows.append((peer, 1))
        failed = sum("effect" not in row for row in rows)
        if failed:
            run.lines.append(f"{table.method}, {name}: failed on {failed} of {len(rows)} cases")
        if places.size < len(cases):
            run.rows.append((_rename(table.take(places), "ours, on the same cases"), 2))
    if table.method in MOST_RMSE:
        run.gates += judge_against_peers(table, told, MOST_RMSE[table.method], table.method)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _rename(table: Table, name: str) -> Table:
    return replace(table, method=name)


def measure_unseen(families: Sequence[Family], seed: int, count: int) -> Table:
    """What ships, on sources that its library was not learnt on."""
    cases = draw_real(families, count, seed)
    library = load_reference_library()
    calibrations = {family.name: library for family in families}
    return measure_cases("real, single, shipped library on sources unseen", cases, calibrations=calibrations)


def measure_temporary(run: Run, families: Sequence[Family], seed: int, count: int) -> None:
    """Effects declared temporary: days on both sides, against the days before alone."""
    cases = draw_real(families, min(count, 500), seed, after=AFTER_DAYS)
    fits = [fit_case(case) for case in cases]
    sources = [case.source for case in cases]
    calibrations = learn_without(fits, sources, (cases[0].window.days,), ("fixed", "temporary", "ending"))
    two = measure_cases(TEMPORARY, cases, kind="temporary", fits=fits, calibrations=calibrations)
    one = measure_cases("the same, one-sided", cases, kind="open", fits=fits, calibrations=calibrations)
    run.rows += [(two, 0), (one, 1)]
    run.gates += judge_rates(two, most_seconds=0.03)
    run.add(compare_two_sided(one, two))


def check_rerun(data: Path, seed: int, count: int, digest: str) -> Gate:
    """The whole of the first scenario once more, in a new process: every number must be the same to the last bit."""
    command = [sys.executable, __file__, "--data", str(data), "--cases", str(count), "--digest", str(seed)]
    again = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]
    return Gate(
        "rerun in a new process: numbers that differ",
        float(again != digest),
        high=0.0,
        note=f"digest {again}",
    )


def print_beside(runs: Sequence[Run]) -> None:
    """Every gate with its figure for the committed seed and, beside it, for each further one."""
    print("gates by seed: " + ", ".join(str(run.seed) for run in runs))
    further = [{gate.name: gate for gate in run.gates if gate.is_judged} for run in runs]
    for gate in runs[0].gates:
        if gate.is_judged:
            told = [one[gate.name] for one in further if gate.name in one]
            figures = "  ".join(f"{each.found:.4g}{'' if each.is_met else ' MISSED'}" for each in told)
            print(f"  {gate.name}: {figures}")


def print_run(run: Run, sources: int, seconds: float) -> None:
    """What was found, for people."""
    print(f"\nseed {run.seed}: {sources} sources; {os.cpu_count()} cores, Python {platform.python_version()}, "
          f"{seconds:.0f} s so far\n")  # fmt: skip
    print(write_tables(run.rows))
    print(
        "\nFPR: share of placebo dates whose 95% interval excludes 0; power: the same with +10% planted for 14 days;"
    )
    print(
        "honest: power after setting each method's own FPR to exactly 5%; errors and widths over the level.\n"
    )
    for line in run.lines:
        print(line)
    losses = list_losses(run.rows)
    if losses:
        print("\nwhere we do not win, on the same cases")
        print("\n".join(losses))
    print("\ngates")
    print(write_gates(run.gates))
    judged = [gate for gate in run.gates if gate.is_judged]
    print(f"\n{sum(gate.is_met for gate in judged)} of {len(judged)} gates passed\n", flush=True)


def write_report(runs: Sequence[Run]) -> list[dict[str, object]]:
    """All figures as JSON."""
    return [
        {
            "seed": run.seed,
            "gates": [gate.as_dict() for gate in run.gates],
            "lines": run.lines,
            "digests": run.digests,
            "methods": [
                {
                    "method": table.method, "is_peer": indent > 0, "cases": int(table.kept.sum()), "fpr": table.fpr,
                    "coverage": table.coverage, "power": table.power, "honest_power": table.honest_power,
                    "rmse": table.rmse, "median_error": table.median_error, "seconds": table.seconds,
                    "refused": float(table.is_refused.mean()),
                }
                for table, indent in run.rows
            ],
        }
        for run in runs
    ]  # fmt: skip


if __name__ == "__main__":
    main()
