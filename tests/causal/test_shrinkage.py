"""Shrinkage: many small effects become better estimates, and intervals hold whatever the effects' distribution is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from consumer_fusion.causal.inference.shrinkage import adjust_p_values, find_critical_value, shrink_effects
from consumer_fusion.errors import InputError


def draw_effects(seed, count=60):
    """Most effects next to nothing, some small, a few large: nothing like a normal distribution."""
    chance = np.random.default_rng(seed)
    part = chance.random(count)
    truth = np.where(
        part < 0.7,
        chance.normal(0.0, 0.01, count),
        np.where(part < 0.95, chance.normal(0.03, 0.03, count), chance.normal(0.12, 0.05, count)),
    )
    error = 0.08 * chance.choice([0.5, 1.0, 1.5], count)
    return truth, truth + error * chance.normal(size=count), error


def measure_shrunk(seed, **changes):
    truth, found, error = draw_effects(seed, **changes)
    shrunk = shrink_effects(found, error, ["promotion"] * truth.size)
    held = np.mean([one.low <= true <= one.high for one, true in zip(shrunk, truth)])
    misses = [np.sum((np.array([one.mean for one in shrunk]) - truth) ** 2), np.sum((found - truth) ** 2)]
    width = np.mean([one.high - one.low for one in shrunk]) / np.mean(2 * 1.96 * error)
    return held, *misses, width


def test_robust_intervals_hold_and_are_shorter_than_raw_ones():
    held, of_shrunk, of_raw, width = np.mean([measure_shrunk(seed) for seed in range(60)], axis=0)
    assert held >= 0.95
    assert width < 0.8
    assert math.sqrt(of_shrunk / of_raw) < 0.5


def test_intervals_hold_in_small_groups_too():
    assert np.mean([measure_shrunk(seed, count=6)[0] for seed in range(100)]) >= 0.95


def test_the_best_of_a_list_are_no_longer_exaggerated():
    raw, shrunk, true = [], [], []
    for seed in range(40):
        truth, found, error = draw_effects(seed)
        drawn = shrink_effects(found, error, ["promotion"] * truth.size)
        best = np.argsort(-found)[:5]
        raw.append(found[best].mean())
        true.append(truth[best].mean())
        shrunk.append(np.mean([drawn[place].mean for place in best]))
    assert np.mean(raw) > 2 * np.mean(true)
    assert np.mean(shrunk) == pytest.approx(np.mean(true), abs=0.02)


def test_the_critical_value_is_the_usual_one_without_bias_and_grows_with_it():
    values = [find_critical_value(moment) for moment in (0.0, 0.1, 1.0, 4.0, 100.0)]
    assert values[0] == pytest.approx(1.959964, abs=1e-6)
    assert values == sorted(values)


@pytest.mark.parametrize("moment", [0.2, 0.7, 2.0, 6.0])
def test_no_distribution_of_bias_makes_the_interval_miss_more_often_than_promised(moment):
    critical = find_critical_value(moment)

    def miss(bias):
        return 0.5 * math.erfc((critical + bias) / math.sqrt(2)) + 0.5 * math.erfc(
            (critical - bias) / math.sqrt(2)
        )

    # All mass of b^2 at two points with the mean that is asked for: the worst case is one of these.
    worst = max(
        miss(low) + (moment - low**2) / (high**2 - low**2) * (miss(high) - miss(low))
        for low in np.linspace(0.0, math.sqrt(moment), 40, endpoint=False)
        for high in np.linspace(math.sqrt(moment), 12.0, 400)[1:]
    )
    assert worst <= 0.05 + 1e-6
    assert worst > 0.0485


def test_each_group_is_shrunk_towards_its_own_mean():
    chance = np.random.default_rng(1)
    found = np.concatenate([chance.normal(0.0, 0.05, 30), chance.normal(1.0, 0.05, 30)])
    groups = [("concert", "orders")] * 30 + [("price", "orders")] * 30
    shrunk = shrink_effects(found, np.full(60, 0.05), groups)
    assert {one.group for one in shrunk} == set(groups)
    assert all(abs(one.mean) < 0.2 for one in shrunk[:30])
    assert all(abs(one.mean - 1.0) < 0.2 for one in shrunk[30:])


def test_a_group_of_few_stays_as_it_was_measured():
    (one, _) = shrink_effects([0.4, -0.1], [0.1, 0.1], ["concert", "concert"])
    assert (one.mean, one.weight, one.is_shrunk) == (0.4, 1.0, False)
    assert one.high == pytest.approx(0.4 + 1.959964 * 0.1, abs=1e-6)


def test_the_sign_is_told_with_the_probability_that_it_is_right():
    right, told = [], []
    for seed in range(200):
        chance = np.random.default_rng(seed)
        truth = chance.normal(0.0, 0.1, 40)
        shrunk = shrink_effects(truth + chance.normal(0.0, 0.1, 40), np.full(40, 0.1), ["a"] * 40)
        right += [one.mean * true > 0 for one, true in zip(shrunk, truth)]
        told += [one.sign_probability for one in shrunk]
    assert np.mean(told) == pytest.approx(np.mean(right), abs=0.02)


def test_what_cannot_be_shrunk_is_refused():
    with pytest.raises(InputError):
        shrink_effects([0.1, math.nan], [0.1, 0.1], ["a", "a"])
    with pytest.raises(InputError):
        shrink_effects([0.1, 0.2], [0.1, 0.0], ["a", "a"])
    with pytest.raises(InputError):
        shrink_effects([0.1], [0.1, 0.1], ["a", "a"])


def test_a_list_that_is_called_found_holds_few_false_finds_though_its_tests_depend_on_each_other():
    false_shares = []
    for seed in range(300):
        chance = np.random.default_rng(seed)
        shared = chance.normal()
        statistic = np.sqrt(0.5) * shared + np.sqrt(0.5) * chance.normal(size=50) + 4.0 * (np.arange(50) < 10)
        p_values = np.array([math.erfc(abs(one) / math.sqrt(2)) for one in statistic])
        is_found = adjust_p_values(p_values) < 0.1
        false_shares.append(is_found[10:].sum() / max(is_found.sum(), 1))
    assert np.mean(false_shares) < 0.1


def test_q_values_are_those_of_benjamini_and_yekutieli():
    # Worked by hand: 3 tests, c = 1 + 1/2 + 1/3.
    harmonic = 1 + 1 / 2 + 1 / 3
    assert adjust_p_values([0.04, 0.001, 0.01]) == pytest.approx(
        [0.04 * harmonic, 0.003 * harmonic, 0.015 * harmonic]
    )
    assert adjust_p_values([]).size == 0
