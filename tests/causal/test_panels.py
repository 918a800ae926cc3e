"""Panels: a mix of donors stands in for what would have been; few donors are said to be few."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from consumer_fusion.causal.designs.panels import describe_donors, measure_panel, mix_donors
from consumer_fusion.errors import InputError, RefusedError

pytest.importorskip("scipy", reason="a synthetic control is of the extra `cause`")

BEFORE, AFTER = 19, 12


def draw_panel(seed, *, donors=30, effect=-20.0, exact=False):
    """States with common shocks, of which the treated one is a mix; a law from the twentieth year on."""
    chance = np.random.default_rng(seed)
    years = BEFORE + AFTER
    factors = np.column_stack(
        [np.linspace(120, 70, years), 8 * np.sin(np.arange(years) / 3), np.ones(years) * 30]
    )
    loading = chance.uniform(0.3, 1.2, (3, donors))
    noise = 0.0 if exact else 2.0
    matrix = factors @ loading + chance.normal(0.0, noise, (years, donors))
    weights = chance.dirichlet(np.ones(4))
    treated = matrix[:, :4] @ weights + chance.normal(0.0, noise, years)
    treated[BEFORE:] += effect
    return treated, matrix, weights


def measure(treated, matrix, **options):
    names = [f"donor {number}" for number in range(matrix.shape[1])]
    return measure_panel(treated, matrix, BEFORE, donor_names=names, **options)


def test_the_mix_that_made_a_state_is_found_again():
    treated, matrix, _ = draw_panel(1, donors=8, effect=-20.0, exact=True)
    found = measure(treated, matrix)
    assert found.effect == pytest.approx(-20.0, abs=1e-3)
    assert found.fit_error < 1e-3
    assert sum(weight for _, weight in found.weights) == pytest.approx(1.0)


def test_a_planted_effect_is_found_on_average():
    effects = [measure(*draw_panel(seed)[:2]).effect for seed in range(12)]
    assert np.mean(effects) == pytest.approx(-20.0, abs=1.0)


def test_without_an_effect_it_is_flagged_no_more_often_than_promised():
    found = [measure(*draw_panel(seed, donors=19, effect=0.0)[:2]).p_value <= 0.05 for seed in range(60)]
    assert np.mean(found) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 60)


def test_the_mix_is_the_best_of_all_mixes():
    treated, matrix, _ = draw_panel(3, donors=10)
    weights = mix_donors(treated[:BEFORE], matrix[:BEFORE])
    best = np.sum((treated[:BEFORE] - matrix[:BEFORE] @ weights) ** 2)
    chance = np.random.default_rng(0)
    others = [chance.dirichlet(np.full(10, size)) for size in (0.1, 1.0, 10.0) for _ in range(300)]
    nearby = [0.98 * weights + 0.02 * one for one in others]
    assert weights.min() >= 0.0
    assert weights.sum() == pytest.approx(1.0)
    assert (
        min(np.sum((treated[:BEFORE] - matrix[:BEFORE] @ one) ** 2) for one in others + nearby) >= best - 1e-9
    )


@pytest.mark.parametrize("donors", [19, 25, 39])
@pytest.mark.parametrize("effect", [0.0, -6.0, -40.0])
def test_p_and_interval_never_contradict_each_other(donors, effect):
    for seed in range(4):
        found = measure(*draw_panel(seed, donors=donors, effect=effect)[:2])
        assert (found.p_value <= 0.05) == (found.low > 0 or found.high < 0)


def test_few_donors_give_no_interval_and_say_so():
    found = measure(*draw_panel(1, donors=18, effect=-60.0)[:2])
    assert (found.low, found.high) == (None, None)
    assert found.p_value >= 1 / 19
    assert any("5% cannot be reached" in sentence for sentence in found.sentences)
    assert "5% cannot be reached" in describe_donors(8)
    assert "5% cannot be reached" not in describe_donors(19)


def test_a_mix_that_does_not_follow_is_not_believed():
    treated, matrix, _ = draw_panel(1)
    found = measure(treated + 400.0, matrix)
    assert any("does not follow" in sentence for sentence in found.sentences)


def test_a_donor_with_gaps_is_left_out_by_name():
    treated, matrix, _ = draw_panel(1)
    matrix[3, 5] = np.nan
    found = measure(treated, matrix)
    assert [name for name, _ in found.dropped] == ["donor 5"]
    assert "donor 5" not in dict(found.placebo_effects)


def test_what_a_panel_cannot_tell_is_refused():
    treated, matrix, _ = draw_panel(1)
    names = [f"donor {number}" for number in range(30)]
    with pytest.raises(RefusedError, match="No conclusion"):
        measure_panel(treated, matrix, 4, donor_names=names)
    with pytest.raises(RefusedError, match="No conclusion"):
        measure_panel(treated, matrix[:, :1], BEFORE, donor_names=names[:1])
    with pytest.raises(InputError):
        measure_panel(treated, matrix, BEFORE, donor_names=names[:3])
    treated[2] = np.nan
    with pytest.raises(RefusedError, match="without a value"):
        measure_panel(treated, matrix, BEFORE, donor_names=names)


def test_proposition_99_by_the_outcome_alone():
    root = Path(os.environ.get("CONSUMER_FUSION_DATA", Path(__file__).parents[3] / "shared" / "data"))
    path = root / "cause" / "california_prop99.csv"
    if not path.exists():
        pytest.skip("the panel is not here; set CONSUMER_FUSION_DATA to the folder of the data")
    with path.open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    packs = np.array([[float(one) for one in row[1:]] for row in rows[1:]])
    own, first = rows[0][1:].index("California"), [row[0] for row in rows[1:]].index("1989")
    names = [name for name in rows[0][1:] if name != "California"]
    found = measure_panel(packs[:, own], np.delete(packs, own, axis=1), first, donor_names=names)
    assert found.effect == pytest.approx(-19.5, abs=0.1)
    assert {"Utah", "Montana", "Nevada"} <= {name for name, _ in found.weights[:3]}
