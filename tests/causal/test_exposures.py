"""Exposures that nobody drew by chance: planted bias is taken away, what cannot be known is said."""

from __future__ import annotations

import numpy as np
import pytest

from consumer_fusion.causal.designs.double_ml import estimate_with_double_ml
from consumer_fusion.causal.designs.exposure_verdicts import judge_exposure
from consumer_fusion.causal.designs.exposures import GOOD_BALANCE, adjust_exposure
from consumer_fusion.causal.designs.sensitivity import find_e_value, find_robustness
from consumer_fusion.errors import InputError, MissingExtraError, RefusedError

NAMES = ["spend", "trips", "age", "noise"]


def draw_exposure(seed, *, count=1_200, effect=1.0, hidden=0.0):
    """A brand writes to those who spend more anyway; what they spend next depends on the same things."""
    chance = np.random.default_rng(seed)
    known = chance.normal(size=(count, 4))
    unseen = chance.normal(size=count)
    wish = known[:, 0] + 0.5 * np.maximum(known[:, 1], 0.0) + hidden * unseen - 0.5
    is_reached = chance.random(count) < 1 / (1 + np.exp(-wish))
    before = 2.0 * known[:, 0] + chance.normal(size=count)
    after = (
        before + known[:, 0] + np.maximum(known[:, 1], 0.0) + hidden * unseen + chance.normal(size=count)
        + effect * is_reached
    )  # fmt: skip
    return before, after, is_reached, known


def adjust(drawn, **options):
    return adjust_exposure(*drawn, feature_names=NAMES, **options)


@pytest.mark.parametrize("estimand", ["exposed", "everyone"])
def test_planted_bias_is_taken_away_and_the_interval_holds(estimand):
    found = [adjust(draw_exposure(seed), estimand=estimand) for seed in range(50)]
    assert np.mean([one.naive.effect for one in found]) > 3.0
    assert np.mean([one.adjusted.effect for one in found]) == pytest.approx(1.0, abs=0.03)
    assert np.mean([one.adjusted.low <= 1.0 <= one.adjusted.high for one in found]) >= 0.86


def test_groups_are_alike_after_weighting():
    found = adjust(draw_exposure(1, count=4_000))
    spend = found.balance[0]
    assert spend.feature == "spend"
    assert spend.before > 0.7
    assert found.worst_balance < GOOD_BALANCE


def test_people_without_anybody_like_them_are_left_out():
    before, after, is_reached, known = draw_exposure(1)
    certain = np.arange(before.size) < 200
    known = np.column_stack([known[:, :3], certain * 8.0])
    found = adjust((before, after, is_reached | certain, known))
    assert found.kept[certain].mean() < 0.2
    assert found.trimmed_share > 0.1
    assert found.scores.size == found.kept.sum()
    assert found.scores.mean() == pytest.approx(found.adjusted.effect)


def test_where_nobody_is_alike_nothing_is_said():
    before, after, _, known = draw_exposure(1)
    known[:, 0] = np.where(np.arange(before.size) < 600, 50.0, -50.0)
    with pytest.raises(RefusedError, match="similar enough"):
        adjust((before, after, known[:, 0] > 0, known))


def test_a_hidden_cause_still_deceives_and_the_bound_says_how_strong_it_had_to_be():
    found = adjust(draw_exposure(2, count=4_000, effect=0.0, hidden=0.7))
    assert found.adjusted.low > 0
    weak = adjust(draw_exposure(2, count=4_000, effect=0.1))
    strong = adjust(draw_exposure(2, count=4_000, effect=3.0))
    assert weak.sensitivity.robustness < found.sensitivity.robustness < strong.sensitivity.robustness
    assert strong.sensitivity.e_value > weak.sensitivity.e_value


def test_the_bound_holds_the_bias_of_a_thing_that_is_left_out():
    before, after, is_reached, known = draw_exposure(5, count=6_000)
    full = adjust((before, after, is_reached, known), benchmarks={"spend": ["spend"], "noise": ["noise"]})
    without = adjust_exposure(before, after, is_reached, known[:, 1:], feature_names=NAMES[1:])
    bias = abs(without.adjusted.effect - full.adjusted.effect)
    assert bias > 0.4
    assert full.sensitivity.benchmarks["spend"][2] > 0.9 * bias
    assert full.sensitivity.benchmarks["noise"][2] < 0.1 * bias


def test_figures_of_sensitivity_are_those_of_their_formulas():
    # VanderWeele and Ding (2017): a ratio of 2 has the E-value 2 + sqrt(2).
    assert find_e_value(np.log(2.0) / 0.91) == pytest.approx(2 + np.sqrt(2))
    assert find_e_value(0.0) == 1.0
    robustness = find_robustness(0.6, 2.0)
    assert 2.0 * robustness / np.sqrt(1 - robustness) == pytest.approx(0.6)


def test_the_verdict_is_never_caused_and_needs_a_quiet_past():
    before, after, is_reached, known = draw_exposure(3, count=6_000)
    found = adjust((before, after, is_reached, known))
    chance = np.random.default_rng(0)
    quiet = adjust((before, before + chance.normal(size=before.size), is_reached, known))
    loud = adjust((before, before + 0.5 * is_reached + chance.normal(size=before.size), is_reached, known))
    assert judge_exposure(found, quiet).label == "consistent_with_cause"
    assert judge_exposure(found, loud).label == "changed_after"
    assert judge_exposure(found).label == "changed_after"
    assert any("that much is bias" in one for one in judge_exposure(found, loud).sentences)
    assert judge_exposure(quiet, quiet).label == "cannot_tell"


def test_an_exposure_without_all_values_is_refused():
    before, after, is_reached, known = draw_exposure(1)
    known[0, 0] = np.nan
    with pytest.raises(InputError, match="missing"):
        adjust((before, after, is_reached, known))
    with pytest.raises(InputError):
        adjust((before[:5], after, is_reached, known))


def test_the_second_opinion_says_what_it_needs():
    try:
        import doubleml  # noqa: F401
    except ImportError:
        with pytest.raises(MissingExtraError, match="doubleml"):
            estimate_with_double_ml(*draw_exposure(1))
    else:
        effect, error = estimate_with_double_ml(*draw_exposure(1))
        assert effect == pytest.approx(1.0, abs=4 * error)
