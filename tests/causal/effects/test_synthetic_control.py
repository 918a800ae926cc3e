"""A second opinion on a region: the brand's other regions say as much as so many can."""

from __future__ import annotations

import numpy as np
import pytest

from consumer_fusion.causal.effects.control_series import ControlSeries
from consumer_fusion.causal.effects.synthetic_control import check_synthetic_control
from consumer_fusion.causal.series.metric_store import MetricSeries
from consumer_fusion.causal.series.series import DailySeries, Window

pytest.importorskip("scipy", reason="a synthetic control is of the extra `cause`")

WINDOW = Window(280, 293)


def make_regions(count, *, lift=0.0, brand_id=1):
    chance = np.random.default_rng(3)
    shared = np.exp(np.cumsum(chance.normal(0.0, 0.01, 300)))
    rows = [shared * np.exp(chance.normal(0.0, 0.05, 300)) for _ in range(count)]
    rows[0][280:294] *= 1.0 + lift
    return [
        MetricSeries(
            key=f"orders {number}", metric="orders", brand_id=brand_id, consumer_id=0, region=f"r{number}",
            product=None, daily=DailySeries(f"orders {number}", 0, values),
        )
        for number, values in enumerate(rows)
    ]  # fmt: skip


def ask(regions, *, closest=12):
    own, others = regions[0], regions[1:]
    passed = tuple((each, "further") for each in others[closest:])
    return check_synthetic_control(own, ControlSeries(tuple(others[:closest]), passed), WINDOW)


def test_many_regions_agree_with_a_large_lift_and_all_of_them_are_asked():
    check = ask(make_regions(26, lift=0.4))
    assert (check.name, check.verdict) == ("other_regions", "passed")
    assert check.values["count"] == 25
    assert check.values["effect_share"] == pytest.approx(0.4, abs=0.05)
    assert "0 of 25 other regions" in check.tell()


def test_many_regions_warn_where_others_stray_as_far():
    check = ask(make_regions(26))
    assert check.verdict == "warned"
    assert check.values["strayed"] >= 1


def test_few_regions_say_that_they_are_few():
    check = ask(make_regions(7, lift=0.4))
    assert check.verdict == "passed"
    assert "it takes 19" in check.tell()


def test_without_regions_nothing_is_said():
    assert ask(make_regions(1)) is None
    other_brand = ControlSeries(tuple(make_regions(8, brand_id=2)), ())
    assert check_synthetic_control(make_regions(1)[0], other_brand, WINDOW) is None
