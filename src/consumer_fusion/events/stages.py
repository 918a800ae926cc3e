"""Storage stages of an import: duplicates, numbers, durability, corrections, rejected rows."""

from __future__ import annotations

import pyarrow.compute as pc

from consumer_fusion.events.attachment import LISTED_KINDS_OF_A_BRAND
from consumer_fusion.events.corrections import forget_returned, keep_corrections, list_changed
from consumer_fusion.events.deduplication import find_duplicates
from consumer_fusion.events.entities import number_keys
from consumer_fusion.events.event_reader import EventSource
from consumer_fusion.events.inbox import land_in_inbox, write_segments
from consumer_fusion.events.landing import Landing
from consumer_fusion.ingest.rejections import store_rejections
from consumer_fusion.operations import Stage
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.records.event import ATTACHMENTS, EVENTS
from consumer_fusion.records.import_record import CORRECTIONS, REJECTIONS
from consumer_fusion.records.segment import SEGMENTS
from consumer_fusion.settings import BUCKET_COUNT
from consumer_fusion.storage.duckdb import quote_paths
from consumer_fusion.storage.segments import UNATTRIBUTED_BUCKET, add_segments

_STAGED_COLUMNS = (
    "event_id, occurred_us, precision, received_us, kind, channel, value, currency, text, coalesce(trust, 1) as trust, "
    "properties"
)
_BUCKET = f"case when consumer_id = 0 or brand_id = 0 then {UNATTRIBUTED_BUCKET} else consumer_id % {BUCKET_COUNT} end"


def _find_duplicates(landing: Landing) -> None:
    landing.duplicates = find_duplicates(
        landing.session, landing.workspace.folder, landing.staging, is_last_taken=landing.is_replacing,
    )  # fmt: skip


def _number_keys(landing: Landing) -> None:
    landing.fresh = _select_fresh(landing)
    for column in ("source", "brand", "consumer"):
        keys = number_keys(landing.session, landing.workspace.engine, landing.fresh, column, column)
        landing.keys[column] = landing.scratch.keep_table(column, keys)


def _select_fresh(landing: Landing) -> str:
    """The relation of the rows to land; a replacement keeps the parties that it does not name."""
    assert landing.duplicates is not None
    staged, passed = landing.staging.accepted, landing.duplicates.relation
    if landing.parties is None or not landing.parties.num_rows:
        # Without the join where it takes nothing away: the engine would expect a fifth of the rows, and hold them all.
        rows = f"(select s.* from {staged} s anti join {passed} d on d.position = s.position)"
        return rows if landing.duplicates.count else staged
    parties = landing.scratch.keep_table("parties", landing.parties)
    return f"""(
        select s.* replace (
            coalesce(s.consumer, case when s.identifiers is null then a.consumer end) as consumer,
            coalesce(s.brand, a.brand) as brand)
        from {staged} s left join {passed} d on d.position = s.position
        left join {parties} a on a.source = s.source and a.event_id = s.event_id
        where d.position is null
    )"""


def _number_events(landing: Landing) -> None:
    engine, keys = landing.workspace.engine, landing.keys
    assert landing.sightings is not None
    # As one equality after the other: with an alternative among them, every row would be compared with every sighting.
    of_brand = "and i.brand_id = coalesce(b.entity_id, 0)" if landing.staging.claimed_by else ""
    numbered = f"""
        select k.entity_id as source_id, {_STAGED_COLUMNS}, cast(floor(s.occurred_us / 86400000000.0) as bigint) as day,
               coalesce(i.consumer_id, c.entity_id, 0) as consumer_id, coalesce(b.entity_id, 0) as brand_id
        from {landing.fresh} s
        join {keys["source"]} k on k.entity_key = s.source
        left join {keys["brand"]} b on b.entity_key = s.brand
        left join {keys["consumer"]} c on c.entity_key = s.consumer
        left join sightings i on i.identifiers = s.identifiers and i.consumer is not distinct from s.consumer {of_brand}
    """
    tables = {"sightings": landing.sightings}
    landing.accepted = landing.row_count
    if landing.accepted <= landing.workspace.settings.inbox_import_limit:
        rows = engine.read(numbered, step="number the events", tables=tables)
        landing.numbered = EventSource("numbered_events", {"numbered_events": rows})
        landing.newest_us = pc.max(rows["occurred_us"]).as_py()
        return
    found = engine.read(
        f"select max(occurred_us) as newest_us from {landing.fresh}", step="find the newest event"
    )
    landing.newest_us = found["newest_us"][0].as_py()
    landing.parts = landing.scratch.keep_parts(
        "numbered",
        f"select *, {_BUCKET} as bucket from ({numbered})",
        "bucket",
        step="number the events",
        tables=tables,
    )
    landing.numbered = EventSource(
        f"({' union all '.join(f'select * from {each}' for each in landing.parts.values())})"
    )


