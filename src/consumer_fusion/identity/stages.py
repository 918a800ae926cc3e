"""The stage of an import that finds the consumers of events."""

from __future__ import annotations

import json

import pyarrow as pa

from consumer_fusion.events.entities import ensure_keys
from consumer_fusion.events.landing import Landing
from consumer_fusion.identity.resolution import ConsumerSighting, resolve_identities
from consumer_fusion.operations import Stage
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.identity import (
    IDENTIFIER_SIGHTINGS,
    IDENTIFIERS,
    IDENTITIES,
    IDENTITY_CONFLICTS,
    MERGES,
)

_SIGHTINGS_AT_A_TIME = 200_000
"""Identities are resolved in memory: maximum number of combinations of consumer and identifiers at once."""
_NO_SIGHTINGS = pa.schema(
    [
        ("consumer", pa.string()),
        ("identifiers", pa.string()),
        ("brand_id", pa.int64()),
        ("consumer_id", pa.int64()),
    ]
).empty_table()


def _recognise_consumers(landing: Landing) -> None:
    claimed_by = landing.staging.claimed_by
    # The consumer of a claim depends on the brand of its event; that of a trusted source does not.
    brand_id = "coalesce(b.entity_id, 0)" if claimed_by else "null"
    rows = landing.workspace.engine.read(
        f"""
        select consumer, identifiers, cast({brand_id} as bigint) as brand_id, min(occurred_us) as first_us,
               list(distinct [k.entity_id, coalesce(b.entity_id, 0)]) as places
        from {landing.fresh} s
        join {landing.keys["source"]} k on k.entity_key = s.source
        left join {landing.keys["brand"]} b on b.entity_key = s.brand
        where identifiers is not null group by consumer, identifiers, 3
        order by first_us, consumer, identifiers, 3
        """,
        step="list the identifiers seen",
    )
    claimed_id = ensure_keys(landing.session, "source", [claimed_by])[claimed_by] if claimed_by else None
    parts: list[pa.Table] = []
    for batch in rows.to_batches(max_chunksize=_SIGHTINGS_AT_A_TIME):
        sightings = [
            ConsumerSighting(
                consumer,
                {str(k): str(v) for k, v in json.loads(identifiers).items()},
                tuple(map(tuple, places)),
            )
            for consumer, identifiers, places in zip(
                *(batch[name].to_pylist() for name in ("consumer", "identifiers", "places"))
            )
        ]
        resolution = resolve_identities(
            landing.session,
            sightings,
            ensure_consumers=lambda keys: ensure_keys(landing.session, "consumer", keys),
            seen_us=landing.workspace.now_us,
            limit=landing.workspace.settings.identifier_limit,
            claimed_by=claimed_id,
            placeholders=[*map(str.lower, landing.workspace.settings.placeholder_keys)],
        )
        for member, groups in resolution.regrouped.items():
            landing.refold_members.add(member)
            landing.refold_consumers.update(groups)
        parts.append(
            pa.table(
                {
                    "consumer": batch["consumer"].cast(pa.string()),
                    "identifiers": batch["identifiers"].cast(pa.string()),
                    "brand_id": batch["brand_id"].cast(pa.int64()),
                    "consumer_id": pa.array(resolution.consumer_ids, pa.int64()),
                }
            )
        )
    landing.sightings = pa.concat_tables(parts) if parts else _NO_SIGHTINGS


STAGES = (
    Stage(
        "recognise consumers", _recognise_consumers,
        reads=(ENTITIES, IDENTIFIERS, IDENTIFIER_SIGHTINGS, IDENTITIES, IDENTITY_CONFLICTS, MERGES),
        writes=(ENTITIES, IDENTIFIERS, IDENTIFIER_SIGHTINGS, IDENTITIES, IDENTITY_CONFLICTS, MERGES),
        after="number the keys",
    ),
)  # fmt: skip
