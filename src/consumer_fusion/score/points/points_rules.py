"""The rules of a points table: reading its TOML form into kinds, and validating it.

All problems of a table are collected, so that its author sees them at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import cast, get_args

from consumer_fusion.i18n.messages import Message, as_message
from consumer_fusion.records.characters import find_unsafe
from consumer_fusion.records.points import (
    FACETS,
    Comparison,
    Condition,
    Constants,
    Direction,
    Facet,
    HintType,
    Kind,
    MagnitudeRule,
    PointsEntry,
)

Raw = Mapping[str, object]

RIGHTS = frozenset({"Consent Withdrawn", "Erasure Requested", "Access Requested"})
"""Using a right is never a fault and never a gift: these events have no points on the consumer's side."""

ASKING_FOR_HELP = frozenset({"Live Chat Conversation Started", "Ticket Opened"})
"""Asking is no complaint: these events are no hint of dissatisfaction."""

HELP_AND_PRIVATE_COMPLAINTS = ASKING_FOR_HELP | {"Complaint Made"}
"""Asking for help or complaining in private never costs the consumer's side."""

_KIND_FIELDS = frozenset({
    "meaning", "event", "half_life_days", "magnitude", "points", "graded", "when", "trust", "spreads",
    "derives", "mends", "is_brand_action", "hint", "follows_rhythm",  # words: as is
})  # fmt: skip
_DIRECTION_OF: Mapping[str, Direction] = {
    facet: direction for direction, facets in FACETS.items() for facet in facets
}
_NUMERIC_COMPARISONS = frozenset({"above", "below", "at_least", "at_most"})


def read_kinds(raw_kinds: Raw, problems: list[str]) -> dict[str, Kind]:
    """Read the kinds in their order; errors are added to `problems`, and the faulty parts left out or defaulted."""
    kinds: dict[str, Kind] = {}
    for key, raw in raw_kinds.items():
        if isinstance(raw, Mapping):
            kinds[key] = _read_kind(key, raw, problems)
        else:
            problems.append(f'kinds."{key}": expected a table of fields, found {raw!r}.')
    _check_order(kinds.values(), problems)
    _check_links(kinds, problems)
    _check_spreading(kinds, problems)
    _check_mending(kinds, problems)
    _check_boundaries(kinds.values(), problems)
    return kinds


def read_constants(raw: object, problems: list[str]) -> Constants:
    """Read the constants of the model, each a positive number; the balance is below 1."""
    names = [item.name for item in fields(Constants)]
    given: Raw = raw if isinstance(raw, Mapping) else {}
    problems.extend(
        f"constants: '{name}' is not a constant of the model; known are {', '.join(names)}."
        for name in given
        if name not in names
    )
    values: dict[str, float] = {}
    for name in names:
        value = _read_number(given.get(name))
        if value is None or value <= 0:
            problems.append(f"constants: {name} has to be a number above 0, found {given.get(name)!r}.")
        elif name == "balance" and value >= 1:
            problems.append(f"constants: balance has to be below 1, found {value:g}.")
        values[name] = 1.0 if value is None else value
    return Constants(**values)


