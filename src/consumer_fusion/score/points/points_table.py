"""The points table: the shipped one with a workspace's changes, its versions, and the application of a calibration."""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import cast

from consumer_fusion.errors import PointsError, RefusedError
from consumer_fusion.i18n.messages import Message, join_messages
from consumer_fusion.i18n.translation import N_
from consumer_fusion.records.points import (
    Condition,
    Constants,
    Kind,
    PointsEntry,
    PointsTable,
)
from consumer_fusion.score.points.calibration_bounds import bound_kind
from consumer_fusion.score.points.points_overrides import merge_table, parse_overrides, read_points_file
from consumer_fusion.score.points.points_rules import Raw, find_largest_points, read_constants, read_kinds

SCORE_MODEL = "fs1"
"""The version of the score model that this code computes."""


def load_points(overrides: Path | None = None) -> PointsTable:
    """Load the shipped points table with the changes of a workspace.

    Args:
        overrides: A file in the form of the shipped `points.toml`; what it names changes, kind by kind,
            field by field and, in `points`, facet by facet (0 removes a facet). New kinds are
            tried before the shipped variants of the same event.

    Raises:
        PointsError: The file cannot be read or breaks rules; the message lists all of them.
    """
    # A table is needed for every read of a score, and its file rarely changes; the path of the file does not matter.
    try:
        return _load_content(None if overrides is None else (overrides.name, read_points_file(overrides)))
    except PointsError as error:
        error.where = None if overrides is None else str(overrides)
        raise


@lru_cache(maxsize=16)
def _load_content(overrides: tuple[str, bytes] | None) -> PointsTable:
    raw = tomllib.loads(
        files("consumer_fusion.score.points").joinpath("points.toml").read_text(encoding="utf-8")
    )
    problems: list[str] = []
    if overrides is not None:
        merge_table(raw, parse_overrides(*overrides), problems)
    return _build_table(raw, problems)


def _build_table(raw: Raw, problems: list[str]) -> PointsTable:
    if raw.get("model") != SCORE_MODEL:
        problems.append(
            f"model: this program computes '{SCORE_MODEL}', the table is for {raw.get('model')!r}."
        )
    constants = read_constants(raw.get("constants"), problems)
    kinds = read_kinds(cast("Raw", raw.get("kinds", {})), problems)
    if problems:
        heading = (
            N_("The points table has a problem:")
            if len(problems) == 1
            else Message("The points table has {problems} problems:", problems=len(problems))
        )
        raise PointsError(
            join_messages("\n", [join_messages("\n- ", [heading, *problems]), ""]),
            hint="Correct them in the points file; the shipped points.toml shows the form.",
        )
    return stamp_table(constants, kinds)


def stamp_table(constants: Constants, kinds: Mapping[str, Kind]) -> PointsTable:
    """A table of these kinds, with the version derived from its content."""
    table = PointsTable(SCORE_MODEL, "", constants, dict(kinds))
    return replace(table, version=_digest(write_points(table)))


def _digest(content: object) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write_points(points: PointsTable) -> dict[str, object]:
    """The table as a JSON object; the kinds are a list, because their order matters."""
    return {
        "model": points.model,
        "version": points.version,
        "constants": asdict(points.constants),
        "kinds": [_write_kind(kind) for kind in points.kinds.values()],
    }


def _write_kind(kind: Kind) -> dict[str, object]:
    """A kind as a JSON object; fields that most kinds lack are left out, so that older tables keep their version."""
    content = asdict(kind)
    if kind.hint is None:
        del content["hint"]
    if not kind.follows_rhythm:
        del content["follows_rhythm"]
    for entry in content["entries"]:
        if entry["experiment_id"] is None:
            del entry["experiment_id"]
    return content


def read_points(content: Mapping[str, object]) -> PointsTable:
    """Read back what `write_points` wrote.

    Raises:
        PointsError: The content is of another score model, or no points table at all.
    """
    if content.get("model") != SCORE_MODEL:
        raise PointsError(
            Message(
                "The points table is for score model {content}, this program computes '{SCORE_MODEL}'.",
                content=repr(content.get("model")),
                SCORE_MODEL=SCORE_MODEL,
            ),
            hint="Use the program version that wrote it, or score again with the present table.",
        )
    try:
        constants = Constants(**cast("dict[str, float]", content["constants"]))
        kinds = [_read_written_kind(raw) for raw in cast("list[dict[str, object]]", content["kinds"])]
    except (KeyError, TypeError) as error:
        raise PointsError(
            Message("The content is not a points table: {error}.", error=error),
            hint="Give what write_points returned.",
        ) from error
    return stamp_table(constants, {kind.key: kind for kind in kinds})


