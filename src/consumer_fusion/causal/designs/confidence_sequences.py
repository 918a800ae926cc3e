"""Confidence sequences: intervals of a randomised audience that are valid at all looks together, at any time.

The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024, Annals of Statistics 52).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from consumer_fusion.causal.designs.audiences import check_arms, score_randomised
from consumer_fusion.causal.filters.regressions import BoolArray, FloatArray
from consumer_fusion.errors import InputError


@dataclass(frozen=True, slots=True)
class InterimResult:
    """An interim result, valid at any look.

    Attributes:
        count: Number of people whose outcome is known by then.
        effect: Mean difference per person.
        low: Lower end of the interval that is valid at all looks together.
        high: Upper end.
    """

    count: int
    effect: float
    low: float
    high: float


def follow_randomised(
    outcome: FloatArray,
    is_treated: BoolArray,
    looks: Sequence[int],
    *,
    share_treated: float,
    features: FloatArray | None = None,
    planned_count: int | None = None,
    alpha: float = 0.05,
) -> tuple[InterimResult, ...]:
    """Intervals that are valid together at all looks, however many and whenever they are.

    The asymptotic confidence sequence of Waudby-Smith and others for the mean of each person's unbiased score,
    narrowest near the planned number of people. People are in the order in which their outcome became known.

    Args:
        outcome: Outcome by person.
        is_treated: Whether a person was assigned to the action.
        looks: Numbers of people at which to look; each at least 40.
        share_treated: The probability with which a person was assigned to the action.
        features: Covariates known before the assignment.
        planned_count: Expected number of people; the largest look if not given.
        alpha: The probability that the interval misses at any look.

    Raises:
        InputError: Lengths differ, a value is missing, or the share is not between 0 and 1.
        RefusedError: An arm is too small at the first look.
    """
    if not 0.0 < share_treated < 1.0:
        raise InputError(
            f"The share of people with the action is {share_treated}.",
            hint="Give the probability, between 0 and 1.",
        )
    values, arm = check_arms(outcome, is_treated)
    most = planned_count or max(looks)
    width = -2.0 * math.log(alpha)
    tuning = (width + math.log(width + 1.0)) / most
    found = []
    for count in looks:
        check_arms(values[:count], arm[:count])
        known = None if features is None else features[:count]
        scores = score_randomised(values[:count], arm[:count], share_treated, known)
        spread = 2.0 * (count * tuning + 1.0) / (count**2 * tuning)
        reach = math.sqrt(spread * math.log(math.sqrt(count * tuning + 1.0) / alpha))
        effect, half = float(scores.mean()), float(scores.std(ddof=1)) * reach
        found.append(InterimResult(count, effect, effect - half, effect + half))
    return tuple(found)
