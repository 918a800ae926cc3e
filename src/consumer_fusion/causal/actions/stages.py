"""The stage of an import that stores the actions that events declare."""

from __future__ import annotations

import logging

from consumer_fusion.causal.actions.actions import read_declaring, take_declared_actions
from consumer_fusion.events.entities import find_keys
from consumer_fusion.events.landing import Landing
from consumer_fusion.operations import Stage
from consumer_fusion.records.action import ACTIONS
from consumer_fusion.records.entity import ENTITIES

_log = logging.getLogger(__name__)


def _declare_actions(landing: Landing) -> None:
    """Store the declared actions; one that is invalid stays an event and is reported in the log."""
    rows = read_declaring(landing.workspace.engine, landing.fresh)
    if not rows:
        return
    brands = sorted({row["brand"] for row in rows if row["brand"]})
    refused = take_declared_actions(
        landing.session,
        rows,
        brand_ids=find_keys(landing.session, "brand", brands),
        declared_us=landing.workspace.now_us,
    )
    for event_id, reason in refused.items():
        _log.warning("the event %s does not declare a valid action: %s", event_id, reason)


STAGES = (
    Stage(
        "declare actions", _declare_actions, reads=(ACTIONS, ENTITIES), writes=(ACTIONS,), after="list the segments"
    ),
)  # fmt: skip
