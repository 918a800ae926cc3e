"""What an action did: found where something was planted, not told where nothing was, kept until something changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from consumer_fusion.associations import operations as associations
from consumer_fusion.causal.actions.declared_actions import declare_actions, read_actions, withdraw_action
from consumer_fusion.causal.effects.action_effect import describe_effect
from consumer_fusion.causal.effects.control_series import find_control_series
from consumer_fusion.causal.effects.effect_wording import explain_finding, list_left_out, name_verdict
from consumer_fusion.causal.effects.measuring import EffectRequest, find_own_series, search_delay
from consumer_fusion.causal.effects.shrinking import (
    list_effects,
    measure_effects,
    read_effect,
    show_effect,
)
from consumer_fusion.causal.series.imported_metrics import MetricDay, keep_metrics
from consumer_fusion.causal.series.metric_store import MetricStore
from consumer_fusion.causal.series.series import Window
from consumer_fusion.errors import InputError, NotFoundError, RefusedError
from consumer_fusion.records.action import EffectWindow
from consumer_fusion.records.effect import EFFECTS
from consumer_fusion.records.timestamps import to_microseconds
from effect_worlds import BRANDS, NOW, TODAY, make_action, make_orders, measure, open_world

pytest.importorskip("numba", reason="numba is not installed (extra `cause`)")
FIELDS = [
    "action_id", "title", "brand", "metric", "series", "effect_from", "effect_until", "declared_until", "step",
    "told_with", "total", "total_low", "total_high", "effect", "effect_low", "effect_high", "relative", "low", "high",
    "p_value", "interval", "pooled", "pooled_low", "pooled_high", "label", "q_value", "q_count", "listed_label",
    "detectable", "library", "measured_at", "sentences", "checks", "observed", "expected", "left_out",
]  # fmt: skip


@pytest.fixture(scope="module")
def lifted(tmp_path_factory):
    """A world in which the fair brought the bakery 40% more orders for a week."""
    folder = tmp_path_factory.mktemp("lifted") / "workspace"
    with open_world(folder, make_orders(lift=0.4), [make_action()]) as workspace:
        yield workspace


@pytest.fixture
def open_here(tmp_path):
    return lambda *given, **named: open_world(tmp_path / "workspace", *given, **named)


def list_sisters(workspace, action_id="fair"):
    """The brands that are taken as sisters, and why others are not."""
    with workspace.store.reading() as session:
        book = MetricStore(workspace, session, workspace.now_us)
        action = next(each for each in read_actions(session) if each.action_id == action_id)
        own = find_own_series(book, action, EffectRequest(action_id=action_id, metric="orders"))
        window = action.find_window("orders")
        found = find_control_series(book, own, Window(*window), read_actions(session))
        return {book.name(each) for each in found.chosen}, {
            book.name(each): why for each, why in found.passed
        }


def test_a_planted_effect_is_found_and_the_sisters_make_it_consistent_with_a_cause(lifted):
    report = measure(lifted)
    assert report.low < 0.4 < report.high
    assert report.low > 0
    assert report.p_value <= 0.05
    assert report.label == "consistent_with_cause"
    assert len(report.controls) == len(BRANDS) - 1


def test_without_an_effect_the_interval_holds_none_and_nothing_is_claimed(open_here):
    with open_here(make_orders(seed=3), [make_action()]) as workspace:
        report = measure(workspace)
    assert report.low <= 0 <= report.high
    assert report.p_value > 0.05
    assert report.label == "cannot_tell"


def test_without_sisters_a_change_is_only_said_to_have_come_after(open_here):
    orders = make_orders(lift=0.6, brands=("bakery",))
    with open_here(orders, [make_action()]) as workspace:
        report = measure(workspace)
    assert report.label == "changed_after"
    assert any(check.name == "controls" and check.verdict == "warned" for check in report.checks)


def test_a_program_gets_exactly_the_fields_that_were_promised(lifted):
    told = describe_effect(show_effect(lifted, measure(lifted))).model_dump(mode="json")
    assert list(told) == FIELDS
    assert told["sentences"][-1].startswith("Smallest detectable effect")
    assert told["observed"][-1]["day"] == "2026-06-17"
    assert len(told["observed"]) == len(told["expected"])
    within = slice(-7, None)
    mean = np.mean([day["value"] for day in told["observed"][within]])
    expected = np.mean([day["value"] for day in told["expected"][within]])
    assert told["effect"] == pytest.approx(mean - expected, rel=0.02)
    window = [
        seen["value"] - line["value"]
        for seen, line in zip(told["observed"], told["expected"], strict=True)
        if told["effect_from"] <= seen["day"] <= told["effect_until"]
    ]
    assert len(window) == 7
    assert told["total"] == pytest.approx(sum(window))
    assert told["total_low"] < told["total"] < told["total_high"]


def test_the_same_data_give_the_same_numbers_and_are_not_measured_again(lifted):
    first = measure(lifted)
    with lifted.store.reading() as session:
        before = session.read(EFFECTS)["measured_us"].to_pylist()
    assert measure(lifted) == first
    with lifted.store.reading() as session:
        assert session.read(EFFECTS)["measured_us"].to_pylist() == before
    assert measure(lifted, is_forced=True) == first


def test_a_day_that_is_mended_is_measured_again(open_here):
    orders = make_orders(lift=0.4)
    with open_here(orders, [make_action()]) as workspace:
        before = measure(workspace)
        mended = [
            MetricDay(metric="orders", day=day, value=100.0, brand="bakery")
            for day in range(TODAY - 20, TODAY - 13)
        ]
        keep_metrics(workspace, mended)
        assert measure(workspace).relative < before.relative


def test_a_day_long_after_the_window_does_not_measure_it_again(open_here):
    orders = make_orders(lift=0.4, lift_days=(100, 7))
    with open_here(orders, [make_action(days_ago=100)]) as workspace:
        before = measure(workspace)
        with workspace.store.reading() as session:
            digest = session.read(EFFECTS)["digest"].to_pylist()
        late = [MetricDay(metric="orders", day=TODAY - 3, value=500.0, brand=brand) for brand in BRANDS]
        keep_metrics(workspace, late)
        assert measure(workspace) == before
        with workspace.store.reading() as session:
            assert session.read(EFFECTS)["digest"].to_pylist() == digest


def test_until_the_declared_end_the_interval_is_one_that_may_be_looked_at_every_day(open_here):
    orders = make_orders(lift=0.4, lift_days=(5, 5))
    with open_here(orders, [make_action(days_ago=5, days=10)]) as workspace:
        report = measure(workspace)
        assert report.interval == "sequential"
        assert report.end_day == TODAY - 1
        short = measure(workspace, effect_days=5)
    assert short.interval == "fixed"
    assert short.high - short.low < report.high - report.low


def test_an_effect_that_is_to_come_is_not_measured(open_here):
    with (
        open_here(make_orders(), [make_action(days_ago=-3)]) as workspace,
        pytest.raises(RefusedError, match="has not passed"),
    ):
        measure(workspace)


def test_a_metric_that_nobody_told_is_not_found(lifted):
    with pytest.raises(NotFoundError, match="not enough days of visits"):
        measure(lifted, metric="visits")


def test_a_short_history_gives_no_number_but_a_reason_in_words(open_here):
    with open_here(make_orders(days=50), [make_action(days_ago=20)]) as workspace:
        report = measure(workspace)
        shown = show_effect(workspace, report)
    assert (report.label, report.relative, report.p_value) == ("cannot_tell", None, None)
    assert "usable days before the window" in " ".join(explain_finding(shown))


def test_a_brand_that_is_linked_with_the_acting_one_is_no_sister(open_here):
    with open_here(make_orders(), [make_action()]) as workspace:
        for brand in ("bakery", "florist"):
            associations.declare(
                workspace, "singer-7", brand, evidence="ambassador", strength=1.0, is_commercial=True,
                valid_from_us=to_microseconds(NOW) - 10**14,
            )  # fmt: skip
        chosen, passed = list_sisters(workspace)
    assert chosen == {"grocer", "tailor"}
    assert passed == {"florist": "linked"}


def test_a_brand_with_an_action_of_its_own_in_the_window_is_no_sister(open_here):
    actions = [
        make_action(),
        make_action("sale", "tailor", days_ago=15),
        make_action("old", "grocer", days_ago=90),
    ]
    with open_here(make_orders(), actions) as workspace:
        chosen, passed = list_sisters(workspace)
        left_out = list_left_out(show_effect(workspace, measure(workspace)).report)
    assert chosen == {"florist", "grocer"}
    assert passed == {"tailor": "own_action"}
    assert left_out == [("tailor", "an action of its own falls into the window")]


def test_whoever_sees_one_brand_is_not_told_which_others_acted(open_here):
    actions = [make_action(), make_action("sale", "tailor", days_ago=15)]
    with open_here(make_orders(), actions) as workspace:
        shown = show_effect(workspace, measure(workspace), sees=lambda brand: brand == "bakery").report
    assert shown.series == "bakery"
    assert set(shown.controls) == {"another brand"}
    assert list_left_out(shown) == [("another brand", "an action of its own falls into the window")]


def test_the_other_regions_are_the_sisters_of_one_that_was_acted_on(open_here):
    regions = [
        MetricDay(metric="orders", day=each.day, value=each.value, brand="bakery", region=each.brand)
        for each in make_orders(lift=0.5, lifted="florist")
    ]
    with open_here(regions, [make_action(region="florist")]) as workspace:
        report = show_effect(workspace, measure(workspace)).report
    assert report.series == "bakery, florist"
    assert set(report.controls) == {"bakery, bakery", "bakery, grocer", "bakery, tailor"}
    assert report.low < 0.5 < report.high


def test_the_followers_of_who_is_seen_with_the_brand_are_measured_in_their_own_days(open_here):
    followers = np.cumsum(np.random.default_rng(1).normal(100, 5, 200))
    followers[181:] += 5000
    days = [
        MetricDay(
            metric="followers",
            day=TODAY - 200 + place,
            value=float(value),
            consumer="singer-7",
            kind="cumulative",
        )
        for place, value in enumerate(followers)
    ]
    windows = {"followers": EffectWindow(delay_days=1, effect_days=2)}
    with open_here(days, [make_action(windows=windows)]) as workspace:
        associations.declare(
            workspace, "singer-7", "bakery", evidence="wears", strength=1.0, is_commercial=True,
            valid_from_us=to_microseconds(NOW) - 10**14,
        )  # fmt: skip
        report = measure(workspace, metric="followers")
        shown = show_effect(workspace, report, show_key=lambda key: "…")
    assert report.start_day == TODAY - 19
    assert report.cumulative == pytest.approx(5000, abs=60)
    # What is kept names nobody: the key is put in for who may see it.
    assert "singer-7" not in report.write_json()
    assert shown.report.series == "…"


def test_what_two_brands_did_with_one_artist_on_the_same_days_is_not_claimed_twice(open_here):
    followers = np.cumsum(np.random.default_rng(1).normal(100, 5, 200))
    followers[181:] += 5000
    days = [
        MetricDay(
            metric="followers", day=TODAY - 200 + place, value=float(value), consumer="singer-7", kind="cumulative"
        )
        for place, value in enumerate(followers)
    ]  # fmt: skip
    windows = {"followers": EffectWindow(delay_days=1, effect_days=2)}
    actions = [make_action(brand, brand, windows=windows) for brand in ("bakery", "florist")]
    with open_here(days, actions) as workspace:
        for brand in ("bakery", "florist"):
            associations.declare(
                workspace, "singer-7", brand, evidence="wears", strength=1.0, is_commercial=True,
                valid_from_us=to_microseconds(NOW) - 10**14,
            )  # fmt: skip
        for own, other in (("bakery", "florist"), ("florist", "bakery")):
            report = measure(workspace, own, metric="followers")
            (check,) = [each for each in report.checks if each.name == "overlap"]
            assert "an action of another brand" in check.tell()
            assert other not in report.write_json()
            assert report.told_with is None  # in a list of its own brand it is the only one


@pytest.mark.parametrize("asked", [{"delay_days": -(10**12)}, {"effect_days": 10**8}, {"effect_days": 0}])
def test_no_other_window_is_asked_for_than_an_action_may_have(lifted, asked):
    with pytest.raises(InputError, match="out of range"):
        measure(lifted, **asked)


def test_a_search_over_delays_finds_the_day_and_pays_for_having_searched(open_here):
    orders = make_orders(lift=0.5, lift_days=(14, 7))
    with open_here(orders, [make_action(days_ago=20)]) as workspace:
        question = EffectRequest(action_id="fair", metric="orders")
        found = search_delay(workspace, question, range(15))
        at_once = measure(workspace, delay_days=6)
        assert read_effect(workspace, "fair", "orders") is None
    assert found.start_day == TODAY - 14
    assert found.p_value >= at_once.p_value
    assert any(check.name == "delay_search" for check in found.checks)


def test_a_withdrawn_action_is_no_longer_among_the_effects(open_here):
    with open_here(make_orders(lift=0.4), [make_action()]) as workspace:
        measure(workspace)
        assert [each.report.action for each in list_effects(workspace)] == ["fair"]
        withdraw_action(workspace, "fair")
        assert list_effects(workspace) == []


def test_what_another_release_kept_in_another_form_is_measured_anew(open_here):
    with open_here(make_orders(lift=0.4), [make_action()]) as workspace:
        before = measure(workspace)
        with workspace.store.writing() as session:
            session.update(EFFECTS, {"report": '{"action": "fair"}'}, {"action_id": "fair"})
        assert list_effects(workspace) == []
        assert read_effect(workspace, "fair", "orders") is None
        assert measure(workspace) == before


def test_a_temporary_effect_is_told_by_the_days_after_it_too_and_a_lasting_one_is_not(open_here):
    orders = make_orders(lift=0.4, lift_days=(60, 7))
    actions = [make_action(days_ago=60, expected_effect="temporary")]
    with open_here(orders, actions) as workspace:
        temporary = measure(workspace)
        withdraw_action(workspace, "fair")
        declare_actions(
            workspace, [make_action("again", days_ago=60, expected_effect="lasting")], origin="file"
        )
        lasting = measure(workspace, "again")
    assert (temporary.kind, lasting.kind) == ("temporary", "open")
    assert temporary.low < 0.4 < temporary.high


def test_two_actions_that_overlap_are_told_apart(open_here):
    orders = make_orders(seed=2)
    for each in orders:
        if each.brand == "bakery" and TODAY - 60 <= each.day < TODAY - 46:
            orders[orders.index(each)] = replace(each, value=each.value * 1.5)
    overlapping = [make_action("fair", days_ago=60, days=14), make_action("leaflet", days_ago=53, days=14)]
    with open_here(orders, overlapping) as workspace:
        fair, leaflet = measure(workspace, "fair"), measure(workspace, "leaflet")
    assert fair.low < 0.5 < fair.high
    assert fair.low > 0
    # By itself the second would be credited with the first one's last week.
    assert abs(leaflet.relative) < 0.15


def test_actions_on_the_same_days_are_told_together_and_count_once_in_lists(open_here):
    actions = [
        make_action("sale", action_type="sale"),
        make_action("mail", days=8, expected_effect="temporary"),
    ]
    with open_here(make_orders(lift=0.4), actions) as workspace:
        measure_effects(workspace, metrics=["orders"])
        shown = {each.report.action: each for each in list_effects(workspace)}
    sale, mail = shown["sale"].report, shown["mail"].report
    assert (sale.cumulative, sale.cumulative_low, sale.start_day, sale.declared_end_day) == (
        mail.cumulative, mail.cumulative_low, mail.start_day, mail.declared_end_day,
    )  # fmt: skip
    assert sale.declared_end_day == TODAY - 20 + 7
    # The first of them by day and by name tells it.
    assert (mail.told_with, sale.told_with) == (None, "mail")
    assert (name_verdict(shown["sale"]), name_verdict(shown["mail"])) == (
        "reported with mail",
        "likely caused by it",
    )
    assert shown["sale"].shrunk is None
    assert shown["sale"].q_value is None
    assert shown["mail"].q_value is not None
    for report, other in ((sale, "mail"), (mail, "sale")):
        check = next(each for each in report.checks if each.name == "overlap")
        assert f"cannot be separated: this action and {other}." in check.tell()


def test_of_something_rare_units_are_told_and_no_share(open_here):
    chance = np.random.default_rng(3)
    days = [
        MetricDay(metric="orders", day=TODAY - 300 + at, value=float(chance.poisson(0.15)), brand="bakery")
        for at in range(300)
    ]
    with open_here(days, [make_action()]) as workspace:
        report = measure(workspace)
        shown = show_effect(workspace, report)
    assert (report.relative, report.low, report.high, report.mde80) == (None, None, None, None)
    assert report.effect is not None
    assert shown.shrunk is None
    sentences = explain_finding(shown)
    assert not any("%" in sentence and "against what was expected" in sentence for sentence in sentences)
    assert any("a day and" in sentence for sentence in sentences)