def _read_kind(key: str, raw: Raw, problems: list[str]) -> Kind:
    def report(message: str) -> None:
        problems.append(Message('kinds."{key}": {message}', key=key, message=as_message(message)))

    if find_unsafe(key) is not None:
        report(
            Message(
                "its name contains the character {key}, which is not allowed in names.", key=find_unsafe(key)
            )
        )
    for name in raw:
        if name not in _KIND_FIELDS:
            report(f"'{name}' is not a field; known are {', '.join(sorted(_KIND_FIELDS))}.")
    half_life = _read_number(raw.get("half_life_days"))
    if half_life is None or half_life <= 0:
        report(
            Message(
                "half_life_days has to be a number above 0, found {raw}.", raw=repr(raw.get("half_life_days"))
            )
        )
    trust = _read_number(raw.get("trust", 1))
    if trust is None or not 0 <= trust <= 1:
        report(Message("trust has to be from 0 to 1, found {raw}.", raw=repr(raw.get("trust"))))
    magnitude = raw.get("magnitude", "one")
    if magnitude not in get_args(MagnitudeRule):
        report(f"magnitude '{magnitude}' is no rule; known are {', '.join(get_args(MagnitudeRule))}.")
    hint = raw.get("hint")
    if hint is not None and hint not in get_args(HintType):
        known = ", ".join(get_args(HintType))
        report(Message("hint '{hint}' is not known; known are {known}.", hint=hint, known=known))
    is_brand_action = raw.get("is_brand_action", False)
    if not isinstance(is_brand_action, bool):
        report(f"is_brand_action has to be true or false, found {is_brand_action!r}.")
    follows_rhythm = raw.get("follows_rhythm", False)
    if not isinstance(follows_rhythm, bool):
        report(f"follows_rhythm has to be true or false, found {follows_rhythm!r}.")
    return Kind(
        key=key,
        event=_read_text(raw, "event", report) or key.split("/", 1)[0],
        conditions=_read_conditions(raw.get("when", {}), report),
        half_life_days=half_life if half_life is not None and half_life > 0 else 1.0,
        magnitude=cast("MagnitudeRule", magnitude),
        trust=1.0 if trust is None else trust,
        entries=_read_entries(raw, report),
        spreads=_read_text(raw, "spreads", report),
        derives=_read_text(raw, "derives", report),
        mends=_read_text(raw, "mends", report),  # words: as is
        is_brand_action=bool(is_brand_action),
        meaning=_read_text(raw, "meaning", report) or "",
        hint=cast("HintType | None", hint),
        follows_rhythm=bool(follows_rhythm),
    )


def _read_text(raw: Raw, name: str, report: Callable[[str], None]) -> str | None:
    value = raw.get(name)
    if value is None or isinstance(value, str):
        return value or None
    report(f"{name} has to be a text, found {value!r}.")
    return None


