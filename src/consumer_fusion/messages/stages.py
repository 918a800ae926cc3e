"""The stage of an import that lists the messages to be read."""

from __future__ import annotations

from consumer_fusion.events.landing import Landing
from consumer_fusion.messages.perceptions import list_messages
from consumer_fusion.operations import Stage
from consumer_fusion.records.perception import PERCEPTIONS


def _list_messages(landing: Landing) -> None:
    assert landing.annotated is not None
    workspace = landing.workspace
    list_messages(landing.session, workspace.engine, landing.annotated, workspace.now_us, landing.taken)


STAGES = (
    Stage(
        "list the messages",
        _list_messages,
        reads=(PERCEPTIONS,),
        writes=(PERCEPTIONS,),
        after="list the segments",
    ),
)
