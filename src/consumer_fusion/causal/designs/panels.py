"""Panels: few periods, one treated unit, untreated donors; the classic synthetic control.

Weights of Abadie, Diamond and Hainmueller (2010), on the outcome alone: donors are mixed, with weights that are not
negative and add up to 1, so that the mix follows the treated unit before the action. The deviations of untreated donors
show the size of chance changes; with few donors that is weak evidence, and the result says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from consumer_fusion.errors import InputError, MissingExtraError, RefusedError
from consumer_fusion.i18n.translation import N_, _

FloatArray = NDArray[np.float64]

FEWEST_DONORS = 19
"""With fewer, the smallest p-value that placebos in space can give is above 5%."""

FEWEST_PERIODS = 5
"""Almost any mix can follow fewer periods before the action, so that a good fit proves nothing."""

_POOR_FIT = 0.5
"""A mix with an error above this share of the series' own deviation before the action does not follow it."""


@dataclass(frozen=True, slots=True)
class PanelEffect:
    """The synthetic control estimate of one unit.

    Attributes:
        effect: Mean of observed minus expected over the periods from the action on.
        relative: The same over the mean expected.
        low: Lower end of the interval; None where donors are too few to give one.
        high: Upper end.
        p_value: Share of units, the treated one included, that deviate as much for their fit; never below
            1 / (donors + 1), and at most alpha exactly where the interval excludes 0.
        ratio_rank: Rank of the treated unit by the error after over the error before (the paper's own test), 1 the
            largest.
        fit_error: Root mean square of observed minus expected before the action.
        periods: Labels of the periods.
        observed: Observed values by period.
        expected: Expected values by period: the mix.
        first_period: Index of the first period after the action.
        weights: By donor, largest first; those of no weight are left out.
        dropped: Donors that were not used, and why.
        placebo_effects: By donor: the effect where it is treated in place of the unit.
        leave_one_out: Smallest and largest effect when a donor of weight is left out.
        sentences: Verdict and cautions for people.
    """

    effect: float
    relative: float
    low: float | None
    high: float | None
    p_value: float
    ratio_rank: int
    fit_error: float
    periods: tuple[str, ...]
    observed: FloatArray
    expected: FloatArray
    first_period: int
    weights: tuple[tuple[str, float], ...]
    dropped: tuple[tuple[str, str], ...]
    placebo_effects: tuple[tuple[str, float], ...]
    leave_one_out: tuple[float, float]
    sentences: tuple[str, ...]


def measure_panel(
    treated: FloatArray,
    donors: FloatArray,
    first_period: int,
    *,
    donor_names: Sequence[str],
    periods: Sequence[str] = (),
    alpha: float = 0.05,
) -> PanelEffect:
    """Compare a unit with a mix of donors, and the difference with that of untreated donors.

    Args:
        treated: The unit's values by period.
        donors: Values by period (row) and donor (column).
        first_period: Index of the first period after the action.
        donor_names: Names of the columns.
        periods: Labels of the periods; their indices where not given.
        alpha: Significance level; the interval has a coverage of 1 - alpha.

    Raises:
        InputError: The shapes do not fit, or the action leaves no period before or after.
        RefusedError: Too few periods before the action, or fewer than two donors with all periods.
        MissingExtraError: scipy is not installed.
    """
    observed = np.asarray(treated, dtype=np.float64)
    matrix = np.asarray(donors, dtype=np.float64)
    if matrix.shape != (observed.size, len(donor_names)) or not 0 < first_period < observed.size:
        raise InputError(
            f"Found {observed.size} periods, donors of shape {matrix.shape}, {len(donor_names)} names and the first "
            f"period after the action at {first_period}.",
            hint="Give a column for each donor, a row for each period, and periods before and after.",
        )
    matrix, names, dropped = _drop_incomplete(observed, matrix, donor_names)
    if first_period < FEWEST_PERIODS or len(names) < 2:
        raise RefusedError(
            f"No conclusion: {first_period} periods before the action and {len(names)} complete donors; at least "
            f"{FEWEST_PERIODS} periods and 2 donors are needed.",
            hint="Give more history, finer periods, or more places that were not acted on.",
        )
    weights = mix_donors(observed[:first_period], matrix[:first_period])
    expected = matrix @ weights
    gap = observed - expected
    effect, fit_error = float(gap[first_period:].mean()), _root_mean_square(gap[:first_period])
    placebos = np.array([_measure_placebo(matrix, place, first_period) for place in range(len(names))])
    statistic = np.abs(placebos[:, 0]) / np.maximum(placebos[:, 1], 1e-12)
    reach = abs(effect) / max(fit_error, 1e-12)
    strayed = int(np.sum(statistic >= reach * (1.0 - 1e-9)))
    margin = _find_margin(statistic, fit_error, alpha)
    ratio = _root_mean_square(gap[first_period:]) / max(fit_error, 1e-12)
    others = placebos[:, 2] / np.maximum(placebos[:, 1], 1e-12)
    found = PanelEffect(
        effect=effect,
        relative=effect / float(expected[first_period:].mean())
        if expected[first_period:].any()
        else math.nan,
        low=None if margin is None else effect - margin,
        high=None if margin is None else effect + margin,
        p_value=(1.0 + strayed) / (len(names) + 1.0),
        ratio_rank=1 + int(np.sum(others >= ratio)),
        fit_error=fit_error,
        periods=tuple(periods) or tuple(str(place) for place in range(observed.size)),
        observed=observed,
        expected=expected,
        first_period=first_period,
        weights=tuple(
            sorted(
                ((name, float(weight)) for name, weight in zip(names, weights) if weight > 1e-4),
                key=lambda one: -one[1],
            )
        ),
        dropped=dropped,
        placebo_effects=tuple(zip(names, (float(one) for one in placebos[:, 0]))),
        leave_one_out=_leave_one_out(observed, matrix, weights, first_period),
        sentences=(),
    )
    return _add_sentences(found, observed[:first_period])


