"""Many actions: measured where something changed, shrunk within their kind, calibrated by the workspace's own past."""

from __future__ import annotations

import pytest

from consumer_fusion.causal.effects.measuring import EffectRequest, measure_action
from consumer_fusion.causal.effects.nightly_effects import calibrate_nightly
from consumer_fusion.causal.effects.placebo_learning import calibrate_effects
from consumer_fusion.causal.effects.power_analysis import plan_actions
from consumer_fusion.causal.effects.shrinking import list_effects, measure_effects
from consumer_fusion.causal.series.imported_metrics import MetricDay, keep_metrics
from consumer_fusion.records.effect import PLACEBO_LIBRARIES, PLACEBOS
from effect_worlds import TODAY, make_action, make_orders, open_world

pytestmark = pytest.mark.slow

pytest.importorskip("numba", reason="numba is not installed (extra `cause`)")
BRANDS = tuple(f"brand-{number}" for number in range(6))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Six brands with a small action each, of which one truly did something."""
    actions = [
        make_action(f"leaflet-{number}", brand, days_ago=30 + 12 * number, days=7, action_type="leaflet")
        for number, brand in enumerate(BRANDS)
    ]
    orders = make_orders(seed=5, brands=BRANDS, lift=0.5, lifted="brand-0", lift_days=(30, 7))
    with open_world(tmp_path_factory.mktemp("many") / "workspace", orders, actions) as workspace:
        measure_effects(workspace, metrics=["orders"])
        yield workspace


def test_every_action_is_measured_and_shrunk_towards_others_of_its_kind(world):
    shown = list_effects(world)
    assert len(shown) == len(BRANDS)
    assert all(each.shrunk.is_shrunk and each.shrunk.group_size == len(BRANDS) for each in shown)
    largest = max(shown, key=lambda each: each.report.relative)
    assert largest.brand == "brand-0"
    assert 0 < largest.shrunk.mean < largest.report.relative
    quiet = [each for each in shown if each.brand != "brand-0"]
    assert max(abs(each.shrunk.mean) for each in quiet) < 0.2


def test_too_few_of_a_kind_stay_as_they_were_measured(tmp_path):
    actions = [make_action(), make_action("sale", "tailor", days_ago=60)]
    with open_world(tmp_path / "workspace", make_orders(), actions) as workspace:
        measure_effects(workspace, metrics=["orders"])
        assert [each.shrunk.is_shrunk for each in list_effects(workspace)] == [False, False]


def test_effects_are_listed_by_brand_and_metric(world):
    assert [each.brand for each in list_effects(world, brand="brand-3")] == ["brand-3"]
    assert list_effects(world, metric="visits") == []


def test_placebos_are_measured_once_and_again_only_where_days_changed(world):
    first = calibrate_effects(world)
    assert (first.series, first.measured) == (len(BRANDS), len(BRANDS))
    assert calibrate_effects(world).measured == 0
    keep_metrics(world, [MetricDay(metric="orders", day=TODAY - 60, value=90.0, brand="brand-2")])
    again = calibrate_effects(world)
    assert again.measured == 1
    with world.store.reading() as session:
        assert session.count(PLACEBOS) == len(BRANDS)
        assert session.count(PLACEBO_LIBRARIES) == 1


def test_of_many_series_only_some_are_due_after_a_day(tmp_path):
    brands = tuple(f"shop-{number}" for number in range(8))
    orders = make_orders(brands=brands, days=180)
    folder = tmp_path / "workspace"
    with open_world(folder, [each for each in orders if each.day < TODAY - 1], [make_action()]) as workspace:
        assert calibrate_effects(workspace).measured == len(brands)
        keep_metrics(workspace, [each for each in orders if each.day == TODAY - 1])
        assert calibrate_effects(workspace).measured < len(brands) / 2


def test_few_placebos_of_ones_own_count_in_part_and_are_named_beside_the_shipped_library(world):
    calibrate_effects(world)
    report = measure_action(world, EffectRequest(action_id="leaflet-1", metric="orders", is_forced=True))
    assert "placebos of this workspace" in report.library


def test_the_work_of_the_night_is_done_once_a_day(world):
    assert calibrate_nightly(world)
    assert not calibrate_nightly(world)


def test_a_longer_action_and_a_larger_hold_out_find_smaller_effects(world):
    plans = plan_actions(world, "brand-1", lengths=(1, 14))
    assert [(each.series, each.days, each.start) for each in plans] == [
        ("brand-1", 1, TODAY),
        ("brand-1", 14, TODAY),
    ]
    assert plans[0].detectable > plans[1].detectable > 0
