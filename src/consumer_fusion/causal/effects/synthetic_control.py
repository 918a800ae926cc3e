"""A second opinion on a region: a synthetic control, with each of the brand's other regions as a placebo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from consumer_fusion.causal.designs.panels import FEWEST_DONORS
from consumer_fusion.causal.designs.region_panels import measure_region
from consumer_fusion.causal.effects.control_series import ControlSeries, name_daily
from consumer_fusion.causal.effects.effect_report import CheckResult
from consumer_fusion.causal.inference.effect import Effect
from consumer_fusion.causal.series.metric_store import MetricSeries
from consumer_fusion.causal.series.series import Window
from consumer_fusion.errors import RefusedError
from consumer_fusion.i18n.translation import N_


def check_synthetic_control(
    own: MetricSeries, control_series: ControlSeries, window: Window
) -> CheckResult | None:
    """The classic synthetic control of a region, as a second opinion; None where there is no region.

    Args:
        own: The series that was acted on.
        control_series: Those that were not; all regions of the brand among them count, not only the closest.
        window: The days of the window.
    """
    others = _list_regions(own, control_series)
    if own.region is None or not others:
        return None
    try:
        found = measure_region(name_daily(own), [name_daily(each) for each in others], window)
    except RefusedError:
        return None
    count = len(found.placebo_effects)
    if count < FEWEST_DONORS:
        return CheckResult(
            name="other_regions",
            verdict="passed",
            sentence=N_(
                "Second opinion: a mix of {count} other regions gives {effect_share}. That is too few to be "
                "significant at 5%; it takes {needed}."
            ),
            values={"count": count, "effect_share": found.relative, "needed": FEWEST_DONORS},
        )
    return CheckResult(
        name="other_regions",
        verdict="passed" if found.p_value <= 0.05 else "warned",
        sentence=N_(
            "Second opinion: a mix of other regions gives {effect_share}; {strayed} of {count} other regions deviate "
            "as much from their fit where nothing was done."
        ),
        values={
            "effect_share": found.relative,
            "strayed": round(found.p_value * (count + 1)) - 1,
            "count": count,
        },
    )


def combine_verdicts(effect: Effect, opinion: CheckResult | None) -> tuple[Effect, list[CheckResult]]:
    """The effect with the weaker label of the two opinions, and a remark where they disagree.

    Args:
        effect: The effect with the engine's label.
        opinion: The second opinion; None where there is none.
    """
    if opinion is None or opinion.verdict != "warned" or effect.label == "cannot_tell":
        return effect, []
    p_value = effect.p_sequential if effect.interval == "sequential" else effect.p_value
    disagreement = CheckResult(
        name="disagreement",
        verdict="warned",
        sentence=N_(
            "The two opinions disagree: by its own past, chance alone gives as much in {chance_percent}% of cases, "
            "and yet {strayed} of {count} other regions deviate as much. The weaker one counts."
        ),
        values={
            "chance_percent": 100.0 * p_value,
            "strayed": opinion.values["strayed"],
            "count": opinion.values["count"],
        },
    )
    return replace(effect, label="cannot_tell"), [disagreement]


def _list_regions(own: MetricSeries, control_series: ControlSeries) -> Sequence[MetricSeries]:
    further = (other for other, why in control_series.passed if why == "further")
    return [
        each
        for each in (*control_series.chosen, *further)
        if each.region is not None and each.brand_id == own.brand_id
    ]
