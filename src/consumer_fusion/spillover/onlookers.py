"""Onlookers: how far those who read a public complaint hold it against its author.

It is used in one place, the share of a harm that falls on the author's associations instead of on the brand
complained of. It is of one public post; it is never a trait of a person, and no score of a pair has it as a part.
The weights of the prior are judgement until they are calibrated. The posterior is that of a Beta-Bernoulli model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from consumer_fusion.records.perception import Party, Perception

PRIOR_REACTIONS = 10
"""Reactions that the prior counts as."""
FEWEST_REACTIONS = 20
"""With fewer, the estimate is called the prior only."""
_DRAWS = 4_000
_INTERVAL = 0.9


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Facts about a public post that its words do not say.

    Attributes:
        followers: People who follow the author.
        is_staff_named: The post names members of staff.
        is_tip_withheld: The author tipped nothing, or little, over it.
    """

    followers: int = 0
    is_staff_named: bool = False
    is_tip_withheld: bool = False


@dataclass(frozen=True, slots=True)
class OnlookerEstimate:
    """How many of those who read a post side against its author.

    Attributes:
        prior: Probability from the post alone.
        probability: Probability after the reactions.
        low: Lower end of the 90% interval.
        high: Upper end of it.
        is_prior_only: There are too few reactions to call it more than a prior.
    """

    prior: float
    probability: float
    low: float
    high: float
    is_prior_only: bool

    @property
    def share(self) -> float:
        """Share of the harm that falls on the author: 0 where at most half of the onlookers side against the author."""
        return min(max((self.probability - 0.5) / 0.4, 0.0), 1.0)


def find_responsible(perception: Perception) -> dict[Party, float]:
    """The probability that each party is responsible, as it is known: from data, from the staff, or from the words."""
    return {each.party: each.probability for each in perception.responsible}


def measure_mismatch(perception: Perception, responsible: Mapping[Party, float]) -> float:
    """How much of the blame falls on parties that are not responsible, 0 to 1."""
    accused = {each.party: each.probability for each in perception.blame}
    return sum(probability * (1 - responsible.get(party, 0.0)) for party, probability in accused.items())


def estimate_onlookers(
    perception: Perception,
    circumstances: Circumstances,
    responsible: Mapping[Party, float],
    critical: int = 0,
    supportive: int = 0,
) -> OnlookerEstimate:
    """The estimate for one public post.

    Args:
        perception: The perception of its words.
        circumstances: Facts about it.
        responsible: The probability that each party is responsible, from `find_responsible`.
        critical: Replies that side against the author, one an account.
        supportive: Replies that side with the author, one an account.
    """
    logit = (
        -2.2
        + 3.0 * measure_mismatch(perception, responsible)
        + 1.2 * (perception.harshness or 0.0)
        + 0.8 * min(1.0, math.log10(1 + max(circumstances.followers, 0)) / 6)
        + 0.6 * (circumstances.is_tip_withheld or circumstances.is_staff_named)
        - 1.0 * (perception.repair or 0.0)
    )
    prior = 1 / (1 + math.exp(-logit))
    against = PRIOR_REACTIONS * prior + critical
    beside = PRIOR_REACTIONS * (1 - prior) + supportive
    draws = np.random.default_rng(0).beta(against, beside, _DRAWS)
    low, high = np.quantile(draws, [(1 - _INTERVAL) / 2, (1 + _INTERVAL) / 2])
    return OnlookerEstimate(
        prior, against / (against + beside), float(low), float(high), critical + supportive < FEWEST_REACTIONS
    )