def _make_durable(landing: Landing) -> None:
    engine, numbered = landing.workspace.engine, landing.numbered
    assert numbered is not None
    is_unattributed = f"brand_id = 0 or (consumer_id = 0 and kind not in ({LISTED_KINDS_OF_A_BRAND}))"
    if landing.annotated is not None:
        rows = engine.read(
            f"select *, {is_unattributed} as is_unattributed from {landing.annotated.relation} "
            "order by occurred_us, event_id",
            step="read accepted events",
            tables=landing.annotated.tables,
        ).to_pydict()
        landing.unattributed = sum(rows["is_unattributed"])
        land_in_inbox(landing.session, rows)
        return
    counts = engine.read(
        f"select count(*) as n from {numbered.relation} where {is_unattributed}",
        step="count unknown parties",
        tables=numbered.tables,
    )
    landing.unattributed = counts["n"][0].as_py()
    for done, (bucket, part) in enumerate(landing.parts.items(), 1):
        annotated = landing.annotate(part)
        landing.segments += write_segments(
            engine, landing.workspace.folder, annotated.relation, annotated.tables, buckets=[bucket]
        )
        landing.progress("seal", done, len(landing.parts))
    paths = [landing.workspace.folder / each.path for each in landing.segments]
    landing.annotated = EventSource(f"read_parquet({quote_paths(paths)}, hive_partitioning = false)")


def _list_segments(landing: Landing) -> None:
    add_segments(landing.session, landing.segments, landing.workspace.now_us)


def _keep_corrections(landing: Landing) -> None:
    duplicates, session = landing.duplicates, landing.session
    if duplicates is None:
        return
    engine = landing.workspace.engine
    if duplicates.count:
        forget_returned(session, engine, landing.staging, duplicates)
    if duplicates.changed_count and not landing.is_replacing:
        for batch in list_changed(engine, landing.staging, duplicates):
            keep_corrections(session, batch.to_pylist(), now_us=landing.workspace.now_us)


def _keep_rejected(landing: Landing) -> None:
    landing.rejected = store_rejections(
        landing.session, landing.workspace.engine, landing.import_id, landing.staging, landing.workspace.now_us,
        retried=landing.retried,
    )  # fmt: skip


STAGES = (
    Stage(
        "find duplicates", _find_duplicates,
        reads=(ENTITIES, EVENTS, SEGMENTS, ATTACHMENTS, CORRECTIONS),
    ),
    Stage("number the keys", _number_keys, reads=(ENTITIES,), writes=(ENTITIES,), after="replace events"),
    Stage("number the events", _number_events, after="recognise consumers"),
    Stage("make durable", _make_durable, writes=(EVENTS,), after="give kind and magnitude"),
    Stage("list the segments", _list_segments, writes=(SEGMENTS,), after="fold the segments"),
    Stage(
        "keep corrections", _keep_corrections, reads=(CORRECTIONS, ENTITIES, EVENTS, SEGMENTS),
        writes=(CORRECTIONS,), after="note the newest event", of_rows=False,
    ),
    Stage(
        "keep rejected rows", _keep_rejected, reads=(REJECTIONS,), writes=(REJECTIONS,), after="keep corrections",
        of_rows=False,
    ),
)  # fmt: skip
