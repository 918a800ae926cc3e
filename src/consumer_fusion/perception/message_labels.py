"""Labels of the staff: what a message says, where a person of the staff said so, and how often the model agrees.

A label holds instead of the model's output at once, in the same transaction as what follows from it, and is what the
model learns from later (`staff_learning`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from consumer_fusion.errors import InputError
from consumer_fusion.events.entities import find_keys, name_entities
from consumer_fusion.events.event_reader import map_canonical
from consumer_fusion.events.landing import AffectedConsumers
from consumer_fusion.messages.perceptions import read_row, require_message, store_label
from consumer_fusion.records.perception import MESSAGE_KINDS, PERCEPTION_LABELS, PERCEPTIONS, Perception
from consumer_fusion.score.effective_points import begin_change
from consumer_fusion.score.fold.derive_and_fold import derive_and_fold
from consumer_fusion.workspace import Workspace

LEAST_PROBABILITY = 0.5
LABELLED = ("polarity", "is_failure", "is_dissatisfied", "is_ironic", "blamed", "responsible")
"""Columns of a label that the model has an output for."""


def label_message(
    workspace: Workspace, brand: str, source: str, event_id: str, label: Mapping[str, Any], labelled_by: str,
    *, is_right: bool = False,
) -> str | None:  # fmt: skip
    """Store what a person of the staff says of a message; scores follow at once.

    Args:
        workspace: Workspace.
        brand: Brand of the message.
        source: Source of its event.
        event_id: Id of the event.
        label: Values by column of `perception_labels`; those left out keep what was labelled before.
        labelled_by: Account of the person.
        is_right: Whether the model's outputs are right as they are; what `label` does not name is taken from them.

    Returns:
        Key of its consumer; None while unknown.

    Raises:
        NotFoundError: There is no such message of the brand.
        InputError: A share of the author is given for a private message.
    """
    with begin_change(workspace) as (session, force):
        row = require_message(session, brand, source, event_id)
        if label.get("onlookers_share") is not None and not MESSAGE_KINDS.get(row["kind"], False):
            raise InputError(
                "The message is private, and onlookers read public ones only.",
                hint="Leave out the share of the author.",
            )
        where = {"source_id": row["source_id"], "event_id": event_id}
        former = session.read(PERCEPTION_LABELS, where).to_pylist()
        values: dict[str, Any] = dict.fromkeys(PERCEPTION_LABELS.column_names)
        if former and former[0]["words_digest"] == row["words_digest"]:
            values |= former[0]
        if is_right and row["model"] is not None:
            # Who was responsible is not in the words: it is said only by who says it.
            values |= {**read_outputs(read_row(row)), "responsible": values["responsible"]}
        values |= {name: value for name, value in label.items() if value is not None}
        values |= {
            **where, "consumer_id": row["consumer_id"], "words_digest": row["words_digest"],
            "labelled_by": labelled_by, "labelled_us": workspace.now_us,
        }  # fmt: skip
        store_label(session, values)
        consumer_id = row["consumer_id"]
        if not consumer_id:
            workspace.note_change(session)
            return None
        changed = AffectedConsumers(consumers=set(map_canonical(session, [consumer_id]).values()))
        derive_and_fold(force.open(workspace, session), changed, workspace.now_us)
        return name_entities(session, [consumer_id])[consumer_id]


def read_outputs(found: Perception) -> dict[str, Any]:
    """The outputs of a model in the form of a label; None where it has none."""
    if found.abstained:
        return dict.fromkeys(LABELLED)

    def decide(probability: float | None) -> bool | None:
        return None if probability is None else probability >= LEAST_PROBABILITY

    return {
        "polarity": max(found.polarity.items(), key=lambda each: each[1])[0],
        "is_failure": decide(found.failure),
        "is_dissatisfied": decide(found.dissatisfaction),
        "is_ironic": decide(found.irony),
        "blamed": found.blame[0].party if found.blame else "nobody",
        "responsible": found.responsible[0].party if found.responsible else "nobody",
    }


def count_agreements(
    workspace: Workspace, brands: Collection[str] | None = None
) -> dict[str, tuple[int, int]]:
    """For each output: messages that the staff labelled, and those for which the model in force says the same.

    Args:
        workspace: Workspace.
        brands: Only messages to and about these brands; None for all.
    """
    counts = dict.fromkeys(LABELLED, (0, 0))
    with workspace.store.reading() as session:
        labels = session.read(PERCEPTION_LABELS)
        rows = session.read_matching(PERCEPTIONS, labels.select(["source_id", "event_id"]))
        if brands is not None:
            wanted = find_keys(session, "brand", list(brands)).values()
            rows = rows.filter(pc.is_in(rows["brand_id"], pa.array(wanted, pa.int64())))
    outputs = {
        (row["source_id"], row["event_id"], row["words_digest"]): read_outputs(read_row(row))
        for row in rows.to_pylist()
        if row["model"] is not None
    }
    for label in labels.to_pylist():
        output = outputs.get((label["source_id"], label["event_id"], label["words_digest"]))
        if output is None:
            continue
        for name in LABELLED:
            if label[name] is not None and output[name] is not None:
                total, agreed = counts[name]
                counts[name] = (total + 1, agreed + (label[name] == output[name]))
    return counts
