"""Declared actions: stored from a file, a page or an event, read back, and withdrawn if they never took place."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import pyarrow as pa

from consumer_fusion.errors import ConflictError, InputError, NotFoundError
from consumer_fusion.records.action import ACTIONS, Action, Assignment, EffectWindow, ExpectedEffect
from consumer_fusion.records.characters import check_name
from consumer_fusion.records.timestamps import (
    DAY_MICROSECONDS,
    parse_moment,
    to_day,
    to_microseconds,
    write_moment,
)
from consumer_fusion.storage.engine import Engine
from consumer_fusion.storage.store import Session

DECLARING_KIND = "Action Declared"
"""The kind of event by which a source declares an action."""
MOMENT_DAYS = 14
"""Days of the window of an action without an end or a declared length."""
MOST_DAYS = 400
_DATE = re.compile(r"\d{4}-?\d\d-?\d\d")
_WHAT = ACTIONS.column_names[:-2]


@dataclass(frozen=True, slots=True)
class ActionRow:
    """A row of `actions`; its columns document the fields."""

    action_id: str
    brand_id: int
    title: str
    action_type: str
    starts_us: int
    ends_us: int | None
    region: str | None
    segment: str | None
    assignment: Assignment
    expected_effect: ExpectedEffect
    delay_days: int
    effect_days: int | None
    windows: Mapping[str, EffectWindow]
    origin: str
    declared_us: int
    withdrawn_us: int | None

    @property
    def first_day(self) -> int:
        """The UTC day on which it began."""
        return to_day(self.starts_us)

    @property
    def last_day(self) -> int:
        """The UTC day on which it ended."""
        return to_day(self.starts_us if self.ends_us is None else max(self.starts_us, self.ends_us - 1))

    def find_window(self, metric: str) -> tuple[int, int]:
        """The first and the last day of its possible effect on a metric, as it was declared."""
        own = self.windows.get(metric)
        delay = self.delay_days if own is None else own.delay_days
        days = self.effect_days if own is None else own.effect_days
        if days is None:
            days = MOMENT_DAYS if self.ends_us is None else self.last_day - self.first_day + 1
        return self.first_day + delay, self.first_day + delay + days - 1


def write_action(session: Session, action: Action, *, brand_id: int, origin: str, declared_us: int) -> bool:
    """Store an action.

    Returns:
        Whether it is new; an identical one changes nothing.

    Raises:
        InputError: A field of it is invalid.
        ConflictError: Another action has the id.
    """
    row = check_action(action)
    values = (action.action_id, brand_id, *row)
    known = session.read(ACTIONS, {"action_id": action.action_id}).to_pylist()
    if known:
        kept = tuple(known[0][name] for name in _WHAT if name != "origin")
        # Earlier releases stored a last day as its beginning: the same file again is still the same action.
        if kept in (values, (action.action_id, brand_id, *check_action(action, is_last_day_whole=False))):
            if known[0]["withdrawn_us"] is None:
                return False
            session.update(ACTIONS, {"withdrawn_us": None}, {"action_id": action.action_id})
            return True
        raise ConflictError(
            f"There is another action with the id {action.action_id}.",
            hint="Withdraw that one and declare this under a new id: a declared action cannot be changed.",
        )
    session.insert(ACTIONS, ACTIONS.column_names, [(*values, origin, declared_us, None)])
    return True


def check_action(action: Action, *, is_last_day_whole: bool = True) -> tuple[Any, ...]:
    """The stored values of an action, without its id and brand.

    Args:
        action: The action.
        is_last_day_whole: Whether an end that is a date means that whole day.

    Raises:
        InputError: A field of it is invalid.
    """
    for name in ("action_id", "brand", "title", "action_type"):
        if not str(getattr(action, name)).strip():
            raise InputError(f"An action has no {name}.", hint="Every action has an id, a brand and a title.")
    for name in ("action_id", "title", "action_type", "region", "segment"):
        check_name(f"The {name} of an action", getattr(action, name) or "")
    for name, allowed in (
        ("assignment", get_args(Assignment)),
        ("expected_effect", get_args(ExpectedEffect)),
    ):
        if getattr(action, name) not in allowed:
            raise InputError(
                f"The action {action.action_id} has the {name} '{getattr(action, name)}'.",
                hint=f"Use one of {', '.join(allowed)}.",
            )
    starts_us = to_microseconds(parse_moment(action.starts_at))
    ends_us = None if action.ends_at is None else to_microseconds(parse_moment(action.ends_at))
    if ends_us is not None and is_last_day_whole and _DATE.fullmatch(str(action.ends_at).strip()):
        ends_us += DAY_MICROSECONDS
    if ends_us is not None and ends_us < starts_us and is_last_day_whole:
        raise InputError(f"The action {action.action_id} ends before it begins.", hint="Correct its times.")
    windows = {name: (each.delay_days, each.effect_days) for name, each in action.windows.items()}
    for delay, days in ((action.delay_days, action.effect_days), *windows.values()):
        if not -MOST_DAYS <= delay <= MOST_DAYS or (days is not None and not 1 <= days <= MOST_DAYS):
            raise InputError(
                f"The action {action.action_id} has a delay of {delay} and a length of {days} days.",
                hint=f"A delay is up to {MOST_DAYS} days, a length from 1 to {MOST_DAYS}.",
            )
    fields = {name: {"delay_days": delay, "effect_days": days} for name, (delay, days) in windows.items()}
    return (
        action.title.strip(), action.action_type.strip(), starts_us, ends_us, action.region or None,
        action.segment or None, action.assignment, action.expected_effect, action.delay_days, action.effect_days,
        json.dumps(fields, sort_keys=True),
    )  # fmt: skip


def read_action_rows(
    session: Session, *, brand_ids: Collection[int] | None = None, with_withdrawn: bool = False
) -> list[ActionRow]:
    """The stored actions, in the order in which they began."""
    where: dict[str, Any] = {} if with_withdrawn else {"withdrawn_us": None}
    if brand_ids is not None:
        where["brand_id"] = sorted(brand_ids)
    rows = session.read(ACTIONS, where, order_by=("starts_us", "action_id")).to_pylist()
    return [_to_row(row) for row in rows]


def find_action(session: Session, action_id: str) -> ActionRow:
    """An action that was not withdrawn.

    Raises:
        NotFoundError: There is none with the id.
    """
    rows = session.read(ACTIONS, {"action_id": action_id, "withdrawn_us": None}).to_pylist()
    if not rows:
        raise NotFoundError(
            f"There is no action {action_id}.", hint="`fusion actions list` lists the declared actions."
        )
    return _to_row(rows[0])


def withdraw_action(session: Session, action_id: str, withdrawn_us: int) -> None:
    """Mark an action as never done.

    Raises:
        NotFoundError: There is no action with the id, or it was withdrawn.
    """
    find_action(session, action_id)
    session.update(ACTIONS, {"withdrawn_us": withdrawn_us}, {"action_id": action_id})


def take_declared_actions(
    session: Session, rows: Sequence[Mapping[str, Any]], *, brand_ids: Mapping[str, int], declared_us: int
) -> dict[str, str]:
    """Store the actions that events declare.

    The properties of such an event have the names of `Action`'s fields; without an `action_id` the event's own id is
    taken, without a `starts_at` its own time.

    Args:
        session: A writing session.
        rows: The result of `read_declaring`.
        brand_ids: The numbers of the brands.
        declared_us: The current time, in microseconds since the epoch.

    Returns:
        The reasons for refused actions, by the id of the event.
    """
    refused: dict[str, str] = {}
    for row in rows:
        try:
            action = read_declared(row)
            write_action(
                session, action, brand_id=brand_ids[action.brand], origin="event", declared_us=declared_us
            )
        except (InputError, ConflictError) as error:
            refused[str(row["event_id"])] = str(error)
    return refused


def read_declaring(engine: Engine, events: str) -> list[dict[str, Any]]:
    """The events that declare an action."""
    rows: pa.Table = engine.read(
        f"select event_id, brand, occurred_us, properties from {events} e "  # noqa: S608
        f"where e.kind = '{DECLARING_KIND}' order by occurred_us, event_id",
        step="find declared actions",
    )
    listed: list[dict[str, Any]] = rows.to_pylist()
    return listed


def read_declared(row: Mapping[str, Any]) -> Action:
    """The action that an event declares.

    Raises:
        InputError: It has no brand, an unknown field, or a malformed one.
    """
    fields = json.loads(row["properties"] or "{}")
    if not row["brand"] or not isinstance(fields, dict):
        raise InputError("An event that declares an action names its brand.", hint="Add `brand`.")
    return read_action_fields(
        {"action_id": row["event_id"], "starts_at": write_moment(row["occurred_us"]), **fields, "brand": row["brand"]}
    )  # fmt: skip


def read_action_fields(fields: Mapping[str, Any]) -> Action:
    """An action from the names and values of a file, an event or a form; empty values count as missing.

    Raises:
        InputError: A name is unknown, or a value is malformed.
    """
    names = set(Action.__dataclass_fields__)
    given = {str(name).strip(): value for name, value in fields.items() if value not in (None, "")}
    windows = _read_windows(given.pop("windows", {}))
    unknown = sorted(set(given) - names)
    if unknown:
        raise InputError(
            f"An action has no field {', '.join(unknown)}.",
            hint=f"Its fields are {', '.join(sorted(names))}.",
        )
    missing = sorted({"action_id", "brand", "title", "starts_at"} - set(given))
    if missing:
        raise InputError(
            f"An action lacks {', '.join(missing)}.",
            hint="Every action has action_id, brand, title and starts_at.",
        )
    for name in ("delay_days", "effect_days"):
        if name in given:
            given[name] = _read_days(given[name], name)
    texts: dict[str, Any] = {
        name: value if name in ("delay_days", "effect_days") else str(value) for name, value in given.items()
    }
    return Action(**texts, windows=windows)


def _read_windows(fields: Any) -> dict[str, EffectWindow]:
    if isinstance(fields, str):
        try:
            fields = json.loads(fields)
        except ValueError:
            fields = None
    if not isinstance(fields, Mapping):
        raise InputError(
            "The windows of an action must be a JSON object.",
            hint='Write {"followers": {"delay_days": 1, "effect_days": 3}}.',
        )
    windows = {}
    for metric, each in fields.items():
        if not isinstance(each, Mapping) or set(each) != {"delay_days", "effect_days"}:
            raise InputError(
                f"The window of {metric} is malformed.",
                hint="Give it delay_days and effect_days.",
            )
        windows[str(metric)] = EffectWindow(
            delay_days=_read_days(each["delay_days"], "delay_days"),
            effect_days=_read_days(each["effect_days"], "effect_days"),
        )
    return windows


def _read_days(value: Any, name: str) -> int:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.5
    if not math.isfinite(number) or number != int(number):
        raise InputError(f"The {name} of an action is '{value}'.", hint="It is a whole number of days.")
    return int(number)


def _to_row(row: Mapping[str, Any]) -> ActionRow:
    windows = {name: EffectWindow(**each) for name, each in json.loads(row["windows"]).items()}
    return ActionRow(**{**row, "windows": windows})
