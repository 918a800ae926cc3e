"""The year of a town, week by week: the events that people and brands start by themselves.

Weeks depend on each other through affinity: failures lower it, and it returns to its home value over time. Within a
week everything is drawn at once for all pairs, so that a town of a million people is simulated in the same way as one
of ten. Events that follow from an order or a failure are in `event_chains.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.simulate.campaigns import draw_assignments, find_effects, read_second
from consumer_fusion.simulate.event_chains import DAY_SECONDS, HOUR_SECONDS, POST_TRUST, EventChains
from consumer_fusion.simulate.event_columns import (
    ARTIST,
    NO_BRAND,
    NOBODY,
    SHEET_SCHEMA,
    EventTable,
    write_json,
)
from consumer_fusion.simulate.founding_example import SALMON_TEXT, make_founding_events
from consumer_fusion.simulate.phrases import fill_phrases
from consumer_fusion.simulate.population import Floats, Integers, draw_population
from consumer_fusion.simulate.town_actions import CAMPAIGNS, OCCASIONS
from consumer_fusion.simulate.town_brands import BRANDS, TRADES

HISTORY_FROM = datetime(2025, 6, 5, tzinfo=UTC)
WEEKS = 55
FIRST_SECOND = int(HISTORY_FROM.timestamp())
WEEK_SECONDS = 7 * DAY_SECONDS
LAST_SECOND = FIRST_SECOND + WEEKS * WEEK_SECONDS
"""2026-06-25T00:00Z."""

RETURN_HOME = 0.04
"""The share of its distance from home that affinity returns in a week."""
DRIFT = 0.05
RATE_BY_AFFINITY = 0.6
"""Increase of a pair's rates, in logarithms, for one unit of affinity."""

_ORDERS = np.array([trade.orders_year for trade in TRADES])
_VISITS = np.array([trade.visits_year for trade in TRADES])
_SESSIONS = np.array([trade.sessions_year for trade in TRADES])
_CONTACTS = np.array([trade.contacts_year for trade in TRADES])
_SUBSCRIPTIONS = np.array([trade.subscriptions_year for trade in TRADES])
_WINTER = np.array([trade.winter for trade in TRADES])
_BUSY_HOUR = np.array([trade.busy_hour for trade in TRADES])
_DAY_WEIGHTS = np.cumsum([0.14, 0.17, 0.20, 0.11, 0.12, 0.12, 0.14])
"""Cumulative shares of the days from Thursday, on which every week of the history begins, to Wednesday."""


@dataclass(frozen=True, slots=True)
class WeeklyActivity:
    """The result of one week.

    Attributes:
        events: Rows of the sheet that arrived in it, in order of arrival.
        starts_s: Start of the week, in seconds since 1970.
        affinity: Affinity of every pair at the start.
        caused: By action: the numbers of the orders that it caused.
    """

    events: pa.Table
    starts_s: int
    affinity: Floats
    caused: dict[str, Integers]


