"""The Segment spec, one call or batch per line: its fields as canonical columns.

Calls are those of the Segment HTTP API (track, identify, page, screen, group, alias and batch). Names of events stay
as they are, because the points table uses the names of Segment's e-commerce spec.
"""

from __future__ import annotations

from consumer_fusion.ingest.row_batches import DETAIL, LINE, POSITION, PROBLEM
from consumer_fusion.ingest.validation import parse_time, quote_text

CALL_TYPES = ("track", "identify", "page", "screen", "group", "alias")

_TEXT_KEYS = (
    "type", "messageId", "userId", "anonymousId", "event", "name", "groupId", "previousId", "channel", "timestamp",
    "originalTimestamp", "sentAt", "receivedAt",
)  # fmt: skip
_OBJECT_KEYS = ("properties", "traits", "context")

_NOT_OF_A_CALL = '{"batch": null, "writeKey": null, "integrations": null}'
"""Removed from a batch before the rest of it is merged into each of its calls."""

# Texts and names of third parties are not stored.
_DROPPED_PROPERTIES = ("recipient", "share_message")


def select_segment_calls(default_source: str, default_brand: str | None = None) -> str:
    """The canonical query over `lines` of Segment calls.

    A batch yields its calls, each with the context and the times of the batch where it has none of its own. An order
    of products of several brands yields one event per brand, with the brand's share of the value. Positions count
    events after `staged.last_position`, because one line may yield many.
    """
    shape = ", ".join(
        [*(f'"{key}": "VARCHAR"' for key in _TEXT_KEYS), *(f'"{key}": "JSON"' for key in _OBJECT_KEYS)]
    )
    envelope = '{"context": "JSON", "timestamp": "VARCHAR", "sentAt": "VARCHAR", "receivedAt": "VARCHAR"}'
    brand = quote_text(default_brand) if default_brand else "cast(null as varchar)"
    return f"""
with objects as (
    select {POSITION} as line_number, {LINE} as line, {PROBLEM} as line_problem, {DETAIL} as detail,
        case when json_type(try_cast({LINE} as json)) = 'OBJECT' then cast({LINE} as json) end as object
    from lines
),
calls as (
    select line_number, 1 as call_number, line as raw, object as call, cast(null as json) as around, detail,
        coalesce(line_problem, case when object is null then 'invalid_json' end) as problem
    from objects where object is null or json_type(object, '$.batch') is distinct from 'ARRAY'
    union all
    select line_number, call_number,
        cast(case when json_type(call) = 'OBJECT' then json_merge_patch(around, call) else call end as varchar) as raw,
        call, around, detail, line_problem as problem
    from (
        -- What surrounds the calls is parsed once a batch: with each call, a batch would cost the square of its calls.
        select line_number, line_problem, detail, around,
            generate_subscripts(elements, 1) as call_number, unnest(elements) as call
        from (
            select *, cast(json_extract(object, '$.batch') as json[]) as elements,
                json_merge_patch(object, {quote_text(_NOT_OF_A_CALL)}) as around
            from objects where json_type(object, '$.batch') = 'ARRAY'
        )
    )
),
fields as (
    select line_number, call_number, raw, detail,
        coalesce(problem, case when json_type(call) <> 'OBJECT' then 'invalid_json' end) as problem,
        json_transform(case when json_type(call) = 'OBJECT' then call else '{{}}' end, '{{{shape}}}') as call,
        json_transform(coalesce(around, '{{}}'), {quote_text(envelope)}) as around
    from calls
),
named as (
    select line_number, call_number, raw, detail, problem, call,
        lower(coalesce(call.type, case when call.event is not null then 'track' end)) as type,
        case when json_type(call.properties) = 'OBJECT' then call.properties else cast('{{}}' as json) end
            as properties,
        json_merge_patch(coalesce(around.context, '{{}}'), coalesce(call.context, '{{}}')) as context,
        coalesce(call.sentAt, around.sentAt) as sent_at, coalesce(call.receivedAt, around.receivedAt) as received_at,
        coalesce(call.timestamp, around.timestamp) as stamped_at, call.originalTimestamp as original_at
    from fields
),
clocked as (
    -- The long expression once, since every landing plans it, and only where a clock is to be corrected.
    select *, case when received_at is not null and sent_at is not null then list_transform(
        [received_at, sent_at, coalesce(original_at, stamped_at)], lambda each: {parse_time("each")}) end as moments
    from named
),
timed as (
    select *,
        coalesce(cast(make_timestamp(moments[1] - (moments[2] - moments[3])) as varchar),
            stamped_at, original_at, received_at, sent_at) as occurred_at,
        coalesce(nullif(trim(json_extract_string(properties, '$.brand')), ''), {brand}) as own_brand,
        case when json_type(properties, '$.products') = 'ARRAY'
            then cast(json_extract(properties, '$.products') as json[]) else [] end as products
    from clocked
),
bought as (
    select line_number, call_number, brand, min(place) as first_place, count(*) as product_count,
        sum(coalesce(price, 0) * quantity) as amount, count_if(price is null) as unpriced_count,
        to_json(list(product order by place)) as products
    from (
        select line_number, call_number, place, product,
            coalesce(nullif(trim(json_extract_string(product, '$.brand')), ''), own_brand) as brand,
            try_cast(json_extract_string(product, '$.price') as double) as price,
            coalesce(try_cast(json_extract_string(product, '$.quantity') as double), 1) as quantity
        from (
            select line_number, call_number, own_brand, unnest(products) as product,
                generate_subscripts(products, 1) as place
            from timed
        )
    )
    group by line_number, call_number, brand
),
shares as (
    select *, count(*) over calls as brand_count, row_number() over (calls order by first_place) as brand_number,
        sum(amount) over calls as all_amount, sum(unpriced_count) over calls as all_unpriced_count,
        sum(product_count) over calls as all_product_count
    from bought window calls as (partition by line_number, call_number)
),
events as (
    select t.*, s.* exclude (line_number, call_number, brand, products), s.products as brand_products,
        case when s.brand_count is null then t.own_brand else s.brand end as brand,
        case t.type when 'track' then t.call.event when 'page' then 'Page Viewed' when 'screen' then 'Page Viewed'
            when 'identify' then 'Consumer Identified' when 'alias' then 'Consumer Identified'
            when 'group' then 'Group Joined' end as kind,
        coalesce(json_extract_string(t.properties, '$.revenue'), json_extract_string(t.properties, '$.total'))
            as value_text
    from timed t left join shares s on s.line_number = t.line_number and s.call_number = t.call_number
)
select row_number() over (order by line_number, call_number, brand_number) + staged.last_position as position,
    raw, coalesce(brand_number || ' ', '') || raw as content, detail,
    coalesce(problem, case when type is null or type not in ({_list(CALL_TYPES)}) then 'unknown_type' end) as problem,
    {quote_text(default_source)} as source,
    case when brand_count > 1 then call.messageId || '#' || brand_number else call.messageId end as event_id,
    occurred_at, cast(null as varchar) as precision, received_at,
    call.userId as consumer, brand, kind,
    coalesce(call.channel, case when type = 'screen' or json_extract_string(context, '$.device.type') in
        ('ios', 'android', 'mobile') then 'app' when type = 'page' or json_exists(context, '$.page') then 'web' end
    ) as channel,
    {_value()} as value,
    json_extract_string(properties, '$.currency') as currency,
    -- The spec has words of a consumer in reviews only; those of messages are sent as `text`.
    coalesce(json_extract_string(properties, '$.review_body'), json_extract_string(properties, '$.text')) as text,
    cast(null as varchar) as trust,
    {_identifiers()} as identifiers,
    {_properties()} as properties
from events cross join staged"""


