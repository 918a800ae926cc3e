"""Control series: series of the same metric that an action did not reach, which separate its effect from chance.

Another brand is no control while a declared association links it with the brand of the action, nor while an action of
its own falls into the window.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from consumer_fusion.causal.actions.actions import ActionRow
from consumer_fusion.causal.filters.fitted_series import LEAST_DAYS
from consumer_fusion.causal.series.metric_store import MetricSeries, MetricStore
from consumer_fusion.causal.series.series import DailySeries, Window, align_values
from consumer_fusion.i18n.translation import N_
from consumer_fusion.records.timestamps import DAY_MICROSECONDS
from consumer_fusion.spillover.links import read_associations
from consumer_fusion.storage.store import Session

MAX_CONTROLS = 12
LEAST_SHARE = 0.8
"""The least share of the days before the window for which a control series must have values."""

REASONS = {
    "linked": N_("an association links it with the brand of the action"),
    "own_action": N_("an action of its own falls into the window"),
    "short": N_("it has too few days before the window"),
    "further": N_("others follow the series more closely"),
}
"""Why a series is not a control, in words."""


@dataclass(frozen=True, slots=True)
class ControlSeries:
    """The series that estimate what would have happened without the action.

    Attributes:
        chosen: The controls, the closest first.
        passed: The series that were not chosen, each with the reason: a name of `REASONS`.
    """

    chosen: tuple[MetricSeries, ...]
    passed: tuple[tuple[MetricSeries, str], ...]


def find_control_series(
    book: MetricStore, own: MetricSeries, window: Window, actions: Sequence[ActionRow]
) -> ControlSeries:
    """The control series of a series.

    Args:
        book: The metric store.
        own: The series that was acted on.
        window: The days of the possible effect.
        actions: All declared actions.
    """
    steps = own.steps.cover(window)
    linked = _list_linked(book.session, own, window)
    chosen: list[tuple[float, MetricSeries]] = []
    passed: list[tuple[MetricSeries, str]] = []
    for other in _list_candidates(book, own):
        if other.brand_id in linked.brands or other.consumer_id in linked.consumers:
            passed.append((other, "linked"))
        elif _is_acted_on(other, own, window, actions):
            passed.append((other, "own_action"))
        else:
            closeness = _measure_closeness(own.daily, other.daily, steps)
            if closeness is None:
                passed.append((other, "short"))
            else:
                chosen.append((closeness, other))
    chosen.sort(key=lambda each: (-each[0], each[1].key))
    passed += [(other, "further") for _, other in chosen[MAX_CONTROLS:]]
    return ControlSeries(tuple(other for _, other in chosen[:MAX_CONTROLS]), tuple(passed))


def name_daily(each: MetricSeries) -> DailySeries:
    """The days of a series under its id; names are looked up when it is shown, so that no key is stored."""
    return replace(each.daily, name=each.key)


def _list_candidates(book: MetricStore, own: MetricSeries) -> Iterable[MetricSeries]:
    """Other series of the same metric that have the same step."""
    if own.region:
        listed = book.list_regions(own.metric, own.brand_id)
    elif own.product:
        listed = book.list_products(own.metric, own.brand_id)
    elif own.consumer_id:
        listed = book.list_consumers(own.metric)
    else:
        listed = book.list_brands(own.metric, segment=own.segment)
    return [each for key, each in listed.items() if key != own.key and each.steps == own.steps]


@dataclass(frozen=True, slots=True)
class _LinkedSeries:
    brands: Collection[int]
    consumers: Collection[int]


def _list_linked(session: Session, own: MetricSeries, window: Window) -> _LinkedSeries:
    """Brands and consumers linked with a series by associations in force around the window, at most two links away."""
    start_us, end_us = window.start_day * DAY_MICROSECONDS, (window.end_day + 1) * DAY_MICROSECONDS
    links = [
        link
        for link in read_associations(session)
        if link.valid_from_us < end_us and (link.valid_to_us is None or link.valid_to_us > start_us)
    ]
    brands = {own.brand_id} if own.brand_id else set()
    consumers = {own.consumer_id} if own.consumer_id else set()
    brands |= {link.brand_id for link in links if link.consumer_id in consumers}
    consumers |= {link.consumer_id for link in links if link.brand_id in brands}
    brands |= {link.brand_id for link in links if link.consumer_id in consumers}
    consumers |= {link.consumer_id for link in links if link.brand_id in brands}
    if own.region or own.product:
        # The brand's other regions or products are the controls.
        brands.discard(own.brand_id)
    return _LinkedSeries(brands, consumers)


def _is_acted_on(
    other: MetricSeries, own: MetricSeries, window: Window, actions: Sequence[ActionRow]
) -> bool:
    """Whether another series has an action in the window; an action for a whole brand reaches each of its regions."""
    for action in actions:
        if action.brand_id != other.brand_id or not other.brand_id:
            continue
        if own.region and action.region not in (None, other.region):
            continue
        if own.region and action.region is None and other.brand_id == own.brand_id:
            # It reaches all regions alike, including the measured one.
            continue
        first, last = action.find_window(other.metric)
        if first <= window.end_day and window.start_day <= last:
            return True
    return False


def _measure_closeness(own: DailySeries, other: DailySeries, window: Window) -> float | None:
    """The correlation of changes over a week before the window; None where there are too few days."""
    first, last = max(own.first_day, window.start_day - 365), window.start_day - 1
    if last - first < LEAST_DAYS:
        return None
    days = last - first + 1
    mine, theirs = align_values(own, first, days), align_values(other, first, days)
    both = np.isfinite(mine) & np.isfinite(theirs)
    known = np.isfinite(mine).sum()
    if known == 0 or both.sum() < LEAST_SHARE * known or both.sum() < LEAST_DAYS:
        return None
    # It must also cover the window itself.
    within = align_values(other, window.start_day, window.days)
    if np.isfinite(within).sum() < 0.5 * min(window.days, max(1, own.last_day - window.start_day + 1)):
        return None
    changes = [each[7:] - each[:-7] for each in (mine, theirs)]
    usable = np.isfinite(changes[0]) & np.isfinite(changes[1])
    if usable.sum() < 14 or np.std(changes[0][usable]) == 0 or np.std(changes[1][usable]) == 0:
        return None
    return float(np.corrcoef(changes[0][usable], changes[1][usable])[0, 1])
