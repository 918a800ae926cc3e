"""An entity: the key by which a source names a consumer, a brand or itself, and the number used for it here."""

from __future__ import annotations

from consumer_fusion.records.table import Column, Table

ENTITIES = Table(
    name="entities",
    grain="one key of one type",
    writer="events.entities",
    columns=(
        Column("entity_id", "integer", "The number used in all other tables; 0 is never given."),
        Column("entity_type", "text", "consumer, brand or source."),
        Column(
            "entity_key",
            "text",
            "The key outside; for a consumer it may tell who they are.",
            is_personal=True,
        ),
    ),
    primary_key=("entity_id",),
    unique=(("entity_type", "entity_key"),),
    subject="entity_id",
    erasure="clear personal columns",
    has_sequence=True,
)
