"""The points file of a workspace: reading it, and merging it into the shipped table."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from consumer_fusion.errors import PointsError
from consumer_fusion.i18n.messages import Message
from consumer_fusion.score.points.points_rules import Raw


def list_overridden(overrides: Path) -> frozenset[str]:
    """The keys of the kinds in a workspace's own file, which a calibration may not change.

    Raises:
        PointsError: The file cannot be read.
    """
    kinds = read_overrides(overrides).get("kinds", {})
    return frozenset(kinds) if isinstance(kinds, Mapping) else frozenset()


def read_overrides(path: Path) -> dict[str, object]:
    """Read a workspace's points file.

    Raises:
        PointsError: It cannot be read or is not TOML.
    """
    try:
        return parse_overrides(path.name, read_points_file(path))
    except PointsError as error:
        error.where = str(path)
        raise


def read_points_file(path: Path) -> bytes:
    """The content of a workspace's points file.

    Raises:
        PointsError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise PointsError(
            Message(
                "The points file {name} cannot be read: {strerror}.", name=path.name, strerror=error.strerror
            ),
            hint="Check that it exists and may be read.",
            where=str(path),
        ) from error


def parse_overrides(name: str, content: bytes) -> dict[str, object]:
    """The changes in a points file.

    Args:
        name: Name of the file.
        content: Content of the file.

    Raises:
        PointsError: It is not TOML.
    """
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PointsError(
            Message("The points file {name} is not TOML: {error}.", name=name, error=error),
            hint="Correct the place that is named.",
        ) from error


def merge_table(raw: dict[str, object], changes: Raw, problems: list[str]) -> None:
    """Merge a workspace's changes into a table, kind by kind, field by field and facet by facet."""
    for name, value in changes.items():
        if name in {"constants", "kinds"} and not isinstance(value, Mapping):
            problems.append(f"{name}: expected a table, found {value!r}.")
        elif name == "model":
            raw["model"] = value
        elif name == "constants":
            raw["constants"] = {**cast("Raw", raw["constants"]), **cast("Raw", value)}
        elif name == "kinds":
            raw["kinds"] = _merge_kinds(cast("Raw", raw["kinds"]), cast("Raw", value))
        else:
            problems.append(f"'{name}' is not part of a points table; known are model, constants, kinds.")


def _merge_kinds(shipped: Raw, changes: Raw) -> Raw:
    merged: dict[str, object] = {}
    new = {key: raw for key, raw in changes.items() if key not in shipped}
    for key, raw in shipped.items():
        # New variants are tried first: a workspace's variants take precedence over the shipped ones.
        for added in [
            name for name, change in new.items() if _name_event(name, change) == _name_event(key, raw)
        ]:
            merged[added] = new.pop(added)
        merged[key] = _merge_kind(raw, changes[key]) if key in changes else raw
    merged.update(new)
    for key, raw in merged.items():
        if key not in changes and isinstance(raw, Mapping) and raw.get("mends") in changes:  # words: as is
            merged[key] = _follow_failure(raw, merged[raw["mends"]])  # words: as is
    return merged


def _follow_failure(recovery: Raw, failure: object) -> Raw:
    """A recovery with the points and half-life of its failure, also when a workspace changes those."""
    if not isinstance(failure, Mapping):
        return recovery
    taken = failure.get("points")
    numbers = taken.items() if isinstance(taken, Mapping) else ()
    given = {facet: -value for facet, value in numbers if isinstance(value, int | float)}
    fading = {"half_life_days": failure["half_life_days"]} if "half_life_days" in failure else {}
    return {**recovery, "points": given, "graded": list(given), **fading}


def _name_event(key: str, raw: object) -> object:
    return (raw.get("event") if isinstance(raw, Mapping) else None) or key.split("/", 1)[0]


def _merge_kind(shipped: object, change: object) -> object:
    if not isinstance(shipped, Mapping) or not isinstance(change, Mapping):
        return change
    merged = {**shipped, **change}
    if "half_life_days" in change and "follows_rhythm" not in change:
        # A half-life set by the workspace applies to all brands.
        merged.pop("follows_rhythm", None)
    if isinstance(shipped.get("points"), Mapping) and isinstance(change.get("points"), Mapping):
        merged["points"] = {**shipped["points"], **change["points"]}
    return merged
