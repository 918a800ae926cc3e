"""Declarations of the simulated town: associations, actions of its brands, and the artist's followers by day."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time

from consumer_fusion.associations.operations import declare
from consumer_fusion.causal.actions.declared_actions import declare_actions
from consumer_fusion.causal.series.imported_metrics import MetricDay, keep_metrics
from consumer_fusion.records.action import Action, Assignment, EffectWindow
from consumer_fusion.records.timestamps import parse_moment, to_day, to_microseconds
from consumer_fusion.simulate.town_actions import SimulatedAction as TownAction
from consumer_fusion.simulate.towns import Town
from consumer_fusion.workspace import Workspace

CONCERT_ID = "founding-concert"
_ASSIGNMENTS: dict[str, Assignment] = {
    "everybody": "everybody", "random": "random", "targeted high": "chosen", "targeted low": "chosen"
}  # fmt: skip


def declare_town(workspace: Workspace, town: Town) -> None:
    """Record the town's declarations; the true effects of its actions are not among them."""
    for each in town.associations:
        declare(
            workspace, each.consumer, each.brand, evidence=each.evidence, strength=each.strength,
            is_commercial=each.is_commercial, valid_from_us=to_microseconds(parse_moment(each.valid_from)),
            valid_to_us=None if each.valid_to is None else to_microseconds(parse_moment(each.valid_to)),
            association_id=each.association_id,
        )  # fmt: skip
    declare_actions(workspace, [read_town_action(each) for each in town.actions], origin="product")
    keep_metrics(
        workspace,
        [
            MetricDay(
                metric="followers",
                day=to_day(to_microseconds(datetime.combine(row["day"], time(), UTC))),
                value=row["followers"],
                consumer=row["consumer"],
                kind="cumulative",
            )
            for row in town.followers.to_pylist()
        ],
    )


def _tell_title(told: TownAction) -> str:
    """Title of an action without its true effect, which nobody knows in advance."""
    title = re.split(r"[;:]|, who would", told.title)[0]
    return title.strip()


def read_town_action(told: TownAction) -> Action:
    """The declaration of an action before it takes place: time, audience and measurement window."""
    if told.action_id != CONCERT_ID:
        return Action(
            action_id=told.action_id, brand=told.brand, title=_tell_title(told), starts_at=told.at, ends_at=told.until,
            action_type="occasion" if told.assignment == "everybody" else "campaign",
            assignment=_ASSIGNMENTS[told.assignment],
        )  # fmt: skip
    # Sales are measured from the third day on, for two weeks; followers react at once.
    return Action(
        action_id=told.action_id, brand=told.brand, title=told.title, starts_at=told.at, action_type="occasion",
        assignment="everybody", expected_effect="temporary", delay_days=3, effect_days=14,
        windows={"followers": EffectWindow(delay_days=1, effect_days=3)},
    )  # fmt: skip