class TownSimulation:
    """One run through the year of a town."""

    def __init__(self, people: int, seed: int, *, has_effects: bool) -> None:
        self.seed, self.has_effects = seed, has_effects
        self.population = draw_population(people, WEEKS, self._chance(0, 0))
        self.phrases = fill_phrases(SALMON_TEXT)
        self.sheet = EventTable(seed)
        self.chains = EventChains(self.population, self.sheet, self.phrases)
        self.assignments = draw_assignments(self.population, self._chance(0, 1))
        self.effects = find_effects(self.population, self.assignments)

    def run(self) -> Iterator[WeeklyActivity]:
        """Simulate the weeks."""
        self._tell_founding_example()
        for week in range(WEEKS):
            starts_s = FIRST_SECOND + week * WEEK_SECONDS
            affinity = self.chains.affinity.copy()
            caused = self._run_week(week, starts_s)
            is_last = week == WEEKS - 1
            events = self.sheet.take_until(2**62 if is_last else starts_s + WEEK_SECONDS)
            if is_last:
                events = events.filter(pc.less(events["occurred_s"], LAST_SECOND))
            yield WeeklyActivity(events, starts_s, affinity, caused)

    def _chance(self, week: int, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, week, stream])

    def _run_week(self, week: int, starts_s: int) -> dict[str, Integers]:
        population, affinity = self.population, self.chains.affinity
        is_there = population.first_week <= week
        lively = population.activity[population.person] * np.exp(RATE_BY_AFFINITY * affinity) * is_there
        season = 1 + _WINTER * np.cos(2 * np.pi * (week - 29) / 52)
        rate = lively * 7 / 365
        orders = _ORDERS[population.brand] * season[population.brand] * rate
        self._begin_pairs(week, starts_s)
        chance = self._chance(week, 11)
        pairs, seconds = self._draw(chance, orders, starts_s)
        self.chains.add_orders(chance, pairs, seconds, week)
        self._add_visits(self._chance(week, 12), rate, starts_s)
        self._add_sessions(self._chance(week, 13), rate, starts_s)
        self._add_letters(self._chance(week, 14), week, starts_s)
        chance = self._chance(week, 15)
        pairs, seconds = self._draw(chance, _CONTACTS[population.brand] * rate, starts_s)
        self.chains.add_contacts(chance, pairs, seconds, has_question=True)
        self._add_words(self._chance(week, 16), rate, starts_s)
        self._add_subscriptions(self._chance(week, 17), rate, starts_s)
        self._add_rights(self._chance(week, 18), rate, starts_s)
        self._add_actions(self._chance(week, 19), week, starts_s)
        caused = self._add_caused_orders(week, starts_s, orders) if self.has_effects else {}
        self._move_affinity(week)
        return caused

    def _draw(self, chance: np.random.Generator, rate: Floats, starts_s: int) -> tuple[Integers, Integers]:
        """The pairs with an event this week, and its times."""
        pairs: Integers = np.repeat(np.arange(len(rate)), chance.poisson(rate))
        return pairs, self._draw_seconds(chance, self.population.brand[pairs], starts_s)

    def _draw_seconds(self, chance: np.random.Generator, brands: Integers, starts_s: int) -> Integers:
        """Times within the week: more at its end, around the busy hour of the trade."""
        day = np.minimum(np.searchsorted(_DAY_WEIGHTS, chance.random(len(brands))), 6)
        hour = np.clip(_BUSY_HOUR[brands] + 3 * chance.normal(size=len(brands)), 6.0, 23.9)
        seconds: Integers = starts_s + day * DAY_SECONDS + (hour * HOUR_SECONDS).astype(np.int64)
        return seconds

    def _add(self, kind: str, pairs: Integers, seconds: Integers, channel: str, **rest: object) -> Integers:
        population = self.population
        return self.sheet.add(
            kind, population.person[pairs], population.brand[pairs], seconds, channel=channel, **rest  # type: ignore[arg-type]
        )  # fmt: skip

    def _begin_pairs(self, week: int, starts_s: int) -> None:
        """Half of the new pairs open accounts, and at the start some of the others."""
        chance = self._chance(week, 10)
        is_new = self.population.first_week == week
        share = 0.05 if week == 0 else 0.5
        pairs = np.flatnonzero(is_new & (chance.random(len(is_new)) < share))
        seconds = self._draw_seconds(chance, self.population.brand[pairs], starts_s)
        self._add("Signed Up", pairs, seconds, "web", has_email=np.ones(len(pairs), bool))
        mask = chance.random(len(pairs)) < 0.2
        self._add("Application Installed", pairs[mask], seconds[mask] + 300, "app")

    def _add_visits(self, chance: np.random.Generator, rate: Floats, starts_s: int) -> None:
        pairs, seconds = self._draw(chance, _VISITS[self.population.brand] * rate, starts_s)
        self._add("Store Visited", pairs, seconds, "shop")
        # Unrecognised consumption: paid in cash, or seen at the door.
        share = chance.random(len(pairs)) < 0.03
        brands = self.population.brand[pairs[share]]
        nobody = np.full(len(brands), NOBODY)
        value: Floats = np.round(20.0 * np.exp(chance.normal(0.0, 0.6, len(brands))), 2)
        self.sheet.add("Order Completed", nobody, brands, seconds[share] + 900, channel="shop", value=value)

    def _add_sessions(self, chance: np.random.Generator, rate: Floats, starts_s: int) -> None:
        sessions, seconds = self._draw(chance, _SESSIONS[self.population.brand] * rate, starts_s)
        views = chance.geometric(0.6, len(sessions))
        looked = np.repeat(sessions, views)
        steps = np.arange(len(looked)) - np.repeat(np.cumsum(views) - views, views)
        self._add("Product Viewed", looked, np.repeat(seconds, views) + 40 * steps, "web")
        for kind, share, delay in (
            ("Product List Viewed", 0.15, 5), ("Product Added", 0.15, 400), ("Checkout Started", 0.05, 460),
            ("Product Added to Wishlist", 0.08, 300), ("Product Shared", 0.03, 350), ("Stockout", 0.01, 200),
        ):  # fmt: skip
            mask = chance.random(len(sessions)) < share
            self._add(kind, sessions[mask], seconds[mask] + delay, "web")
        mask = chance.random(len(sessions)) < 0.2
        results = np.maximum(0, chance.poisson(6, int(mask.sum())) - 2)
        self._add("Products Searched", sessions[mask], seconds[mask] + 10, "web",
                  properties=write_json(results=results))  # fmt: skip

    def _add_letters(self, chance: np.random.Generator, week: int, starts_s: int) -> None:
        """A letter every four weeks from each brand; the travel agency overdoes it after New Year."""
        brand = self.population.brand
        may = self.population.gets_letters & (self.population.first_week <= week)
        is_due = (brand + week) % 4 == 0
        is_travel = brand == BRANDS.index("travel-agency")
        letters = 4 if 30 <= week <= 32 else 1
        for letter in range(letters):
            pairs = np.flatnonzero(may & (is_travel if letters > 1 else is_due))
            sent = starts_s + (4 + letter % 3) * DAY_SECONDS + (8 + letter) * HOUR_SECONDS
            seconds = np.full(len(pairs), sent)
            self._add("Message Received", pairs, seconds, "email",
                      properties=write_json(messages_last_7_days=letter + 1))  # fmt: skip
            is_read = chance.random(len(pairs)) < 0.35 * np.exp(0.2 * self.chains.affinity[pairs])
            opened = pairs[is_read]
            read_at = seconds[is_read] + (chance.exponential(6 * HOUR_SECONDS, len(opened))).astype(np.int64)
            self._add("Email Opened", opened, read_at, "email")
            mask = chance.random(len(opened)) < 0.2
            self._add("Email Link Clicked", opened[mask], read_at[mask] + 20, "email")
            for kind, share in (("Unsubscribed", 0.006), ("Email Marked as Spam", 0.003)):
                mask = chance.random(len(opened)) < share * (1 + letter)
                self._add(kind, opened[mask], read_at[mask] + 40, "email")

    def _add_words(self, chance: np.random.Generator, rate: Floats, starts_s: int) -> None:
        """Praise, referrals, answers to the yearly survey, and posts that name no known brand."""
        pairs, seconds = self._draw(chance, 0.15 * rate, starts_s)
        people = np.exp(chance.normal(5.0, 1.2, len(pairs))).astype(np.int64)
        texts = self.phrases.pick(
            "praise",
            self.population.language[self.population.person[pairs]],
            self.population.brand[pairs],
            chance,
        )
        self._add("Brand Mentioned", pairs, seconds, "social", text=texts, trust=POST_TRUST,
                  properties=write_json(sentiment=0.8, people=people))  # fmt: skip
        lost = chance.random(len(pairs)) < 0.05
        persons = self.population.person[pairs[lost]]
        self.sheet.add("Brand Mentioned", persons, np.full(len(persons), NO_BRAND), seconds[lost] + 60,
                       channel="social", trust=POST_TRUST)  # fmt: skip
        pairs, seconds = self._draw(chance, 0.12 * rate, starts_s)
        self._add("Referral Made", pairs, seconds, "app")
        mask = chance.random(len(pairs)) < 0.3
        self._add("Referral Converted", pairs[mask], seconds[mask] + 5 * DAY_SECONDS, "app")
        pairs, seconds = self._draw(chance, 0.2 * rate, starts_s)
        felt = 7.3 + 1.4 * self.chains.affinity[pairs] + chance.normal(0.0, 1.5, len(pairs))
        rating = np.clip(np.round(felt), 0, 10).astype(np.int64)
        self._add("NPS Answered", pairs, seconds, "email", properties=write_json(rating=rating))

    def _add_subscriptions(self, chance: np.random.Generator, rate: Floats, starts_s: int) -> None:
        pairs, seconds = self._draw(chance, _SUBSCRIPTIONS[self.population.brand] * rate, starts_s)
        self._add("Subscription Started", pairs, seconds, "web")
        mask = chance.random(len(pairs)) < 0.25 * np.exp(-0.5 * self.chains.affinity[pairs])
        after = (DAY_SECONDS * chance.uniform(30, 200, int(mask.sum()))).astype(np.int64)
        self._add("Subscription Cancelled", pairs[mask], seconds[mask] + after, "web")

    def _add_rights(self, chance: np.random.Generator, rate: Floats, starts_s: int) -> None:
        """Some people request their data; the brand is late with one in ten."""
        pairs, seconds = self._draw(chance, 0.01 * rate, starts_s)
        is_late = chance.random(len(pairs)) < 0.1
        for mask, is_in_time in ((is_late, False), (~is_late, True)):
            self._add("Access Requested", pairs[mask], seconds[mask], "web",
                      properties=write_json(met_in_time=is_in_time))  # fmt: skip

    def _add_actions(self, chance: np.random.Generator, week: int, starts_s: int) -> None:
        """Campaigns reach the people they are assigned to; other events and the concert are attended by some."""
        for action in CAMPAIGNS:
            at = read_second(action.at)
            if starts_s <= at < starts_s + WEEK_SECONDS:
                pairs = self.assignments[action.action_id].treated
                self._add("Campaign Received", pairs, np.full(len(pairs), at), "email",
                          properties=write_json(action_id=action.action_id))  # fmt: skip
        for action in (*OCCASIONS, self.effects[0].action):
            at = read_second(action.at)
            if starts_s <= at < starts_s + WEEK_SECONDS:
                is_asked = (self.population.brand == BRANDS.index(action.brand)) & (
                    self.population.first_week <= week
                )
                wish = 0.12 * np.exp(0.8 * self.chains.affinity)
                pairs = np.flatnonzero(is_asked & (chance.random(len(is_asked)) < wish))
                seconds = at + chance.integers(-1800, 1800, len(pairs))
                self._add("Event Attended", pairs, seconds, "shop",
                          properties=write_json(action_id=action.action_id))  # fmt: skip

    def _add_caused_orders(self, week: int, starts_s: int, orders: Floats) -> dict[str, Integers]:
        """Orders that would not exist without an action: drawn separately, so that a twin town lacks only them."""
        caused: dict[str, Integers] = {}
        for position, effect in enumerate(self.effects):
            if effect.from_s >= starts_s + WEEK_SECONDS or effect.until_s <= starts_s:
                continue
            chance = self._chance(week, 30 + position)
            rate = np.where(effect.is_reached, orders * effect.action.relative_effect, 0.0)
            pairs, seconds = self._draw(chance, rate, starts_s)
            mask = (seconds >= effect.from_s) & (seconds < effect.until_s)
            self.sheet.is_caused = True
            numbers = self.chains.add_orders(chance, pairs[mask], seconds[mask], week)
            self.sheet.is_caused = False
            caused[effect.action.action_id] = numbers
        return caused

    def _move_affinity(self, week: int) -> None:
        chains = self.chains
        chance = self._chance(week, 40)
        home = self.population.home_affinity
        chains.affinity += RETURN_HOME * (home - chains.affinity) + chance.normal(0.0, DRIFT, len(home))
        for pairs, change in chains.shocks.pop(week, ()):
            np.add.at(chains.affinity, pairs, change)

    def _tell_founding_example(self) -> None:
        rows: dict[str, list[object]] = {name: [] for name in SHEET_SCHEMA.names}
        for event in make_founding_events():
            received = event.received_at or event.occurred_at
            row = (
                -int(event.event_id[1:]), int(event.occurred_at.timestamp()), int(received.timestamp()), ARTIST,
                BRANDS.index(str(event.brand)), event.kind, event.channel, None, -1 if event.text is None else 0,
                event.trust, False, False, json.dumps(dict(event.properties)),
            )  # fmt: skip
            for name, cell in zip(SHEET_SCHEMA.names, row, strict=True):
                rows[name].append(cell)
        self.sheet.put(pa.record_batch(rows, schema=SHEET_SCHEMA))
