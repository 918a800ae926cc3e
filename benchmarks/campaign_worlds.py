"""Simulated targeted campaigns that do nothing: what a naive comparison credits them with, and what is left of it."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from consumer_fusion.causal.designs.exposure_verdicts import judge_exposure
from consumer_fusion.causal.designs.exposures import ExposureEffect, adjust_exposure
from consumer_fusion.simulate.known_ledgers import Ledger, simulate_ledger

ORDER, CAMPAIGN = "Order Completed", "Campaign Received"
PERIODS = 6


def measure_worlds(seeds: int, pairs: int = 3_000) -> dict[str, object]:
    """Naive and adjusted effects of the last campaign, which has none, over so many worlds.

    Who is written to follows from an inclination that nobody sees but in what people did; a little of it is always
    left, which is why the comparison is tried on the period before too.
    """
    found, labels = [], []
    for seed in range(1, seeds + 1):
        ledger = simulate_ledger("targeted campaign", pairs, seed)
        one, placebo = adjust_last_campaign(ledger, 0), adjust_last_campaign(ledger, 1)
        found.append(one)
        labels.append(judge_exposure(one, placebo).label)
    adjusted = np.array([one.adjusted.effect for one in found])
    return {
        "worlds": seeds,
        "pairs": pairs,
        "naive": float(np.mean([one.naive.effect for one in found])),
        "naive_flagged": float(np.mean([one.naive.p_value < 0.05 for one in found])),
        "adjusted": float(adjusted.mean()),
        "adjusted_error": float(np.sqrt(np.mean(adjusted**2))),
        "adjusted_flagged": float(np.mean([one.adjusted.p_value < 0.05 for one in found])),
        "left_out_share": float(np.mean([one.trimmed_share for one in found])),
        "labels": {label: labels.count(label) for label in sorted(set(labels))},
    }


def adjust_last_campaign(ledger: Ledger, periods_back: int) -> ExposureEffect:
    """The effect of the last campaign on the share that ordered, for people alike in what they did before.

    Args:
        ledger: The world.
        periods_back: 0 for the period of the campaign; 1 for the one before, in which it cannot have done anything.
    """
    period_us = ledger.truth.horizon_days * 86_400_000_000
    start_us = ledger.truth.cutoffs_us[-1] - periods_back * period_us
    sent = ledger.assignments.filter(
        pc.equal(ledger.assignments["assigned_us"], pc.max(ledger.assignments["assigned_us"]))
    )
    consumers = sent["consumer_id"].to_numpy()
    kind = ledger.events["kind"].to_numpy(zero_copy_only=False)
    at, who = ledger.events["occurred_us"].to_numpy(), ledger.events["consumer_id"].to_numpy()

    def count(name: str | None, above_us: int, until_us: int) -> np.ndarray:
        is_counted = (at > above_us) & (at <= until_us)
        if name is not None:
            is_counted &= kind == name
        return np.bincount(who[is_counted], minlength=int(consumers.max()) + 1)[consumers].astype(float)

    # A campaign reaches everybody within the first minutes of its period: what is known is older.
    until_us = start_us - 1
    columns = {
        f"orders {back + 1} periods ago": count(
            ORDER, until_us - (back + 1) * period_us, until_us - back * period_us
        )
        for back in range(PERIODS)
    }
    columns["orders before"] = count(ORDER, 0, until_us)
    columns["events before"] = count(None, 0, until_us)
    columns["campaigns before"] = count(CAMPAIGN, 0, until_us)
    return adjust_exposure(
        (columns["orders 1 periods ago"] > 0).astype(float),
        (count(ORDER, start_us, start_us + period_us) > 0).astype(float),
        sent["is_treated"].to_numpy(zero_copy_only=False),
        np.log1p(np.column_stack(list(columns.values()))),
        feature_names=list(columns),
    )
