"""Effects of shapes that nobody announced, and what the engine says of them. `python benchmarks/effect_shapes.py`

Temporary effects that differ from day to day, that stay, or that were only bought ahead; effects that began early;
actions on the same days; counts that are mostly 0. The seeds were committed before the engine was changed for them.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from cause_cases import AFTER_DAYS, Case, draw_real, draw_simulated
from cause_data import Family, read_families
from cause_measures import fit_case, learn_without
from cause_worlds import FIRST_DAY, draw_single

from consumer_fusion.causal.filters.fitted_series import FittedSeries, fit_series
from consumer_fusion.causal.inference.effect import Effect
from consumer_fusion.causal.inference.estimation import measure_effect
from consumer_fusion.causal.inference.placebo_rules import load_reference_library
from consumer_fusion.causal.inference.rule_learning import learn_calibration
from consumer_fusion.causal.series.series import DailySeries, Window

Floats = npt.NDArray[np.float64]

SEED = 7_219
"""Of all cases; tuning is done on others."""
WINDOWS = (7, 14)
"""Lengths of the temporary actions."""
QUESTIONS = ("fixed", "temporary", "ending")
PAYBACK_DAYS = 14
EARLY_DAYS = 5
SPARSE_DAYS, SPARSE_WINDOW, SPARSE_SERIES = 365, 6, 200


def shape_flat(day: Floats, length: int) -> Floats:
    return np.where((day >= 0) & (day < length), 1.2, 1.0)


def shape_ramp(day: Floats, length: int) -> Floats:
    return np.where((day >= 0) & (day < length), 1.0 + 0.4 * (day + 1) / length, 1.0)


def shape_decay(day: Floats, length: int) -> Floats:
    return np.where((day >= 0) & (day < length), 1.0 + 0.8 * np.exp(-np.maximum(day, 0) * 4.0 / length), 1.0)


def shape_spike(day: Floats, length: int) -> Floats:
    return np.where(day == 0, 3.0, 1.0)


def shape_weekend(day: Floats, length: int) -> Floats:
    return np.where((day >= 0) & (day < length) & (day % 7 >= 5), 1.6, 1.0)


def shape_stays(day: Floats, length: int) -> Floats:
    return np.where(day >= 0, 1.0 + 0.4 * np.minimum((day + 1) / length, 1.0), 1.0)


def shape_ahead(day: Floats, length: int) -> Floats:
    after = (day >= length) & (day < length + PAYBACK_DAYS)
    return np.where((day >= 0) & (day < length), 1.2, np.where(after, 0.8, 1.0))


def shape_nothing(day: Floats, length: int) -> Floats:
    return np.ones(day.size)


SHAPES: dict[str, Callable[[Floats, int], Floats]] = {
    "nothing": shape_nothing,
    "flat +20%": shape_flat,
    "ramp to +40%": shape_ramp,
    "decaying from +80%": shape_decay,
    "one day x 3": shape_spike,
    "two days of a week +60%": shape_weekend,
    "ramp to +40% that stays": shape_stays,
    "+20%, then -20% for two weeks": shape_ahead,
}


@dataclass(frozen=True, slots=True)
class Told:
    """What was said of one case: the error and the interval on the scale of logarithms of what came."""

    miss: float
    is_covered: bool
    is_found: bool
    width: float
    warned: frozenset[str]


def main() -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("CONSUMER_FUSION_DATA", "../shared/data"))
    parser.add_argument("--cases", type=int, default=300, help="dates a scenario")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--only", default="shapes,early,together,sparse", help="parts, with commas")
    options = parser.parse_args()
    families = read_families(Path(options.data))
    parts = set(options.only.split(","))
    if "shapes" in parts:
        for length in WINDOWS:
            measure_shapes(families, options.cases, options.seed, length)
    if "early" in parts:
        measure_early(families, options.cases, options.seed)
    if "together" in parts:
        measure_together(min(options.cases, 100), options.seed)
    if "sparse" in parts:
        measure_sparse(options.seed)


def measure_shapes(families: Sequence[Family], count: int, seed: int, length: int) -> None:
    """Every shape on the same dates, declared temporary; beside it the answer from the days before alone."""
    span = {"window": length, "after": AFTER_DAYS}
    for name, cases in (
        ("real series", draw_real(families, count, seed, **span)),
        ("real series with controls", draw_real(families, count, seed, with_controls=True, **span)),
        ("simulated series", draw_simulated(count, seed, **span)),
    ):
        calibrations = learn_without(
            [fit_case(case) for case in cases],
            [case.source for case in cases],
            (length,),
            QUESTIONS,
        )
        print(f"\n{name}, {length} days declared temporary, {len(cases)} dates, seed {seed}")
        print(
            f"{'planted':<32} {'kind':<10} {'cover':>6} {'found':>6} {'bias':>7} {'RMSE':>6} {'width':>6}  warned"
        )
        for shape, multiply in SHAPES.items():
            moved = [_plant(case, multiply) for case in cases]
            fits = [fit_case(case) for case, _ in moved]
            for kind in ("temporary", "open"):
                told = [
                    _tell(fit, case, truth, calibrations, kind)
                    for fit, (case, truth) in zip(fits, moved)
                ]  # fmt: skip
                print(f"{shape:<32} {kind:<10} {_write(told)}", flush=True)


def measure_early(families: Sequence[Family], count: int, seed: int) -> None:
    """+20% for two weeks as declared, and begun five days before."""
    for name, with_controls in (("real series", False), ("real series with controls", True)):
        cases = draw_real(families, count, seed, with_controls=with_controls)
        calibrations = learn_without(
            [fit_case(case) for case in cases], [case.source for case in cases], (14,)
        )
        print(f"\n{name}, 14 days, {len(cases)} dates, seed {seed}")
        print(f"{'planted':<43} {'cover':>6} {'found':>6} {'bias':>7} {'RMSE':>6} {'width':>6}  warned")
        for planted in (0.0, 0.1, 0.2):
            for early in (0, EARLY_DAYS):
                moved = [
                    _plant(
                        case,
                        lambda day, span, e=early, p=planted: np.where(
                            (day >= -e) & (day < span), 1 + p, 1.0
                        ),
                    )
                    for case in cases
                ]
                told = [_tell(fit_case(case), case, truth, calibrations, "open") for case, truth in moved]
                print(f"{f'{planted:+.0%}, begun {early} days early':<43} {_write(told)}", flush=True)


def _plant(case: Case, multiply: Callable[[Floats, int], Floats]) -> tuple[Case, float]:
    """The case with a shape in it, and by which factor the sum over the window grew."""
    values = case.series.values
    factors = multiply(np.arange(values.size) - float(case.before), case.window.days)
    moved = values * factors
    within = slice(case.before, case.before + case.window.days)
    base = float(np.nansum(values[within]))
    truth = float(np.nansum(moved[within]) / base) if base else 1.0
    return replace(case, series=replace(case.series, values=moved)), truth


def _tell(fit: FittedSeries, case: Case, truth: float, calibrations, kind: str) -> Told | None:
    found: Effect = measure_effect(
        fit,
        case.window,
        calibration=calibrations[case.source],
        kind=kind,
        is_sequential=False,  # type: ignore[arg-type]
    )
    if found.is_refused or not np.isfinite(found.effect):
        return None
    relative = max(found.relative, -0.999)
    within = slice(case.before, case.before + case.window.days)
    planted = float(np.nanmean(case.series.values[within])) * (1.0 - 1.0 / truth)
    return Told(
        miss=float(np.log1p(relative) - np.log(truth)),
        is_covered=found.effect_low <= planted <= found.effect_high,
        is_found=found.effect_low > 0 or found.effect_high < 0,
        width=found.high - found.low,
        warned=frozenset(check.name for check in found.checks if check.verdict == "warned"),
    )


def _write(told: Sequence[Told | None]) -> str:
    known = [each for each in told if each is not None]
    miss = np.array([each.miss for each in known])
    asked = ("days_after", "days_before")
    warned = ", ".join(f"{name} {np.mean([name in each.warned for each in known]):.2f}" for name in asked)
    width = np.nanmedian([each.width for each in known])
    return (
        f"{np.mean([each.is_covered for each in known]):>6.3f} {np.mean([each.is_found for each in known]):>6.3f} "
        f"{np.nanmedian(miss):>+7.3f} {np.sqrt(np.nanmean(miss**2)):>6.3f} {width:>6.3f}"
        f"  {warned}; refused {1 - len(known) / len(told):.2f}"
    )


def measure_together(count: int, seed: int) -> None:
    """Two actions on the same days that doubled them, and a third on the first day: what each is told."""
    library = load_reference_library()
    rows: dict[str, list[Effect]] = {name: [] for name in ("first", "its twin", "first day")}
    truths = []
    for number in range(count):
        chance = np.random.default_rng([seed, number, 7])
        series = draw_single(chance, 180 + 3 + 28, f"world {number}", "simulated")
        values = series.values.copy()
        truths.append(float(values[180:183].sum()))
        values[180:183] *= 2
        start = FIRST_DAY + 180
        windows = [Window(start, start + 2), Window(start, start + 2), Window(start, start)]
        fit = fit_series(replace(series, values=values), actions=windows)
        for at, name in enumerate(rows):
            others = [other for place, other in enumerate(windows) if place != at]
            rows[name].append(
                measure_effect(fit, windows[at], calibration=library, kind="temporary", others=others)
            )
    print(f"\nthree days doubled by two actions on the same days, a third on the first day, {count} worlds")
    for name, told in rows.items():
        kept = [each for each in told if not each.is_refused]
        share = [each.cumulative / truth for each, truth in zip(told, truths) if not each.is_refused]
        ends = [(each.cumulative_high - each.cumulative_low) / truth for each, truth in zip(told, truths)]
        named = np.mean([any(check.name == "overlap" for check in each.checks) for each in told])
        print(
            f"  {name:<10} told {np.median(share):.2f} of what came in all; width of the interval over it: median "
            f"{np.median(ends):.2f}, largest {np.max(ends):.2f}; check `overlap` in {named:.2f}; answered {len(kept)}"
        )


def measure_sparse(seed: int) -> None:
    """Series of mostly zeros without an effect: what is expected, and how often something is found."""
    library = load_reference_library()
    laws: dict[str, tuple[float, Callable[[np.random.Generator], Floats]]] = {
        "Poisson(.15)": (0.15, lambda chance: chance.poisson(0.15, SPARSE_DAYS).astype(float)),
        "80% zeros, else lognormal(3.5, .8)": (
            0.2 * float(np.exp(3.5 + 0.32)),
            lambda chance: np.where(
                chance.random(SPARSE_DAYS) < 0.8, 0.0, chance.lognormal(3.5, 0.8, SPARSE_DAYS)
            ),
        ),
        "Poisson(.5)": (0.5, lambda chance: chance.poisson(0.5, SPARSE_DAYS).astype(float)),
        "Poisson(2)": (2.0, lambda chance: chance.poisson(2.0, SPARSE_DAYS).astype(float)),
    }
    print(f"\nsparse series, {SPARSE_SERIES} of each, windows of {SPARSE_WINDOW} days, seed {seed}")
    for place, (name, (mean, draw)) in enumerate(laws.items()):
        start = FIRST_DAY + SPARSE_DAYS - 50
        window = Window(start, start + SPARSE_WINDOW - 1)
        drawn = [draw(np.random.default_rng([seed, place, number, 9])) for number in range(SPARSE_SERIES)]
        fits = [
            fit_series(DailySeries(name, FIRST_DAY, values, source=f"sparse {number}"), actions=(window,))
            for number, values in enumerate(drawn)
        ]
        # What a workspace of half of these series learns of them judges the other half.
        own = [
            library.blend(learn_calibration(half, horizons=(SPARSE_WINDOW,), questions=QUESTIONS))
            for half in (fits[1::2], fits[::2])
        ]
        for kind in ("open", "temporary"):
            expected, flagged, covered, relatives, flagged_own = [], [], [], [], []
            for number, (fit, values) in enumerate(zip(fits, drawn)):
                told = measure_effect(fit, window, calibration=library, kind=kind)  # type: ignore[arg-type]
                if told.is_refused:
                    continue
                here = float(values[SPARSE_DAYS - 50 : SPARSE_DAYS - 50 + SPARSE_WINDOW].mean())
                expected.append(here - told.effect)
                flagged.append(told.p_value <= 0.05)
                judged = measure_effect(fit, window, calibration=own[number % 2], kind=kind)  # type: ignore[arg-type]
                flagged_own.append(judged.p_value <= 0.05)
                covered.append(told.effect_low <= here - mean <= told.effect_high)
                relatives.append(told.high - told.low)
            share = np.mean(expected) / mean
            print(
                f"  {name:<36} {kind:<10} expected {np.mean(expected):8.3f} of {mean:6.3f} ({share:.2f}); below 0 in "
                f"{np.mean(np.array(expected) < 0):.2f}; p < .05 in {np.mean(flagged):.3f} by the shipped library, "
                f"{np.mean(flagged_own):.3f} by own placebos; holds the truth in "
                f"{np.mean(covered):.3f}; told {len(expected)}, as a share {np.isfinite(relatives).mean():.2f}"
            )


if __name__ == "__main__":
    main()
