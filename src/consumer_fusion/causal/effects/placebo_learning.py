"""Learning from placebos: the workspace's own series, in windows without an action, calibrate its effects.

Each series is measured again only when its days changed, so that the cost of a nightly run depends on what is new.
"""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from consumer_fusion.causal.actions.actions import ActionRow, read_action_rows
from consumer_fusion.causal.effects.control_series import find_control_series, name_daily
from consumer_fusion.causal.filters.fitted_series import fit_series
from consumer_fusion.causal.inference.placebo_errors import (
    ClassPlacebos,
    learn_from_placebos,
    list_class_placebos,
    read_class_placebos,
)
from consumer_fusion.causal.inference.placebo_rules import (
    OWN_SERIES,
    OWN_WINDOWS,
    PlaceboCalibration,
    load_reference_library,
    read_calibration,
)
from consumer_fusion.causal.series.metric_store import MetricSeries, MetricStore
from consumer_fusion.causal.series.series import Window
from consumer_fusion.causal.series.steps import DAILY
from consumer_fusion.events.landing import Progress, ignore_progress
from consumer_fusion.i18n.translation import N_
from consumer_fusion.operations import Schema, describe
from consumer_fusion.records.effect import PLACEBO_LIBRARIES, PLACEBOS
from consumer_fusion.records.ids import make_id
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

LEARNT_METRICS = ("orders", "revenue", "visits", "page_views", "followers")
LEARNT_QUESTIONS = ("fixed", "looks", "temporary", "ending")
"""The search over delays is left out: it is rare and costs as much as all others, so it uses the shipped rules."""
LEAST_DAYS = 120
PERIOD_DAYS = 14
"""A series is measured again when this many days are new, or when a known day was corrected."""
OWN_NAME = N_("placebos of this workspace")
RECIPE = "4"


class LearntPlacebos(Schema):
    """The result of a calibration of effects."""

    series: int = describe("Series", "Number of series that were used.")
    measured: int = describe("Measured", "Number of them that were measured again.")
    windows: float = describe("Windows", "Number of windows that do not overlap.")
    is_in_force: bool = describe("In force", "Whether they are enough to replace the shipped library.")


def choose_calibration(session: Session) -> PlaceboCalibration:
    """The workspace's own calibration where it has enough placebos, else the shipped one blended with them."""
    reference = load_reference_library()
    rows = session.read(PLACEBO_LIBRARIES, order_by=("made_us",))
    if not rows.num_rows:
        return reference
    try:
        own = read_calibration(json.loads(rows["content"][-1].as_py()))
    except (KeyError, TypeError, ValueError):
        # Another release wrote it; the next nightly run replaces it.
        return reference
    return reference.blend(own)


def calibrate_effects(workspace: Workspace, progress: Progress = ignore_progress) -> LearntPlacebos:
    """Measure the placebos of series whose days changed, and learn the calibration from all of them.

    Args:
        workspace: The workspace.
        progress: Called with the progress.
    """
    with workspace.store.reading() as session:
        book = MetricStore(workspace, session, workspace.now_us)
        listed = _list_learnt(book)
        kept = {row["series"]: row for row in session.read(PLACEBOS).to_pylist()}
        actions = read_action_rows(session)
        fresh: dict[str, tuple[MetricSeries, str, list[dict[str, Any]]]] = {}
        for place, own in enumerate(listed):
            progress("measure placebos", place, len(listed))
            digest = _digest(own, actions, workspace.settings.country)
            if own.key in kept and kept[own.key]["digest"] == digest:
                continue
            fresh[own.key] = (own, digest, _trace(book, own, actions))
    contents = {
        own.key: fresh[own.key][2] if own.key in fresh else json.loads(kept[own.key]["content"])
        for own in listed
    }
    calibration = learn_from_placebos(_read_trails(contents.values()), name=OWN_NAME)
    windows = _count_windows(contents.values())
    if fresh or set(kept) - {own.key for own in listed}:
        _keep(workspace, fresh, {own.key for own in listed}, set(kept), calibration, len(listed), windows)
    is_enough = len(listed) >= OWN_SERIES or windows >= OWN_WINDOWS
    return LearntPlacebos(series=len(listed), measured=len(fresh), windows=windows, is_in_force=is_enough)


