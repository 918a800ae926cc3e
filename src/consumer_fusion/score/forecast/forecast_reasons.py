"""Reasons: the differences that move a forecast most, compared with the average pair of its brand, in words."""

from __future__ import annotations

import numpy as np

from consumer_fusion.score.calibration.samples import IntArray, Sample
from consumer_fusion.score.calibration.validity import FloatArray
from consumer_fusion.score.forecast.odds import OddsModel, weigh_traits
from consumer_fusion.score.forecast.traits import TRAITS, PairFeatures

_GROUPS = {
    "prompt": 0,
    "returned": 1,
    "often lately": 1,
    "often": 1,
    "often for long": 1,
    "regular": 1,
    "new": 2,
    "other lately": 3,
    "other": 3,
    "balance": 4,
}
_GROUP_COUNT = 5
_MOST_REASONS = 3
_LEAST_LOG_ODDS = 0.05
_LATELY_DAYS = 30.0


def write_reasons(
    sample: Sample, traits: PairFeatures, odds: OddsModel, scores: FloatArray, outcome: str
) -> list[str]:
    """Reasons of every pair's forecast.

    Args:
        sample: The pairs.
        traits: Traits that the forecast used.
        odds: Weights that the forecast used.
        scores: Their Fusion Scores.
        outcome: Key of the kind that was forecast.

    Returns:
        By pair: "raised by: ...; lowered by: ...", the strongest first.
    """
    added = _compare_with_brand(sample.brand_id, _add_groups(traits, odds))
    # A pair without any outcome gets one reason for that, not three; other pairs are not called new.
    never = ~traits.history.has_any
    added[never, 2] += added[never, 0] + added[never, 1]
    added[never, :2] = 0.0
    added[~never, 1] += added[~never, 2]
    added[~never, 2] = 0.0
    strongest = np.argsort(-np.abs(added), axis=1)[:, :_MOST_REASONS]
    words = _GroupTexts(sample, traits, scores, outcome)
    reasons: list[str] = []
    for pair, groups in enumerate(strongest.tolist()):
        own = added[pair]
        raising = [words.describe(pair, group) for group in groups if own[group] >= _LEAST_LOG_ODDS]
        lowering = [words.describe(pair, group) for group in groups if own[group] <= -_LEAST_LOG_ODDS]
        said = [
            f"{title}: {', '.join(parts)}"
            for title, parts in (("raised by", raising), ("lowered by", lowering))
            if parts
        ]
        reasons.append("; ".join(said) or "much like the average of the brand")
    return reasons


def _add_groups(traits: PairFeatures, odds: OddsModel) -> FloatArray:
    """Contributions of recency, frequency, novelty, other evidence and the score to the log-odds, by pair.

    The contribution of the repeat model is recency where it comes from the probability of having left, else frequency.
    """
    weighed = weigh_traits(traits.values, odds)
    groups = np.zeros((traits.values.shape[0], _GROUP_COUNT))
    for trait, group in _GROUPS.items():
        groups[:, group] += weighed[:, TRAITS.index(trait)]
    repeat = TRAITS.index("repeat")
    active = odds.weights[repeat] * traits.repeat.log_active
    groups[:, 0] += active
    groups[:, 1] += weighed[:, repeat] - active
    return groups


def _compare_with_brand(brand_id: IntArray, added: FloatArray) -> FloatArray:
    """Subtract the mean of the brand's pairs."""
    _, place = np.unique(brand_id, return_inverse=True)
    count = np.bincount(place)
    means = np.column_stack([np.bincount(place, weights=column) / count for column in added.T])
    return added - means[place]


class _GroupTexts:
    """The facts behind each group, in words."""

    def __init__(self, sample: Sample, traits: PairFeatures, scores: FloatArray, outcome: str) -> None:
        history = traits.history
        self.outcome = outcome
        self.times = np.bincount(sample.past_pair, minlength=sample.pair_count).tolist()
        self.silence = history.silence.tolist()
        self.gap = (history.span / np.maximum(history.repeat_days, 1.0)).tolist()
        self.known, self.scores = history.known_age.tolist(), scores.tolist()
        self.repeats = history.repeat_days.tolist()
        is_late = traits.is_other & (sample.event_age_days <= _LATELY_DAYS)
        self.other = np.bincount(sample.event_pair[is_late], minlength=sample.pair_count).tolist()

    def describe(self, pair: int, group: int) -> str:
        """The facts of one group and pair."""
        if group == 2:
            return f"no '{self.outcome}' in the {_write_days(self.known[pair])} since it is known"
        if group == 0:
            usual = f", usually every {_write_days(self.gap[pair])}" if self.repeats[pair] else ""
            return f"last '{self.outcome}' {_write_days(self.silence[pair])} ago{usual}"
        if group == 1:
            times = self.times[pair]
            often = "once" if times == 1 else f"{times:,} times"
            return f"'{self.outcome}' {often} in {_write_days(self.known[pair])}"
        if group == 3:
            count = self.other[pair]
            return f"{count or 'no'} other {'event' if count == 1 else 'events'} in the last {_LATELY_DAYS:.0f} days"
        return f"Fusion Score {self.scores[pair]:.1f}"


def _write_days(days: float) -> str:
    whole = round(days)
    return "1 day" if whole == 1 else f"{whole:,} days"