def mix_donors(treated: FloatArray, donors: FloatArray) -> FloatArray:
    """Weights, none negative and with a sum of 1, whose mix is nearest to the treated unit.

    Exact, by non-negative least squares: of all w >= 0, the minimiser of |(donors - treated) w|^2 + (sum w - 1)^2
    is a multiple of the best weights, because along every direction the sum over its square is least where the
    first term is.

    Args:
        treated: Values by period before the action.
        donors: Values by period and donor.

    Raises:
        MissingExtraError: scipy is not installed.
    """
    try:
        from scipy.optimize import nnls
    except ImportError as error:
        raise MissingExtraError(
            "A synthetic control needs scipy, which is not installed.",
            hint="Run: pip install 'consumer-fusion[cause]'.",
        ) from error
    gaps = donors - treated[:, None]
    # On this scale both terms are of one size, which keeps the solver's tolerance harmless.
    scale = max(float(np.sqrt(np.mean(gaps**2) * gaps.shape[0])), 1e-12)
    found, _unused = nnls(
        np.vstack([gaps / scale, np.ones(donors.shape[1])]), np.append(np.zeros(treated.size), 1.0)
    )
    weights: FloatArray = np.asarray(found, dtype=np.float64) / float(np.sum(found))
    return weights


def _drop_incomplete(
    treated: FloatArray, donors: FloatArray, names: Sequence[str]
) -> tuple[FloatArray, list[str], tuple[tuple[str, str], ...]]:
    if not np.isfinite(treated).all():
        raise RefusedError(
            "No conclusion: the unit that was acted on has periods without a value.",
            hint="Leave those periods out for all units, or use the daily engine, which skips missing days.",
        )
    is_finite = np.isfinite(donors)
    kept = [place for place in range(len(names)) if is_finite[:, place].all()]
    dropped = tuple(
        (name, _(N_("periods without a value"))) for place, name in enumerate(names) if place not in kept
    )
    return donors[:, kept], [names[place] for place in kept], dropped


def _measure_placebo(donors: FloatArray, place: int, first_period: int) -> tuple[float, float, float]:
    """Mean gap, error before and error after of a donor, mixed from the other donors."""
    others = np.delete(donors, place, axis=1)
    gap = donors[:, place] - others @ mix_donors(donors[:first_period, place], others[:first_period])
    after = gap[first_period:]
    return float(after.mean()), _root_mean_square(gap[:first_period]), _root_mean_square(after)


def _find_margin(statistic: FloatArray, fit_error: float, alpha: float) -> float | None:
    """Half-width of the interval, which excludes 0 exactly where the placebos' p-value is at most alpha."""
    allowed = math.floor(alpha * (statistic.size + 1.0) + 1e-9) - 1
    if allowed < 0:
        return None
    return float(np.sort(statistic)[::-1][allowed]) * fit_error


def _leave_one_out(
    treated: FloatArray, donors: FloatArray, weights: FloatArray, first_period: int
) -> tuple[float, float]:
    effects = []
    for place in np.flatnonzero(weights > 0.01):
        others = np.delete(donors, place, axis=1)
        mixed = others @ mix_donors(treated[:first_period], others[:first_period])
        effects.append(float((treated - mixed)[first_period:].mean()))
    return (min(effects), max(effects)) if effects else (math.nan, math.nan)


def _root_mean_square(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _add_sentences(found: PanelEffect, before: FloatArray) -> PanelEffect:
    count = len(found.placebo_effects)
    sentences = [
        _(
            N_(
                "From {period} on, {effect} on average compared with a mix of {count} of {donors} others ({share} of "
                "the expected value)."
            ),
            period=found.periods[found.first_period],
            effect=f"{found.effect:+.3g}",
            count=len(found.weights),
            donors=count,
            share=f"{found.relative:+.0%}",
        ),
        describe_donors(count),
    ]
    if found.fit_error > _POOR_FIT * float(before.std()):
        sentences.append(
            _(
                N_(
                    "Even before the action the mix does not follow the series: its typical error is {error}. "
                    "Treat the effect as unknown."
                ),
                error=f"{found.fit_error:.2g}",
            )
        )
    low, high = found.leave_one_out
    sentences.append(
        _(
            N_("With each of the others left out in turn, the effect is between {low} and {high}."),
            low=f"{low:+.3g}",
            high=f"{high:+.3g}",
        )
    )
    return replace(found, sentences=tuple(sentences))


def describe_donors(count: int) -> str:
    """The strength of evidence of a number of donors, for regions and for panels."""
    if count < FEWEST_DONORS:
        return _(
            N_(
                "Only {count} others to compare with: even the largest difference of all would occur by chance once "
                "in {chances}, so no interval is given and 5% cannot be reached; it takes {needed} others."
            ),
            count=count,
            chances=count + 1,
            needed=FEWEST_DONORS,
        )
    return _(
        N_("{count} others were measured as placebos; the smallest p-value they can give is {smallest}."),
        count=count,
        smallest=f"{1.0 / (count + 1.0):.3f}",
    )
