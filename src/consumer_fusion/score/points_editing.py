"""Changing the workspace's points: a form is merged into its points file, checked and written atomically."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from consumer_fusion.errors import ConflictError, PointsError
from consumer_fusion.i18n.translation import _
from consumer_fusion.records.points import DIRECTIONS, FACETS, Kind, PointsTable
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.points.points_overrides import read_overrides
from consumer_fusion.score.points.points_table import load_points
from consumer_fusion.score.points_file import Own, write_into
from consumer_fusion.workspace import Workspace

ALL_FACETS = tuple(facet for direction in DIRECTIONS for facet in FACETS[direction])


@dataclass(frozen=True, slots=True)
class KindForm:
    """Values of a form for one kind.

    Attributes:
        key: The kind.
        points: Points by facet; 0 removes a facet.
        graded: Facets that are multiplied by the magnitude.
        half_life_days: Half-life in days.
        trust: 0 to 1: trust in events of the kind.
        meaning: One sentence; only for a kind missing from the shipped table.
    """

    key: str
    points: Mapping[str, float]
    graded: frozenset[str]
    half_life_days: float
    trust: float
    meaning: str = ""


def read_own(workspace: Workspace) -> Own:
    """The workspace's own points; empty where it has no file."""
    return dict(read_overrides(workspace.points_path)) if workspace.points_path.exists() else {}


def change_own(own: Own, form: KindForm) -> Own:
    """The workspace's own points with a form merged in; only differences from the shipped table are kept.

    Args:
        own: The workspace's own points before.
        form: Values of the form.
    """
    shipped = load_points().kinds.get(form.key)
    kinds = dict(own.get("kinds", {}))
    said = {
        name: value
        for name, value in dict(kinds.get(form.key, {})).items()
        if name not in ("points", "graded", "half_life_days", "trust")
    }
    given = {entry.facet: entry for entry in shipped.entries} if shipped is not None else {}
    points = {
        facet: value
        for facet, value in form.points.items()
        if value != (given[facet].points if facet in given else 0.0)
    }
    if points:
        said["points"] = points
    graded = sorted(facet for facet in form.graded if form.points[facet])
    shipped_graded = sorted(facet for facet, entry in given.items() if entry.is_graded)
    if graded != shipped_graded:
        said["graded"] = graded
    if shipped is None or form.half_life_days != shipped.half_life_days:
        said["half_life_days"] = form.half_life_days
    if form.trust != (1.0 if shipped is None else shipped.trust):
        said["trust"] = form.trust
    if shipped is None and form.meaning:
        said["meaning"] = form.meaning
    kinds[form.key] = said
    return {**own, "kinds": kinds}


def drop_own(own: Own, key: str) -> Own:
    """The workspace's own points without a kind, which is then as shipped or as calibrated."""
    kinds = {name: said for name, said in dict(own.get("kinds", {})).items() if name != key}
    return {
        **{name: value for name, value in own.items() if name != "kinds"},
        **({"kinds": kinds} if kinds else {}),
    }


def check_own(own: Own) -> PointsTable:
    """The table with the workspace's own points.

    Raises:
        PointsError: They break rules; the message lists all of them.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "points.toml"
        path.write_text(write_into("", own), encoding="utf-8")
        try:
            return load_points(path)
        except PointsError as error:
            raise PointsError(
                error.message, hint=_("Change the numbers and look at the preview again.")
            ) from None


def save_own(workspace: Workspace, own: Own, *, before: str | None) -> PointsTable:
    """Put the workspace's own points in force, atomically.

    Args:
        workspace: The workspace.
        own: New content.
        before: Version of the points that the caller has seen; None to skip the check.

    Raises:
        ConflictError: They were changed in the meantime.
        PointsError: They break rules.
    """
    check_own(own)
    if before not in (None, put_points_in_force(replace(workspace, on_change=None)).points.version):
        raise ConflictError(
            _("The points have been changed since you opened the page."),
            hint=_("Open the kind again, check the current values and repeat your change."),
        )
    path = workspace.points_path
    present = path.read_text(encoding="utf-8") if path.exists() else ""
    _write_whole(path, write_into(present, own))
    try:
        return put_points_in_force(workspace).points
    except BaseException:
        # Otherwise they would come into force later, without an audit entry.
        _write_whole(path, present)
        raise


def _write_whole(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.part")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)


def describe_kind(kind: Kind | None) -> dict[str, object]:
    """A kind in the form of the audit log, before or after a change."""
    if kind is None:
        return {}
    return {
        "points": {entry.facet: entry.points for entry in kind.entries},
        "graded": [entry.facet for entry in kind.entries if entry.is_graded],
        "half_life_days": kind.half_life_days,
        "trust": kind.trust,
    }
