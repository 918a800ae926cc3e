"""Experiments over points: what chance proved of a brand's action takes the place of what was assumed.

`docs/concepts/calibration.md`: log-odds that an experiment found become points over the link's slope; they override
the entries of what the brand gives, never the consumer's own acts, and carry the experiment's id. Whether evidence
is good enough is decided before, in `experiments`.
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
from consumer_fusion.score.calibration.vectorised_score import draw_design, read_balances
from consumer_fusion.score.points.points_table import stamp_table

DEFAULT_FACET: Facet = "wellbeing"
"""What an action gives where the points table does not say which facet."""

_STEP = 1e-3
"""Points by which the model is moved to see what one point more does."""


class PointsOverride(Schema):
    """Points of a brand's action that an experiment decided."""

    experiment_id: str = describe("Experiment", "The experiment.")
    key: str = describe("Action", "The action's key in the points table.")
    points: float = describe(
        "Points",
        "What the brand gives by it now, all facets together; negative where it harms.",
        form="points",
    )
    points_error: float = describe("Standard error", "Of the points.", form="points")
    estimate: float = describe("Estimate", "What the experiment alone says.", form="points")
    estimate_error: float = describe("Standard error of the estimate", "Of the estimate.")
    prior: float = describe("Before", "The points before.", form="points")
    log_odds: float = describe("Log odds", "Of the outcome, treated against held out.")
    log_odds_error: float = describe("Standard error of the log odds", "Of the log odds.")
    log_odds_per_point: float = describe(
        "Log odds per point", "What one point would have moved them by, on average over the treated."
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
    """The log-odds that a link forecasts for consumers of one brand; those without evidence are neutral.

    Args:
        ledger: Annotated events of the brand.
        points: The points in force.
        link: From balance to outcome.
        outcome: Key of the outcome.
        consumers: Canonical ids.
        as_of_us: What came later is not looked at.
    """
    sample = draw_sample(ledger, points, outcome=outcome, cutoff_us=as_of_us, horizon_days=0.0)
    ones = np.ones(len(sample.kinds))
    balance = read_balances(fold_sample(sample, ones), draw_design(points, sample.kinds), ones).balance
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
    """What one point of an action would move the log-odds of the outcome by, from the model itself.

    That is the link's slope at the balance, times the share of the brand's side in it, the knee and the fading of the
    action's events. The last two come from reading those events with a little more points than they have.

    Args:
        ledger: Annotated events of one brand.
        points: The points in force.
        link: From balance to outcome.
        key: The action.
        facet: What it gives, where the points table does not say.
        is_gain: Whether the point is given or taken.
        consumers: Canonical ids of those that are averaged over, those included whom it never reached.
        since_us: What was done of the action before is another story.
        as_of_us: When outcomes begin to count.
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
    now, shifted = (read_balances(fold, draw_design(table, sample.kinds), ones) for table in (points, moved))
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
    """Turn what an experiment found into points, drawn once towards those in force.

    Args:
        points: The points in force without this experiment.
        experiment_id: The experiment.
        key: The action.
        facet: What it gives, where the points table does not say.
        log_odds: Of the outcome, treated against held out, not shrunk.
        log_odds_error: Its standard error.
        log_odds_per_point: Of `weigh_action`, treated minus held out.
        outcome: Key of the outcome.
        horizon_days: Of the outcome.

    Raises:
        RefusedError: It is no action of the brand, it derives other events, or nobody got it.
    """
    kind = points.kinds.get(key)
    if kind is None or not kind.is_brand_action:
        raise RefusedError(
            f"'{key}' is not an action of the brand in the points table.",
            hint="Only what a brand sends or grants is decided by experiments; the consumer's acts never are.",
        )
    if kind.mends or kind.derives or kind.spreads:
        raise RefusedError(
            f"'{key}' follows from other events or others follow from it.",
            hint="Give the action a kind of its own.",
        )
    if abs(log_odds_per_point) < 1e-9:
        raise RefusedError(
            f"No '{key}' is on record that could have moved the outcome.",
            hint="Import the events of the action, by those who got it, before measuring.",
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
    """The table with what experiments decided: only what the brand gives by these actions, with the stamp.

    Args:
        points: The workspace's points over the calibrated over the shipped ones.
        overrides: In force, one for each action at most; of actions that the table no longer has, none counts.
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
    """What a brand can give."""
    return FACETS[DIRECTIONS[1]]


def _list_given(kind: Kind) -> list[PointsEntry]:
    return [entry for entry in kind.entries if entry.direction == DIRECTIONS[1]]


def _spread_points(kind: Kind, total: float, facet: Facet) -> list[PointsEntry]:
    """Entries that give so much together, in the proportions in which the kind gives now."""
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
