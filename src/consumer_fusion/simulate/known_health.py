"""Pairs whose true health is known, to check the coverage of the score's intervals.

Every pair has constant rates of its own: its true health is the long-run value of its decayed sums, which is a formula,
not a sample. A share of the pairs are newcomers, with data of the last weeks only; without them an interval for
hardly any data could only be too wide, which would make the coverage look too good.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.simulate.known_ledgers import CHANCE_KINDS, LEDGER_SCHEMA, ORDER
from consumer_fusion.simulate.true_health import (
    DAY_SECONDS,
    SCALE,
    DecayedSums,
    Floats,
    Integers,
    compute_health,
)

AS_OF_DAY = 20_600
HISTORY_DAYS = 1_500
NEWCOMER_DAYS = 120
_MOST_EVENTS_A_DAY = 40
RUNNING_KIND = "Service Failed"
"""The kind whose events may cause further ones."""
RUN_DELAY_DAYS = 14.0
"""Mean delay of a further failure, in days."""


@dataclass(frozen=True, slots=True)
class KnownHealth:
    """Simulated pairs, their events, and their true health.

    Attributes:
        events: An annotated ledger (`LEDGER_SCHEMA`), in order of time.
        as_of_us: As-of time, in microseconds since the epoch.
        truth: Columns consumer_id, brand_id, health (true M), fusion_score (0 to 100), is_newcomer.
    """

    events: pa.Table
    as_of_us: int
    truth: pa.Table


def simulate_known_health(
    pairs: int, seed: int = 0, *, newcomer_share: float = 0.1, evenness: float = 2.0, further_failures: float = 0.0,
) -> KnownHealth:  # fmt: skip
    """Draw pairs with a constant known health and their events.

    Args:
        pairs: Number of consumers, each with the one brand of number 1.
        seed: Random seed; the same seed gives the same pairs.
        newcomer_share: The share of pairs that began within the last 120 days.
        evenness: Shape of the gamma distribution of activity; small means many pairs with hardly an event.
        further_failures: Mean number of further failures that each failure causes, within days or weeks; below 1.
    """
    chance = np.random.default_rng([seed, pairs])
    liveliness: Floats = chance.gamma(evenness, 1.0 / evenness, pairs)
    is_newcomer = chance.random(pairs) < newcomer_share
    days_on_record: Floats = np.where(is_newcomer, chance.uniform(0, NEWCOMER_DAYS, pairs), HISTORY_DAYS)
    kinds = (replace(ORDER, rate_year=6), *CHANCE_KINDS)
    as_of_s = AS_OF_DAY * DAY_SECONDS
    steady: list[DecayedSums] = []
    columns: list[tuple[Integers, Integers, Integers, Floats]] = []
    for code, kind in enumerate(kinds):
        rate_day: Floats = chance.gamma(0.8, 1.0 / 0.8, pairs) * liveliness * kind.rate_year / 365
        consumers: Integers = np.repeat(np.arange(pairs), chance.poisson(rate_day * days_on_record))
        ages_s: Floats = chance.random(len(consumers)) * days_on_record[consumers] * DAY_SECONDS
        counted = _expect_burst(rate_day)
        if kind.key == RUNNING_KIND and further_failures:
            consumers, ages_s = _bring_further(chance, consumers, ages_s, further_failures)
            counted = rate_day * _expect_run(further_failures)
        seconds: Integers = as_of_s - 1 - ages_s.astype(np.int64)
        if code == 0:
            sizes = _size_money(chance, len(consumers))
            mean_size = float(_size_money(np.random.default_rng(0), 400_000).mean())
        elif kind.graded:
            sizes, mean_size = chance.choice([0.5, 1.0], len(consumers)), 0.75
        else:
            sizes, mean_size = np.ones(len(consumers)), 1.0
        counted *= kind.half_life_days / np.log(2.0)
        steady.append(DecayedSums(counted * mean_size, counted))
        columns.append((consumers, np.full(len(consumers), code), seconds, sizes))
    health = compute_health(kinds, steady)
    truth = pa.table(
        {
            "consumer_id": np.arange(pairs) + 1,
            "brand_id": np.ones(pairs, np.int64),
            "health": health,
            "fusion_score": 100.0 / (1.0 + np.exp(-health / SCALE)),
            "is_newcomer": is_newcomer,
        }
    )
    events = _put_in_order(columns, pa.array([kind.key for kind in kinds]))
    return KnownHealth(events, as_of_s * 1_000_000, truth)


def _size_money(chance: np.random.Generator, size: int) -> Floats:
    sizes: Floats = np.clip(np.log2(1.0 + np.exp(chance.normal(0.0, 0.8, size))), 0.25, 3.0)
    return sizes


def _expect_burst(rate_day: Floats) -> Floats:
    """The mean of log2(1 + N) with N Poisson: the contribution of a day after the burst rule."""
    probability, expected = np.exp(-rate_day), np.zeros_like(rate_day)
    for count in range(1, _MOST_EVENTS_A_DAY):
        probability = probability * rate_day / count
        expected += probability * np.log2(1.0 + count)
    return expected


def _bring_further(
    chance: np.random.Generator, consumers: Integers, ages_s: Floats, further: float
) -> tuple[Integers, Floats]:
    """Events with all further ones that they cause, and so on (a branching process), up to now."""
    parts = [(consumers, ages_s)]
    while parts[-1][0].size:
        count = chance.poisson(further, parts[-1][0].size)
        born: Floats = np.repeat(parts[-1][1], count) - chance.exponential(
            RUN_DELAY_DAYS * DAY_SECONDS, count.sum()
        )
        parts.append((np.repeat(parts[-1][0], count)[born > 0], born[born > 0]))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _expect_run(further: float) -> float:
    """The mean contribution of a first event and all that it causes after the burst rule, by simulation."""
    chance = np.random.default_rng(1)
    runs = np.arange(100_000)
    far_s = np.full(runs.size, 10_000.0 * DAY_SECONDS)
    run, age_s = _bring_further(chance, runs, far_s, further)
    _, count = np.unique(np.stack([run, (age_s // DAY_SECONDS).astype(np.int64)]), axis=1, return_counts=True)
    return float(np.log2(1.0 + count).sum()) / runs.size


def _put_in_order(columns: list[tuple[Integers, Integers, Integers, Floats]], names: pa.Array) -> pa.Table:
    consumers, codes, seconds, sizes = (np.concatenate(column) for column in zip(*columns, strict=True))
    order = np.argsort(seconds, kind="stable")
    numbers = pa.array(np.arange(len(order))).cast(pa.string())
    return pa.table(
        [
            consumers[order] + 1,
            np.ones(len(order), np.int64),
            names.take(pa.array(codes[order])),
            pc.binary_join_element_wise("steady", numbers, "-"),
            seconds[order] * 1_000_000,
            seconds[order] // DAY_SECONDS,
            sizes[order],
            np.ones(len(order)),
        ],
        schema=LEDGER_SCHEMA,
    )
