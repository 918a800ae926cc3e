"""Worlds as annotated ledgers: pairs whose outcomes truly follow from known points (or from none).

The results of a calibration on such a ledger can be compared with the truth behind it. A world runs in
periods of 28 days. At the start of each, the true health M of every pair is read from all earlier events, and
whether the pair orders within the period is drawn with log-odds
`a + b asinh(M / m0) + propensity + campaign effect`.
All other events are random, at rates that differ from pair to pair. Towns with people are in `towns.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.errors import InputError
from consumer_fusion.simulate.true_health import (
    DAY_SECONDS,
    DecayedSums,
    Floats,
    Integers,
    WorldKind,
    compute_health,
    weigh_bursts,
)

WorldName = Literal["placebo kind", "targeted campaign", "randomised campaign", "known points"]
WORLD_NAMES: tuple[WorldName, ...] = (
    "placebo kind",
    "targeted campaign",
    "randomised campaign",
    "known points",
)

PERIOD_DAYS = 28
FIRST_DAY = 20_089
"""2025-01-01, as days since 1970."""

ORDER = WorldKind(
    "Order Completed", {"wallet": 3, "feet": 3, "delight": 3}, ("wallet",), half_life_days=90, rate_year=0
)
CAMPAIGN = WorldKind("Campaign Received", {}, (), half_life_days=30, rate_year=0, is_brand_action=True)
CHANCE_KINDS = (
    WorldKind("Product Viewed", {"feet": 0.1}, (), 7, rate_year=30),
    WorldKind("Product Added to Wishlist", {"feet": 1}, (), 90, rate_year=3),
    WorldKind("Event Attended", {"feet": 3, "delight": 3}, (), 90, rate_year=1.5),
    WorldKind("Ticket Resolved/first contact", {"service": 3}, (), 90, rate_year=2),
    WorldKind("Service Failed", {"service": -8}, ("service",), 180, rate_year=1),
    WorldKind(
        "Product Reviewed/positive", {"voice": 3, "delight": 3}, ("voice", "delight"), 180, rate_year=1
    ),
)
"""The kinds of random events in every world, with the points as shipped."""

LEDGER_SCHEMA = pa.schema(
    [
        ("consumer_id", pa.int64()),
        ("brand_id", pa.int64()),
        ("kind", pa.string()),
        ("event_id", pa.string()),
        ("occurred_us", pa.int64()),
        ("day", pa.int64()),
        ("magnitude", pa.float64()),
        ("trust", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True)
class LedgerWorld:
    """The description of a world, which `simulate_ledger` runs.

    Attributes:
        name: Its name.
        true_multipliers: By kind, the factor from the shipped points to the true ones.
        propensity_spread: Standard deviation of the pairs' propensity to return besides their health, in log-odds.
        campaign: Assignment of the campaign: none, those with a high propensity, or a random share.
        campaign_effect: True effect of the campaign on the log-odds of ordering within the period.
        campaign_share: The share of pairs that gets it each period.
        periods: Number of periods of 28 days.
        base, slope, bend_at: a, b and m0 of the true link.
    """

    name: str
    true_multipliers: Mapping[str, float] = field(default_factory=dict)
    propensity_spread: float = 0.0
    campaign: Literal["none", "targeted", "randomised"] = "none"
    campaign_effect: float = 0.0
    campaign_share: float = 0.3
    periods: int = 14
    base: float = -1.6
    slope: float = 1.3
    bend_at: float = 8.0


@dataclass(frozen=True, slots=True)
class LedgerTruth:
    """The truth of a simulated ledger.

    Attributes:
        multipliers: By kind, true points over shipped points. Only their ratios to each other can be estimated.
        half_lives_days: Half-lives by kind.
        link: a, b and m0 of the log-odds of ordering within a period.
        campaign_effect: True effect of the campaign on the log-odds within its period.
        cutoffs_us: The starts of the periods: at these the link is exact, for the horizon below.
        horizon_days: The length of a period.
        health: Columns consumer_id, brand_id, cutoff_us, health (true M), log_odds, has_ordered.
    """

    multipliers: Mapping[str, float]
    half_lives_days: Mapping[str, float]
    link: tuple[float, float, float]
    campaign_effect: float
    cutoffs_us: tuple[int, ...]
    horizon_days: int
    health: pa.Table


@dataclass(frozen=True, slots=True)
class Ledger:
    """A simulated annotated ledger and its truth.

    Attributes:
        events: The columns of `LEDGER_SCHEMA`, in order of time.
        values: Aligned with `events`: the money of orders, null for all other events.
        assignments: Columns consumer_id, brand_id, campaign, assigned_us, is_treated;
            recorded before outcomes.
        truth: The truth behind it.
    """

    events: pa.Table
    values: pa.Array
    assignments: pa.Table
    truth: LedgerTruth


def build_world(
    name: WorldName, *, placebo: str = "Event Attended", effect: float | None = None
) -> LedgerWorld:
    """Describe one of the worlds.

    Args:
        name: `placebo kind`: one kind has no effect; `targeted campaign`: the brand writes to those who would
            come anyway, and the campaign has no effect; `randomised campaign`: a random share gets it, and it
            works; `known points`: several kinds are worth more or less than shipped.
        placebo: The kind without effect, in the first world.
        effect: Effect of the campaign in log-odds; by default 0 where targeted and 0.5 where randomised.

    Raises:
        InputError: The world does not exist, or does not have the kind.
    """
    if name == "placebo kind":
        known = [kind.key for kind in CHANCE_KINDS]
        if placebo not in known:
            raise InputError(f"'{placebo}' is not a kind of this world.", hint=f"Choose one of {known}.")
        return LedgerWorld(name, {placebo: 0.0})
    if name == "targeted campaign":
        effect = 0.0 if effect is None else effect
        return LedgerWorld(name, propensity_spread=0.8, campaign="targeted", campaign_effect=effect)
    if name == "randomised campaign":
        effect = 0.5 if effect is None else effect
        return LedgerWorld(name, propensity_spread=0.8, campaign="randomised", campaign_effect=effect)
    if name == "known points":
        return LedgerWorld(
            name,
            {
                "Product Added to Wishlist": 2.0,
                "Ticket Resolved/first contact": 0.4,
                "Service Failed": 1.8,
                "Event Attended": 0.5,
            },
        )
    raise InputError(f"There is no world '{name}'.", hint=f"Choose one of {list(WORLD_NAMES)}.")


def simulate_ledger(world: WorldName | LedgerWorld, pairs: int, seed: int = 0) -> Ledger:
    """Run a world and return its annotated ledger with the truth.

    Args:
        world: A name, or a world of `build_world`.
        pairs: Number of consumers, each with one and the same brand (number 1).
        seed: Random seed; the same seed gives the same ledger.
    """
    described = world if isinstance(world, LedgerWorld) else build_world(world)
    return _Run(described, pairs, np.random.default_rng([seed, pairs])).finish()


class _Run:
    """One run of a world, period after period."""

    def __init__(self, world: LedgerWorld, pairs: int, chance: np.random.Generator) -> None:
        self.world, self.pairs, self.chance = world, pairs, chance
        kinds = (ORDER, *CHANCE_KINDS) if world.campaign == "none" else (ORDER, *CHANCE_KINDS, CAMPAIGN)
        self.kinds = tuple(
            replace(kind, true_multiplier=world.true_multipliers.get(kind.key, 1.0)) for kind in kinds
        )
        self.sums = [DecayedSums(np.zeros(pairs), np.zeros(pairs)) for _ in self.kinds]
        self.propensity: Floats = chance.normal(0.0, world.propensity_spread, pairs)
        # Heavy-tailed: many pairs with hardly an event, few with very many.
        self.liveliness: Floats = chance.gamma(0.8, 1.0 / 0.8, (len(self.kinds), pairs))
        self.columns: list[tuple[Integers, Integers, Integers, Floats, Floats]] = []
        self.health: list[pa.Table] = []
        self.assignments: list[pa.Table] = []

    def finish(self) -> Ledger:
        """Run all periods and combine the tables."""
        cutoffs = []
        for period in range(self.world.periods):
            start_s = (FIRST_DAY + period * PERIOD_DAYS) * DAY_SECONDS
            cutoffs.append(start_s * 1_000_000)
            self._run_period(period, start_s)
        consumers, codes, seconds, magnitudes, values = (
            np.concatenate(column) for column in zip(*self.columns, strict=True)
        )
        order = np.argsort(seconds, kind="stable")
        names = pa.array([kind.key for kind in self.kinds])
        numbers = pa.array(np.arange(len(order))).cast(pa.string())
        events = pa.table(
            [
                consumers[order] + 1,
                np.ones(len(order), np.int64),
                names.take(pa.array(codes[order])),
                pc.binary_join_element_wise("ledger", numbers, "-"),
                seconds[order] * 1_000_000,
                seconds[order] // DAY_SECONDS,
                magnitudes[order],
                np.ones(len(order)),
            ],
            schema=LEDGER_SCHEMA,
        )
        truth = LedgerTruth(
            multipliers={kind.key: kind.true_multiplier for kind in self.kinds},
            half_lives_days={kind.key: kind.half_life_days for kind in self.kinds},
            link=(self.world.base, self.world.slope, self.world.bend_at),
            campaign_effect=self.world.campaign_effect,
            cutoffs_us=tuple(cutoffs),
            horizon_days=PERIOD_DAYS,
            health=pa.concat_tables(self.health),
        )
        money = pa.array(values[order], mask=np.isnan(values[order]))
        return Ledger(events, money, pa.concat_tables(self.assignments), truth)

    def _run_period(self, period: int, start_s: int) -> None:
        health = compute_health(self.kinds, self.sums)
        world = self.world
        log_odds = world.base + world.slope * np.arcsinh(health / world.bend_at) + self.propensity
        is_treated = self._assign(period, start_s)
        log_odds = log_odds + world.campaign_effect * is_treated
        has_ordered = self.chance.random(self.pairs) < 1.0 / (1.0 + np.exp(-log_odds))
        self.health.append(
            pa.table(
                {
                    "consumer_id": np.arange(self.pairs) + 1,
                    "brand_id": np.ones(self.pairs, np.int64),
                    "cutoff_us": np.full(self.pairs, start_s * 1_000_000),
                    "health": health,
                    "log_odds": log_odds,
                    "has_ordered": has_ordered,
                }
            )
        )
        more = self.chance.poisson(0.4, self.pairs)
        self._happen(0, start_s, np.where(has_ordered, 1 + more, 0))
        for code, kind in enumerate(self.kinds):
            if kind.rate_year > 0:
                rate = kind.rate_year * PERIOD_DAYS / 365 * self.liveliness[code]
                self._happen(code, start_s, self.chance.poisson(rate))
            elif kind is self.kinds[-1] and kind.key == CAMPAIGN.key:
                self._happen(code, start_s, is_treated.astype(np.int64), is_at_start=True)

    def _assign(self, period: int, start_s: int) -> Floats:
        """Assign the campaign of this period, independently of later outcomes."""
        if self.world.campaign == "none":
            is_treated = np.zeros(self.pairs, bool)
        elif self.world.campaign == "randomised":
            is_treated = self.chance.random(self.pairs) < self.world.campaign_share
        else:
            wish = self.propensity + self.chance.normal(0.0, 0.4, self.pairs)
            is_treated = wish > np.quantile(wish, 1.0 - self.world.campaign_share)
        has_campaign = self.world.campaign != "none"
        rows = self.pairs if has_campaign else 0
        self.assignments.append(
            pa.table(
                {
                    "consumer_id": np.arange(rows) + 1,
                    "brand_id": np.ones(rows, np.int64),
                    "campaign": pa.array([f"campaign-{period:02d}"] * rows, pa.string()),
                    "assigned_us": np.full(rows, start_s * 1_000_000),
                    "is_treated": is_treated[:rows],
                }
            )
        )
        return is_treated.astype(np.float64)

    def _happen(self, code: int, start_s: int, counts: Integers, *, is_at_start: bool = False) -> None:
        """Draw times and sizes of a kind's events in this period and fold them at its end."""
        kind, state = self.kinds[code], self.sums[code]
        consumers: Integers = np.repeat(np.arange(self.pairs), counts)
        size = len(consumers)
        # A campaign reaches everyone within the first minutes, before any outcome.
        latest = 600 if is_at_start else PERIOD_DAYS * DAY_SECONDS
        seconds: Integers = start_s + 1 + self.chance.integers(0, latest - 1, size)
        magnitudes, values = np.ones(size), np.full(size, np.nan)
        if kind is self.kinds[0]:
            values = np.round(40.0 * np.exp(self.chance.normal(0.0, 0.8, size)), 2)
            magnitudes = np.clip(np.log2(1.0 + values / 40.0), 0.25, 3.0)
        elif kind.graded:
            magnitudes = self.chance.choice([0.5, 1.0], size)
        end_s = start_s + PERIOD_DAYS * DAY_SECONDS
        weights = weigh_bursts(consumers, seconds // DAY_SECONDS)
        weights *= np.exp2(-(end_s - seconds) / (kind.half_life_days * DAY_SECONDS))
        fading = np.exp2(-PERIOD_DAYS / kind.half_life_days)
        state.counted = state.counted * fading + np.bincount(consumers, weights, self.pairs)
        state.graded = state.graded * fading + np.bincount(consumers, weights * magnitudes, self.pairs)
        self.columns.append((consumers, np.full(size, code), seconds, magnitudes, values))
