"""Simulated worlds on which forecasts are judged, of other shapes than the product's own simulator has.

Worlds, seeds, cutoffs and gates were written before any forecast was tuned; tuning used other seeds.
`python benchmarks/forecasts.py` runs them beside the real data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa

GATE_SEEDS = (71, 72, 73)
GATES = (
    ("AUC minus LightGBM with the same features, mean", "at least", 0.0),
    ("AUC minus BG/NBD, mean", "at least", 0.010),
    ("AUC minus recency alone, each", "at least", 0.0),
    ("calibration error, mean", "at most", 0.035),
    ("money off by, outside of suspected seasons, each", "at most", 0.15),
)
"""What is asked of the forecast over the five settings of `validity.py` and these worlds, and how much of it."""

ORDER, VIEW = "Order Completed", "Product Viewed"
_DAY_SECONDS = 86_400
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class World:
    """One world: what draws its events, when it begins, and the question put to it.

    Attributes:
        name: For the tables.
        draw: From a seed to the ledger.
        horizon_days: How far ahead is forecast.
        second_cutoff: Where the test begins; training ends a horizon earlier.
        has_seasons: Whether its true rates change with the month.
    """

    name: str
    draw: Callable[[int], pa.Table]
    horizon_days: float
    second_cutoff: str
    has_seasons: bool

    @property
    def second_us(self) -> int:
        return round(datetime.fromisoformat(self.second_cutoff).replace(tzinfo=UTC).timestamp() * 1e6)


def draw_mixed_hazards(seed: int) -> pa.Table:
    """Orders alone, two and a half years, a year's course; some pairs leave within weeks, some hardly ever."""
    chance, pairs, days = np.random.default_rng([seed, 1]), 5_000, 960
    first_day = (date(2023, 1, 1) - _EPOCH).days
    came = chance.uniform(0.0, 850.0, pairs)
    rate = chance.gamma(1.2, 1.0 / 25.0 / 1.2, pairs)
    hazard = chance.choice([1 / 25, 1 / 150, 1 / 1500], pairs, p=[0.4, 0.35, 0.25])
    left = np.minimum(came + chance.exponential(1.0 / hazard), days)
    by_month = np.array([0.8, 0.7, 0.9, 1.0, 1.1, 1.2, 0.9, 0.6, 1.0, 1.1, 1.4, 1.9])
    pair, when = _draw_poisson(chance, rate * by_month.max(), came, left)
    month = _find_months(first_day + when.astype(np.int64))
    kept = chance.random(when.size) < by_month[month] / by_month.max()
    pair, when = np.concatenate((np.arange(pairs), pair[kept])), np.concatenate((came, when[kept]))
    scale = np.exp(chance.normal(0.0, 0.4, pairs))
    value = 30.0 * scale[pair] * np.exp(chance.normal(0.0, 0.5, pair.size))
    return _write_ledger(
        first_day, pair, np.ones(pairs, dtype=np.int64), [ORDER], np.zeros_like(pair), when, value
    )


def draw_clumped_orders(seed: int) -> pa.Table:
    """Three brands whose orders come in clumps of days, with pairs and orders of very unequal money; no seasons."""
    chance, pairs, days = np.random.default_rng([seed, 2]), 4_500, 540
    brand = chance.integers(0, 3, pairs)
    came = chance.uniform(0.0, 480.0, pairs) * (chance.random(pairs) < 0.7)
    rate = chance.gamma(0.7, 1.0 / 0.7, pairs) / np.array([40.0, 70.0, 120.0])[brand]
    left = np.minimum(came + chance.exponential(400.0, pairs), days)
    owner, start = _draw_poisson(chance, rate, came, left)
    owner, start = np.concatenate((np.arange(pairs), owner)), np.concatenate((came, start))
    size = chance.geometric(0.3125, owner.size)
    clump = np.repeat(np.arange(owner.size), size)
    passed = np.cumsum(chance.exponential(1.5, clump.size))
    when = start[clump] + passed - passed[np.cumsum(size) - size][clump]
    kept = when < days
    pair, when = owner[clump][kept], when[kept]
    scale = np.exp(chance.normal(0.0, 1.0, pairs))
    value = 20.0 * scale[pair] * (1.0 + chance.pareto(2.5, pair.size))
    first_day = (date(2024, 1, 1) - _EPOCH).days
    return _write_ledger(first_day, pair, brand + 1, [ORDER], np.zeros_like(pair), when, value)


