"""The people of a town and their pairs with its brands, with their affinities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from consumer_fusion.simulate.town_brands import TRADES

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

AFFINITY_SPREAD = 0.8
WARMTH_SPREAD = 0.4
NEW_PAIRS_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Population:
    """People (by position) and pairs (by position).

    Attributes:
        activity: Activity of each person; 1 on average, heavy-tailed.
        language: 0 English, 1 Italian.
        has_second_key: People with a second key on the web, with the same e-mail address.
        follows_artist: People who follow the pop artist.
        person: Person of each pair.
        brand: Brand of each pair.
        home_affinity: The affinity to which each pair returns without events.
        first_week: The week in which the pair begins; at most 0 for pairs older than the history.
        gets_letters: Whether the brand may write to the consumer.
    """

    activity: Floats
    language: Integers
    has_second_key: Booleans
    follows_artist: Booleans
    person: Integers
    brand: Integers
    home_affinity: Floats
    first_week: Integers
    gets_letters: Booleans


def draw_population(people: int, weeks: int, chance: np.random.Generator) -> Population:
    """Draw people and pairs.

    Args:
        people: Number of people.
        weeks: Length of the history.
        chance: Random number generator.
    """
    spread = 1.0
    activity: Floats = np.exp(chance.normal(-spread * spread / 2, spread, people))
    warmth = chance.normal(0.0, WARMTH_SPREAD, people)
    popularity = np.array([trade.popularity for trade in TRADES])
    person, brand = np.nonzero(chance.random((people, len(TRADES))) < popularity)
    pairs = len(person)
    is_new = chance.random(pairs) < NEW_PAIRS_SHARE
    return Population(
        activity=np.minimum(activity, 12.0),
        language=(chance.random(people) < 0.35).astype(np.int64),
        has_second_key=chance.random(people) < 0.03,
        follows_artist=chance.random(people) < 0.2,
        person=person.astype(np.int64),
        brand=brand.astype(np.int64),
        home_affinity=warmth[person] + chance.normal(0.0, AFFINITY_SPREAD, pairs),
        first_week=np.where(is_new, chance.integers(1, weeks, pairs), 0),
        gets_letters=chance.random(pairs) < 0.12,
    )
