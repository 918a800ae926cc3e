"""Small worlds of brands with daily orders, made up, with an effect that is known."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import numpy as np

import consumer_fusion as fusion
from consumer_fusion.causal.actions.declared_actions import declare_actions
from consumer_fusion.causal.effects.measuring import EffectRequest, measure_action
from consumer_fusion.causal.series.imported_metrics import MetricDay, keep_metrics
from consumer_fusion.records.action import Action
from consumer_fusion.records.timestamps import to_day, to_microseconds

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
TODAY = to_day(to_microseconds(NOW))
BRANDS = ("bakery", "florist", "grocer", "tailor")


def write_day(days_ago):
    """A day so many days before now, ISO 8601."""
    return (NOW - timedelta(days=days_ago)).date().isoformat()


def make_orders(seed=0, *, brands=BRANDS, days=300, lift=0.0, lifted="bakery", lift_days=(20, 7)):
    """Daily orders that share weekdays and weather; one brand has more of them from some days ago, for some days."""
    chance = np.random.default_rng(seed)
    first = TODAY - days
    weekday = 1 + 0.25 * np.sin(2 * np.pi * (first + np.arange(days)) / 7)
    weather = np.exp(0.05 * chance.normal(size=days))
    told = []
    for brand in brands:
        orders = 100 * weekday * weather * np.exp(0.05 * chance.normal(size=days))
        if brand == lifted:
            orders[days - lift_days[0] : days - lift_days[0] + lift_days[1]] *= 1 + lift
        told += [
            MetricDay(metric="orders", day=first + place, value=float(value), brand=brand)
            for place, value in enumerate(orders)
        ]
    return told


def make_action(action_id="fair", brand="bakery", days_ago=20, days=7, **named):
    """An action that began some days ago."""
    return Action(
        **{
            "action_id": action_id, "brand": brand, "title": f"The {action_id}", "starts_at": write_day(days_ago),
            "effect_days": days, **named,
        }
    )  # fmt: skip


@contextmanager
def open_world(folder, orders=(), actions=(), *, now=NOW):
    """A workspace with these series and actions, in which it is always the same moment."""
    if not (folder / "fusion.db").exists():
        fusion.create_workspace(folder)
    with fusion.open_workspace(folder, clock=lambda: now) as workspace:
        keep_metrics(workspace, list(orders))
        declare_actions(workspace, list(actions), origin="file")
        yield workspace


def measure(workspace, action_id="fair", metric="orders", **named):
    """What an action did to a metric."""
    return measure_action(workspace, EffectRequest(action_id=action_id, metric=metric, **named))
