"""A simulated town: its events, the related records, and the truth behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import cast

import numpy as np
import pyarrow as pa

from consumer_fusion.errors import InputError
from consumer_fusion.records.association import Association
from consumer_fusion.records.event import Event, Precision
from consumer_fusion.simulate.event_columns import (
    SHEET_SCHEMA,
    render_events,
    write_consumer_keys,
    write_event_ids,
)
from consumer_fusion.simulate.founding_example import (
    CONCERT,
    FOLLOWERS_GAINED,
    POP_ARTIST,
    SWEATER_ASSOCIATION,
)
from consumer_fusion.simulate.town_actions import CAMPAIGNS, OCCASIONS, SimulatedAction
from consumer_fusion.simulate.town_brands import BRANDS
from consumer_fusion.simulate.weekly_activity import HISTORY_FROM, WEEKS, TownSimulation

BATCH_ROWS = 65_536
FIRST_FOLLOWERS = 1_850_000
TRUTH_EVERY_WEEKS = 4


@dataclass(frozen=True, slots=True)
class TownTruth:
    """The truth of a town, as Arrow tables.

    Attributes:
        affinity: Columns consumer, brand, at (every four weeks), affinity: the true state of the pair; 0 is
            ordinary, rates grow with exp(0.6 x affinity), a failure of severity 1 costs 0.9.
        effects: One row for each action and metric: action_id, brand, metric, assignment, relative_effect,
            absolute_effect, effect_from, effect_until; an effect of 0 means truly none.
        caused_events: Columns action_id, event_id: the orders that would not exist without the action.
        assignments: Columns action_id, consumer, brand, is_treated, assigned_at.
        second_keys: Columns consumer, second_key: one person under two keys, with the same e-mail address.
    """

    affinity: pa.Table
    effects: pa.Table
    caused_events: pa.Table
    assignments: pa.Table
    second_keys: pa.Table


@dataclass(frozen=True, slots=True)
class Town:
    """The description of a town; its year is simulated each time that events or truth are read.

    Attributes:
        people: Number of consumers besides the pop artist.
        seed: Random seed; the same seed gives the same town.
        has_effects: Whether actions change orders; without, it is the twin that lacks only these orders.
    """

    people: int
    seed: int = 0
    has_effects: bool = True

    @property
    def associations(self) -> tuple[Association, ...]:
        """The declared associations."""
        return (SWEATER_ASSOCIATION,)

    @property
    def actions(self) -> tuple[SimulatedAction, ...]:
        """The deliberate actions of the brands, with their true effects, in order of time."""
        actions = sorted((CONCERT, *CAMPAIGNS, *OCCASIONS), key=lambda action: action.at)
        if self.has_effects:
            return tuple(actions)
        return tuple(
            replace(action, relative_effect=0.0, effect_from=None, effect_until=None) for action in actions
        )

    @property
    def followers(self) -> pa.Table:
        """The artist's followers: columns consumer, day, followers, gained; one row a day.

        The three days after the concert bring exactly the 100,000 of the founding example on top of the
        ordinary gain (half, a third and the rest).
        """
        chance = np.random.default_rng([self.seed, 0, 2])
        days = WEEKS * 7
        gained = np.round(chance.normal(900, 300, days)).astype(np.int64)
        concert = (datetime.fromisoformat(CONCERT.at) - HISTORY_FROM).days
        gained[concert + 1 : concert + 4] += np.array([55_000, 30_000, FOLLOWERS_GAINED - 85_000])
        first_day = HISTORY_FROM.toordinal() - datetime(1970, 1, 1, tzinfo=UTC).toordinal()
        return pa.table(
            {
                "consumer": pa.array([POP_ARTIST] * days),
                "day": pa.array(np.arange(first_day, first_day + days), pa.int32()).cast(pa.date32()),
                "followers": FIRST_FOLLOWERS + np.cumsum(gained),
                "gained": gained,
            }
        )

    @property
    def ties(self) -> pa.Table:
        """The followers of the artist: columns follower, followed."""
        followers = np.flatnonzero(self._begin().population.follows_artist)
        keys = write_consumer_keys(pa.array(followers))
        return pa.table({"follower": keys, "followed": pa.array([POP_ARTIST] * len(keys), pa.string())})

    @property
    def truth(self) -> TownTruth:
        """The truth of the town; simulates the whole year."""
        year = self._begin()
        keys, brands = write_consumer_keys(pa.array(year.population.person)), pa.array(BRANDS)
        pair_brands = brands.take(pa.array(year.population.brand))
        affinity, caused = [], []
        for number, week in enumerate(year.run()):
            if number % TRUTH_EVERY_WEEKS == 0 or number == WEEKS - 1:
                at = pa.scalar(week.starts_s * 1_000_000, pa.timestamp("us", "UTC"))
                affinity.append(
                    pa.table(
                        [keys, pair_brands, pa.repeat(at, len(keys)), week.affinity],
                        names=["consumer", "brand", "at", "affinity"],
                    )
                )
            for action_id, numbers in week.caused.items():
                ids = write_event_ids(self.seed, pa.array(numbers))
                caused.append(pa.table([[action_id] * len(ids), ids], schema=_CAUSED_SCHEMA))
        second = np.flatnonzero(year.population.has_second_key)
        return TownTruth(
            affinity=pa.concat_tables(affinity),
            effects=_list_effects(self),
            caused_events=pa.concat_tables(caused) if caused else _CAUSED_SCHEMA.empty_table(),
            assignments=_list_assignments(year, keys),
            second_keys=pa.table(
                {
                    "consumer": write_consumer_keys(pa.array(second)),
                    "second_key": write_consumer_keys(pa.array(second), "guest-"),
                }
            ),
        )

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All events in order of arrival, as the canonical columns (`EVENT_SCHEMA`)."""
        year = self._begin()
        texts = pa.array(year.phrases.texts)
        waiting, rows = [], 0
        for week in year.run():
            waiting.append(week.events)
            rows += len(week.events)
            if rows >= BATCH_ROWS:
                yield from render_events(pa.concat_tables(waiting), self.seed, texts).to_batches(BATCH_ROWS)
                waiting, rows = [], 0
        rest = pa.concat_tables([SHEET_SCHEMA.empty_table(), *waiting])
        yield from render_events(rest, self.seed, texts).to_batches(BATCH_ROWS)

    def events(self) -> Iterator[Event]:
        """All events in order of arrival, one by one."""
        for batch in self.batches():
            for row in batch.to_pylist():
                yield _read_event(row)

    def _begin(self) -> TownSimulation:
        return TownSimulation(self.people, self.seed, has_effects=self.has_effects)


