"""An entity: the key by which a source names a consumer, a brand or itself, and its internal number."""

from __future__ import annotations

from consumer_fusion.records.table import Column, Table

ENTITIES = Table(
    name="entities",
    grain="one key of one type",
    writer="events.entities",
    columns=(
        Column("entity_id", "integer", "The number used in all other tables; 0 is never assigned."),
        Column("entity_type", "text", "consumer, brand or source."),
        Column(
            "entity_key",
            "text",
            "The external key; for a consumer it may identify the person.",
            is_personal=True,
        ),
    ),
    primary_key=("entity_id",),
    unique=(("entity_type", "entity_key"),),
    subject="entity_id",
    erasure="clear personal columns",
    has_sequence=True,
)
