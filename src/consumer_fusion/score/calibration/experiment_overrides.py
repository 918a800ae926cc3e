"""Experiments over points: the measured effect of a brand's action replaces its assumed points.

`docs/concepts/calibration.md`: the log-odds ratio of an experiment, divided by the link's slope, gives points. They
override the points of what the brand gives, never of the consumer's own acts, and carry the experiment's id. Whether
the evidence is good enough is decided before, in `experiments`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.errors import RefusedError
from consumer_fusion.records.points import DIRECTIONS, FACETS, Facet, Kind, PointsEntry, PointsTable
from consumer_fusion.records.schema import Schema, describe
from consumer_fusion.score.calibration.link_functions import LinkFunction, forecast_outcomes
from consumer_fusion.score.calibration.samples import IntArray, draw_sample, fold_sample
from consumer_fusion.score.calibration.validity import FloatArray
from consumer_fusion.score.calibration.vectorised_score import build_design, compute_balances
from consumer_fusion.score.points.points_table import stamp_table

DEFAULT_FACET: Facet = "wellbeing"
"""Facet of an action for which the points table names none."""

_STEP = 1e-3
"""Step in points for the numerical derivative of the model."""


class PointsOverride(Schema):
    """Points of a brand's action that an experiment decided."""

    experiment_id: str = describe("Experiment", "The experiment.")
    key: str = describe("Action", "The action's key in the points table.")
    points: float = describe(
        "Points",
        "Points that the brand now gives by it, over all facets; negative where it harms.",
        form="points",
    )
    points_error: float = describe("Standard error", "Standard error of the points.", form="points")
    estimate: float = describe("Estimate", "Estimate from the experiment alone.", form="points")
    estimate_error: float = describe("Standard error of the estimate", "Standard error of the estimate.")
    prior: float = describe("Before", "Points before the experiment.", form="points")
    log_odds: float = describe("Log odds", "Log-odds ratio of the outcome, treated against control.")
    log_odds_error: float = describe("Standard error of the log odds", "Standard error of the log odds.")
    log_odds_per_point: float = describe(
        "Log odds per point", "Mean effect of one point on the log odds of the treated."
    )
    outcome: str = describe("Outcome", "Key of the outcome.")
    horizon_days: float = describe("Horizon", "Days for which outcomes were counted.")
    entries: dict[Facet, float] = describe("Entries", "Points by facet.")


def forecast_before(
    ledger: pa.Table,
    points: PointsTable,
    link: LinkFunction,
    *,
    outcome: str,
    consumers: IntArray,
    as_of_us: int,
) -> FloatArray:
    """The log-odds that a link forecasts for consumers of one brand; consumers without evidence are neutral.

    Args:
        ledger: Annotated events of the brand.
        points: The points in force.
        link: Link from balance to outcome.
        outcome: Key of the outcome.
        consumers: Canonical ids.
        as_of_us: As-of time; later events are ignored.
    """
    sample = draw_sample(ledger, points, outcome=outcome, cutoff_us=as_of_us, horizon_days=0.0)
    ones = np.ones(len(sample.kinds))
    balance = compute_balances(fold_sample(sample, ones), build_design(points, sample.kinds), ones).balance
    known = dict(zip(sample.consumer_id.tolist(), balance.tolist()))
    return forecast_outcomes(np.array([known.get(one, 0.0) for one in consumers.tolist()]), link)


def weigh_action(
    ledger: pa.Table,
    points: PointsTable,
    link: LinkFunction,
    *,
    key: str,
    facet: Facet,
    is_gain: bool,
    consumers: Collection[int],
    since_us: int,
    as_of_us: int,
    outcome: str,
) -> float:
    """Change of the outcome's log-odds per point of an action, from the model itself.

    That is the link's slope at the balance, times the share of the brand's side in it, the knee and the decay of the
    action's events. The last two are found by giving those events slightly more points.

    Args:
        ledger: Annotated events of one brand.
        points: The points in force.
        link: Link from balance to outcome.
        key: The action.
        facet: Facet that it gives, where the points table does not say.
        is_gain: Whether the point is given or taken.
        consumers: Canonical ids to average over, including consumers that the action never reached.
        since_us: Start of the experiment; earlier events of the action are ignored.
        as_of_us: Time from which outcomes count.
        outcome: Key of the outcome.
    """
    before = sum(entry.points for entry in _list_given(points.kinds[key]))
    step = _STEP if is_gain else -_STEP
    moved = _replace_given(points, key, _spread_points(points.kinds[key], before + step, facet), None)
    is_earlier = pc.and_(
        pc.equal(ledger["kind"].cast(pa.string()), key), pc.less(ledger["occurred_us"], since_us)
    )
    ledger = ledger.filter(pc.invert(is_earlier))
    sample = draw_sample(ledger, moved, outcome=outcome, cutoff_us=as_of_us, horizon_days=0.0)
    ones = np.ones(len(sample.kinds))
    fold = fold_sample(sample, ones)
    now, shifted = (
        compute_balances(fold, build_design(table, sample.kinds), ones) for table in (points, moved)
    )
    difference, width = now.given - now.received, points.constants.balance_width
    rho = difference / (np.sqrt(difference**2 + width**2) + width)
    brand_share = 0.5 + points.constants.balance * rho / 2.0
    slope = link.slope / (link.bend * np.sqrt(1.0 + (now.balance / link.bend) ** 2))
    by_pair = slope * brand_share * (shifted.received - now.received) / step
    is_own = np.isin(sample.consumer_id, np.fromiter(consumers, dtype=np.int64))
    return float(np.sum(by_pair[is_own])) / max(len(consumers), 1)


