"""Declared actions of a workspace: from files, from a page, listed for people, withdrawn."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consumer_fusion.causal.actions import actions as actions_module
from consumer_fusion.causal.actions.actions import (
    ActionRow,
    read_action_fields,
    read_action_rows,
    write_action,
)
from consumer_fusion.errors import FusionError, InputError
from consumer_fusion.events.entities import declare_keys, find_keys, name_entities
from consumer_fusion.records.action import Action
from consumer_fusion.records.timestamps import write_iso_day, write_moment
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

FORMATS = (".csv", ".jsonl", ".ndjson", ".toml")


@dataclass(frozen=True, slots=True)
class ActionImport:
    """What became of a file of actions.

    Attributes:
        declared: New ones.
        known: Those that were on record already, the very same.
    """

    declared: int
    known: int


def read_action_file(path: Path) -> list[Action]:
    """The actions of a CSV, JSON lines or TOML file (`[[actions]]`).

    Raises:
        InputError: The file cannot be read, or an action in it cannot be; the message says which.
    """
    actions = []
    for place, row in enumerate(_read_rows(path), start=1):
        try:
            actions.append(read_action_fields(row))
        except InputError as error:
            raise InputError(error.message, hint=error.hint, where=f"{path.name}, action {place}") from error
    if not actions:
        raise InputError(f"{path.name} holds no action.", hint="Give it one action a row.")
    return actions


def _read_rows(path: Path) -> list[Mapping[str, Any]]:
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise InputError(
            f"'{path.name}' is no file of a form that is read.", hint=f"Use one of {', '.join(FORMATS)}."
        )
    try:
        text = path.read_text(encoding="utf-8-sig")
        if ending == ".csv":
            return list(csv.DictReader(text.splitlines(keepends=True)))
        if ending == ".toml":
            rows = tomllib.loads(text).get("actions", [])
        else:
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}.", hint="See its name and rights."
        ) from error
    except ValueError as error:
        raise InputError(f"{path.name} is not of its form: {error}.", hint="Mend the file.") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(
            f"{path.name} is no list of actions.", hint="Write each as [[actions]] or as a line."
        )
    return rows


def import_actions(workspace: Workspace, path: Path) -> ActionImport:
    """Put the actions of a file on record, all of them or none.

    Raises:
        InputError: The file or an action in it cannot be.
        ConflictError: Another action has one of the ids.
    """
    return declare_actions(workspace, read_action_file(path), origin="file")


def declare_actions(workspace: Workspace, actions: Iterable[Action], *, origin: str) -> ActionImport:
    """Put actions on record, all of them or none; the very same ones again change nothing."""
    listed = list(actions)
    with workspace.store.writing() as session:
        brands = declare_keys(session, "brand", sorted({each.brand for each in listed}))
        declared = 0
        for each in listed:
            try:
                declared += write_action(
                    session, each, brand_id=brands[each.brand], origin=origin, declared_us=workspace.now_us
                )
            except FusionError as error:
                error.where = error.where or f"action {each.action_id}"
                raise
        workspace.note_change(session)
    return ActionImport(declared, len(listed) - declared)


def withdraw_action(workspace: Workspace, action_id: str) -> None:
    """Take an action back as never done; its effects are no longer shown.

    Raises:
        NotFoundError: There is none in force with the id.
    """
    with workspace.store.writing() as session:
        actions_module.withdraw_action(session, action_id, workspace.now_us)
        workspace.note_change(session)


def find_action(workspace: Workspace, action_id: str) -> ActionRow:
    """An action on record.

    Raises:
        NotFoundError: There is none with the id.
    """
    with workspace.store.reading() as session:
        return actions_module.find_action(session, action_id)


def list_actions(
    workspace: Workspace, *, brand: str | None = None, with_withdrawn: bool = False
) -> list[dict[str, Any]]:
    """The actions on record in the order in which they began, as the command line's JSON has them."""
    with workspace.store.reading() as session:
        rows = read_actions(session, brand=brand, with_withdrawn=with_withdrawn)
        named = name_entities(session, [row.brand_id for row in rows])
    return [describe_action(row, named[row.brand_id]) for row in rows]


def read_actions(
    session: Session, *, brand: str | None = None, with_withdrawn: bool = False
) -> list[ActionRow]:
    """The actions on record in the order in which they began."""
    numbers = None if brand is None else list(find_keys(session, "brand", [brand]).values())
    return read_action_rows(session, brand_ids=numbers, with_withdrawn=with_withdrawn)


def describe_action(row: ActionRow, brand: str) -> dict[str, Any]:
    """An action in the shape of the command line's JSON."""
    return {
        "action": row.action_id,
        "brand": brand,
        "title": row.title,
        "action_type": row.action_type,
        "starts_at": write_moment(row.starts_us),
        "ends_at": None if row.ends_us is None else write_moment(row.ends_us),
        "last_day": write_iso_day(row.last_day),
        "region": row.region,
        "segment": row.segment,
        "assignment": row.assignment,
        "expected_effect": row.expected_effect,
        "delay_days": row.delay_days,
        "effect_days": row.effect_days,
        "effect_from": write_iso_day(row.find_window("")[0]),
        "effect_until": write_iso_day(row.find_window("")[1]),
        "windows": {
            name: {"delay_days": each.delay_days, "effect_days": each.effect_days}
            for name, each in row.windows.items()
        },
        "origin": row.origin,
        "withdrawn_at": None if row.withdrawn_us is None else write_moment(row.withdrawn_us),
    }
