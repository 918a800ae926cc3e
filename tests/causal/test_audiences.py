"""Audiences that chance divided: adjusted differences, looking again and again, groups, two sources of one effect."""

from __future__ import annotations

import math

import numpy as np
import pytest

from consumer_fusion.causal.designs.audiences import (
    compare_groups,
    compare_log_odds,
    compare_randomised,
    score_randomised,
)
from consumer_fusion.causal.designs.confidence_sequences import follow_randomised
from consumer_fusion.errors import InputError, RefusedError


def draw_audience(seed, *, count=400, effect=0.5, share=0.4):
    """People whose spending is skewed and mostly known before; the effect differs from person to person."""
    chance = np.random.default_rng(seed)
    known = chance.normal(size=(count, 3))
    is_treated = np.zeros(count, dtype=bool)
    is_treated[chance.permutation(count)[: round(share * count)]] = True
    own = effect + 0.5 * known[:, 1]
    outcome = chance.exponential(1.0, count) + 1.5 * known[:, 0] + own * is_treated
    return outcome, is_treated, known, own.mean()


def test_the_interval_of_a_randomised_audience_holds_its_effect():
    held, sharper = [], []
    for seed in range(400):
        outcome, is_treated, known, truth = draw_audience(seed)
        found = compare_randomised(outcome, is_treated, known)
        plain = compare_randomised(outcome, is_treated)
        held.append(found.low <= truth <= found.high)
        sharper.append(found.standard_error / plain.standard_error)
    assert 0.92 <= np.mean(held) <= 0.985
    assert np.mean(sharper) < 0.7


def test_the_errors_are_those_of_hc2():
    outcome, is_treated, known, _ = draw_audience(3, count=60)
    centred = (known - known.mean(axis=0)) / known.std(axis=0)
    design = np.column_stack([np.ones(60), is_treated, centred, centred * is_treated[:, None]])
    statsmodels = pytest.importorskip("statsmodels.api", reason="the oracle of the errors")
    oracle = statsmodels.OLS(outcome, design).fit(cov_type="HC2")
    found = compare_randomised(outcome, is_treated, known)
    assert found.effect == pytest.approx(oracle.params[1], abs=1e-10)
    assert found.standard_error == pytest.approx(oracle.bse[1], rel=1e-9)


def test_without_features_it_is_the_plain_difference():
    outcome, is_treated, _, _ = draw_audience(1)
    found = compare_randomised(outcome, is_treated)
    assert found.effect == pytest.approx(outcome[is_treated].mean() - outcome[~is_treated].mean())
    assert found.without == pytest.approx(outcome[~is_treated].mean())
    assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)


def test_a_feature_that_says_nothing_changes_nothing():
    outcome, is_treated, known, _ = draw_audience(1)
    constant = np.column_stack([known, np.ones(outcome.size)])
    assert compare_randomised(outcome, is_treated, constant).effect == pytest.approx(
        compare_randomised(outcome, is_treated, known).effect
    )


def test_too_few_people_or_missing_outcomes_are_refused():
    outcome, is_treated, known, _ = draw_audience(1, count=60, share=0.2)
    with pytest.raises(RefusedError, match="No conclusion"):
        compare_randomised(outcome, is_treated)
    outcome, is_treated, known, _ = draw_audience(1)
    with pytest.raises(InputError):
        compare_randomised(np.append(outcome, math.nan), np.append(is_treated, True))
    with pytest.raises(InputError):
        compare_randomised(outcome, is_treated, known[:10])


@pytest.mark.slow
def test_whoever_looks_every_week_is_fooled_no_more_often_than_promised():
    looks = range(200, 1_001, 200)
    fooled, fooled_plainly = [], []
    for seed in range(100):
        outcome, is_treated, known, _ = draw_audience(seed, count=1_000, effect=0.0)
        outcome -= 0.5 * known[:, 1] * is_treated
        sequence = follow_randomised(outcome, is_treated, looks, share_treated=0.4, features=known)
        fooled.append(any(look.low > 0 or look.high < 0 for look in sequence))
        fooled_plainly.append(
            any(compare_randomised(outcome[:count], is_treated[:count]).p_value < 0.05 for count in looks)
        )
    assert np.mean(fooled) <= 0.05
    assert np.mean(fooled_plainly) > 0.12


def test_a_true_effect_is_found_by_looking_and_the_interval_narrows():
    outcome, is_treated, known, truth = draw_audience(2, count=2_000, effect=0.6)
    sequence = follow_randomised(
        outcome, is_treated, [200, 500, 1_000, 2_000], share_treated=0.4, features=known
    )
    widths = [look.high - look.low for look in sequence]
    assert widths == sorted(widths, reverse=True)
    assert all(look.low <= truth <= look.high for look in sequence)
    assert sequence[-1].low > 0


def test_log_odds_are_those_that_were_planted():
    found = []
    for seed in range(60):
        chance = np.random.default_rng(seed)
        known = chance.normal(size=(800, 2))
        is_treated = chance.random(800) < 0.5
        log_odds = -1.0 + known[:, 0] + 0.6 * is_treated
        has_outcome = chance.random(800) < 1 / (1 + np.exp(-log_odds))
        found.append(compare_log_odds(has_outcome, is_treated, known))
    estimates, errors = np.array(found).T
    assert estimates.mean() == pytest.approx(0.6, abs=0.05)
    assert errors.mean() == pytest.approx(estimates.std(), rel=0.25)
    with pytest.raises(RefusedError, match="No conclusion"):
        compare_log_odds(np.arange(800) < 3, is_treated, known)


def test_groups_of_people_are_drawn_towards_all():
    raw_miss, shrunk_miss = [], []
    for seed in range(20):
        chance = np.random.default_rng(seed)
        group = chance.integers(0, 12, 3_000)
        truth = chance.normal(0.3, 0.1, 12)
        is_treated = chance.random(3_000) < 0.5
        outcome = chance.normal(size=3_000) + truth[group] * is_treated
        scores = score_randomised(outcome, is_treated, 0.5)
        for one in compare_groups(scores, group.tolist()):
            raw_miss.append((one.raw - truth[one.group]) ** 2)
            shrunk_miss.append((one.mean - truth[one.group]) ** 2)
    assert np.mean(shrunk_miss) < 0.7 * np.mean(raw_miss)