def build_town(people: int, seed: int = 0, *, has_effects: bool = True) -> Town:
    """Describe a town; nothing is drawn until events or truth are read.

    Args:
        people: Number of consumers besides the pop artist; 0 leaves the founding example alone.
        seed: Random seed; the same seed and size give the same town, to the byte.
        has_effects: Whether actions change orders; the founding example is included in any case.

    Raises:
        InputError: A number is negative.

    Example:
        >>> town = build_town(people=10, seed=1)
        >>> [action.action_id for action in town.actions][-1]
        'founding-concert'
    """
    if people < 0 or seed < 0:
        raise InputError(
            f"A town with {people} people and seed {seed} is impossible.", hint="Give numbers from 0 upwards."
        )
    return Town(people, seed, has_effects)


def build_placebo_town(people: int, seed: int = 0) -> Town:
    """The twin of a town in which no action has an effect: same people, same draws, no caused orders."""
    return build_town(people, seed, has_effects=False)


_CAUSED_SCHEMA = pa.schema([("action_id", pa.string()), ("event_id", pa.string())])
_EFFECT_SCHEMA = pa.schema(
    [
        ("action_id", pa.string()),
        ("brand", pa.string()),
        ("metric", pa.string()),
        ("assignment", pa.string()),
        ("relative_effect", pa.float64()),
        ("absolute_effect", pa.float64()),
        ("effect_from", pa.string()),
        ("effect_until", pa.string()),
    ]
)


def _read_event(row: dict[str, object]) -> Event:
    return Event(
        event_id=str(row["event_id"]),
        occurred_at=datetime.fromisoformat(str(row["occurred_at"])),
        kind=str(row["kind"]),
        consumer=cast("str | None", row["consumer"]),
        brand=cast("str | None", row["brand"]),
        source=str(row["source"]),
        precision=cast("Precision", row["precision"]),
        received_at=datetime.fromisoformat(str(row["received_at"])),
        channel=cast("str | None", row["channel"]),
        value=cast("float | None", row["value"]),
        currency=cast("str | None", row["currency"]),
        text=cast("str | None", row["text"]),
        trust=cast("float | None", row["trust"]),
        identifiers=json.loads(str(row["identifiers"])),
        properties=json.loads(str(row["properties"])),
    )


def _list_effects(town: Town) -> pa.Table:
    rows: list[dict[str, object]] = []
    for action in town.actions:
        row = {
            "action_id": action.action_id,
            "brand": action.brand,
            "metric": "orders",
            "assignment": action.assignment,
            "relative_effect": action.relative_effect,
            "absolute_effect": None,
            "effect_from": action.effect_from,
            "effect_until": action.effect_until,
        }
        rows.append(row)
        if action.action_id == CONCERT.action_id:
            followers = {
                "metric": "followers",
                "relative_effect": None,
                "absolute_effect": float(FOLLOWERS_GAINED),
                "effect_from": CONCERT.at,
                "effect_until": CONCERT.effect_from,
            }
            rows.append(row | followers)
    return pa.Table.from_pylist(rows, schema=_EFFECT_SCHEMA)


def _list_assignments(year: TownSimulation, keys: pa.Array) -> pa.Table:
    tables = []
    for action in CAMPAIGNS:
        assigned = year.assignments[action.action_id]
        pairs = np.concatenate([assigned.treated, assigned.others])
        tables.append(
            pa.table(
                {
                    "action_id": pa.array([action.action_id] * len(pairs), pa.string()),
                    "consumer": keys.take(pa.array(pairs)),
                    "brand": pa.array([action.brand] * len(pairs), pa.string()),
                    "is_treated": np.arange(len(pairs)) < len(assigned.treated),
                    "assigned_at": pa.array([action.at] * len(pairs), pa.string()),
                }
            )
        )
    return pa.concat_tables(tables)
