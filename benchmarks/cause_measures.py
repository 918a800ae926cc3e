"""What the engine says of cases, and the statistics of it: rates, block bootstrap errors, gates.

No source calibrates itself: the rules that judge a case are learnt on the cases of all other sources.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from cause_cases import PLANTED, Case

from consumer_fusion.causal.filters.fitted_series import FittedSeries, fit_series
from consumer_fusion.causal.inference.effect import Effect
from consumer_fusion.causal.inference.estimation import measure_effect
from consumer_fusion.causal.inference.placebo_rules import PlaceboCalibration
from consumer_fusion.causal.inference.rule_learning import learn_calibration

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
BOOTSTRAP_ROUNDS = 400
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Table:
    """What one method said of the cases of one scenario, without and with a planted effect.

    Attributes:
        method: Which.
        sources: Of each case.
        blocks: Of each case, for the bootstrap.
        error: Estimated less true mean effect a day, over the level of the series.
        is_flagged: Whether the 95% interval excludes 0 where nothing was done.
        is_flagged_1: The same at 99%; of methods that were not asked, false throughout.
        is_covered: Whether the interval holds the planted effect.
        is_found: Whether the interval excludes 0 where +10% was planted.
        reach: Size of the error over the half-width of its interval, for power at an honest size.
        reach_planted: The same with the planted effect.
        width: Of the interval, over the level.
        is_refused: Where it said that it cannot tell; such cases count in no rate.
        contradictions: Cases in which p-value and interval disagree.
        seconds: CPU, a case.
        details: What else came out, by name.
    """

    method: str
    sources: npt.NDArray[np.str_]
    blocks: npt.NDArray[np.str_]
    error: Floats
    is_flagged: Booleans
    is_flagged_1: Booleans
    is_covered: Booleans
    is_found: Booleans
    reach: Floats
    reach_planted: Floats
    width: Floats
    is_refused: Booleans
    contradictions: int
    seconds: float
    details: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def kept(self) -> Booleans:
        """The cases of which something was said."""
        return ~self.is_refused

    @property
    def fpr(self) -> float:
        return float(self.is_flagged[self.kept].mean())

    @property
    def coverage(self) -> float:
        return float(self.is_covered[self.kept].mean())

    @property
    def power(self) -> float:
        return float(self.is_found[self.kept].mean())

    @property
    def rmse(self) -> float:
        return float(np.sqrt(np.mean(self.error[self.kept] ** 2)))

    @property
    def median_error(self) -> float:
        return float(np.median(np.abs(self.error[self.kept])))

    @property
    def is_found_honestly(self) -> Booleans:
        """Of the kept cases, which planted effects are found once exactly 5% of them are flagged without one."""
        return self.reach_planted[self.kept] > np.quantile(self.reach[self.kept], 1 - ALPHA)

    @property
    def honest_power(self) -> float:
        """Power after widening or narrowing all intervals until exactly 5% are flagged where nothing was done."""
        return float(np.mean(self.is_found_honestly))

    def measure_error_of(self, marks: Booleans) -> float:
        """Standard error of a rate, by bootstrap over source x month."""
        return bootstrap_error(marks[self.kept].astype(float), self.blocks[self.kept])

    def take(self, places: npt.NDArray[np.int64]) -> Table:
        """The same for some of the cases."""
        return Table(
            self.method, self.sources[places], self.blocks[places], self.error[places],
            self.is_flagged[places], self.is_flagged_1[places], self.is_covered[places], self.is_found[places],
            self.reach[places], self.reach_planted[places], self.width[places], self.is_refused[places],
            self.contradictions, self.seconds,
        )  # fmt: skip

    def digest(self) -> str:
        """A name for all numbers of the table, to the last bit."""
        content = hashlib.sha256()
        for values in (self.error, self.reach, self.reach_planted, self.width):
            content.update(np.ascontiguousarray(values).tobytes())
        return content.hexdigest()[:16]


def bootstrap_error(values: Floats, blocks: npt.NDArray[np.str_], seed: int = 5) -> float:
    """Standard error of a mean whose cases hang together in blocks."""
    if values.size == 0:
        return float("nan")
    names, places = np.unique(blocks, return_inverse=True)
    sums = np.bincount(places, weights=values, minlength=names.size)
    counts = np.bincount(places, minlength=names.size).astype(float)
    chance = np.random.default_rng(seed)
    drawn = chance.integers(0, names.size, (BOOTSTRAP_ROUNDS, names.size))
    return float(np.std(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), ddof=1))


def fit_case(case: Case, horizons: Sequence[int] | None = None) -> FittedSeries:
    """One pass over a case; its window is declared, so that it is no placebo and does not set the scale."""
    return fit_series(
        case.series,
        controls=case.controls,
        country=case.country,
        horizons=(case.window.days,) if horizons is None else horizons,
        actions=(case.window,),
    )


def learn_without(
    fits: Sequence[FittedSeries],
    sources: Sequence[str],
    horizons: Sequence[int],
    questions: Sequence[str] = ("fixed",),
) -> dict[str, PlaceboCalibration]:
    """By source: what is learnt on the fits of all other sources."""
    learnt = {}
    for source in sorted(set(sources)):
        others = [fit for fit, of in zip(fits, sources) if of != source]
        learnt[source] = learn_calibration(
            others, name=f"all but {source}", horizons=tuple(horizons), questions=tuple(questions)
        )
    return learnt


def measure_cases(
    method: str,
    cases: Sequence[Case],
    *,
    kind: str = "open",
    fits: Sequence[FittedSeries] | None = None,
    calibrations: Mapping[str, PlaceboCalibration] | None = None,
    planted: float = PLANTED,
) -> Table:
    """What the engine says of cases, calibrated on other sources, without and with an effect in them.

    The effect is planted into the series and the whole engine is run again on them.
    """
    fit_case(cases[0])  # Compiled code is loaded before the clock runs.
    started = time.process_time()
    fits = [fit_case(case) for case in cases] if fits is None else fits
    seconds = (time.process_time() - started) / len(cases)
    if calibrations is None:
        horizons = (cases[0].window.days,)
        calibrations = learn_without(fits, [case.source for case in cases], horizons)
    started = time.process_time()
    null = [ask(fit, case, calibrations, kind) for fit, case in zip(fits, cases)]
    seconds += (time.process_time() - started) / len(cases)
    wide = [ask(fit, case, calibrations, kind, alpha=0.01) for fit, case in zip(fits, cases)]
    moved = [case.plant(planted) for case in cases]
    found = [ask(fit_case(case), case, calibrations, kind) for case in moved]
    levels = np.array([case.level for case in cases])
    is_refused = np.array([each is None or two is None for each, two in zip(null, found)])
    return Table(
        method=method,
        sources=np.array([case.source for case in cases]),
        blocks=np.array([case.block for case in cases]),
        error=read(null, lambda each: each.effect) / levels,
        is_flagged=mark(null, excludes_zero),
        is_flagged_1=mark(wide, excludes_zero),
        is_covered=mark(found, lambda each: each.low <= planted <= each.high),
        is_found=mark(found, excludes_zero),
        reach=read(null, measure_reach),
        reach_planted=read(found, measure_reach),
        width=read(null, lambda each: each.high - each.low),
        is_refused=is_refused,
        contradictions=sum(
            contradicts(each, alpha)
            for told, alpha in ((null, ALPHA), (wide, 0.01), (found, ALPHA))
            for each in told
            if each is not None
        ),
        seconds=seconds,
        details={
            "estimate_log": read(null, lambda each: each.estimate_log),
            "se_log": read(null, lambda each: each.se_log),
        },
    )


def ask(
    fit: FittedSeries,
    case: Case,
    calibrations: Mapping[str, PlaceboCalibration],
    kind: str,
    *,
    alpha: float = ALPHA,
) -> Effect | None:
    """What the engine says of one case after its declared end; None where it says that it cannot tell."""
    told = measure_effect(
        fit,
        case.window,
        calibration=calibrations[case.source],
        kind=kind,  # type: ignore[arg-type]
        alpha=alpha,
        is_sequential=False,
    )
    return None if told.is_refused or not np.isfinite(told.effect) else told


def excludes_zero(effect: Effect) -> bool:
    return effect.effect_low > 0 or effect.effect_high < 0


def contradicts(effect: Effect, alpha: float) -> bool:
    """Whether p-value and interval disagree on whether anything changed, or the three intervals do."""
    by_p = effect.p_value <= alpha
    sums = effect.cumulative_low > 0 or effect.cumulative_high < 0
    return by_p != excludes_zero(effect) or sums != by_p


def measure_reach(effect: Effect) -> float:
    """The estimate over the half-width of its interval, on the scale on which the interval is symmetric."""
    return abs(effect.estimate_log) / max(effect.se_log, 1e-12)


def read(told: Sequence[Effect | None], take: Callable[[Effect], float]) -> Floats:
    return np.array([np.nan if each is None else take(each) for each in told])


def mark(told: Sequence[Effect | None], holds: Callable[[Effect], bool]) -> Booleans:
    return np.array([each is not None and bool(holds(each)) for each in told])


def tabulate_peer(method: str, cases: Sequence[Case], rows: Sequence[Mapping[str, float]]) -> Table | None:
    """What a peer said of the first cases, in the same form; None where it said nothing at all.

    A peer fits only what came before the window, so that an effect planted in it moves estimate and interval alike.
    Of a peer that gives a p-value and no interval, flags come from its p-values and nothing is said of coverage.
    """
    by_case = {int(row["case"]): row for row in rows if "effect" in row}
    places = sorted(by_case)
    if not places:
        return None
    told = [by_case[place] for place in places]
    shown = [cases[place] for place in places]
    levels = np.array([case.level for case in shown])
    effect = np.array([row["effect"] for row in told])
    truth = np.array(
        [
            PLANTED * float(np.nanmean(case.series.values[case.before : case.before + case.window.days]))
            for case in shown
        ]
    )
    if "low" in told[0]:
        low, high = np.array([row["low"] for row in told]), np.array([row["high"] for row in told])
        is_flagged, is_found = (low > 0) | (high < 0), (low + truth > 0) | (high + truth < 0)
        is_covered, half = ~is_flagged, np.maximum((high - low) / 2, 1e-12)
        middle = (high + low) / 2
        reach, reach_planted, width = (
            np.abs(middle) / half,
            np.abs(middle + truth) / half,
            (high - low) / levels,
        )
    else:
        p = np.array([row["p"] for row in told])
        p_planted = np.array([row["p_planted"] for row in told])
        is_flagged, is_found = p <= ALPHA, p_planted <= ALPHA
        is_covered, width = ~is_flagged, np.full(p.size, np.nan)
        reach, reach_planted = -np.log(np.maximum(p, 1e-9)), -np.log(np.maximum(p_planted, 1e-9))
    nothing = np.zeros(len(told), bool)
    return Table(
        method=method,
        sources=np.array([case.source for case in shown]),
        blocks=np.array([case.block for case in shown]),
        error=effect / levels,
        is_flagged=is_flagged,
        is_flagged_1=nothing,
        is_covered=is_covered,
        is_found=is_found,
        reach=reach,
        reach_planted=reach_planted,
        width=width,
        is_refused=nothing,
        contradictions=0,
        seconds=float(np.mean([row["seconds"] for row in told])),
        details={"places": np.array(places, float)},
    )
