"""Refusals: requests that may not be learnt or forecast because the answer would mislead, with the reason."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.errors import RefusedError
from consumer_fusion.records.points import PointsTable
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, write_moment
from consumer_fusion.score.calibration.samples import Sample, list_outcome_kinds

FEWEST_PAIRS = 200
FEWEST_OUTCOMES = 20


LONGEST_HORIZON_DAYS = 36_525.0
"""A century."""


def check_request(
    points: PointsTable, outcome: str, horizon_days: float, learn: Collection[str] | None
) -> None:
    """Refuse what must never be learnt from observation.

    Raises:
        RefusedError: The outcome or a kind to learn is an action of the brand, or not a kind at all.
    """
    if horizon_days <= 0.0:
        raise RefusedError(
            f"A horizon of {horizon_days:g} days leaves no time for an outcome.",
            hint="Give a positive number.",
        )
    if not horizon_days <= LONGEST_HORIZON_DAYS:
        raise RefusedError(
            f"A horizon of {horizon_days:g} days is longer than any outcome takes.",
            hint=f"Give at most {LONGEST_HORIZON_DAYS:,.0f} days.",
        )
    kind = points.kinds.get(outcome)
    if kind is not None and kind.is_brand_action:
        raise RefusedError(
            f"'{outcome}' is something the brand does, not an outcome of the relationship.",
            hint="Choose something that consumers do, for example 'Order Completed'.",
        )
    for key in learn or ():
        if key not in points.kinds:
            raise RefusedError(
                f"'{key}' is not a kind of the points table.", hint="Name kinds as the points table does."
            )
        if points.kinds[key].is_brand_action:
            raise RefusedError(
                f"The points of '{key}' are not learnt from observation: the brand chose who receives it, so "
                "that its choice would be mistaken for an effect.",
                hint="Run an experiment that assigns it at random.",
            )


def check_window(
    ledger: pa.Table, points: PointsTable, *, outcome: str, horizon_days: float, cutoff_us: int
) -> None:
    """Refuse an outcome that does not occur, or a window that has not ended in the ledger.

    Raises:
        RefusedError: One of the two holds.
    """
    counted = pa.array(sorted(list_outcome_kinds(points, outcome)))
    occurring = pc.is_in(ledger.column("kind").cast(pa.string()), counted)
    if not pc.any(occurring).as_py():
        raise RefusedError(
            f"No event of kind '{outcome}' is in the ledger, so nothing can be learnt from it.",
            hint=_name_occurring(ledger),
        )
    last_us = int(pc.max(ledger.column("occurred_us")).as_py())
    end_us = cutoff_us + round(horizon_days * DAY_MICROSECONDS)
    if end_us > last_us:
        raise RefusedError(
            f"The {horizon_days:g} days after {write_moment(cutoff_us)} have not ended: the last event is of "
            f"{write_moment(last_us)}.",
            hint=f"Choose a cutoff at or before {write_moment(last_us - end_us + cutoff_us)}, or fewer days.",
        )


def check_sample(sample: Sample, outcome: str) -> None:
    """Refuse to learn from too few pairs, or where all pairs or almost none had the outcome.

    Raises:
        RefusedError: There is too little to learn from.
    """
    if sample.pair_count < FEWEST_PAIRS:
        raise RefusedError(
            f"Only {sample.pair_count} pairs have evidence by the cutoff; {FEWEST_PAIRS} are needed.",
            hint="Choose a later cutoff or import more history.",
        )
    happened = int(sample.is_outcome.sum())
    if min(happened, sample.pair_count - happened) < FEWEST_OUTCOMES:
        raise RefusedError(
            f"'{outcome}' followed for {happened} of {sample.pair_count} pairs; at least {FEWEST_OUTCOMES} "
            "with and as many without are needed to distinguish them.",
            hint="Choose another horizon or cutoff.",
        )


def _name_occurring(ledger: pa.Table) -> str:
    """A hint that names the kinds that occur most."""
    if ledger.num_rows == 0:
        return "There are no events by that time: import some, or choose a later time."
    counts = pc.value_counts(ledger.column("kind").cast(pa.string())).to_pylist()
    most = sorted(counts, key=lambda one: (-int(one["counts"]), str(one["values"])))[:5]
    return f"Name a kind that occurs: {', '.join(str(one['values']) for one in most)}."