def _read_written_kind(raw: Mapping[str, object]) -> Kind:
    conditions = []
    for item in cast("list[dict[str, object]]", raw["conditions"]):
        value = item["value"]
        kept = tuple(value) if isinstance(value, list) else value
        conditions.append(Condition(**{**item, "value": kept}))  # type: ignore[arg-type]
    entries = tuple(PointsEntry(**item) for item in cast("list[dict[str, object]]", raw["entries"]))  # type: ignore[arg-type]
    return Kind(**{**raw, "conditions": tuple(conditions), "entries": entries})  # type: ignore[arg-type]


def digest_folding(points: PointsTable) -> str:
    """A digest of everything that folded states depend on: if it is equal, other points need no folding.

    That is the mapping of events to kinds (events, conditions and their order), their magnitude, trust and
    half-life, what they derive, repair and spread into, and whether a kind has points at all: one without is not
    evidence and is not folded.
    """
    by_event: dict[str, list[object]] = {}
    for kind in points.kinds.values():
        by_event.setdefault(kind.event, []).append([
            kind.key, [asdict(condition) for condition in kind.conditions], kind.half_life_days,
            kind.magnitude, kind.trust, kind.derives, kind.mends, kind.spreads, bool(kind.entries),
            kind.follows_rhythm,
        ])  # fmt: skip
    return _digest([points.model, by_event])


def apply_multipliers(
    points: PointsTable,
    multipliers: Mapping[str, float],
    half_life_factors: Mapping[str, float],
    protect: Collection[str] = (),
) -> PointsTable:
    """The table with the result of a calibration: one multiplier and one half-life factor per kind.

    A recovery uses the multiplier of its failure, so that it never gives back more or longer. A kind that others
    spread into is capped at the points of its weakest source. Keys missing from the table are ignored. Values beyond
    the bounds of a kind (`calibration_bounds`), as in reports of earlier versions, are clipped.

    Args:
        points: The table to start from.
        multipliers: By key; above 0, so that no sign ever changes.
        half_life_factors: By key; above 0.
        protect: Keys that stay as they are, because the workspace set them.

    Raises:
        PointsError: A multiplier or factor is not above 0.
        RefusedError: One is for an action of the brand; those are learnt by experiment only.
    """
    for key, value in [*multipliers.items(), *half_life_factors.items()]:
        if not (math.isfinite(value) and value > 0):
            raise PointsError(
                Message("The multiplier {value} of '{key}' is not above 0.", value=repr(value), key=key),
                hint="Signs are fixed; give a positive one.",
            )
        if key in points.kinds and points.kinds[key].is_brand_action and value != 1:
            raise RefusedError(
                Message(
                    "'{key}' is something the brand does; its points are never learnt from observation.",
                    key=key,
                ),
                hint="Measure it by a randomised experiment.",
            )
    kinds = {}
    for key, kind in points.kinds.items():
        source = kind.mends or key
        factor, stretch = 1.0, 1.0
        if source not in protect and source in points.kinds:
            bounds = bound_kind(points.kinds[source])
            factor = _hold(multipliers.get(source, 1.0), bounds.multiplier)
            stretch = _hold(half_life_factors.get(source, 1.0), bounds.half_life_factor)
        kinds[key] = _scale_points(replace(kind, half_life_days=kind.half_life_days * stretch), factor)
    for kind in list(kinds.values()):
        if kind.spreads is not None:
            _hold_derived(kinds, kind.spreads, find_largest_points(kind))
    return stamp_table(points.constants, kinds)


def _hold(value: float, bounds: tuple[float, float]) -> float:
    return min(max(value, bounds[0]), bounds[1])


def _hold_derived(kinds: dict[str, Kind], derived: str, largest: float) -> None:
    """Scale a derived kind, and its recovery, down to the points of a kind that spreads into it."""
    excess = find_largest_points(kinds[derived])
    if excess > largest:
        for key, kind in kinds.items():
            if derived in {key, kind.mends}:
                kinds[key] = _scale_points(kind, largest / excess)


def _scale_points(kind: Kind, factor: float) -> Kind:
    return replace(
        kind, entries=tuple(replace(entry, points=entry.points * factor) for entry in kind.entries)
    )
