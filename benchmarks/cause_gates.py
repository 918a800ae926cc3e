"""The gates of the cause benchmark: what a figure must be, how sure it is, passed or missed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from cause_measures import Table, bootstrap_error

FPR_RANGE = (0.04, 0.06)
FPR_1_MOST = 0.02
COVERAGE_RANGE = (0.94, 0.96)
WORST_SOURCE_MOST = 0.15
WORST_SOURCE_WINDOWS = 50
BSTS = "bsts-causalimpact, 7 seasons"
RIVALS = ("bsts-causalimpact, prior_level_sd .1", "mean of 28 days, own placebos")
"""None of these may be nearer to the truth, or find more once its size is honest."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate.

    Attributes:
        name: What must hold.
        found: The figure.
        low: It must be at least this; -inf for none.
        high: It must be at most this; inf for none.
        error: Standard error of the figure; the gate gives way by twice as much.
        note: What a reader should know; for a gate that could not be judged, why.
        is_judged: Whether it could be.
    """

    name: str
    found: float
    low: float = -np.inf
    high: float = np.inf
    error: float = 0.0
    note: str = ""
    is_judged: bool = True

    @property
    def is_met(self) -> bool:
        slack = 2 * self.error if np.isfinite(self.error) else 0.0
        return bool(self.low - slack <= self.found <= self.high + slack)

    @property
    def is_met_without_slack(self) -> bool:
        return bool(self.low <= self.found <= self.high)

    def as_dict(self) -> dict[str, object]:
        verdict = "not judged" if not self.is_judged else "passed" if self.is_met else "MISSED"
        return {
            "gate": self.name, "found": self.found, "error": self.error, "note": self.note, "verdict": verdict,
            "at_least": None if np.isinf(self.low) else self.low,
            "at_most": None if np.isinf(self.high) else self.high,
        }  # fmt: skip


def skip_gate(name: str, why: str) -> Gate:
    """A gate that nothing can be said of in this run."""
    return Gate(name, float("nan"), note=why, is_judged=False)


def judge_rates(
    table: Table, *, most_seconds: float, windows: Mapping[str, int] | None = None, controls: bool = False
) -> list[Gate]:
    """Error rates, coverage, agreement, worst source and time of one scenario.

    Args:
        table: What the engine said.
        most_seconds: CPU a case may take.
        windows: How many windows without overlap each source has; where given, the worst source is judged.
        controls: Only to name the scenario's kind.
    """
    name = table.method
    gates = [
        Gate(f"{name}: false alarms at 5%", table.fpr, *FPR_RANGE, table.measure_error_of(table.is_flagged)),
        Gate(
            f"{name}: false alarms at 1%",
            float(table.is_flagged_1[table.kept].mean()),
            high=FPR_1_MOST,
            error=table.measure_error_of(table.is_flagged_1),
        ),
        Gate(
            f"{name}: coverage of +10%",
            table.coverage,
            *COVERAGE_RANGE,
            table.measure_error_of(table.is_covered),
        ),
        Gate(
            f"{name}: p-value and interval contradict each other", float(table.contradictions), high=0.0,
            note="cases",
        ),
        Gate(f"{name}: CPU seconds a case", table.seconds, high=most_seconds),
    ]  # fmt: skip
    if windows is not None:
        gates.append(judge_worst_source(table, windows))
    return gates


def judge_worst_source(table: Table, windows: Mapping[str, int]) -> Gate:
    """The largest false alarm rate of a source with enough windows."""
    rates = {
        str(source): float(table.is_flagged[table.kept & (table.sources == source)].mean())
        for source in np.unique(table.sources[table.kept])
    }
    judged = {source: rate for source, rate in rates.items() if windows[source] >= WORST_SOURCE_WINDOWS}
    name = f"{table.method}: false alarms of the worst source"
    if not judged:
        return skip_gate(name, f"no source has {WORST_SOURCE_WINDOWS} windows that do not overlap")
    worst = max(judged, key=lambda source: judged[source])
    others = {source: rate for source, rate in rates.items() if source not in judged}
    note = f"{worst}, of {len(judged)} with enough windows"
    if others:
        last = max(others, key=lambda source: others[source])
        note += f"; of the others {last} {others[last]:.3f}"
    return Gate(name, judged[worst], high=WORST_SOURCE_MOST, note=note)


def judge_against_peers(own: Table, peers: Sequence[Table], most_rmse: float, name: str) -> list[Gate]:
    """Power against each peer whose own false alarms are honest, and the error against bsts-causalimpact's.

    Each comparison is on the cases that the peer was shown, in which it is not the engine that refuses.
    """
    gates = []
    for peer in peers:
        places = peer.details["places"].astype(np.int64)
        mine = own.take(places)
        both = mine.take(np.flatnonzero(mine.kept))
        theirs = peer.take(np.flatnonzero(mine.kept))
        if peer.method == BSTS:
            gates.append(
                Gate(
                    f"{name}: RMSE over that of {peer.method}", both.rmse / theirs.rmse, high=most_rmse,
                    note=f"{both.rmse:.3f} against {theirs.rmse:.3f} on {places.size} cases",
                )
            )  # fmt: skip
        if peer.method in RIVALS:
            gates += _judge_against_rival(both, theirs, name)
        if FPR_RANGE[0] <= theirs.fpr <= FPR_RANGE[1]:
            difference = both.is_found.astype(float) - theirs.is_found.astype(float)
            gates.append(
                Gate(
                    f"{name}: power less that of {peer.method}", float(difference.mean()), low=0.0,
                    note=f"{both.power:.3f} against {theirs.power:.3f} on {places.size} cases; "
                    f"false alarms {both.fpr:.3f} and {theirs.fpr:.3f}",
                )
            )  # fmt: skip
    return gates


def _judge_against_rival(own: Table, rival: Table, name: str) -> list[Gate]:
    """Errors of all cases and of the middle one, and power once both raise false alarms on 5% of these very cases."""
    apart = own.is_found_honestly.astype(float) - rival.is_found_honestly.astype(float)
    error = bootstrap_error(apart, own.blocks)
    note = f"{own.median_error:.4f} against {rival.median_error:.4f}, RMSE {own.rmse:.3f} against {rival.rmse:.3f}"
    return [
        Gate(f"{name}: median error over that of {rival.method}", own.median_error / rival.median_error, high=1.0,
             note=f"{note} on {own.error.size} cases"),
        Gate(f"{name}: RMSE over that of {rival.method}", own.rmse / rival.rmse, high=1.0),
        Gate(f"{name}: honest power less that of {rival.method}", own.honest_power - rival.honest_power, low=0.0,
             error=error, note=f"{own.honest_power:.3f} against {rival.honest_power:.3f}"),
    ]  # fmt: skip


def list_losses(rows: Sequence[tuple[Table, int]]) -> list[str]:
    """Where a peer did better on the same cases: smaller errors, or more power once its size is honest."""
    lines: list[str] = []
    own: Table | None = None
    for table, indent in rows:
        if indent == 0:
            own = table
        if indent != 1 or own is None or "places" not in table.details:
            continue
        mine = own.take(table.details["places"].astype(np.int64))
        kept = np.flatnonzero(mine.kept)
        mine, theirs = mine.take(kept), table.take(kept)
        found = [
            f"{what} {other:.3f} against our {ours:.3f}"
            for what, ours, other, sign in (
                ("RMSE", mine.rmse, theirs.rmse, 1),
                ("median error", mine.median_error, theirs.median_error, 1),
                ("honest power", mine.honest_power, theirs.honest_power, -1),
            )
            if sign * (ours - other) > 0
        ]
        if found:
            lines.append(f"  {own.method}, {table.method} on {kept.size} cases: {', '.join(found)}")
    return lines


def write_tables(rows: Sequence[tuple[Table, int]]) -> str:
    """Methods side by side: what was said of the cases."""
    head = (
        f"{'scenario and method':<58} {'n':>5} {'refused':>7} {'FPR 5%':>14} {'FPR 1%':>7} {'cover':>7} "
        f"{'power':>6} {'honest':>7} {'RMSE':>6} {'median':>7} {'width':>6} {'CPU s':>8}"
    )
    lines = [head]
    for table, indent in rows:
        rate = f"{table.fpr:.3f} +- {table.measure_error_of(table.is_flagged):.3f}"
        ones = f"{table.is_flagged_1[table.kept].mean():.3f}" if not indent else "-"
        has_interval = bool(np.isfinite(table.width).any())
        cover = f"{table.coverage:.3f}" if has_interval else "-"
        width = f"{np.nanmedian(table.width[table.kept]):.3f}" if has_interval else "-"
        lines.append(
            f"{'  ' * indent + table.method:<58} {table.kept.sum():>5} {table.is_refused.mean():>7.3f} {rate:>14} "
            f"{ones:>7} {cover:>7} {table.power:>6.3f} {table.honest_power:>7.3f} {table.rmse:>6.3f} "
            f"{table.median_error:>7.3f} {width:>6} {table.seconds:>8.4f}"
        )
    return "\n".join(lines)


def write_gates(gates: Sequence[Gate]) -> str:
    """All gates, one a line."""
    lines = []
    for gate in gates:
        if not gate.is_judged:
            lines.append(f"  not judged  {gate.name}: {gate.note}")
            continue
        verdict = "passed" if gate.is_met else "MISSED"
        if gate.is_met and not gate.is_met_without_slack:
            verdict = "passed*"
        bounds = [
            f"{word} {bound:g}"
            for word, bound in (("at least", gate.low), ("at most", gate.high))
            if np.isfinite(bound)
        ]
        error = f" +- {gate.error:.3f}" if gate.error else ""
        note = f"; {gate.note}" if gate.note else ""
        lines.append(f"  {verdict:<11} {gate.name}: {gate.found:.4g}{error} ({', '.join(bounds)}){note}")
    return "\n".join([*lines, "  (* within two standard errors of the bound, as the gate allows)"])
