"""Hold-outs: drawn by chance, alike in what people did before, the same again by the same seed, and large enough."""

from __future__ import annotations

import numpy as np
import pytest

from consumer_fusion.causal.designs.audiences import compare_randomised
from consumer_fusion.causal.designs.holdouts import draw_holdout, find_detectable_effect
from consumer_fusion.errors import InputError

NAMES = [f"c{number:04d}" for number in range(1_000)]


def draw_past(seed=0):
    return np.random.default_rng(seed).poisson(1.5, 1_000).astype(float)


def test_both_groups_did_the_same_before():
    past = draw_past()
    gaps = []
    for seed in range(40):
        holdout = draw_holdout(NAMES, share=0.2, seed=seed, past_outcome=past)
        held = np.array(holdout.is_held_out)
        assert holdout.held_out_count == pytest.approx(200, abs=1)
        gaps.append(past[held].mean() - past[~held].mean())
    plain = past.std() * np.sqrt(1 / 200 + 1 / 800)
    assert np.std(gaps) < 0.5 * plain
    assert abs(np.mean(gaps)) < 0.3 * plain


def test_everybody_has_the_same_chance():
    counts = np.zeros(1_000)
    for seed in range(300):
        counts += draw_holdout(NAMES, share=0.2, seed=seed, past_outcome=draw_past()).is_held_out
    assert counts.mean() / 300 == pytest.approx(0.2, abs=0.005)
    assert np.std(counts / 300) == pytest.approx(np.sqrt(0.2 * 0.8 / 300), rel=0.15)


def test_given_groups_are_divided_each_by_itself():
    strata = ["north"] * 100 + ["south"] * 900
    holdout = draw_holdout(NAMES, share=0.25, seed=1, strata=strata)
    held = [stratum for stratum, one in zip(holdout.strata, holdout.is_held_out) if one]
    assert held.count("north") == pytest.approx(25, abs=1)
    assert held.count("south") == pytest.approx(225, abs=1)


def test_an_effect_of_the_detectable_size_is_found_four_times_in_five():
    found = []
    for seed in range(250):
        chance = np.random.default_rng(seed)
        # Everybody has a rate of their own, so that the past foretells part of what comes.
        rate = chance.gamma(1.0, 2.0, 1_000)
        earlier, past, later = (chance.poisson(rate).astype(float) for _ in range(3))
        holdout = draw_holdout(NAMES, share=0.3, seed=seed, past_outcome=past, earlier_outcome=earlier)
        is_treated = ~np.array(holdout.is_held_out)
        outcome = later + holdout.detectable * is_treated
        found.append(compare_randomised(outcome, is_treated, past[:, None]).p_value < 0.05)
    assert np.mean(found) == pytest.approx(0.8, abs=0.06)


def test_the_detectable_effect_is_that_of_the_textbook_where_nothing_is_foretold():
    past = draw_past()
    expected = (1.959964 + 0.841621) * past.std(ddof=1) * np.sqrt(1 / 200 + 1 / 800)
    assert find_detectable_effect(past, 200) == pytest.approx(expected, rel=1e-6)


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(InputError):
        draw_holdout(["a", "a"], share=0.5, seed=1)
    with pytest.raises(InputError):
        draw_holdout(NAMES, share=1.0, seed=1)
    with pytest.raises(InputError):
        draw_holdout(["a"], share=0.5, seed=1)
    with pytest.raises(InputError):
        draw_holdout(NAMES, share=0.5, seed=1, strata=["a"])
