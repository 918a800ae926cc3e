"""Assignment of the campaigns of a town, and the pairs that actions with a true effect reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from consumer_fusion.simulate.founding_example import CONCERT
from consumer_fusion.simulate.population import Booleans, Integers, Population
from consumer_fusion.simulate.town_actions import CAMPAIGNS, SimulatedAction
from consumer_fusion.simulate.town_brands import BRANDS


@dataclass(frozen=True, slots=True)
class AssignedPairs:
    """The pairs of a campaign's brand, as assigned before any outcome.

    Attributes:
        treated: Pairs that get the campaign.
        others: Pairs that do not.
    """

    treated: Integers
    others: Integers


@dataclass(frozen=True, slots=True)
class TrueEffect:
    """An action that changes orders.

    Attributes:
        action: The action.
        from_s: Start of the effect, in seconds since 1970.
        until_s: End of the effect, in seconds since 1970.
        is_reached: By pair: whether the action changes its orders.
    """

    action: SimulatedAction
    from_s: int
    until_s: int
    is_reached: Booleans


def draw_assignments(population: Population, chance: np.random.Generator) -> dict[str, AssignedPairs]:
    """Assign each campaign: to a random half, or by the home affinity of the pairs."""
    assignments = {}
    for action in CAMPAIGNS:
        pairs: Integers = np.flatnonzero(population.brand == BRANDS.index(action.brand))
        if action.assignment == "random":
            is_treated = chance.random(len(pairs)) < 0.5
        else:
            wish = population.home_affinity[pairs] + chance.normal(0.0, 0.3, len(pairs))
            wish = -wish if action.assignment == "targeted low" else wish
            is_treated = wish > 0.6
        assignments[action.action_id] = AssignedPairs(pairs[is_treated], pairs[~is_treated])
    return assignments


def find_effects(population: Population, assignments: Mapping[str, AssignedPairs]) -> tuple[TrueEffect, ...]:
    """The actions that change orders, the founding concert first."""
    effects = []
    for action in (CONCERT, *CAMPAIGNS):
        if action.effect_from is None or action.effect_until is None:
            continue
        if action.assignment == "everybody":
            is_reached = population.brand == BRANDS.index(action.brand)
        else:
            is_reached = np.zeros(len(population.brand), bool)
            is_reached[assignments[action.action_id].treated] = True
        effects.append(
            TrueEffect(action, read_second(action.effect_from), read_second(action.effect_until), is_reached)
        )
    return tuple(effects)


def read_second(moment: str) -> int:
    """Seconds since 1970 of an ISO 8601 time with offset."""
    return int(datetime.fromisoformat(moment).timestamp())
