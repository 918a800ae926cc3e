"""Uplift: who is helped comes first, and a ranking that is worth nothing is seen to be."""

from __future__ import annotations

import numpy as np
import pytest

from consumer_fusion.causal.designs.uplift import draw_qini, rank_uplift
from consumer_fusion.errors import InputError


def draw_audience(seed, *, count=3_000, share=0.3, is_varied=True):
    chance = np.random.default_rng(seed)
    known = chance.normal(size=(count, 4))
    is_treated = chance.random(count) < share
    own = np.maximum(known[:, 0], 0.0) if is_varied else np.full(count, 0.4)
    outcome = chance.normal(size=count) + 2.0 * known[:, 1] + own * is_treated
    return outcome, is_treated, known, own


def find_area(own, order):
    """The area between the curve of a ranking and that of chance, by the true effects."""
    gained = np.cumsum(own[order]) / own.size
    return gained.mean() - gained[-1] / 2


def test_those_who_are_helped_most_come_first():
    outcome, is_treated, known, own = draw_audience(1)
    ranking = rank_uplift(outcome, is_treated, known, share_treated=0.3)
    assert own[ranking.place < 600].mean() > 5 * own[ranking.place >= 2_400].mean()
    effects = [part.effect for part in ranking.parts]
    assert effects[0] > 1.0
    assert effects[0] == max(effects)
    assert ranking.curve.is_better_than_chance


def test_the_qini_interval_holds_the_true_area():
    held = []
    for seed in range(80):
        outcome, is_treated, known, own = draw_audience(seed, count=1_000)
        guess = known[:, 0] + 0.5 * known[:, 2]
        curve = draw_qini(outcome, is_treated, guess, share_treated=0.3)
        held.append(curve.low <= find_area(own, np.argsort(-guess)) <= curve.high)
    assert np.mean(held) >= 0.88


def test_a_ranking_is_worth_nothing_where_everybody_is_helped_alike():
    found = []
    for seed in range(60):
        outcome, is_treated, known, _ = draw_audience(seed, count=600, share=0.5, is_varied=False)
        found.append(rank_uplift(outcome, is_treated, known, share_treated=0.5).curve.is_better_than_chance)
    assert np.mean(found) <= 0.05


def test_the_curve_ends_at_the_effect_of_giving_it_to_all():
    outcome, is_treated, _, own = draw_audience(1)
    curve = draw_qini(outcome, is_treated, own, share_treated=0.3)
    weight = np.where(is_treated, 1 / 0.3, -1 / 0.7)
    assert curve.gain[0] == 0.0
    assert curve.gain[-1] == pytest.approx(np.mean(weight * (outcome - outcome.mean())))


def test_people_ranked_alike_share_their_gain():
    outcome, is_treated, _, own = draw_audience(1)
    assert draw_qini(outcome, is_treated, np.zeros(own.size), share_treated=0.3).area == 0.0


def test_a_ranking_of_an_audience_that_chance_did_not_divide_is_refused():
    outcome, is_treated, known, _ = draw_audience(1)
    with pytest.raises(InputError):
        draw_qini(outcome, is_treated, known[:, 0], share_treated=1.0)
    with pytest.raises(InputError):
        rank_uplift(outcome, is_treated, known[:7], share_treated=0.3)
