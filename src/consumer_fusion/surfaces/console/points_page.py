"""The points table: all kinds with their points, the editor of a kind, its effect on real pairs, and the versions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from consumer_fusion.access.execution import execute
from consumer_fusion.causal.experiments.rollout import PointsSuggestion, list_suggestions
from consumer_fusion.errors import InputError, NotFoundError
from consumer_fusion.i18n.labels import name_kind
from consumer_fusion.i18n.translation import _
from consumer_fusion.records.points import DIRECTIONS, FACETS, POINTS_VERSIONS, Kind, PointsTable
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.operations import CHANGE_POINTS, ChangePoints
from consumer_fusion.score.points.points_table import load_points, read_points
from consumer_fusion.score.points_comparison import PointsDifference, compare_points
from consumer_fusion.score.points_editing import (
    ALL_FACETS,
    KindForm,
    change_own,
    check_own,
    drop_own,
    read_own,
)
from consumer_fusion.surfaces.console.brand_pages import show_being_read
from consumer_fusion.surfaces.console.pages import Answer, Page, PageRequest, Redirect
from consumer_fusion.surfaces.console.points_preview import Preview, preview_points
from consumer_fusion.surfaces.console.urls import make_path
from consumer_fusion.surfaces.operation_fields import read_parameters

VERSIONS_LISTED = 20


@dataclass(frozen=True, slots=True)
class KindRow:
    """A row of the points table.

    Attributes:
        kind: The kind.
        is_own: Whether the workspace overrides it.
    """

    kind: Kind
    is_own: bool


@dataclass(frozen=True, slots=True)
class PointsPage:
    """The points table.

    Attributes:
        version: Version in force.
        kinds: All kinds, or those that match the search.
        search: Search text.
        without_points: Kinds of events that are stored but have no points: `kind`, `events`.
        may_change: Whether the user may change points.
        suggestions: Points supported by comparisons but not yet in force.
    """

    version: str
    kinds: Sequence[KindRow]
    search: str
    without_points: Sequence[Mapping[str, Any]]
    may_change: bool
    suggestions: Sequence[PointsSuggestion]


@dataclass(frozen=True, slots=True)
class KindPage:
    """The editor of one kind.

    Attributes:
        key: Its key.
        kind: Kind in force; None for a kind without points.
        shipped: Kind as shipped with the product; None for others.
        is_own: Whether the workspace overrides it.
        version: Version of the points in force.
        facets: Facets of each direction.
        points: Points in force, by facet.
        graded: Facets whose points are multiplied by the magnitude.
        may_change: Whether the user may change it.
    """

    key: str
    kind: Kind | None
    shipped: Kind | None
    is_own: bool
    version: str
    facets: Sequence[tuple[str, Sequence[str]]]
    points: Mapping[str, float]
    graded: frozenset[str]
    may_change: bool

    @property
    def repaired_kind(self) -> str | None:
        """Kind of event whose loss of points it repairs."""
        return self.kind.mends if self.kind else None


@dataclass(frozen=True, slots=True)
class PreviewPage:
    """Preview of a change.

    Attributes:
        form: Submitted form.
        preview: Effect on existing relationships.
        largest: Largest changes, with keys as the user may see them.
        before: Version that the change was based on.
        is_reset: Whether the kind is reset to the shipped points.
    """

    form: KindForm
    preview: Preview
    largest: Sequence[tuple[str, Any]]
    before: str
    is_reset: bool


@dataclass(frozen=True, slots=True)
class VersionsPage:
    """The versions of the points that have been in force.

    Attributes:
        versions: Newest first: version, time it took effect, differences from the previous one.
    """

    versions: Sequence[tuple[str, int, Sequence[PointsDifference]]]


def show_points(page_request: PageRequest) -> Answer:
    """Page of all kinds with their points."""
    page_request.require("view")
    # The number of events of a kind is over all brands, so it needs access to all brands.
    unscored = page_request.queries.find_unscored() if page_request.staff.caller.brands is None else []
    if unscored is None:
        return show_being_read(_("Points"), section="points")
    points = put_points_in_force(page_request.workspace).points
    own = read_own(page_request.workspace).get("kinds", {})
    search = page_request.asked.get("search", "").strip()
    wanted = search.casefold()
    content = PointsPage(
        points.version,
        [
            KindRow(kind, key in own)
            for key, kind in points.kinds.items()
            if wanted in f"{key} {name_kind(key)} {_(kind.meaning)}".casefold()
        ],
        search,
        [row for row in unscored if wanted in str(row["kind"]).casefold()],
        page_request.may("change_points"),
        [
            each
            for each in list_suggestions(page_request.workspace)
            if page_request.may("view", each.brand)
            and wanted in f"{each.key} {name_kind(each.key)}".casefold()
        ],
    )
    return Page("points.html", _("Points"), content, section="points")


def show_kind(page_request: PageRequest) -> Answer:
    """Page that edits one kind."""
    page_request.require("view")
    key = page_request.read_asked("key")
    points = put_points_in_force(page_request.workspace).points
    kind = points.kinds.get(key)
    unscored = page_request.queries.count_unscored() if page_request.staff.caller.brands is None else []
    if kind is None and key not in {row["kind"] for row in unscored}:
        raise NotFoundError(
            _("There is no kind “{key}”.", key=key), hint=_("The points table lists all of them.")
        )
    content = KindPage(
        key,
        kind,
        load_points().kinds.get(key),
        key in read_own(page_request.workspace).get("kinds", {}),
        points.version,
        [(direction, FACETS[direction]) for direction in DIRECTIONS],
        {entry.facet: entry.points for entry in kind.entries} if kind else {},
        frozenset(entry.facet for entry in kind.entries if entry.is_graded) if kind else frozenset(),
        page_request.may("change_points"),
    )
    return Page("kind.html", name_kind(key), content, section="points")


def preview_change(page_request: PageRequest) -> Answer:
    """Preview of the effect of a change on existing relationships."""
    page_request.require("change_points")
    form, after = _read_change(page_request)
    preview = preview_points(page_request.workspace, after, form.key, page_request.as_of_us)
    content = PreviewPage(
        form,
        preview,
        [(page_request.show_key(effect.consumer), effect) for effect in preview.largest],
        page_request.read_form("before"),
        page_request.read_optional("reset") == "yes",
    )
    return Page("preview.html", _("Preview"), content, section="points")


def save_change(page_request: PageRequest) -> Answer:
    """Put a change of a kind in force."""
    form, _unused = _read_change(page_request)
    given = {
        **asdict(form),
        "is_reset": page_request.read_optional("reset") == "yes",
        "before": page_request.read_form("before"),
    }
    asked = read_parameters(ChangePoints, given)
    made = execute(CHANGE_POINTS, page_request.workspace, page_request.staff.caller, asked)
    return Redirect(make_path("/points/kind", key=form.key), _(CHANGE_POINTS.done, kind=name_kind(made.kind)))


def show_versions(page_request: PageRequest) -> Answer:
    """Page of the versions, and what each changed."""
    page_request.require("view")
    with page_request.workspace.store.reading() as session:
        rows = session.read(
            POINTS_VERSIONS, order_by=("applied_us desc",), limit=VERSIONS_LISTED + 1
        ).to_pylist()
    tables = [read_points(json.loads(row["content"])) for row in rows]
    versions = []
    for place, row in enumerate(rows[:VERSIONS_LISTED]):
        earlier = tables[place + 1] if place + 1 < len(tables) else None
        changed = () if earlier is None else compare_points(earlier, tables[place])
        versions.append((row["version"], row["applied_us"], changed))
    return Page("versions.html", _("Versions of the points"), VersionsPage(versions), section="points")


def _read_change(page_request: PageRequest) -> tuple[KindForm, PointsTable]:
    page_request.read_form("key")
    form = _read_form(page_request.form)
    return form, check_own(_make_own(page_request, form))


def _read_form(form: Mapping[str, Sequence[str]]) -> KindForm:
    """Read the form of a kind; a comma counts as a decimal point.

    Raises:
        InputError: A field is not a number.
    """

    def read_number(name: str, empty: float) -> float:
        text = (form.get(name) or [""])[0].strip().replace("−", "-").replace(",", ".")
        try:
            return float(text) if text else empty
        except ValueError:
            raise InputError(
                _("“{text}” in the field {name} is not a number.", text=text, name=name),
                hint=_("Enter a number such as 3 or -2.7."),
            ) from None

    return KindForm(
        key=(form.get("key") or [""])[0],
        points={facet: read_number(f"points.{facet}", 0.0) for facet in ALL_FACETS},
        graded=frozenset(form.get("graded", ())) & set(ALL_FACETS),
        half_life_days=read_number("half_life_days", 90.0),
        trust=read_number("trust", 1.0),
        meaning=(form.get("meaning") or [""])[0].strip(),
    )


def _make_own(page_request: PageRequest, form: KindForm) -> dict[str, Any]:
    own = read_own(page_request.workspace)
    return drop_own(own, form.key) if page_request.read_optional("reset") == "yes" else change_own(own, form)
