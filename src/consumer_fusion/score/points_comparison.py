"""Differences between two points tables, and their effect on the scores: a preview of a change of points."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.events.event_reader import EventSelection
from consumer_fusion.records.points import Kind, PointsTable
from consumer_fusion.records.schema import Schema, describe
from consumer_fusion.score.calibration.calibration_report import UNHAPPY_BELOW
from consumer_fusion.score.model.score_arrays import score_states
from consumer_fusion.score.queries.score_queries import fold_until
from consumer_fusion.score.score_context import ScoreContext

HAPPY_ABOVE = 55.0
NEUTRAL = 50.0
LISTED_PAIRS = 3
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BINS = 41


class PointsDifference(Schema):
    """One difference between two points tables."""

    kind: str = describe("Kind", "The kind, or `constants`.")
    field: str = describe(
        "Field", "The field, such as `half_life_days` or `points.wallet`; empty where the whole kind differs."
    )
    before: object = describe("Before", "Value in the first table; null where it has none.")
    after: object = describe("After", "Value in the second table; null where it has none.")


def compare_points(before: PointsTable, after: PointsTable) -> tuple[PointsDifference, ...]:
    """All differences of the second table from the first, in the order of the tables."""
    differences = _compare_fields("constants", asdict(before.constants), asdict(after.constants))
    for key in [*before.kinds, *(key for key in after.kinds if key not in before.kinds)]:
        first, second = before.kinds.get(key), after.kinds.get(key)
        if first is None or second is None:
            differences.append(PointsDifference(kind=key, field="", before=first, after=second))
        else:
            differences += _compare_fields(key, _list_fields(first), _list_fields(second))
    return tuple(differences)


def _list_fields(kind: Kind) -> dict[str, object]:
    content = {name: value for name, value in asdict(kind).items() if name not in {"key", "entries"}}
    content |= {f"points.{entry.facet}": entry.points for entry in kind.entries}
    content |= {f"graded.{entry.facet}": entry.is_graded for entry in kind.entries}
    return content | {
        f"experiment.{entry.facet}": entry.experiment_id for entry in kind.entries if entry.experiment_id
    }


def _compare_fields(
    key: str, before: Mapping[str, object], after: Mapping[str, object]
) -> list[PointsDifference]:
    names = [*before, *(name for name in after if name not in before)]
    return [
        PointsDifference(kind=key, field=name, before=before.get(name), after=after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    ]


class PairChange(Schema):
    """Effect of another points table on the score of one pair."""

    consumer: str = describe("Consumer", "Key of the consumer.")
    brand: str = describe("Brand", "Key of the brand.")
    before: float = describe("Now", "Its score now.")
    after: float = describe("After", "Its score with the other table.")


class ChangeQuantile(Schema):
    """One quantile of the changes of the scores."""

    share: float = describe("Share", "Share of the pairs below it.", form="share")
    move: float = describe("Change", "Change of the score.")


class ScoreComparison(Schema):
    """Effect of another points table on the scores of all pairs."""

    pair_count: int = describe("Relationships", "Number of pairs.")
    class_count: int = describe("Changed classes", "Number of pairs whose class of relationship changes.")
    low_before: int = describe("Below 45 now", "Number of pairs below 45 now.")
    low_after: int = describe("Below 45 after", "Number of pairs below 45 with the other table.")
    low_kept: int = describe("Below 45 in both", "Number of pairs below 45 now and with the other table.")
    low_lifted: int = describe(
        "Lifted", "Number of pairs below 45 now and above neutral with the other table."
    )
    high_before: int = describe("Above 55 now", "Number of pairs above 55 now.")
    high_after: int = describe("Above 55 after", "Number of pairs above 55 with the other table.")
    quantiles: tuple[ChangeQuantile, ...] = describe("Quantiles", "Quantiles of the change of a score.")
    bins: tuple[int, ...] = describe(
        "Bins", "Histogram of the changes, in bins of equal width from `-reach` to `reach`."
    )
    reach: float = describe("Reach", "Largest change of a score, without sign.")
    largest: tuple[PairChange, ...] = describe("Largest changes", "Pairs with the largest changes.")


def score_with_points(
    context: ScoreContext,
    as_of_us: int,
) -> pa.Table:
    """The scores of all pairs with another table with the same rules, by a fold that is not stored.

    Returns:
        The columns of `score_states`.
    """
    states = fold_until(context, EventSelection(until_us=as_of_us), as_of_us)
    return score_states(states, context.points, context.kind_ids)


def compare_scores(
    before: pa.Table, after: pa.Table, name_entities: Callable[[Iterable[int]], Mapping[int, str]]
) -> ScoreComparison:
    """Compare two tables of scores of the same pairs.

    Args:
        before: Scores as `score_states` gives them.
        after: Scores with the other table.
        name_entities: Returns the keys of consumers and brands by their numbers.
    """
    pair = ["consumer_id", "brand_id"]
    columns = [*pair, "fusion_score", "symbiosis"]
    both = before.select(columns).join(after.select(columns), pair, right_suffix="_after", join_type="inner")
    both = both.sort_by([(name, "ascending") for name in pair])
    now, then = (both[name].to_numpy() for name in ("fusion_score", "fusion_score_after"))
    moves = then - now
    reach = float(np.max(np.abs(moves), initial=0.0))
    first = np.argsort(-np.abs(moves), kind="stable")[:LISTED_PAIRS]
    listed = both.take(first).to_pylist()
    keys = name_entities(row[name] for row in listed for name in pair)
    levels = np.quantile(moves, QUANTILES) if moves.size else np.zeros(len(QUANTILES))
    return ScoreComparison(
        pair_count=both.num_rows,
        class_count=pc.sum(pc.not_equal(both["symbiosis"], both["symbiosis_after"])).as_py() or 0,
        low_before=int(np.count_nonzero(now < UNHAPPY_BELOW)),
        low_after=int(np.count_nonzero(then < UNHAPPY_BELOW)),
        low_kept=int(np.count_nonzero((now < UNHAPPY_BELOW) & (then < UNHAPPY_BELOW))),
        low_lifted=int(np.count_nonzero((now < UNHAPPY_BELOW) & (then > NEUTRAL))),
        high_before=int(np.count_nonzero(now > HAPPY_ABOVE)),
        high_after=int(np.count_nonzero(then > HAPPY_ABOVE)),
        quantiles=tuple(
            ChangeQuantile(share=share, move=move)
            for share, move in zip(QUANTILES, levels.tolist(), strict=True)
        ),
        bins=tuple(np.histogram(moves, _BINS, (-reach or -1.0, reach or 1.0))[0].tolist()),
        reach=reach,
        largest=tuple(
            PairChange(
                consumer=keys[row["consumer_id"]],
                brand=keys[row["brand_id"]],
                before=row["fusion_score"],
                after=row["fusion_score_after"],
            )
            for row in listed
        ),
    )
