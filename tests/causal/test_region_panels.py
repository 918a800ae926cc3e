"""Regions: others stand in for one of them, and stray as far as chance does where nothing was done."""

from __future__ import annotations

import numpy as np
import pytest

from consumer_fusion.causal.designs.region_panels import measure_region
from consumer_fusion.causal.series.series import DailySeries, Window
from consumer_fusion.errors import RefusedError

pytest.importorskip("scipy", reason="a synthetic control is of the extra `cause`")

WINDOW = Window(360, 373)


def draw_regions(seed, *, count=25, lift=0.0):
    """Regions of very different size with shared ups and downs; the first one is lifted in the window."""
    chance = np.random.default_rng(seed)
    shared = np.cumsum(chance.normal(0.0, 0.01, 380)) + 0.1 * np.sin(np.arange(380) * 2 * np.pi / 7)
    regions = []
    for number in range(count):
        own = np.cumsum(chance.normal(0.0, 0.005, 380)) + chance.normal(0.0, 0.05, 380)
        values = np.exp(chance.normal(3.0, 1.0) + shared * chance.uniform(0.5, 1.5) + own)
        regions.append(DailySeries(f"region {number}", 0, values))
    regions[0].values[360:374] *= 1.0 + lift
    return regions[0], regions[1:]


def test_a_lift_of_one_region_is_found():
    found = [measure_region(*draw_regions(seed, lift=0.2), WINDOW) for seed in range(20)]
    assert np.mean([one.relative for one in found]) == pytest.approx(0.2, abs=0.03)
    assert np.mean([one.p_value <= 0.05 for one in found]) >= 0.7


def test_nothing_is_found_where_nothing_was_done():
    found = [measure_region(*draw_regions(seed), WINDOW).p_value <= 0.05 for seed in range(60)]
    assert np.mean(found) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 60)


def test_the_size_of_the_regions_does_not_matter():
    region, others = draw_regions(1, lift=0.1)
    larger = [DailySeries(each.name, 0, each.values * 50.0) for each in others]
    assert measure_region(region, larger, WINDOW).effect == pytest.approx(
        measure_region(region, others, WINDOW).effect
    )


def test_missing_days_are_skipped_and_a_region_of_too_few_is_left_out_by_name():
    region, others = draw_regions(1, lift=0.2)
    region.values[100:103] = np.nan
    others[4].values[:200] = np.nan
    found = measure_region(region, others, WINDOW)
    assert found.effect == pytest.approx(measure_region(*draw_regions(1, lift=0.2), WINDOW).effect, abs=0.05)
    assert [name for name, _ in found.dropped] == ["region 5"]


def test_few_regions_give_no_interval():
    found = measure_region(*draw_regions(1, count=6, lift=0.5), WINDOW)
    assert found.low is None
    assert any("5% cannot be reached" in sentence for sentence in found.sentences)


def test_too_little_history_is_refused():
    region, others = draw_regions(1)
    with pytest.raises(RefusedError, match="No conclusion"):
        measure_region(region, others, Window(30, 43))
    with pytest.raises(RefusedError, match="No conclusion"):
        measure_region(region, [], WINDOW)
    region.values[360:] = np.nan
    with pytest.raises(RefusedError, match="no value"):
        measure_region(region, others, WINDOW)
