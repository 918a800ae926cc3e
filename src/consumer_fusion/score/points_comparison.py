"""What two points tables say differently: for a person who is asked to put one in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from consumer_fusion.records.points import Kind, PointsTable


@dataclass(frozen=True, slots=True)
class PointsDifference:
    """One thing that two points tables say differently.

    Attributes:
        key: The kind, or `constants`.
        field: What differs, `half_life_days` or `points.wallet`; empty where the whole kind does.
        before: In the first table; None where it has none.
        after: In the second table; None where it has none.
    """

    key: str
    field: str
    before: object
    after: object


def compare_points(before: PointsTable, after: PointsTable) -> tuple[PointsDifference, ...]:
    """Everything that the second table says differently, in the order of the tables."""
    differences = _compare_fields("constants", asdict(before.constants), asdict(after.constants))
    for key in [*before.kinds, *(key for key in after.kinds if key not in before.kinds)]:
        first, second = before.kinds.get(key), after.kinds.get(key)
        if first is None or second is None:
            differences.append(PointsDifference(key, "", first, second))
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
        PointsDifference(key, name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    ]
