"""The product's own events, one JSON object per line: mapping of keys to fields."""

from __future__ import annotations

from consumer_fusion.ingest.row_batches import DETAIL, LINE, POSITION, PROBLEM
from consumer_fusion.ingest.validation import CANONICAL_COLUMNS, quote_text

_KNOWN_KEYS = (*CANONICAL_COLUMNS, "id")
_KEY_FIELDS = ("event_id", "id", "consumer", "brand", "source", "kind")


def select_event_lines(default_source: str, default_brand: str | None = None) -> str:
    """The canonical query over `lines` of the product's own events.

    Unknown keys are kept as properties; `id` is an alias of `event_id`.
    """
    shape = "{" + ", ".join(f'"{name}": "VARCHAR"' for name in _KNOWN_KEYS) + "}"
    without = "{" + ", ".join(f'"{name}": null' for name in _KNOWN_KEYS) + "}"
    known = ", ".join(quote_text(name) for name in _KNOWN_KEYS)
    # The first character is checked first, because that is cheaper; a text may begin with a bracket too.
    nested = " or ".join(
        f"case when left(ltrim(fields.{name}), 1) in ('{{', '[') "
        f"then json_type(object, '$.{name}') in ('OBJECT', 'ARRAY') else false end"
        for name in _KEY_FIELDS
    )
    columns = ", ".join(
        f"fields.{name} as {name}"
        for name in CANONICAL_COLUMNS
        if name not in ("source", "event_id", "brand", "properties")
    )
    brand = quote_text(default_brand) if default_brand else "null"
    return f"""
select position, raw,
    coalesce(problem, case when object is null then 'invalid_json' when {nested} then 'invalid_key' end) as problem,
    detail, raw as content,
    coalesce(nullif(fields.source, ''), {quote_text(default_source)}) as source,
    coalesce(fields.event_id, fields.id) as event_id,
    coalesce(nullif(fields.brand, ''), {brand}) as brand,
    case when len(others) = 0 then fields.properties
        else cast(json_merge_patch(
            json_merge_patch('{{}}', json_merge_patch(object, {quote_text(without)})),
            case when fields.properties is null then cast('{{}}' as json)
                else coalesce(try_cast(fields.properties as json), cast('[]' as json)) end) as varchar)
        end as properties,
    {columns}
from (
    select *, json_transform(object, {quote_text(shape)}) as fields,
        list_filter(json_keys(object), lambda each: each not in ({known})) as others
    from (
        select {POSITION} as position, {LINE} as raw, {PROBLEM} as problem, {DETAIL} as detail,
            case when json_type(try_cast({LINE} as json)) = 'OBJECT' then cast({LINE} as json) end as object
        from lines
    )
)"""
