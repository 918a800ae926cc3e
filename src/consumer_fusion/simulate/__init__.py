"""Simulated worlds with known truth, for the demo, the tests and the benchmarks."""

from __future__ import annotations

from consumer_fusion.simulate.known_health import KnownHealth, simulate_known_health
from consumer_fusion.simulate.known_ledgers import (
    Ledger,
    LedgerTruth,
    LedgerWorld,
    build_world,
    simulate_ledger,
)

__all__ = [
    "KnownHealth",
    "Ledger",
    "LedgerTruth",
    "LedgerWorld",
    "build_world",
    "simulate_known_health",
    "simulate_ledger",
]
