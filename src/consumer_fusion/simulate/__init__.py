"""Simulated worlds with known truth, for the demo, the tests and the benchmarks.

Towns (`build_town`) are people, brands and a year of events, with the founding example in each. Ledger worlds
(`simulate_ledger`, `simulate_known_health`) are smaller: pairs whose returning or health follows from known points.
"""

from __future__ import annotations

from consumer_fusion.simulate.event_columns import EVENT_SCHEMA
from consumer_fusion.simulate.event_files import write_events
from consumer_fusion.simulate.known_health import KnownHealth, simulate_known_health
from consumer_fusion.simulate.known_ledgers import (
    Ledger,
    LedgerTruth,
    LedgerWorld,
    build_world,
    simulate_ledger,
)
from consumer_fusion.simulate.planted_faults import PlantedFaults, write_faulty_events
from consumer_fusion.simulate.town_actions import Action
from consumer_fusion.simulate.towns import Town, TownTruth, build_placebo_town, build_town

__all__ = [
    "EVENT_SCHEMA",
    "Action",
    "KnownHealth",
    "Ledger",
    "LedgerTruth",
    "LedgerWorld",
    "PlantedFaults",
    "Town",
    "TownTruth",
    "build_placebo_town",
    "build_town",
    "build_world",
    "simulate_known_health",
    "simulate_ledger",
    "write_events",
    "write_faulty_events",
]
