"""Laws of placebos: one p-value for each size and one bound for each level, which never contradict each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer_fusion.causal.inference.null_distribution import (
    LEAST_TAIL,
    build_null_distribution,
    mix_distributions,
)
from consumer_fusion.causal.inference.p_values import close_interval, compute_p_value


def draw_law(seed: int = 1, tail: float = 5.0):
    sizes = np.abs(np.random.default_rng(seed).standard_t(tail, 3_000))
    return build_null_distribution(sizes, np.ones(sizes.size), 3_000.0)


LAW = draw_law()


def test_the_law_is_that_of_the_placebos():
    sizes = np.abs(np.random.default_rng(1).standard_t(5.0, 3_000))
    for level in (0.5, 0.2, 0.05, 0.01):
        assert np.mean(sizes >= LAW.find_bound(level)) == pytest.approx(level, abs=0.004)


@given(st.floats(0.0, 1e6), st.floats(1e-3, 1e6))
def test_a_larger_size_never_has_a_larger_p_value(size, step):
    assert LAW.measure_tail(size + step) <= LAW.measure_tail(size)


@given(st.floats(1e-5, 0.999))
def test_the_bound_of_a_level_has_that_p_value(level):
    assert LAW.measure_tail(LAW.find_bound(level)) == pytest.approx(level, rel=1e-6)


def test_a_size_no_placebo_reached_has_a_small_p_value_and_never_none():
    assert LEAST_TAIL <= LAW.measure_tail(1e9) < LAW.measure_tail(20.0) < 0.001
    assert LAW.measure_tail(float("inf")) == LEAST_TAIL


@given(
    st.floats(-50, 50).filter(lambda value: value != 0),
    st.floats(0.01, 20),
    st.sampled_from([0.2, 0.1, 0.05, 0.01, 0.001]),
    st.booleans(),
)
def test_the_p_value_is_at_most_alpha_exactly_if_the_interval_excludes_no_change(e, s, alpha, is_at_bound):
    if is_at_bound:
        # The hardest place: an error right at the end of its interval.
        e = float(np.copysign(LAW.find_bound(alpha) * s, e))
    judged = compute_p_value(abs(e) / s, LAW, alpha)
    low, high = close_interval(e, judged.bound * s, judged.is_beyond)
    excludes = low > 0 or high < 0
    assert (judged.p_value <= alpha) == excludes == judged.is_beyond


def test_a_mixture_lies_between_its_laws():
    wide = draw_law(2, tail=2.5)
    mixed = mix_distributions(LAW, wide, 0.5)
    for size in (0.5, 2.0, 4.0, 30.0):
        low, high = sorted((LAW.measure_tail(size), wide.measure_tail(size)))
        assert low * 0.9 <= mixed.measure_tail(size) <= high * 1.1
    assert mix_distributions(LAW, wide, 0.0) is LAW
    assert mix_distributions(LAW, wide, 1.0) is wide
