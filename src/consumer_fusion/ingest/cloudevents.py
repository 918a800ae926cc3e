"""CloudEvents 1.0 in structured JSON, one per line: their attributes as canonical columns."""

from __future__ import annotations

from consumer_fusion.ingest.row_batches import DETAIL, LINE, POSITION, PROBLEM
from consumer_fusion.ingest.validation import quote_text

_ATTRIBUTES = ("id", "source", "specversion", "type", "subject", "time")
_DATA_FIELDS = (
    "consumer", "brand", "precision", "received_at", "channel", "value", "currency", "text", "trust", "identifiers",
)  # fmt: skip


def select_cloud_events(default_source: str, default_brand: str | None = None) -> str:
    """The canonical query over `lines` of CloudEvents.

    `type` is the kind, `subject` the consumer unless the data name one; fields of an event are read from `data`, and
    all others become its properties. An event without a time of its own cannot be placed and is rejected.
    """
    shape = ", ".join(f'"{name}": "VARCHAR"' for name in _ATTRIBUTES) + ', "data": "JSON"'
    data_shape = ", ".join(f'"{name}": "VARCHAR"' for name in _DATA_FIELDS)
    fields = ", ".join(f"data.{name} as {name}" for name in _DATA_FIELDS if name not in ("consumer", "brand"))
    without = ", ".join(f'"{name}": null' for name in _DATA_FIELDS)
    brand = quote_text(default_brand) if default_brand else "null"
    return f"""
select position, raw, detail, raw as content,
    coalesce(problem, case when object is null then 'invalid_json' end) as problem,
    coalesce(nullif(event.source, ''), {quote_text(default_source)}) as source, event.id as event_id,
    event.time as occurred_at, coalesce(data.consumer, event.subject) as consumer,
    coalesce(data.brand, {brand}) as brand, event.type as kind,
    case when json_type(event.data) = 'OBJECT'
        then cast(json_merge_patch(event.data, {quote_text("{" + without + "}")}) as varchar)
        when event.data is not null then cast(to_json({{'data': event.data}}) as varchar) end as properties,
    {fields}
from (
    select *, json_transform(case when json_type(event.data) = 'OBJECT' then event.data else '{{}}' end,
        '{{{data_shape}}}') as data
    from (
        select *, json_transform(object, '{{{shape}}}') as event
        from (
            select {POSITION} as position, {LINE} as raw, {PROBLEM} as problem, {DETAIL} as detail,
                case when json_type(try_cast({LINE} as json)) = 'OBJECT' then cast({LINE} as json) end as object
            from lines
        )
    )
)"""
