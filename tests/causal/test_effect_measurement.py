"""What is told of a window: known truths on simulated series, and that nothing is told twice differently."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from consumer_fusion.causal.filters.fitted_series import fit_series
from consumer_fusion.causal.inference.estimation import measure_effect
from consumer_fusion.causal.inference.placebo_rules import PlaceboCalibration, load_reference_library
from consumer_fusion.causal.inference.rule_learning import learn_calibration
from consumer_fusion.causal.series.series import DailySeries, Window, difference_cumulative
from consumer_fusion.errors import InputError
from simulated_series import FIRST_DAY, draw_series, draw_sisters, fit_before, last_days, plant

DAYS = 7


@pytest.fixture(scope="module")
def calibration():
    fitted = [fit_series(draw_series(seed), horizons=(DAYS,)) for seed in range(40)]
    return learn_calibration(fitted, horizons=(DAYS,), questions=("fixed",))


def measure(series, calibration, window=None, **given):
    window = window or last_days(series, DAYS)
    return measure_effect(
        fit_before(series, window), window, calibration=calibration, is_sequential=False, **given
    )


def test_series_without_an_action_are_rarely_flagged_and_the_interval_mostly_holds_what_was_planted(
    calibration,
):
    flagged, covered = [], []
    for seed in range(100, 200):
        series = draw_series(seed)
        flagged.append(measure(series, calibration).label != "cannot_tell")
        found = measure(plant(series, last_days(series, DAYS), 0.10), calibration)
        covered.append(found.low <= 0.10 <= found.high)
    # Five in a hundred are meant; chance alone gives 1 to 11 of them.
    assert 0 <= np.mean(flagged) <= 0.11
    assert np.mean(covered) >= 0.89


def test_a_large_effect_is_found_with_its_size(calibration):
    series = draw_series(7)
    window = last_days(series, DAYS)
    found = measure(plant(series, window, 0.5), calibration)
    assert found.label == "changed_after", "without controls it is not said to be consistent with a cause"
    assert found.low < 0.5 < found.high
    assert found.relative == pytest.approx(0.5, abs=0.1)
    assert found.p_value < 0.001
    without = series.values[-DAYS:].mean()
    assert found.effect == pytest.approx(0.5 * without, rel=0.25)
    assert found.cumulative == pytest.approx(DAYS * found.effect)


@pytest.mark.parametrize("relative", [-0.4, -0.1, 0.0, 0.03, 0.1, 0.4])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_p_value_and_all_intervals_say_the_same(calibration, relative, alpha):
    for seed in range(12):
        series = draw_series(seed)
        found = measure(plant(series, last_days(series, DAYS), relative), calibration, alpha=alpha)
        is_small = found.p_value <= alpha
        ends = [
            (found.low, found.high), (found.effect_low, found.effect_high),
            (found.cumulative_low, found.cumulative_high),
        ]  # fmt: skip
        for low, high in ends:
            assert (low > 0 or high < 0) == is_small
        assert (found.label != "cannot_tell") == is_small
        assert found.low <= found.relative <= found.high


def test_what_is_planted_moves_the_estimate_and_nothing_else(calibration):
    series = draw_series(11)
    window = last_days(series, DAYS)
    before, after = measure(series, calibration), measure(plant(series, window, 0.2), calibration)
    assert after.estimate_log - before.estimate_log == pytest.approx(np.log(1.2))
    assert after.se_log == before.se_log


def test_an_effect_declares_whether_its_estimate_is_a_logarithm(calibration):
    plain = draw_series(11)
    for values, is_log in ((plain.values, True), (plain.values - 0.9 * plain.values.mean(), False)):
        found = measure(replace(plain, values=values), calibration)
        assert found.is_log == is_log
        scale = np.expm1 if is_log else float
        assert found.relative == pytest.approx(scale(found.estimate_log))


def test_a_rerun_gives_the_same_numbers_to_the_last_bit(calibration):
    series = plant(draw_series(3), last_days(draw_series(3), DAYS), 0.1)
    first, second = measure(series, calibration), measure(series, calibration)
    assert (first.effect, first.low, first.high, first.p_value) == (
        second.effect, second.low, second.high, second.p_value,
    )  # fmt: skip
    np.testing.assert_array_equal(first.expected, second.expected)


def test_a_series_in_other_units_changes_by_the_same_share(calibration):
    series = plant(draw_series(5), last_days(draw_series(5), DAYS), 0.1)
    other = replace(series, values=series.values * 1e9)
    small, large = measure(series, calibration), measure(other, calibration)
    assert large.relative == pytest.approx(small.relative, rel=1e-9)
    assert large.p_value == pytest.approx(small.p_value, rel=1e-9)
    assert large.effect == pytest.approx(1e9 * small.effect, rel=1e-9)


def test_a_missing_day_is_not_a_day_of_nothing(calibration):
    series = draw_series(8)
    values = series.values.copy()
    values[[60, 61, 62, 100, -3]] = np.nan
    holes = measure(replace(series, values=values), calibration)
    zeros = measure(replace(series, values=np.nan_to_num(values)), calibration)
    whole = measure(series, calibration)
    assert abs(holes.relative - whole.relative) < 0.5 * abs(zeros.relative - whole.relative)
    assert holes.cumulative == pytest.approx(holes.effect * (DAYS - 1)), (
        "a day unseen adds nothing to the sum"
    )
    assert any(check.name == "missing_days" for check in holes.checks)


def test_a_series_with_zeros_is_measured_in_its_own_units(calibration):
    values = np.random.default_rng(2).poisson(3.0, 150).astype(float)
    values[-DAYS:] += 6.0
    found = measure(DailySeries("orders", FIRST_DAY, values), calibration)
    assert found.label == "changed_after"
    assert found.effect_low < 6.0 < found.effect_high


def add_up(found):
    """Observed less expected over the days of an effect."""
    within = found.days >= found.start_day
    return np.nansum(found.observed[within] - found.expected[within])


@pytest.mark.parametrize(
    ("kind", "relative"),
    [
        *(("open", each) for each in (-0.4, 0.0, 0.1, 2.0)),
        *(("temporary", each) for each in (-0.4, 0.0, 0.1)),
    ],
)
def test_the_days_that_are_shown_add_up_to_the_total_that_is_told(kind, relative):
    library = load_reference_library()
    for seed in range(4):
        series = draw_series(seed)
        window = last_days(series, 3, after=20)
        # Days differ within a window: most of it comes on the first, as at a concert.
        lifted = plant(plant(series, window, relative), Window(window.start_day, window.start_day), relative)
        found = measure_effect(
            fit_before(lifted, window), window, calibration=library, kind=kind, is_sequential=False
        )
        within = (found.days >= window.start_day) & (found.days <= window.end_day)
        shown = np.nansum((found.observed - found.expected)[within])
        assert shown == pytest.approx(found.cumulative, rel=1e-9, abs=1e-6)


def test_a_series_of_small_counts_adds_up_to_its_total_as_well(calibration):
    values = np.random.default_rng(2).poisson(3.0, 150).astype(float)
    values[[-2]] = np.nan
    found = measure(DailySeries("orders", FIRST_DAY, values), calibration)
    assert add_up(found) == pytest.approx(found.cumulative, rel=1e-9, abs=1e-6)


def test_what_is_shown_begins_sixty_days_before_and_joins_without_a_gap(calibration):
    series = draw_series(4)
    window = last_days(series, DAYS)
    found = measure(series, calibration)
    assert found.days[0] == window.start_day - 60
    assert found.days[-1] == window.end_day
    np.testing.assert_array_equal(found.observed, series.values[-found.days.size :])
    assert np.isfinite(found.expected).all()
    assert (found.expected_low < found.expected).all()
    assert (found.expected < found.expected_high).all()
    assert found.placebos.size > 50


def test_controls_that_share_what_happens_make_the_interval_narrower():
    control_series = [draw_sisters(seed, 6) for seed in range(30)]
    window = last_days(control_series[0][0], DAYS)
    alone = [fit_before(own, window) for own, *_ in control_series]
    beside = [fit_before(own, window, controls=others) for own, *others in control_series]
    calibration = learn_calibration([*alone, *beside], horizons=(DAYS,), questions=("fixed",))

    def widths(fits):
        told = [measure_effect(one, window, calibration=calibration, is_sequential=False) for one in fits]
        return np.median([one.high - one.low for one in told])

    assert widths(beside) < 0.8 * widths(alone)
    own, *others = control_series[0]
    moved = fit_before(plant(own, window, 0.6), window, controls=others)
    found = measure_effect(moved, window, calibration=calibration, is_sequential=False)
    assert found.label == "consistent_with_cause"
    assert found.controls == tuple(other.name for other in others)


def test_a_holiday_is_not_taken_for_an_effect():
    pytest.importorskip("holidays", reason="the extra `cause` is not installed")
    # Two years of a shop that sells nothing much on public holidays; the window is Christmas.
    chance, days = np.random.default_rng(6), 760
    first = int(np.datetime64("2021-12-01", "D").astype(int))
    from consumer_fusion.causal.filters.design_matrix import list_holidays

    closed = np.array([first + day in list_holidays("IT", first, first + days) for day in range(days)])
    values = 100.0 * np.exp(chance.normal(0.0, 0.05, days)) * np.where(closed, 0.4, 1.0)
    christmas = int(np.datetime64("2023-12-25", "D").astype(int))
    series = DailySeries("shop", first, values[: christmas + 2 - first])
    window = Window(christmas, christmas + 1)
    library = load_reference_library()
    told = {
        country: measure_effect(
            fit_before(series, window, country=country, with_last_year=False), window, calibration=library
        )
        for country in ("IT", None)
    }
    assert abs(told["IT"].relative) < 0.15
    assert told[None].relative < -0.4


def test_last_year_tells_of_the_season_that_comes_again():
    # It came a second time already, so that what it does is known; the window begins two days into it.
    chance, days = np.random.default_rng(9), 1_100
    season = np.where((np.arange(days) % 364 >= 330) & (np.arange(days) % 364 < 355), 0.8, 0.0)
    values = 100.0 * np.exp(season + chance.normal(0.0, 0.05, days))
    end = 2 * 364 + 346
    series = DailySeries("gifts", FIRST_DAY, values[:end])
    window = Window(FIRST_DAY + end - 14, FIRST_DAY + end - 1)
    library = load_reference_library()
    told = {
        with_last_year: measure_effect(
            fit_before(series, window, with_last_year=with_last_year), window, calibration=library
        )
        for with_last_year in (True, False)
    }
    assert abs(told[True].relative) < 0.6 * abs(told[False].relative)


def test_followers_are_measured_by_what_was_added():
    total = DailySeries("followers", FIRST_DAY, np.array([10.0, 12.0, np.nan, 15.0, 14.0]))
    np.testing.assert_array_equal(difference_cumulative(total).values, [np.nan, 2.0, np.nan, np.nan, -1.0])


def test_a_calibration_is_the_same_after_it_was_saved(tmp_path, calibration):
    calibration.save(tmp_path / "own.json")
    loaded = PlaceboCalibration.load(tmp_path / "own.json")
    series = draw_series(21)
    first, second = measure(series, calibration), measure(series, loaded)
    assert second.p_value == pytest.approx(first.p_value, rel=1e-3)
    assert loaded.describe("single", DAYS) == calibration.describe("single", DAYS)
    (tmp_path / "other.json").write_text("[1, 2]", encoding="utf-8")
    with pytest.raises(InputError, match="no calibration"):
        PlaceboCalibration.load(tmp_path / "other.json")


def test_the_shipped_library_says_how_large_it_is_and_judges_every_length():
    library = load_reference_library()
    for form in ("single", "controls"):
        for days in (1, 3, 7, 14, 28, 60):
            assert "sources" in library.describe(form, days)
            assert 1.0 < library.find_rule(form, days).law.find_bound(0.05) < 6.0


def test_own_placebos_take_over_once_there_are_enough_of_them(calibration):
    library = load_reference_library()
    assert (
        library.blend(calibration).rules["single", "fixed", DAYS]
        == calibration.rules["single", "fixed", DAYS]
    )
    few = learn_calibration(
        [fit_series(draw_series(seed, days=90), horizons=(DAYS,)) for seed in range(5)],
        horizons=(DAYS,),
        questions=("fixed",),
    )
    bounds = [
        one.find_rule("single", DAYS).law.find_bound(0.05) for one in (library, library.blend(few), few)
    ]
    assert min(bounds[0], bounds[2]) <= bounds[1] <= max(bounds[0], bounds[2])
