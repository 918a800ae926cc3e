"""Odds: the log-odds of an outcome as a sum over traits, with non-negative weights, learnt from several cutoffs.

A logistic regression with a ridge. The weight of the repeat model is shrunk towards 1, every other towards 0, so that
with little data the model's forecast stays as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from consumer_fusion.score.calibration.fitting import minimise_loss
from consumer_fusion.score.calibration.link_functions import compute_probability
from consumer_fusion.score.calibration.samples import IntArray
from consumer_fusion.score.calibration.validity import FloatArray
from consumer_fusion.score.forecast.traits import TRAITS

_RIDGE = 5.0
_LEVEL_RIDGE = 0.04
_REPEAT = TRAITS.index("repeat")
_HELD_AT = np.eye(len(TRAITS))[_REPEAT]


@dataclass(frozen=True, slots=True)
class OddsModel:
    """Learnt weights.

    Attributes:
        level: Log-odds of a pair with average traits at the latest cutoff.
        weights: Weight by trait; at least 0.
        centre: Mean by trait, which is subtracted.
        width: Standard deviation by trait; 1 for the repeat model, whose log-odds keep their unit.
    """

    level: float
    weights: FloatArray
    centre: FloatArray
    width: FloatArray


def learn_odds(values: FloatArray, happened: FloatArray, cutoff_place: IntArray) -> OddsModel:
    """Learn the weights of the traits.

    Args:
        values: Values by row and trait.
        happened: By row: 1 where the outcome happened, else 0.
        cutoff_place: By row: 0 for the latest cutoff; every cutoff has its own level.
    """
    centre, width = values.mean(axis=0), values.std(axis=0)
    is_told = width > 1e-9
    width = np.where(is_told, width, 1.0)
    width[_REPEAT] = 1.0
    relative = (values - centre) / width
    count, shifts = values.shape[1], int(cutoff_place.max(initial=0))

    def evaluate(theta: FloatArray) -> tuple[float, FloatArray]:
        weights, level = theta[1 : count + 1], theta[count + 1 :]
        log_odds = theta[0] + relative @ weights + np.append(0.0, level)[cutoff_place]
        apart = weights - _HELD_AT
        held = 0.5 * (_RIDGE * float(apart @ apart) + _LEVEL_RIDGE * float(level @ level))
        loss = float(np.sum(np.logaddexp(0.0, log_odds) - happened * log_odds)) + held
        miss = compute_probability(log_odds) - happened
        by_cutoff = np.bincount(cutoff_place, weights=miss, minlength=shifts + 1)[1:]
        gradient = np.concatenate(
            ([miss.sum()], miss @ relative + _RIDGE * apart, by_cutoff + _LEVEL_RIDGE * level)
        )
        return loss / happened.size, gradient / happened.size

    share = float(np.clip(happened.mean(), 1e-4, 1.0 - 1e-4))
    start = np.concatenate(([np.log(share / (1.0 - share))], _HELD_AT, np.zeros(shifts)))
    bounds = [(-20.0, 20.0), *((0.0, 20.0 if told else 0.0) for told in is_told), *[(-10.0, 10.0)] * shifts]
    found = minimise_loss(evaluate, np.clip(start, *np.transpose(bounds)), bounds)
    return OddsModel(level=float(found[0]), weights=found[1 : count + 1], centre=centre, width=width)


def weigh_traits(values: FloatArray, odds: OddsModel) -> FloatArray:
    """Contribution of each trait to the log-odds, by row and trait."""
    added: FloatArray = (values - odds.centre) / odds.width * odds.weights
    return added
