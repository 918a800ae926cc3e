"""Annotation of events: their kind in the points table and their magnitude.

The rules are in `docs/concepts/score.md`. They run as SQL over a batch, for ten events or ten million.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa

from consumer_fusion.records.points import Condition, PointsTable

ASSUMED_PEOPLE = 100
"""Number of people assumed for a public event whose `people` is not stated."""

_ALL_TIME_US = 2**62
_COMPARISONS = {"above": ">", "below": "<", "at_least": ">=", "at_most": "<="}


def annotate_sql(points: PointsTable, kind_ids: Mapping[str, int], events: str) -> str:
    """The query that adds kind and magnitude to events.

    Args:
        points: The points table in force.
        kind_ids: Number of each key.
        events: Relation to read, with the columns kind, value, currency, channel, properties, brand_id,
            occurred_us; the query also needs `plain_kinds`, `kind_rules` and `money_references` (`annotation_tables`).

    Returns:
        A SELECT of all columns of the relation plus `kind_id` (0 for a kind without points) and `magnitude`.
    """
    derived = list_derived_only(points)
    cases = [
        f"when e.kind = {_quote(kind.event)} and {' and '.join(map(_condition_sql, kind.conditions))} "
        f"then {kind_ids[kind.key]}"
        for kind in points.kinds.values()
        if kind.conditions and kind.key not in derived
    ]
    variants = sorted({kind.event for kind in points.kinds.values() if kind.conditions})
    kind_id = "coalesce(p.kind_id, 0)"
    if cases:
        listed = ", ".join(map(_quote, variants))
        kind_id = f"case when e.kind in ({listed}) then case {' '.join(cases)} else {kind_id} end else {kind_id} end"
    return f"""
        select a.*, {_magnitude_sql()} as magnitude
        from (
            select e.*, cast({kind_id} as bigint) as kind_id
            from {events} e left join plain_kinds p on p.kind = e.kind
        ) a
        left join kind_rules k on k.kind_id = a.kind_id
        left join money_references m on m.brand_id = a.brand_id and m.currency = coalesce(a.currency, '')
            and a.occurred_us >= m.from_us and a.occurred_us < m.to_us
    """


def annotation_tables(
    points: PointsTable, kind_ids: Mapping[str, int], references: pa.Table
) -> dict[str, pa.Table]:
    """The small tables that `annotate_sql` joins.

    Args:
        points: The points table in force.
        kind_ids: Number of each key.
        references: Rows of `brand_references`.
    """
    derived = list_derived_only(points)
    plain = [k for k in points.kinds.values() if not k.conditions and k.key not in derived]
    return {
        "plain_kinds": pa.table(
            {
                "kind": pa.array([k.event for k in plain], pa.string()),
                "kind_id": pa.array([kind_ids[k.key] for k in plain], pa.int64()),
            }
        ),
        "kind_rules": pa.table(
            {
                "kind_id": pa.array([kind_ids[k.key] for k in points.kinds.values()], pa.int64()),
                "rule": pa.array([k.magnitude for k in points.kinds.values()], pa.string()),
            }
        ),
        "money_references": _lay_out_spans(references),
    }


def _lay_out_spans(references: pa.Table) -> pa.Table:
    """The period of each money reference; the first one of a brand also applies to all time before."""
    rows = references.sort_by(
        [("brand_id", "ascending"), ("currency", "ascending"), ("valid_from_us", "ascending")]
    ).select(["brand_id", "currency", "valid_from_us", "amount"])
    brand, from_us, amount = (rows[name].to_numpy() for name in ("brand_id", "valid_from_us", "amount"))
    currency = rows["currency"].to_numpy(zero_copy_only=False)
    is_first = np.ones(brand.size, np.bool_)
    is_first[1:] = (brand[1:] != brand[:-1]) | (currency[1:] != currency[:-1])
    begins = is_first.copy()
    begins[1:] |= amount[1:] != amount[:-1]
    chosen = np.flatnonzero(begins)
    from_us = np.where(is_first[chosen], -_ALL_TIME_US, from_us[chosen])
    to_us = np.full(chosen.size, _ALL_TIME_US)
    to_us[:-1] = np.where(is_first[chosen[1:]], _ALL_TIME_US, from_us[1:])
    return pa.table(
        {
            "brand_id": pa.array(brand[chosen], pa.int64()),
            "currency": pa.array(currency[chosen], pa.string()),
            "from_us": pa.array(from_us, pa.int64()),
            "to_us": pa.array(to_us, pa.int64()),
            "amount": pa.array(amount[chosen], pa.float64()),
        }
    )


def list_derived_only(points: PointsTable) -> frozenset[str]:
    """The kinds whose events are only derived from other events, so that no one can send them."""
    mending = {key for key, kind in points.kinds.items() if kind.mends is not None}
    return frozenset(mending | {kind.spreads for kind in points.kinds.values() if kind.spreads is not None})


def _property(name: str) -> str:
    return f"json_extract_string(e.properties, '$.\"{name}\"')"


def _number(name: str, row: str = "a") -> str:
    return f"try_cast(json_extract_string({row}.properties, '$.\"{name}\"') as double)"


def _condition_sql(condition: Condition) -> str:
    field = condition.field
    ratio = f"({_number('response_seconds', 'e')} / nullif({_number('target_seconds', 'e')}, 0))"
    columns = {"value": "e.value", "channel": "e.channel", "response_ratio": ratio}
    text = columns.get(field, _property(field))
    number = columns[field] if field in ("value", "response_ratio") else f"try_cast({text} as double)"
    if condition.comparison == "present":
        return f"{text} is not null"
    if condition.comparison == "absent":
        return f"{text} is null"
    if condition.comparison in _COMPARISONS:
        return f"coalesce({number} {_COMPARISONS[condition.comparison]} {float(condition.value)!r}, false)"  # type: ignore[arg-type]
    values: Iterable[object] = condition.value if condition.comparison == "in" else (condition.value,)  # type: ignore[assignment]
    return "(" + " or ".join(_equals(text, number, value) for value in values) + ")"


def _equals(text: str, number: str, value: object) -> str:
    if isinstance(value, bool):
        return f"coalesce({text} = '{str(value).lower()}', false)"
    if isinstance(value, (int, float)):
        return f"coalesce({number} = {float(value)!r}, false)"
    return f"coalesce({text} = {_quote(str(value))}, false)"


def _magnitude_sql() -> str:
    people = f"coalesce({_number('people')}, {ASSUMED_PEOPLE})"
    reach = f"0.2 * log10(1 + greatest({people}, 0))"
    severity = f"least(1, greatest(0, coalesce({_number('severity')}, 1)))"
    rating = _number("rating")
    ratio = f"({_number('response_seconds')} / nullif({_number('target_seconds')}, 0))"
    sentiment = f"coalesce({_number('sentiment')}, 1)"
    confidence = f"least(1, greatest(0, coalesce({_number('confidence')}, 1)))"
    rules = {
        "money": "case when a.value is null or m.amount is null then 1 "
        "else least(3, greatest(0.25, log2(1 + abs(a.value) / m.amount))) end",
        "rating": f"least(1, abs(coalesce({rating}, 3) - 3) / 2)",
        "effort": f"least(1, abs(coalesce({rating}, 4) - 4) / 3)",
        "recommendation": f"case when {rating} > 8 then least(1, ({rating} - 8) / 2) "
        f"else least(1, (7 - {rating}) / 7) end",
        "severity": severity,
        "severity_reach": f"{severity} * least(1, {reach})",
        "sentiment_reach": f"least(1, abs({sentiment})) * {confidence} * {severity} * "
        f"case when {sentiment} < 0 then least(1, {reach}) else {reach} end",
        "reach": f"0.2 * log10(1 + greatest(coalesce({_number('audience')}, {people}), 0))",
        "gained": f"0.2 * log10(1 + abs(coalesce({_number('followers_gained')}, 0)))",
        "lateness": f"log2(1 + greatest(coalesce({_number('days_late')}, 1), 0))",
        "response_time": f"abs(least(2, greatest(-3, 1 - log2(greatest({ratio}, 0.125)))))",
        "stated": f"least(3, greatest(0, coalesce({_number('magnitude')}, 1)))",
    }
    cases = " ".join(f"when '{rule}' then {text}" for rule, text in rules.items())
    return f"cast(coalesce(case k.rule {cases} else 1 end, 1) as double)"


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