def _keep(
    workspace: Workspace, fresh: dict[str, tuple[MetricSeries, str, list[dict[str, Any]]]], listed: set[str],
    kept: set[str], calibration: PlaceboCalibration, series: int, windows: float,
) -> None:  # fmt: skip
    now_us = workspace.now_us
    with workspace.store.writing() as session:
        rows = [
            (key, own.brand_id, own.consumer_id, digest, int(_count_windows([content])), json.dumps(content), now_us)
            for key, (own, digest, content) in fresh.items()
        ]  # fmt: skip
        session.replace(PLACEBOS, PLACEBOS.column_names, rows)
        for key in sorted(kept - listed):
            session.delete(PLACEBOS, {"series": key})
        if calibration.rules:
            session.delete(PLACEBO_LIBRARIES)
            row = (make_id(), series, int(windows), json.dumps(calibration.as_dict()), now_us)
            session.insert(PLACEBO_LIBRARIES, PLACEBO_LIBRARIES.column_names, [row])


def _list_learnt(book: MetricStore) -> list[MetricSeries]:
    """The series that show the size of chance changes: long enough, and nonzero on at least half of their days."""
    listed: list[MetricSeries] = []
    for metric in LEARNT_METRICS:
        for own in (*book.list_brands(metric).values(), *book.list_consumers(metric).values()):
            values = own.daily.values
            known = values[np.isfinite(values)]
            is_daily = own.steps == DAILY
            if is_daily and known.size >= LEAST_DAYS and np.mean(known != 0) >= 0.5 and np.ptp(known) > 0:
                listed.append(_cut_to_period(own))
    return listed


def _cut_to_period(own: MetricSeries) -> MetricSeries:
    """The series until the end of its last full period, so that one new day alone does not force a new measurement.

    Periods of different series end on different days, which spreads the work over the nights.
    """
    last = own.daily.last_day
    return own.cut(last - (last + zlib.crc32(own.key.encode())) % PERIOD_DAYS)


def _trace(book: MetricStore, own: MetricSeries, actions: Sequence[ActionRow]) -> list[dict[str, Any]]:
    """The placebo errors of a series, alone and with its controls, for each length of window."""
    windows = [
        Window(*action.find_window(own.metric))
        for action in actions
        if action.brand_id == own.brand_id and own.brand_id
    ]
    now = Window(own.daily.last_day, own.daily.last_day)
    control_series = find_control_series(book, own, now, actions).chosen
    country = book.workspace.settings.country or None
    placebos: list[dict[str, Any]] = []
    forms: list[Sequence[MetricSeries]] = [(), control_series] if control_series else [()]
    for controls in forms:
        fitted = fit_series(
            name_daily(own),
            controls=[name_daily(each) for each in controls],
            country=country,
            actions=windows,
        )
        placebos += [each.as_dict() for each in list_class_placebos(fitted, questions=LEARNT_QUESTIONS)]
    return placebos


def _read_trails(contents: Iterable[list[dict[str, Any]]]) -> list[ClassPlacebos]:
    return [read_class_placebos(row) for content in contents for row in content]


def _count_windows(contents: Iterable[list[dict[str, Any]]]) -> float:
    """Number of windows of two weeks that do not overlap, for the series without controls."""
    return math.fsum(
        len(row["u"]) / row["length"]
        for content in contents
        for row in content
        if (row["form"], row["question"], row["days"]) == ("single", "fixed", 14)
    )


def _digest(own: MetricSeries, actions: Sequence[ActionRow], country: str) -> str:
    windows = sorted(
        each.find_window(own.metric) for each in actions if each.brand_id == own.brand_id and own.brand_id
    )
    return hashlib.sha256(f"{RECIPE} {own.digest} {windows} {country}".encode()).hexdigest()[:24]