def draw_many_views(seed: int) -> pa.Table:
    """Three brands, views by the hundred, orders rare: mostly while an intent of about a month lasts; no seasons."""
    chance, pairs, days = np.random.default_rng([seed, 3]), 6_000, 400
    brand = chance.integers(0, 3, pairs)
    came = chance.uniform(0.0, 360.0, pairs)
    left = np.minimum(came + chance.exponential(220.0, pairs), days)
    lively = chance.gamma(0.6, 1.0 / 0.6, pairs)
    owner, start = _draw_poisson(chance, 2.5 / 365.0 * lively, came, left)
    end = np.minimum(start + chance.exponential(30.0, owner.size), left[owner])
    idle_pair, idle_when = _draw_poisson(chance, 25.0 / 365.0 * lively, came, left)
    keen, keen_when = _draw_poisson(chance, 150.0 / 365.0 * lively[owner], start, end)
    session_pair = np.concatenate((np.arange(pairs), idle_pair, owner[keen]))
    session_when = np.concatenate((came, idle_when, keen_when))
    size = chance.geometric(0.2, session_pair.size)
    view_pair = np.repeat(session_pair, size)
    view_when = np.repeat(session_when, size) + chance.uniform(0.0, 0.02, view_pair.size)
    wanted, wanted_when = _draw_poisson(chance, 1.0 / np.array([30.0, 60.0, 120.0])[brand[owner]], start, end)
    stray, stray_when = _draw_poisson(chance, np.full(pairs, 1.0 / 4000.0), came, left)
    order_pair = np.concatenate((owner[wanted], stray))
    order_when = np.concatenate((wanted_when, stray_when))
    value = 90.0 * np.exp(chance.normal(0.0, 0.6, order_pair.size))
    return _write_ledger(
        (date(2024, 6, 1) - _EPOCH).days,
        np.concatenate((order_pair, view_pair)),
        brand + 1,
        [ORDER, VIEW],
        np.repeat([0, 1], [order_pair.size, view_pair.size]),
        np.concatenate((order_when, view_when)),
        np.concatenate((value, np.full(view_pair.size, np.nan))),
    )


WORLDS = (
    World("mixed hazards, seasons", draw_mixed_hazards, 42.0, "2025-07-01", has_seasons=True),
    World("clumped, heavy tails", draw_clumped_orders, 56.0, "2025-04-29", has_seasons=False),
    World("views, rare orders", draw_many_views, 28.0, "2025-06-05", has_seasons=False),
)


def _draw_poisson(
    chance, rate: np.ndarray, start: np.ndarray, end: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Whose and when: events at a rate a day between two moments, by owner."""
    length = np.maximum(end - start, 0.0)
    owner = np.repeat(np.arange(rate.size), chance.poisson(rate * length))
    return owner, start[owner] + chance.random(owner.size) * length[owner]


def _find_months(day: np.ndarray) -> np.ndarray:
    return day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12


def _write_ledger(
    first_day: int,
    pair: np.ndarray,
    brand: np.ndarray,
    kinds: list[str],
    kind: np.ndarray,
    when: np.ndarray,
    value: np.ndarray,
) -> pa.Table:
    """The annotated ledger, in order of time; each consumer has one brand."""
    order = np.argsort(when, kind="stable")
    pair, kind, when, value = pair[order], kind[order], when[order], value[order]
    seconds = np.floor((first_day + when) * _DAY_SECONDS).astype(np.int64)
    is_paid = ~np.isnan(value)
    reference = float(np.median(value[is_paid]))
    magnitude = np.where(is_paid, np.clip(np.log2(1.0 + np.nan_to_num(value) / reference), 0.25, 3.0), 1.0)
    return pa.table(
        {
            "consumer_id": pair + 1,
            "brand_id": brand[pair],
            "kind": pa.array(kinds).take(pa.array(kind)),
            "occurred_us": seconds * 1_000_000,
            "day": seconds // _DAY_SECONDS,
            "magnitude": magnitude,
            "trust": np.ones(pair.size),
            "value": pa.array(value, mask=~is_paid),
        }
    )
