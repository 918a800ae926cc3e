"""Hold-outs: people who do not get an action, randomised in advance, so that its effect can be measured later."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from consumer_fusion.causal.filters.regressions import FloatArray
from consumer_fusion.errors import InputError
from consumer_fusion.i18n.messages import Message
from consumer_fusion.i18n.translation import N_

TREATED, HELD_OUT = "treated", "held_out"

_POWER_QUANTILES = 1.959963984540054 + 0.8416212335729143
"""The normal quantiles of a two-sided test at 5% with a power of 80%, added up."""


@dataclass(frozen=True, slots=True)
class Holdout:
    """A random division of an audience.

    Attributes:
        consumers: Their keys, sorted.
        strata: By consumer: the name of the stratum, each divided separately.
        is_held_out: By consumer.
        share: The share of every stratum that is held out.
        seed: Random seed; it reproduces the same list, in whatever order the consumers are given.
        detectable: The smallest detectable effect per person at 80% power; None where past outcomes do not vary.
        detectable_relative: The same over the mean past outcome.
        digest: Hash of the list, which proves that it was not changed.
    """

    consumers: tuple[str, ...]
    strata: tuple[str, ...]
    is_held_out: tuple[bool, ...]
    share: float
    seed: int
    detectable: float | None
    detectable_relative: float | None
    digest: str

    @property
    def held_out_count(self) -> int:
        """Number of people who do not get the action."""
        return sum(self.is_held_out)

    @property
    def arms(self) -> tuple[str, ...]:
        """By consumer: `treated` or `held_out`."""
        return tuple(HELD_OUT if one else TREATED for one in self.is_held_out)


def draw_holdout(
    consumers: Sequence[str],
    *,
    share: float,
    seed: int,
    strata: Sequence[Hashable] | None = None,
    past_outcome: FloatArray | None = None,
    earlier_outcome: FloatArray | None = None,
) -> Holdout:
    """Draw the people who do not get an action; each stratum is divided separately, so that the groups are alike.

    Args:
        consumers: Keys of the audience.
        share: Share that is held out, between 0 and 1.
        seed: Random seed; keep it with the list.
        strata: Stratum by consumer; by default quartiles of the past outcome, or one stratum without one.
        past_outcome: Outcome by consumer, over a period as long as that of the measurement: for strata and for the
            detectable effect.
        earlier_outcome: Outcome by consumer, over an equally long period before that, which shows how well the past
            predicts an outcome.

    Raises:
        InputError: A consumer is named twice, the share is not between 0 and 1, lengths differ, or a group would be
            empty.
    """
    _check_audience(consumers, share, strata, past_outcome, earlier_outcome)
    order = sorted(range(len(consumers)), key=lambda place: consumers[place])
    names = [consumers[place] for place in order]
    past = None if past_outcome is None else np.asarray(past_outcome, dtype=np.float64)[order]
    if strata is not None:
        groups = [str(strata[place]) for place in order]
    else:
        groups = ["all"] * len(names) if past is None else stratify_outcome(past)
    is_held_out = _divide_strata(groups, share, seed)
    count = sum(is_held_out)
    if count in {0, len(names)}:
        raise InputError(
            f"A share of {share:g} of {len(names)} consumers holds out {count} of them.",
            hint="Choose another share or a larger audience.",
        )
    earlier = None if earlier_outcome is None else np.asarray(earlier_outcome, dtype=np.float64)[order]
    detectable = None
    if past is not None and np.ptp(past) > 0:
        detectable = find_detectable_effect(past, count, earlier)
    mean = 0.0 if past is None else float(past.mean())
    text = "\n".join(f"{name}\t{group}\t{held}" for name, group, held in zip(names, groups, is_held_out))
    return Holdout(
        consumers=tuple(names),
        strata=tuple(groups),
        is_held_out=tuple(is_held_out),
        share=share,
        seed=seed,
        detectable=detectable,
        detectable_relative=detectable / mean if detectable is not None and mean > 0 else None,
        digest=hashlib.sha256(text.encode()).hexdigest()[:16],
    )


def _check_audience(
    consumers: Sequence[str],
    share: float,
    strata: Sequence[Hashable] | None,
    past_outcome: FloatArray | None,
    earlier_outcome: FloatArray | None,
) -> None:
    if len(set(consumers)) != len(consumers):
        raise InputError(
            f"Of {len(consumers)} consumers, {len(set(consumers))} are different.", hint="Name each once."
        )
    if not 0.0 < share < 1.0:
        raise InputError(
            f"The share to hold out is {share:g}.", hint="Give one between 0 and 1, for example 0.1."
        )
    for given in (strata, past_outcome, earlier_outcome):
        if given is not None and len(given) != len(consumers):
            raise InputError(
                f"Found {len(given)} rows for {len(consumers)} consumers.",
                hint="Give one for each consumer.",
            )


def stratify_outcome(past_outcome: FloatArray, *, parts: int = 4) -> list[str]:
    """Strata of people by their past outcome: those without any in one, the rest in equal parts.

    Args:
        past_outcome: By person, not negative.
        parts: Number of parts of those with any.
    """
    groups = np.zeros(past_outcome.size, dtype=np.int64)
    names = [N_("nothing before")]
    is_any = past_outcome > 0
    if is_any.any():
        cuts = np.unique(np.quantile(past_outcome[is_any], np.arange(1, parts) / parts))
        groups[is_any] = 1 + np.searchsorted(cuts, past_outcome[is_any], side="right")
        count = cuts.size + 1
        names += [
            Message("part {group} of {count} by the past", group=group, count=count)
            for group in range(1, count + 1)
        ]
    return [names[group] for group in groups]


def _divide_strata(groups: Sequence[str], share: float, seed: int) -> list[bool]:
    """Hold out the share of every stratum; the remainder from rounding is carried to the next, in order of name."""
    chance = np.random.default_rng(seed)
    is_held_out = [False] * len(groups)
    members: dict[str, list[int]] = {}
    for place, group in enumerate(groups):
        members.setdefault(group, []).append(place)
    # A random start gives everyone the same probability, also where strata are small.
    carried = float(chance.random())
    for group in sorted(members):
        carried += share * len(members[group])
        count = math.floor(carried + 1e-9)
        carried -= count
        for place in chance.permutation(members[group])[:count]:
            is_held_out[int(place)] = True
    return is_held_out


def find_detectable_effect(
    past_outcome: FloatArray, held_out_count: int, earlier_outcome: FloatArray | None = None
) -> float:
    """The smallest effect per person that an adjusted comparison detects with a power of 80%, at 5%.

    Args:
        past_outcome: Outcome by person, from which the variance is taken.
        held_out_count: Number of people without the action.
        earlier_outcome: Outcome by person, one period earlier: its correlation with the past outcome is assumed to hold
            for the next period; without it no correlation is assumed.
    """
    values = np.asarray(past_outcome, dtype=np.float64)
    deviation = float(values.std(ddof=1))
    if earlier_outcome is not None and deviation > 0 and float(np.std(earlier_outcome)) > 0:
        deviation *= math.sqrt(1.0 - float(np.corrcoef(values, earlier_outcome)[0, 1]) ** 2)
    treated_count = values.size - held_out_count
    return _POWER_QUANTILES * deviation * math.sqrt(1.0 / treated_count + 1.0 / held_out_count)