def _list(texts: tuple[str, ...]) -> str:
    return ", ".join(quote_text(text) for text in texts)


def _value() -> str:
    """The share of an event's brand in the call's revenue, or the sum of its prices where there is no revenue.

    Products without a price share the rest of the revenue; where that is negative, or there is no
    revenue, the amount paid for them is unknown.
    """
    # A refund may have a sign or not; the refunded amount has none.
    number = "try_cast(value_text as double)"
    revenue = f"case when kind = 'Order Refunded' then abs({number}) else {number} end"
    return f"""case
        when value_text is not null and {number} is null then value_text
        when value_text is null then case when unpriced_count = 0 and starts_with(kind, 'Order ')
            then cast(round(amount, 6) as varchar) end
        when coalesce(brand_count, 1) = 1 then case when kind = 'Order Refunded' then cast({revenue} as varchar)
            else value_text end
        when all_unpriced_count > 0 then case when {revenue} >= all_amount then cast(round(amount
            + ({revenue} - all_amount) * unpriced_count / all_unpriced_count, 6) as varchar) end
        when all_amount > 0 then cast(round({revenue} * amount / all_amount, 6) as varchar)
        else cast(round({revenue} * product_count / all_product_count, 6) as varchar) end"""


def _identifiers() -> str:
    traits = "coalesce(call.traits, '{}')"

    def find_trait(name: str) -> str:
        return (
            f"coalesce(json_extract_string({traits}, '$.{name}'), "
            f"json_extract_string(context, '$.traits.{name}'))"
        )  # fmt: skip

    # An alias states that its previous id and its new one are one person; the previous one may be anonymous or a key.
    previous = (
        "case when type = 'alias' and call.previousId is distinct from call.userId then call.previousId end"
    )
    pairs = {
        "account": "call.userId",
        "anonymous_id": f"coalesce(call.anonymousId, {previous})",
        "previous_id": previous,
        "email": find_trait("email"),
        "phone": find_trait("phone"),
        "device": "json_extract_string(context, '$.device.id')",
    }
    listed = ", ".join(f"'{name}': {text}" for name, text in pairs.items())
    return f"cast(json_merge_patch('{{}}', to_json({{{listed}}})) as varchar)"


def _properties() -> str:
    dropped = ", ".join(f"'{name}': null" for name in _DROPPED_PROPERTIES)
    # Segment's ratings are texts; here they are compared as numbers.
    rating = "try_cast(json_extract_string(properties, '$.rating') as double)"
    added = (
        f"to_json({{'rating': {rating}, 'products': case when brand_count > 1 then brand_products end, "
        "'group_id': call.groupId, 'name': call.name, 'traits': case when json_type(call.traits) = 'OBJECT' "
        'then json_merge_patch(call.traits, \'{"email": null, "phone": null}\') end})'
    )
    forget = "{" + dropped.replace("'", '"') + "}"
    return (
        f"cast(json_merge_patch(json_merge_patch(properties, json_merge_patch('{{}}', {added})), "
        f"{quote_text(forget)}) as varchar)"
    )
