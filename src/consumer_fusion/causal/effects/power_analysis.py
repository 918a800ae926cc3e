"""Planning an action: the smallest detectable effect by date, length and region, and randomised control groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from consumer_fusion.causal.actions.actions import read_action_rows
from consumer_fusion.causal.designs.holdouts import find_detectable_effect
from consumer_fusion.causal.effects.control_series import find_control_series, name_daily
from consumer_fusion.causal.effects.placebo_learning import choose_calibration
from consumer_fusion.causal.filters.fitted_series import LEAST_DAYS, FittedSeries, fit_series
from consumer_fusion.causal.series.metric_store import MetricSeries, MetricStore
from consumer_fusion.causal.series.metrics import METRICS, count_by_consumer
from consumer_fusion.causal.series.series import Window
from consumer_fusion.causal.series.steps import DAILY
from consumer_fusion.errors import InputError, NotFoundError, RefusedError
from consumer_fusion.events.entities import find_keys
from consumer_fusion.operations import Day, Schema, describe
from consumer_fusion.records.timestamps import to_day
from consumer_fusion.workspace import Workspace

USUAL_LENGTHS = (1, 3, 7, 14, 28)
COUNTED_METRICS = tuple(name for name, each in METRICS.items() if each.form in ("count", "sum"))
"""Metrics that are counted by consumer, so that groups of people can be compared."""
USUAL_SHARES = (0.05, 0.1, 0.2, 0.3, 0.5)
MOST_SERIES = 12
YEAR_DAYS = 364
_WEEK = 7
_FOUR_OF_FIVE = 0.84
"""The normal quantile of 80%."""


class Plan(Schema):
    """One way to act, and the effect that it would allow to detect."""

    series: str = describe("Series", "The brand, or one of its regions.")
    metric: str = describe("Metric", "The metric that it would move.", is_shown=False)
    region: str | None = describe("Region", "The region; null for the whole brand.", is_shown=False)
    start: Day = describe("From", "The first day.")
    days: int = describe("Days", "Number of days.")
    detectable: float = describe(
        "Detectable", "The smallest detectable effect at 80% power, as a share.", form="change"
    )
    controls: int = describe("Controls", "Number of control series.")
    library: str = describe("Calibrated by", "The placebos behind it.", is_shown=False)


class HoldoutSuggestion(Schema):
    """A share of an audience as a randomised control group, and the effect that it would allow to detect."""

    share: float = describe("Left out", "The share.", form="share")
    held_out: int = describe("People left out", "Size of the control group.")
    treated: int = describe("People who get it", "Number of people who get the action.")
    detectable: float | None = describe(
        "Detectable",
        "The smallest detectable effect per person at 80% power, as a share; null where there was no activity before.",
        form="change",
    )


class PlannedEffects(Schema):
    """The detectable effects of a planned action."""

    plans: tuple[Plan, ...] = describe(
        "Smallest detectable effect at 80% power", "By date, length and region."
    )
    holdouts: tuple[HoldoutSuggestion, ...] = describe(
        "The same for a control group of consumers, over the longest time", "By the share that is left out."
    )


def plan_actions(
    workspace: Workspace, brand: str, *, metric: str = "orders", starts: Sequence[int] = (),
    lengths: Sequence[int] = USUAL_LENGTHS, as_of_us: int | None = None,
) -> list[Plan]:  # fmt: skip
    """Compute the smallest detectable effect for each candidate start, length and region.

    Args:
        workspace: The workspace.
        brand: Key of the brand that would act.
        metric: The metric that it would move.
        starts: First days, as days since 1970; tomorrow where none is given.
        lengths: Lengths in days.
        as_of_us: As-of time, in microseconds since the epoch; None for now.

    Raises:
        NotFoundError: The brand has no days of the metric.
        RefusedError: Its series is too short to plan with.
        InputError: A length is not at least a day.
    """
    if not lengths or min(lengths) < 1:
        raise InputError(f"Found the lengths {list(lengths)}.", hint="A length is at least one day.")
    with workspace.store.reading() as session:
        book = MetricStore(workspace, session, as_of_us or workspace.now_us)
        brand_id = find_keys(session, "brand", [brand]).get(brand)
        whole = [each for each in book.list_brands(metric).values() if each.brand_id == brand_id]
        if brand_id is None or not whole:
            raise NotFoundError(
                f"There are not enough days of {metric} of {brand}.",
                hint="`fusion metrics list` shows which metrics there are and of how many days.",
            )
        if whole[0].steps != DAILY:
            raise RefusedError(
                f"The {metric} of {brand} have one value a {whole[0].steps.unit}; plans are made by the day.",
                hint="Give daily values: fusion metrics import FILE --metric NAME --brand BRAND",
            )
        regions = [each for each in book.list_regions(metric, brand_id).values() if each.steps == DAILY][
            :MOST_SERIES
        ]
        days = starts or (max(book.today, whole[0].daily.last_day + 1),)
        plans = [plan for own in (*whole, *regions) for plan in _plan_series(book, own, days, lengths)]
    if not plans:
        raise RefusedError(
            f"The {metric} of {brand} have too few days to plan with.",
            hint=f"At least {LEAST_DAYS + max(lengths)} days are needed.",
        )
    return plans


def _plan_series(
    book: MetricStore, own: MetricSeries, starts: Sequence[int], lengths: Sequence[int]
) -> list[Plan]:
    actions = read_action_rows(book.session)
    last = own.daily.last_day
    control_series = find_control_series(book, own, Window(last, last), actions).chosen
    fitted = fit_series(
        name_daily(own),
        controls=[name_daily(each) for each in control_series],
        country=book.workspace.settings.country or None,
        horizons=tuple(lengths),
        actions=[Window(*each.find_window(own.metric)) for each in actions if each.brand_id == own.brand_id],
    )
    calibration = choose_calibration(book.session)
    plans = []
    for length in lengths:
        rule = calibration.find_rule(fitted.form, length)
        placebos = fitted.placebos(length)
        if not placebos.u.size:
            continue
        age = fitted.count_usable_days(last + 1)
        factor = rule.measure_factor(placebos, length, age)
        reach = (rule.law.find_bound(0.05) + _FOUR_OF_FIVE) * factor
        for start in starts:
            size = reach * _expect_deviation(fitted, start, length)
            if not math.isfinite(size):
                continue
            detectable = math.expm1(size) if fitted.is_log else size / _find_level(own)
            plans.append(
                Plan(
                    series=book.name(own), metric=own.metric, region=own.region, start=start, days=length,
                    detectable=detectable, controls=len(control_series),
                    library=calibration.describe(fitted.form, length),
                )
            )  # fmt: skip
    return plans


def _expect_deviation(fitted: FittedSeries, start: int, length: int) -> float:
    """The standard deviation of such a forecast: the larger of the latest on the same weekday and that of last year."""
    deviations = fitted.errors(length).s
    days = fitted.series.first_day + np.arange(deviations.size)
    is_known = np.isfinite(deviations) & (deviations > 0) & (days >= fitted.series.first_day + LEAST_DAYS)
    origin = start - 1
    is_lately = is_known & (days <= origin) & ((origin - days) % _WEEK == 0)
    is_last_year = is_known & (days == origin - YEAR_DAYS)
    found = [float(deviations[chosen][-1]) for chosen in (is_lately, is_last_year) if chosen.any()]
    return max(found) if found else math.nan


def _find_level(own: MetricSeries) -> float:
    values = own.daily.values[np.isfinite(own.daily.values)]
    level = float(np.mean(np.abs(values[-90:])))
    return level if level > 0 else math.nan


def suggest_holdouts(
    workspace: Workspace, brand: str, *, metric: str = "orders", days: int = 28,
    shares: Sequence[float] = USUAL_SHARES,
) -> list[HoldoutSuggestion]:  # fmt: skip
    """Sizes of a randomised control group among a brand's consumers, each with its smallest detectable effect.

    Args:
        workspace: The workspace.
        brand: Key of the brand.
        metric: A count or a sum, by consumer.
        days: Number of days on which outcomes would be counted.
        shares: Shares of the audience.

    Raises:
        NotFoundError: The brand is not known.
        InputError: The metric is not counted by consumer.
    """
    known = METRICS.get(metric)
    if known is None or known.form not in ("count", "sum"):
        raise InputError(
            f"The metric {metric} is not counted by consumer.",
            hint="Use orders, revenue, visits or another count.",
        )
    with workspace.store.reading() as session:
        brand_id = find_keys(session, "brand", [brand]).get(brand)
        if brand_id is None:
            raise NotFoundError(f"The brand '{brand}' is not known here.", hint="`fusion brands` lists them.")
        book = MetricStore(workspace, session, workspace.now_us)
        relation, tables = book.open_events()
        newest = max((last for _, last in book.spans.values()), default=to_day(workspace.now_us))
        past = count_by_consumer(
            workspace.engine, relation, tables, known, brand_id=brand_id, last_day=newest, days=days
        )
    values, earlier = past["value"].to_numpy(), past["earlier"].to_numpy()
    return [
        _suggest(values, earlier, share) for share in shares if 0 < round(share * values.size) < values.size
    ]


def _suggest(past: Any, earlier: Any, share: float) -> HoldoutSuggestion:
    held_out = round(share * past.size)
    detectable = None
    if past.sum() > 0:
        effect = find_detectable_effect(past, held_out, earlier)
        detectable = float(effect / past.mean())
    return HoldoutSuggestion(
        share=share, held_out=held_out, treated=int(past.size) - held_out, detectable=detectable
    )
