"""The scenarios of the cause benchmark beside plain rates: temporary effects, overlaps, many actions, looks, delays.

Each gives the figures it found and the gates they are held against.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from cause_cases import BEFORE_DAYS, WINDOW_DAYS, Case
from cause_gates import Gate
from cause_measures import ALPHA, Table, bootstrap_error, fit_case, learn_without
from cause_worlds import FIRST_DAY, draw_single

from consumer_fusion.causal.filters.fitted_series import fit_series
from consumer_fusion.causal.inference.delays import search_delay
from consumer_fusion.causal.inference.estimation import measure_effect
from consumer_fusion.causal.inference.placebo_rules import PlaceboCalibration
from consumer_fusion.causal.inference.rule_learning import learn_calibration
from consumer_fusion.causal.inference.shrinkage import shrink_effects
from consumer_fusion.causal.series.series import DailySeries, Window

Floats = npt.NDArray[np.float64]
OVERLAPPING = ((0, 13, 0.10), (7, 20, -0.05), (30, 43, 0.03))
"""Of three actions: first and last day, effect."""
LOOKS = 14
DELAYS = tuple(range(15))
EFFECT_MIXTURE = ((0.70, 0.0, 0.01), (0.25, 0.03, 0.03), (0.05, 0.12, 0.05))
"""Of many small actions: share, mean and standard deviation of what they do."""
SPEED_SERIES, SPEED_DAYS = 1_000, 365


@dataclass(frozen=True, slots=True)
class Findings:
    """What a scenario found.

    Attributes:
        lines: For people.
        gates: To be held.
        figures: By name.
    """

    lines: list[str]
    gates: list[Gate]
    figures: dict[str, object] = field(default_factory=dict)


def compare_two_sided(one_sided: Table, two_sided: Table) -> Findings:
    """Temporary effects: with days on both sides of the window against days before it alone, on the same cases."""
    both = np.flatnonzero(one_sided.kept & two_sided.kept)
    before, around = one_sided.take(both), two_sided.take(both)
    ratio = around.rmse / before.rmse
    gate = Gate(
        "temporary effects: RMSE over one-sided", ratio, high=0.55,
        note=f"{around.rmse:.3f} against {before.rmse:.3f} on {both.size} cases",
    )  # fmt: skip
    lines = [
        f"temporary effects, two-sided against one-sided: median error {around.median_error:.3f} / "
        f"{before.median_error:.3f}, median width {np.median(around.width):.3f} / {np.median(before.width):.3f}, "
        f"power {around.power:.3f} / {before.power:.3f}, "
        f"false alarms {around.fpr:.3f} / {before.fpr:.3f}"
    ]
    return Findings(lines, [gate], {"ratio": ratio})


def measure_overlaps(count: int, seed: int, calibration: PlaceboCalibration) -> Findings:
    """Three overlapping actions on simulated series: all at once against one at a time."""
    joint, single = np.full((count, 3), np.nan), np.full((count, 3), np.nan)
    covered = np.zeros((count, 3), bool)
    for number in range(count):
        chance = np.random.default_rng([seed, number, 31])
        days = BEFORE_DAYS + 44 + 28
        series = draw_single(chance, days, f"world {number}", "simulated")
        values = series.values.copy()
        windows = []
        for first, last, effect in OVERLAPPING:
            values[BEFORE_DAYS + first : BEFORE_DAYS + last + 1] *= 1 + effect
            start = FIRST_DAY + BEFORE_DAYS
            windows.append(Window(start + first, start + last))
        fit = fit_series(
            DailySeries(series.name, series.first_day, values, source=series.source), actions=windows
        )
        for at, (window, (_, _, truth)) in enumerate(zip(windows, OVERLAPPING)):
            others = [other for other in windows if other is not window]
            told = measure_effect(fit, window, calibration=calibration, kind="temporary", others=others)
            alone = measure_effect(fit, window, calibration=calibration, kind="temporary")
            joint[number, at], single[number, at] = told.relative - truth, alone.relative - truth
            covered[number, at] = told.low <= truth <= told.high
    biases, alone_biases = np.nanmean(joint, axis=0), np.nanmean(single, axis=0)
    errors = np.nanstd(joint, axis=0) / np.sqrt(count)
    worst = int(np.argmax(np.abs(biases)))
    lines = [
        f"overlapping actions, {count} worlds: bias together {_join(biases)}, one at a time {_join(alone_biases)}; "
        f"RMSE together {_join(_rms(joint))}, one at a time {_join(_rms(single))}; "
        f"coverage together {_join(covered.mean(axis=0))}"
    ]
    gate = Gate(
        "overlapping actions: largest bias when measured together", float(abs(biases[worst])), high=0.01,
        error=float(errors[worst]), note=f"one at a time {np.abs(alone_biases).max():.3f}",
    )  # fmt: skip
    return Findings(lines, [gate], {"bias_together": biases.tolist(), "bias_alone": alone_biases.tolist()})


def measure_shrinkage(table: Table, seed: int, rounds: int = 40, actions: int = 200) -> Findings:
    """Many small actions: errors the engine truly made on real series, and planted effects, mostly next to nothing."""
    usable = table.kept & np.isfinite(table.details["se_log"])
    errors, spreads = table.details["estimate_log"][usable], table.details["se_log"][usable]
    chance = np.random.default_rng([seed, 41])
    raw_square, shrunk_square, covered, raw_covered = [], [], [], []
    exaggeration, exaggeration_shrunk, wrong, wrong_shrunk, top_raw, top_shrunk = [], [], [], [], [], []
    width, raw_width = [], []
    shares = np.array([share for share, _, _ in EFFECT_MIXTURE])
    for _ in range(rounds):
        drawn = chance.integers(0, errors.size, actions)
        sorts = chance.choice(len(EFFECT_MIXTURE), actions, p=shares)
        truth = np.array([chance.normal(EFFECT_MIXTURE[at][1], EFFECT_MIXTURE[at][2]) for at in sorts])
        estimates, ses = truth + errors[drawn], spreads[drawn]
        shrunk = shrink_effects(estimates, ses, ["one kind"] * actions)
        mean = np.array([each.mean for each in shrunk])
        low, high = np.array([each.low for each in shrunk]), np.array([each.high for each in shrunk])
        raw_square.append(np.mean((estimates - truth) ** 2))
        shrunk_square.append(np.mean((mean - truth) ** 2))
        covered.append(np.mean((low <= truth) & (truth <= high)))
        raw_covered.append(np.mean(np.abs(estimates - truth) <= 1.96 * ses))
        width.append(np.mean(high - low))
        raw_width.append(np.mean(2 * 1.96 * ses))
        found = np.abs(estimates) > 1.96 * ses
        exaggeration.append(np.abs(estimates[found]).sum() / np.abs(truth[found]).sum())
        exaggeration_shrunk.append(np.abs(mean[found]).sum() / np.abs(truth[found]).sum())
        wrong.append(np.mean(estimates[found] * truth[found] < 0))
        wrong_shrunk.append(np.mean(mean[found] * truth[found] < 0))
        top_raw.append(truth[np.argsort(-estimates)[:20]].mean())
        top_shrunk.append(truth[np.argsort(-mean)[:20]].mean())
    raw, small = float(np.sqrt(np.mean(raw_square))), float(np.sqrt(np.mean(shrunk_square)))
    coverage, error = float(np.mean(covered)), float(np.std(covered) / np.sqrt(rounds))
    lines = [
        f"many small actions, {rounds} lists of {actions}: RMSE raw {raw:.3f}, shrunk {small:.3f}; significant ones "
        f"exaggerated {np.mean(exaggeration):.2f} times raw, {np.mean(exaggeration_shrunk):.2f} shrunk; wrong sign "
        f"{np.mean(wrong):.3f} / {np.mean(wrong_shrunk):.3f}; true mean of the first 20 of the list "
        f"{np.mean(top_raw):.3f} / {np.mean(top_shrunk):.3f}; coverage raw {np.mean(raw_covered):.3f}, robust "
        f"{coverage:.3f} at {np.mean(width) / np.mean(raw_width):.2f} of the raw width"
    ]
    gates = [
        Gate("many small actions: RMSE shrunk over raw", small / raw, high=0.35, note=f"{small:.3f} / {raw:.3f}"),
        Gate("many small actions: coverage of the robust intervals", coverage, low=0.95, error=error),
    ]  # fmt: skip
    return Findings(lines, gates, {"raw": raw, "shrunk": small, "coverage": coverage})


def measure_looks(cases: Sequence[Case]) -> Findings:
    """Looking at each of fourteen days: how often any look is an alarm, with the boundary and without."""
    # The windows themselves, and those by which a level that broke is told: all in one pass.
    spans = [min(2 * look, 28) for look in range(1, LOOKS + 1)]
    specs = [(0, days) for days in (*range(1, LOOKS + 1), *spans)]
    specs += [(span - max(span // 2, 1), max(span // 2, 1)) for span in spans]
    fits = [fit_case(case, ()) for case in cases]
    for fit in fits:
        fit.add_windows(specs)
    calibrations = learn_without(fits, [case.source for case in cases], (LOOKS,), ("fixed", "looks"))
    any_look, any_plain, blocks = [], [], []
    for fit, case in zip(fits, cases):
        by_boundary = by_plain = False
        answered = False
        for look in range(LOOKS):
            told = measure_effect(
                fit, case.window, calibration=calibrations[case.source], kind="open",
                today=case.window.start_day + look, is_sequential=True,
            )  # fmt: skip
            if told.is_refused:
                continue
            answered = True
            by_boundary |= told.p_sequential <= ALPHA
            by_plain |= told.p_value <= ALPHA
        if answered:
            any_look.append(float(by_boundary))
            any_plain.append(float(by_plain))
            blocks.append(case.block)
    rate = float(np.mean(any_look))
    gate = Gate(
        "looking every day: false alarms at any of 14 looks", rate, 0.03, 0.06,
        bootstrap_error(np.array(any_look), np.array(blocks)), note=f"without the boundary {np.mean(any_plain):.3f}",
    )  # fmt: skip
    return Findings(
        [f"looking every day, {len(any_look)} cases: any of {LOOKS} looks alarms in {rate:.3f}"], [gate]
    )


def measure_delays(cases: Sequence[Case]) -> Findings:
    """A search over delays: its false alarms, and how often it finds +20% that began five days late, and when."""
    window_days = 7
    rates: dict[str, list[float]] = {"null": [], "found": [], "day": []}
    blocks = []
    moved = [_plant_late(case, 5, window_days, 0.20) for case in cases]
    fits = [_fit_for_delays(case, case.series, window_days) for case in cases]
    # What a search costs is learnt by the same search on the placebos of all other sources.
    sources = [case.source for case in cases]
    calibrations = learn_without(fits, sources, (window_days,), ("fixed", "delays"))
    for case, fit, series in zip(cases, fits, moved):
        calibration = calibrations[case.source]
        first = Window(case.window.start_day, case.window.start_day + window_days - 1)
        told = search_delay(fit, first, delays=DELAYS, calibration=calibration)
        found = search_delay(
            _fit_for_delays(case, series, window_days), first, delays=DELAYS, calibration=calibration
        )
        if told.effect.is_refused or found.effect.is_refused:
            continue
        blocks.append(case.block)
        rates["null"].append(float(told.p_value <= ALPHA))
        is_found = found.p_value <= ALPHA
        rates["found"].append(float(is_found))
        if is_found:
            rates["day"].append(float(abs(found.delay - 5) <= 3))
    rate = float(np.mean(rates["null"]))
    error = bootstrap_error(np.array(rates["null"]), np.array(blocks))
    near = float(np.mean(rates["day"])) if rates["day"] else float("nan")
    lines = [
        f"search over {len(DELAYS)} delays, {len(blocks)} cases: false alarms {rate:.3f}; +20% from day five on found "
        f"in {np.mean(rates['found']):.3f}, of these {near:.2f} within three days of the true delay"
    ]
    return Findings(lines, [Gate("search over delays: false alarms at 5%", rate, 0.04, 0.06, error)])


def _plant_late(case: Case, delay: int, days: int, effect: float) -> DailySeries:
    values = case.series.values.copy()
    values[case.before + delay : case.before + delay + days] *= 1 + effect
    return DailySeries(case.series.name, case.series.first_day, values, source=case.series.source)


def _fit_for_delays(case: Case, series: DailySeries, days: int):
    searched = Window(case.window.start_day, case.window.start_day + DELAYS[-1] + days - 1)
    return fit_series(series, country=case.country, horizons=(days,), actions=(searched,))


def measure_speed() -> Findings:
    """A thousand series of a year, every date a placebo or an action: the CPU it takes, compiled code at hand."""
    series = []
    for number in range(SPEED_SERIES):
        series.append(
            draw_single(np.random.default_rng([77, number]), SPEED_DAYS, f"series {number}", "speed")
        )
    fit_series(series[0], horizons=(WINDOW_DAYS,))
    started = time.process_time()
    origins = 0
    for each in series:
        origins += int(fit_series(each, horizons=(WINDOW_DAYS,)).placebos(WINDOW_DAYS).e.size)
    seconds = time.process_time() - started
    started = time.process_time()
    part = [fit_series(each) for each in series[:100]]
    learn_calibration(part, name="speed")
    nightly = time.process_time() - started
    gate = Gate(
        f"{SPEED_SERIES} series x {SPEED_DAYS} days x all dates: CPU seconds", seconds, high=15.0,
        note=f"{seconds / SPEED_SERIES * 1e3:.2f} ms a series, {seconds / origins * 1e6:.1f} us a date of {origins}",
    )  # fmt: skip
    lines = [
        f"speed: {seconds:.1f} CPU s for {origins} dates; five lengths of window and a calibration on 100 series "
        f"{nightly:.1f} CPU s"
    ]
    return Findings(lines, [gate], {"seconds": seconds})


def _rms(values: Floats) -> Floats:
    return np.sqrt(np.nanmean(values**2, axis=0))


def _join(values: Floats) -> str:
    return " / ".join(f"{value:+.3f}" if value < 0 else f"{value:.3f}" for value in values)