def derive_override(
    points: PointsTable,
    *,
    experiment_id: str,
    key: str,
    facet: Facet,
    log_odds: float,
    log_odds_error: float,
    log_odds_per_point: float,
    outcome: str,
    horizon_days: float,
) -> PointsOverride:
    """Convert the result of an experiment into points, shrunk once towards those in force.

    Args:
        points: The points in force without this experiment.
        experiment_id: The experiment.
        key: The action.
        facet: Facet that it gives, where the points table does not say.
        log_odds: Log-odds ratio of the outcome, treated against control, not shrunk.
        log_odds_error: Its standard error.
        log_odds_per_point: Result of `weigh_action`, treated minus control.
        outcome: Key of the outcome.
        horizon_days: Horizon of the outcome, in days.

    Raises:
        RefusedError: It is no action of the brand, it is linked to derived events, or no one received it.
    """
    kind = points.kinds.get(key)
    if kind is None or not kind.is_brand_action:
        raise RefusedError(
            f"'{key}' is not an action of the brand in the points table.",
            hint="Experiments only decide what a brand sends or grants, never the consumer's own acts.",
        )
    if kind.mends or kind.derives or kind.spreads:
        raise RefusedError(
            f"'{key}' follows from other events or others follow from it.",
            hint="Give the action a kind of its own.",
        )
    if abs(log_odds_per_point) < 1e-9:
        raise RefusedError(
            f"No stored '{key}' event could have changed the outcome.",
            hint="Import the events of the action, with their recipients, before measuring.",
        )
    estimate, error = log_odds / log_odds_per_point, log_odds_error / abs(log_odds_per_point)
    prior = sum(entry.points for entry in _list_given(kind))
    width = max(abs(prior), 1.0)
    precision = 1.0 / error**2 + 1.0 / width**2
    decided = (estimate / error**2 + prior / width**2) / precision
    return PointsOverride(
        experiment_id=experiment_id,
        key=key,
        points=decided,
        points_error=math.sqrt(1.0 / precision),
        estimate=estimate,
        estimate_error=error,
        prior=prior,
        log_odds=log_odds,
        log_odds_error=log_odds_error,
        log_odds_per_point=log_odds_per_point,
        outcome=outcome,
        horizon_days=horizon_days,
        entries={entry.facet: entry.points for entry in _spread_points(kind, decided, facet)},
    )


def apply_overrides(points: PointsTable, overrides: Iterable[PointsOverride]) -> PointsTable:
    """The table with the results of experiments: only what the brand gives by these actions, with their id.

    Args:
        points: The shipped points, with the calibration and the workspace's own points applied.
        overrides: Overrides in force, at most one per action; those of actions missing from the table are ignored.
    """
    for override in overrides:
        kind = points.kinds.get(override.key)
        if kind is not None and kind.is_brand_action:
            graded = {entry.facet: entry.is_graded for entry in _list_given(kind)}
            entries = [
                PointsEntry(DIRECTIONS[1], facet, worth, graded.get(facet, False))
                for facet, worth in override.entries.items()
            ]
            points = _replace_given(points, override.key, entries, override.experiment_id)
    return points


def list_given_facets() -> tuple[Facet, ...]:
    """The facets that a brand can give."""
    return FACETS[DIRECTIONS[1]]


def _list_given(kind: Kind) -> list[PointsEntry]:
    return [entry for entry in kind.entries if entry.direction == DIRECTIONS[1]]


def _spread_points(kind: Kind, total: float, facet: Facet) -> list[PointsEntry]:
    """Entries with this total, in the proportions of the kind's present points."""
    given = _list_given(kind)
    before = sum(entry.points for entry in given)
    if not given or abs(before) < 1e-12:
        return [
            PointsEntry(
                DIRECTIONS[1], given[0].facet if given else facet, total, bool(given) and given[0].is_graded
            )
        ]
    return [replace(entry, points=entry.points * total / before) for entry in given]


def _replace_given(
    points: PointsTable, key: str, entries: Iterable[PointsEntry], experiment_id: str | None
) -> PointsTable:
    kind = points.kinds[key]
    own = [entry for entry in kind.entries if entry.direction == DIRECTIONS[0]]
    new = [replace(entry, experiment_id=experiment_id) for entry in entries if entry.points != 0.0]
    changed = cast("dict[str, Kind]", dict(points.kinds)) | {key: replace(kind, entries=(*own, *new))}
    return stamp_table(points.constants, changed)
