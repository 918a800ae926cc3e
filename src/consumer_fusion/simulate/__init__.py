"""Simulated worlds with known truth, for the demo, the tests and the benchmarks.

Towns (`build_town`) are people, brands and a year of events, with the founding example in each. Ledger worlds
(`simulate_ledger`, `simulate_known_health`) are smaller: pairs whose outcomes or health follow from known points.
"""

__all__ = ["town_actions", "towns"]