def _read_number(value: object) -> float | None:
    """A finite number; booleans are not numbers here, though they are in Python."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _read_entries(raw: Raw, report: Callable[[str], None]) -> tuple[PointsEntry, ...]:
    points, graded = raw.get("points", {}), raw.get("graded", ())
    if not isinstance(points, Mapping):
        report(f"points has to be a table of facets, found {points!r}.")
        return ()
    if isinstance(graded, str) or not isinstance(graded, Sequence):
        report(f"graded has to be a list of facets, found {graded!r}.")
        graded = ()
    for facet in graded:
        if facet not in points:
            report(f"graded names '{facet}', which has no points here.")
    entries = []
    for facet, value in points.items():
        number = _read_number(value)
        if facet not in _DIRECTION_OF:
            report(f"'{facet}' is not a facet; known are {', '.join(_DIRECTION_OF)}.")
        elif number is None:
            report(
                Message(
                    "points of {facet} have to be a number, found {value}.", facet=facet, value=repr(value)
                )
            )
        elif number:  # 0 removes a facet: a kind whose points are all 0 is no evidence
            entries.append(PointsEntry(_DIRECTION_OF[facet], cast("Facet", facet), number, facet in graded))
    return tuple(entries)


def _read_conditions(when: object, report: Callable[[str], None]) -> tuple[Condition, ...]:
    if not isinstance(when, Mapping):
        report(f"when has to be a table of conditions, found {when!r}.")
        return ()
    conditions = []
    for field, wanted in when.items():
        comparisons = wanted if isinstance(wanted, Mapping) else {"is": wanted}
        for comparison, value in comparisons.items():
            if comparison not in get_args(Comparison):
                known = ", ".join(get_args(Comparison))
                report(f"when {field}: '{comparison}' is no comparison; known are {known}.")
                continue
            problem = _find_value_problem(comparison, value)
            if problem:
                report(f"when {field} {comparison}: {problem}, found {value!r}.")
            kept = tuple(value) if isinstance(value, list) else value
            conditions.append(Condition(field, cast("Comparison", comparison), kept))
    return tuple(conditions)


def _find_value_problem(comparison: str, value: object) -> str | None:
    if comparison in _NUMERIC_COMPARISONS and _read_number(value) is None:
        return "expected a number"
    if comparison == "in" and not (isinstance(value, list | tuple) and value):
        return "expected a list of values"
    if comparison == "is" and isinstance(value, list | tuple | Mapping):
        return 'expected one value (for several, write { in = ["a", "b"] })'
    return None


def _check_order(kinds: Iterable[Kind], problems: list[str]) -> None:
    """Variants are tried in order: none may follow one that matches every event of its kind."""
    last: dict[tuple[str, str | None], str] = {}
    for kind in kinds:
        # Recoveries are chosen by the failure that they repair, so they only compete for the same one.
        contest = (kind.event, kind.mends)
        if contest in last:
            problems.append(
                f'kinds."{kind.key}": is never reached, because "{last[contest]}" before it takes every '
                f"'{kind.event}'; give that one a condition (when) or put it last."
            )
        elif not kind.conditions:
            last[contest] = kind.key


def _check_links(kinds: Mapping[str, Kind], problems: list[str]) -> None:
    for kind in kinds.values():
        for name, target in (
            ("spreads", kind.spreads),
            ("derives", kind.derives),
            ("mends", kind.mends),  # words: as is
        ):
            if target is not None and target not in kinds:
                problems.append(f'kinds."{kind.key}": {name} names "{target}", which is not in the table.')


def _check_spreading(kinds: Mapping[str, Kind], problems: list[str]) -> None:
    """A derived kind has at most the points of its source, and spreads no further (`docs/concepts/score.md`)."""
    for kind in kinds.values():
        derived = kinds.get(kind.spreads or "")
        if derived is None:
            continue
        largest = find_largest_points(kind)
        problems.extend(
            Message(
                'kinds."{key}": {points} points of {facet} exceed the {largest} of "{key4}", which '
                "spreads into it; lower them.",
                key=derived.key,
                points=f"{entry.points:g}",
                facet=entry.facet,
                largest=f"{largest:g}",
                key4=kind.key,
            )
            for entry in derived.entries
            if abs(entry.points) > largest
        )
        if derived.spreads is not None:
            problems.append(f'kinds."{derived.key}": is itself spread into, so it may not spread further.')


def _check_mending(kinds: Mapping[str, Kind], problems: list[str]) -> None:
    """A recovery gives back at most what its failure took, in the same facet, with the same half-life."""
    for kind in kinds.values():
        failure = kinds.get(kind.mends or "")
        if failure is None:
            continue
        if failure.follows_rhythm or kind.follows_rhythm:
            problems.append(
                Message(
                    'kinds."{key}": neither it nor "{key1}", which it repairs, can follow the rhythm of a '
                    "brand.",
                    key=kind.key,
                    key1=failure.key,
                )
            )
        if kind.half_life_days != failure.half_life_days:
            problems.append(
                Message(
                    'kinds."{key}": half_life_days has to be that of "{key1}", which it repairs '
                    "({half_life_days}), found {half_life_days3}.",
                    key=kind.key,
                    key1=failure.key,
                    half_life_days=f"{failure.half_life_days:g}",
                    half_life_days3=f"{kind.half_life_days:g}",
                )
            )
        taken = {entry.facet: entry.points for entry in failure.entries}
        for entry in kind.entries:
            lost = taken.get(entry.facet, 0.0)
            if entry.points * lost > 0 or abs(entry.points) > abs(lost):
                problems.append(
                    Message(
                        'kinds."{key}": {points} points of {facet} are more than "{key3}" takes ({lost}); a '
                        "recovery gives back at most that.",
                        key=kind.key,
                        points=f"{entry.points:g}",
                        facet=entry.facet,
                        key3=failure.key,
                        lost=f"{lost:g}",
                    )
                )


def _check_boundaries(kinds: Iterable[Kind], problems: list[str]) -> None:
    for kind in kinds:
        if kind.hint is not None and kind.event in RIGHTS | ASKING_FOR_HELP:
            problems.append(
                Message(
                    'kinds."{key}": asking for help and using a right are no hints; remove hint.',
                    key=kind.key,
                )
            )
        for entry in kind.entries:
            if entry.direction != "consumer_to_brand":
                continue
            if kind.event in RIGHTS:
                problems.append(
                    Message(
                        'kinds."{key}": using a right has no points of the consumer; remove {facet}.',
                        key=kind.key,
                        facet=entry.facet,
                    )
                )
            elif kind.event in HELP_AND_PRIVATE_COMPLAINTS and entry.points < 0:
                problems.append(
                    Message(
                        'kinds."{key}": asking for help or complaining in private never costs the consumer\'s '
                        "side; {facet} may not be negative.",
                        key=kind.key,
                        facet=entry.facet,
                    )
                )


def find_largest_points(kind: Kind) -> float:
    """The points of the kind's strongest facet, without sign; 0 where it has none."""
    return max((abs(entry.points) for entry in kind.entries), default=0.0)
