"""The edges of the cause benchmark: data at which others break, and the same numbers on a rerun.

Each case must give an answer of finite numbers in order, or a clear refusal: a check that says why, or an error of the
product with a hint. Nothing else may come out.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from cause_gates import Gate
from cause_scenarios import Findings
from cause_worlds import FIRST_DAY

from consumer_fusion.causal.filters.fitted_series import fit_series
from consumer_fusion.causal.inference.estimation import measure_effect
from consumer_fusion.causal.inference.placebo_rules import PlaceboCalibration
from consumer_fusion.causal.series.series import DailySeries, Window
from consumer_fusion.errors import FusionError

Floats = npt.NDArray[np.float64]
_DAYS = 220
_START = 180


def _week(chance: np.random.Generator, days: int = _DAYS, level: float = 100.0) -> Floats:
    noise = chance.normal(0.0, 0.05, days)
    return level * np.exp(0.1 * np.sin(np.arange(days) * 2 * np.pi / 7) + noise)


def _with_missing(chance: np.random.Generator) -> Floats:
    values = _week(chance)
    values[chance.permutation(_DAYS)[:60]] = np.nan
    return values


def _with_zeros(chance: np.random.Generator) -> Floats:
    values = _week(chance)
    values[chance.permutation(_DAYS)[:40]] = 0.0
    return values


def _with_spike(chance: np.random.Generator) -> Floats:
    values = _week(chance)
    values[150] *= 1000
    return values


def _with_break(chance: np.random.Generator) -> Floats:
    values = _week(chance)
    values[_START - 10 :] *= 4
    return values


def _hidden(chance: np.random.Generator) -> Floats:
    values = _week(chance)
    values[_START : _START + 14] = np.nan
    return values


_CASES: dict[str, Callable[[np.random.Generator], Floats]] = {
    "a quarter of the days missing": _with_missing,
    "missing throughout the window": _hidden,
    "missing altogether": lambda chance: np.full(_DAYS, np.nan),
    "constant": lambda chance: np.full(_DAYS, 7.0),
    "zero throughout": lambda chance: np.zeros(_DAYS),
    "zeros among the values": _with_zeros,
    "mostly zeros": lambda chance: chance.poisson(0.1, _DAYS).astype(float),
    "counts of one or two": lambda chance: chance.poisson(1.5, _DAYS).astype(float),
    "negative values": lambda chance: chance.normal(0.0, 1.0, _DAYS),
    "values of a trillion": lambda chance: 1e12 * _week(chance),
    "values of a trillionth": lambda chance: 1e-12 * _week(chance),
    "one day a thousand times the usual": _with_spike,
    "a level that broke ten days before": _with_break,
    "an exact line": lambda chance: np.arange(_DAYS) + 1.0,
    "an exact week": lambda chance: np.tile(np.arange(7) + 1.0, 40)[:_DAYS],
    "infinite values": lambda chance: np.where(np.arange(_DAYS) == 50, np.inf, _week(chance)),
}


def try_edges(calibration: PlaceboCalibration, seed: int) -> Findings:
    """Run all of them."""
    lines, failed = ["edges:"], []

    def run(name: str, ask: Callable[[], str]) -> None:
        try:
            verdict = ask()
        except FusionError as error:
            verdict = f"refused: {error}"
        except Exception as error:  # noqa: BLE001 - whatever else comes out is what we look for
            failed.append(name)
            verdict = f"FAILED: {type(error).__name__}: {error}"
        if verdict.startswith("not in order"):
            failed.append(name)
        lines.append(f"  {name}: {verdict}")

    window = Window(FIRST_DAY + _START, FIRST_DAY + _START + 13)
    for number, (name, draw) in enumerate(_CASES.items()):
        values = draw(np.random.default_rng([seed, number, 51]))
        for kind in ("open", "temporary"):
            run(
                f"{name}, {kind}",
                lambda values=values, kind=kind: _tell(values, (), window, calibration, kind),
            )
    chance = np.random.default_rng([seed, 52])
    donors = tuple(_series(_week(chance), f"donor {at}") for at in range(40))
    run("40 donors", lambda: _tell(_week(chance), donors, window, calibration, "open"))
    broken = tuple(_series(draw(chance), f"donor {name}") for name, draw in _CASES.items())
    run("donors of all the kinds above", lambda: _tell(_week(chance), broken, window, calibration, "open"))
    apart = (DailySeries("elsewhere", FIRST_DAY - 900, _week(chance), source="edge"),)
    run("a donor of other days", lambda: _tell(_week(chance), apart, window, calibration, "open"))
    spans = {
        "a window longer than the history": Window(FIRST_DAY + 60, FIRST_DAY + 60 + 139),
        "a window after the data": Window(FIRST_DAY + 400, FIRST_DAY + 413),
        "a window before the data": Window(FIRST_DAY - 40, FIRST_DAY - 27),
        "a window on the first day": Window(FIRST_DAY, FIRST_DAY + 13),
        "a window of one day": Window(FIRST_DAY + _START, FIRST_DAY + _START),
        "a window that runs on after the data": Window(FIRST_DAY + 210, FIRST_DAY + 230),
    }
    for name, span in spans.items():
        run(name, lambda span=span: _tell(_week(chance), (), span, calibration, "open"))
        run(f"{name}, temporary", lambda span=span: _tell(_week(chance), (), span, calibration, "temporary"))
    for days in (0, 1, 10, 36):
        run(f"a history of {days} days", lambda days=days: _tell_short(chance, days, calibration))
    gate = Gate("edges: neither an answer in order nor a clear refusal", float(len(failed)), high=0.0,
                note=", ".join(failed) or f"{len(lines) - 1} tried")  # fmt: skip
    return Findings(lines, [gate])


def _series(values: Floats, name: str = "edge") -> DailySeries:
    return DailySeries(name, FIRST_DAY, values, source="edge")


def _tell_short(chance: np.random.Generator, days: int, calibration: PlaceboCalibration) -> str:
    window = Window(FIRST_DAY + days, FIRST_DAY + days + 6)
    return _tell(_week(chance, days + 7), (), window, calibration, "open")


def _tell(
    values: Floats,
    controls: tuple[DailySeries, ...],
    window: Window,
    calibration: PlaceboCalibration,
    kind: str,
) -> str:
    fit = fit_series(_series(values), controls=controls, actions=(window,))
    told = measure_effect(fit, window, calibration=calibration, kind=kind)  # type: ignore[arg-type]
    if told.is_refused:
        reasons = [
            check.sentence.format(**check.values) for check in told.checks if check.verdict == "refused"
        ]
        return "refused: " + " ".join(reasons)
    numbers = np.array([told.effect, told.effect_low, told.effect_high, told.p_value])
    is_ordered = told.effect_low <= told.effect <= told.effect_high and 0 < told.p_value <= 1
    if not np.isfinite(numbers).all() or not is_ordered:
        return f"not in order: {told.effect_low!r} {told.effect!r} {told.effect_high!r} p {told.p_value!r}"
    return f"{told.effect:.3g} ({told.effect_low:.3g} to {told.effect_high:.3g}), p {told.p_value:.3f}"
