"""Validation of rows as events: one SQL text that checks and types the rows of every format.

Formats yield text; errors are reported here by position and field, never by content.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from types import MappingProxyType

from consumer_fusion.i18n.messages import Message, write_message
from consumer_fusion.i18n.translation import N_
from consumer_fusion.records.characters import UNSAFE_PATTERN
from consumer_fusion.records.consumer_keys import fold_key_sql
from consumer_fusion.records.placeholders import match_placeholder

CANONICAL_COLUMNS = (
    "source", "event_id", "occurred_at", "precision", "received_at", "consumer", "brand", "kind", "channel",
    "value", "currency", "text", "trust", "identifiers", "properties",
)  # fmt: skip
"""The canonical text columns, which every format yields."""

ACCEPTED_COLUMNS = (
    "position", "source", "event_id", "occurred_us", "precision", "received_us", "consumer", "brand", "kind",
    "channel", "value", "currency", "text", "trust", "identifiers", "properties", "is_generated", "former_id",
    "is_nobody",
)  # fmt: skip
REJECTED_COLUMNS = ("position", "source", "code", "message", "raw", "consumer_key")

KEY_LENGTH_LIMIT = 512
TEXT_LENGTH_LIMIT = 100_000
PROPERTIES_LENGTH_LIMIT = 262_144
_EARLIEST_US = (
    -2_208_988_800_000_000
)  # 1900: anything earlier is a truncated year, or a spreadsheet's empty date
_LATEST_US = 253_402_300_799_999_999  # the end of year 9999

ROW_PROBLEM = N_("Row {position} {message}")
"""The message of a rejected row."""
PROBLEMS: Mapping[str, str] = MappingProxyType(
    {
        "broken_line": N_("cannot be cut into columns. Correct its delimiters and quotes and retry it."),
        "invalid_encoding": N_(
            "is not text in the encoding that was expected. Name the encoding in the mapping."
        ),
        "invalid_json": N_(
            "is not a JSON object. Expected one object per line. Correct the line and retry it."
        ),
        "engine_failed": N_(
            "could not be read by any query. Correct it and retry it; please report it as a bug."
        ),
        "unknown_type": N_("has a `type` that the format does not know. Correct it and retry the row."),
        "missing_id": N_(
            "has no `event_id`. Give each event an id of its own that stays the same when it is sent again."
        ),
        "missing_time": N_("has no `occurred_at`. Give an ISO 8601 time with offset."),
        "invalid_time": N_(
            "has an `occurred_at` that is not a time, or is before the year 1900. Expected ISO 8601, for example "
            "2026-06-05T20:00:00Z."
        ),
        "invalid_received_at": N_(
            "has a `received_at` that is not a time, or is later than now. Expected ISO 8601, or leave it out."
        ),
        "occurred_in_future": N_(
            "has an `occurred_at` that is later than it was received. Check the sender's clock and time zone."
        ),
        "invalid_precision": N_(
            "has an unknown `precision`. Expected microsecond, second, minute, hour, day, month or year."
        ),
        "missing_kind": N_("has no `kind`. Name the kind of event, for example Order Completed."),
        "invalid_key": N_(
            "has a list, an object or a text with a control character where a key is expected (`event_id`, "
            "`consumer`, `brand`, `source`, `kind`, `channel` or one of its identifiers). Give text or a number."
        ),
        "invalid_value": N_(
            "has a `value` that is not a finite number. Write it with a decimal point and without a currency "
            "sign."
        ),
        "invalid_currency": N_(
            "has a `currency` that is not an ISO 4217 code. Write three letters, for example EUR."
        ),
        "invalid_trust": N_("has a `trust` that is not between 0 and 1. Give such a number or leave it out."),
        "invalid_identifiers": N_(
            "has `identifiers` that are not a JSON object of texts. Write for example "
            '{"email": "...", "device": "..."}.'
        ),
        "invalid_properties": N_(
            "has `properties` that are not a JSON object. Write an object or leave them out."
        ),
        "too_long": Message(
            "has a key longer than {KEY_LENGTH_LIMIT}, a text longer than {TEXT_LENGTH_LIMIT} or "
            "properties longer than {PROPERTIES_LENGTH_LIMIT} characters. Shorten it.",
            KEY_LENGTH_LIMIT=KEY_LENGTH_LIMIT,
            TEXT_LENGTH_LIMIT=f"{TEXT_LENGTH_LIMIT:,}",
            PROPERTIES_LENGTH_LIMIT=f"{PROPERTIES_LENGTH_LIMIT:,}",
        ),
        "invalid_number": N_(
            "has a number in a column of an amount or a quantity that cannot be read. Correct it and retry."
        ),
    }
)
"""Messages by code: found value, expected value and remedy; the message begins with `Row N`."""

_KEYS = ("event_id", "consumer", "brand", "kind", "source", "channel")
_IDENTIFIER_TEXTS = """array_to_string(list_concat(map_keys(identifiers_map), list_transform(
    map_values(identifiers_map), lambda each: json_extract_string(each, '$'))), '')"""
_BLANK = "e' \\t\\r\\n'"
OFFSET_FORM = r"[+-](?:(?:0\d|1[0-3])(?::?[0-5]\d)?|14(?::?00)?)"
"""No place on earth is further than 14 hours from UTC; the engine would accept any offset."""
_TIME_FORM = (
    r"\d{4}-\d\d-\d\d([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?"
    rf"( ?(Z|{OFFSET_FORM}))?)?"  # ISO 8601
)
_WHOLE_UTC_FORM = r"\d{4}-\d\d-\d\d[T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?Z?"
_LOOSE_TIME_FORM = (
    r"\d{4}-\d\d-\d\d[T ]([01]\d|2[0-3]|24):[0-5]\d(:([0-5]\d|60)(\.\d+)?)?"
    rf"( *(Z|{OFFSET_FORM})| +([A-Z]{{2,5}}|[A-Z][A-Za-z_]+(/[A-Za-z0-9_+-]+)+))?"
)
"""Common variants: a blank before the offset, the name of a zone, the end of a day as 24:00, a leap second."""
ZONE_OFFSETS: Mapping[str, str] = MappingProxyType({
    "UTC": "Z", "UT": "Z", "GMT": "Z", "WET": "Z", "WEST": "+01", "CET": "+01", "CEST": "+02", "EET": "+02",
    "EEST": "+03", "MSK": "+03", "EST": "-05", "EDT": "-04", "CST": "-06", "CDT": "-05", "MST": "-07", "MDT": "-06",
    "PST": "-08", "PDT": "-07", "JST": "+09",
})  # fmt: skip
"""Zones by abbreviation: those of RFC 5322 and of Europe; others are ambiguous."""
_PRECISIONS = "('microsecond', 'second', 'minute', 'hour', 'day', 'month', 'year')"


def quote_text(text: str) -> str:
    """The text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def trim_text(text: str, blanks: str = "") -> str:
    """An SQL expression: a text without the blanks around it; null where nothing is left.

    Args:
        text: Name of a column.
        blanks: Literal of the characters that are blanks; the spaces of Unicode if omitted.
    """
    # Trimming costs five times as much as a look at both ends, which are hardly ever anything but plain letters.
    is_bare = f"{text} between '!' and '~' and {text}[-1] between '!' and '~'"
    return f"case when {is_bare} then {text} else nullif(trim({text}{blanks and f', {blanks}'}), '') end"


def write_message_sql(template: str, **values: str) -> str:
    """An SQL expression: a message as a JSON object.

    Args:
        template: English text with `{names}` for values.
        values: SQL expressions of the values as JSON texts.
    """
    members = [f"{quote_text(f'{json.dumps(name)}: ')} || {value}" for name, value in values.items()]
    head = quote_text(f'{{"text": {json.dumps(template)}, "values": {{')
    return f"{head} || " + " || ', ' || ".join(members) + " || '}}'"


def quote_name(name: str) -> str:
    """The text as an SQL name."""
    return '"' + name.replace('"', '""') + '"'


def parse_time(text: str) -> str:
    """An SQL expression: the int64 microseconds of an ISO 8601 text; null when it is none.

    A time without an offset is UTC.
    """
    return (
        f"coalesce({_parse_strict(text)}, "
        f"epoch_us(case when regexp_full_match({text}, '{_LOOSE_TIME_FORM}') then {_parse_loose(text)} end))"
    )


def _parse_strict(text: str) -> str:
    """The int64 microseconds of a text in ISO 8601, else null.

    Most texts are times of UTC with seconds, which the engine reads in a third of the time. The cast does not accept
    `20:00Z`, so missing seconds are inserted.
    """
    whole = rf"regexp_replace({text}, '([T ]\d\d:\d\d)( ?(Z|[+-].*))?$', '\1:00\2')"
    strict = (
        f"try_cast(case when length({text}) > 10 and substr({text}, 17, 1) <> ':' then {whole} else {text} end "
        "as timestamptz)"
    )
    return (
        f"case when regexp_full_match({text}, '{_WHOLE_UTC_FORM}') then epoch_us(try_cast({text} as timestamp)) "
        f"when regexp_full_match({text}, '{_TIME_FORM}') then epoch_us({strict}) end"
    )


def _parse_loose(text: str) -> str:
    """The time of a text in the looser form; null where its zone is not known."""
    local = rf"regexp_extract({text}, '^(.{{10}}[T ]\d\d:\d\d)', 1)"
    seconds = rf"coalesce(nullif(regexp_extract({text}, '^.{{16}}(:\d\d(\.\d+)?)', 1), ''), ':00')"
    zone = rf"regexp_extract({text}, ' *(Z|[+-]\d\d(:?\d\d)?|[A-Z][A-Za-z0-9_/+-]*)$', 1)"
    names, offsets = ([quote_text(each) for each in column] for column in zip(*ZONE_OFFSETS.items()))
    known = f"map([{', '.join(names)}], [{', '.join(offsets)}])"
    # Of zones by name only those with a slash: the engine takes BST for Bangladesh. Bound once, since a query that
    # repeats it takes long to plan.
    offset = (
        f"list_transform([{zone}], lambda zone: coalesce({known}[zone], case "
        "when regexp_matches(zone, '^(Z|[+-].*)?$') then zone when contains(zone, '/') then ' ' || zone end))[1]"
    )
    return f"try_cast({local} || replace({seconds}, ':60', ':59') || {offset} as timestamptz)"


def sort_members(text: str) -> str:
    """An SQL expression: a JSON object as a text independent of the order of its members; otherwise the text."""
    parsed = f"try_cast({text} as json)"
    is_map = f"json_type({parsed}) = 'OBJECT' and len(list_distinct(json_keys({parsed}))) = len(json_keys({parsed}))"
    members = f"list_sort(map_entries(try_cast({parsed} as map(varchar, json))))"
    return f"case when {is_map} then cast(to_json(map_from_entries({members})) as varchar) else {text} end"


_EVENT_AS_READ = (
    "cast(to_json([cast(occurred_us as varchar), consumer, brand, kind, channel, cast(value + 0 as varchar), currency, "
    f"trim(text, {_BLANK}), nullif({sort_members('identifiers_text')}, '{{}}'), "
    f"nullif({sort_members('properties')}, '{{}}')]) as varchar)"
)
"""The content that the id of a row without one is computed from, independent of the format of the row."""


def check_rows(
    canonical: str, *, received_us: int, tolerance_hours: float, placeholders: Collection[str] = ()
) -> str:
    """The query that types the rows of a canonical query and gives each rejected one a `code`.

    Args:
        canonical: A SELECT with `position`, `raw`, `content` (the text of the row, or null where rows without an id
            are rejected), `problem` (a code found by the format itself, or null), `detail` (its message) and the
            columns of `CANONICAL_COLUMNS`.
        received_us: Time of arrival of rows that have none.
        tolerance_hours: Maximum time by which an event may occur after that, in hours.
        placeholders: Further placeholder keys, in lower case.
    """
    trimmed = ", ".join(
        f"{trim_text(name, _BLANK)} as {name}"
        for name in CANONICAL_COLUMNS
        if name not in ("text", "currency", "precision")
    )
    keys = " or ".join(f"length({name}) > {KEY_LENGTH_LIMIT}" for name in _KEYS)
    return f"""
with given as ({canonical}),
trimmed as (
    select position, raw, content, problem, detail, {trimmed}, nullif(text, '') as text,
        nullif(upper(trim(currency, {_BLANK})), '') as currency, nullif(lower(trim(precision)), '') as precision
    from given
),
judged as (
    -- Each long expression once, since every import plans them.
    select *,
        {_parse_strict("occurred_at")} as strict_occurred_us,
        {_parse_strict("received_at")} as strict_received_us,
        consumer is not null and {match_placeholder("consumer", placeholders)} as is_nobody
    from trimmed
),
timed as (
    -- Only where a time is in no strict form, since the attempt at the looser ones costs as much as all else.
    select *, case when (strict_occurred_us is null and occurred_at is not null)
            or (strict_received_us is null and received_at is not null)
        then list_transform([occurred_at, received_at], lambda each: {parse_time("each")}) end as loose_moments
    from judged
),
typed as (
    select position, raw, problem, detail, coalesce(source, 'events') as source,
        event_id as given_id, content, occurred_at as occurred_text,
        coalesce(strict_occurred_us, loose_moments[1]) as occurred_us,
        coalesce(precision, case when length(occurred_at) <= 10 then 'day' else 'second' end) as precision,
        case when received_at is null then {received_us} else coalesce(strict_received_us, loose_moments[2]) end
            as received_us,
        case when not is_nobody then {fold_key_sql("consumer")} end as consumer, is_nobody,
        brand, kind, channel,
        value as value_text, try_cast(value as double) as value, currency, text,
        trust as trust_text, try_cast(trust as double) as trust,
        identifiers as identifiers_text,
        -- Two members of one name are no map: it would be ambiguous.
        case when json_type(try_cast(identifiers as json)) = 'OBJECT'
            and len(list_distinct(json_keys(try_cast(identifiers as json))))
                = len(json_keys(try_cast(identifiers as json)))
            then try_cast(try_cast(identifiers as json) as map(varchar, json)) end as identifiers_map,
        properties,
        case when properties is null or properties = '{{}}' then true
            else coalesce(json_type(try_cast(properties as json)) = 'OBJECT', false) end as is_object
    from timed
),
named as (
    select *, given_id is null as is_generated,
        coalesce(given_id, case when content is not null then 'row-' || md5({_EVENT_AS_READ}) || '-1' end) as event_id,
        case when given_id is null or starts_with(given_id, 'row-') then 'row-' || md5(content) || '-1' end as former_id
    from typed
),
searched as (
    select *, {_find_unsafe_key()} as unsafe_key
    from named
),
checked as (
    select *, case
        when problem is not null then problem
        when event_id is null then 'missing_id'
        when kind is null then 'missing_kind'
        when occurred_text is null then 'missing_time'
        when occurred_us is null or occurred_us not between {_EARLIEST_US} and {_LATEST_US} then 'invalid_time'
        when received_us is null or received_us > {received_us + int(tolerance_hours * 3_600_000_000)}
            then 'invalid_received_at'
        when precision not in {_PRECISIONS} then 'invalid_precision'
        when occurred_us > received_us + {int(tolerance_hours * 3_600_000_000)} then 'occurred_in_future'
        when value_text is not null and (value is null or not isfinite(value)) then 'invalid_value'
        when currency is not null and not regexp_full_match(currency, '[A-Z]{{3}}') then 'invalid_currency'
        when trust_text is not null and (trust is null or not (trust between 0 and 1)) then 'invalid_trust'
        when identifiers_text is not null and (identifiers_map is null or len(list_filter(
            map_values(identifiers_map), lambda each: json_type(each) in ('OBJECT', 'ARRAY'))) > 0)
            then 'invalid_identifiers'
        when not is_object then 'invalid_properties'
        when unsafe_key is not null then 'invalid_key'
        when {keys} or length(text) > {TEXT_LENGTH_LIMIT} or length(properties) > {PROPERTIES_LENGTH_LIMIT}
            or length(identifiers_text) > {PROPERTIES_LENGTH_LIMIT} then 'too_long'
    end as code
    from searched
)"""


def _find_unsafe_key() -> str:
    """An SQL expression: the name of the first key with a forbidden character; null where there is none."""
    # One search of all of them costs less than one of each, and a pattern costs much to prepare.
    named = ", ".join(f"{{'name': '{name}', 'words': {name}}}" for name in _KEYS)
    named += f", {{'name': 'identifiers', 'words': {_IDENTIFIER_TEXTS}}}"
    first = f"list_filter([{named}], lambda each: {_is_unsafe('each.words')})[1].name"
    every = f"concat_ws('', {', '.join(_KEYS)}, identifiers_text)"
    return f"case when contains(identifiers_text, '\\') or {_is_unsafe(every)} then {first} end"


def _is_unsafe(text: str) -> str:
    return f"regexp_matches({text}, '{UNSAFE_PATTERN}')"


def _describe_unsafe_key() -> str:
    """An SQL expression: message with the key and the forbidden character; null where the reason is another."""
    texts = " ".join(f"when '{name}' then {name}" for name in _KEYS)
    found = f"case unsafe_key {texts} else {_IDENTIFIER_TEXTS} end"
    character = f"printf('U+%04X', unicode(regexp_extract({found}, '{UNSAFE_PATTERN}')))"
    text = write_message_sql(
        N_(
            "contains the character {character} in `{unsafe_key}`, which is not allowed in keys. Remove it and "
            "retry it."
        ),
        character=f"cast(to_json({character}) as varchar)",
        unsafe_key="cast(to_json(unsafe_key) as varchar)",
    )
    return f"case when code = 'invalid_key' and problem is null then {text} end"


def select_accepted(checked: str) -> str:
    """The rows of a `check_rows` query that are accepted."""
    return f"{checked} select {_ACCEPTED} from checked where code is null"


def select_judged(checked: str) -> str:
    """All rows of a `check_rows` query in the form of accepted ones, each with its code, which is null for those."""
    return f"{checked} select {_ACCEPTED}, code from checked"


def _write_accepted() -> str:
    # Values are texts: a numeric id and the same id in quotes are one identifier.
    identifiers = """
        nullif(cast(to_json(map_from_entries(list_filter(list_transform(map_entries(identifiers_map),
            lambda each: {'key': each.key, 'value': nullif(trim(json_extract_string(each.value, '$')), '')}),
            lambda each: each.value is not null))) as varchar), '{}')"""
    return ", ".join(
        f"{identifiers} as identifiers" if name == "identifiers"
        else "nullif(properties, '{}') as properties" if name == "properties"
        else name
        for name in ACCEPTED_COLUMNS
    )  # fmt: skip


_ACCEPTED = _write_accepted()


def select_raws(checked: str) -> str:
    """The accepted rows of a `check_rows` query in original form, in the columns of rejected ones."""
    return f"""{checked}
select abs(position) as position, source, code, '' as message, raw, consumer as consumer_key
from checked where code is null and position > 0"""


def select_rejected(checked: str, details: Mapping[str, str] = MappingProxyType({})) -> str:
    """The rejected rows of a `check_rows` query, with a message for each.

    A row and its refund are one row: it is reported once, for the row's own reason where it has one.

    Args:
        checked: The query.
        details: Specific messages by code, as SQL over its columns; JSON objects, as `write_message_sql` makes them.
    """
    known = " ".join(f"when {quote_text(code)} then {detail}" for code, detail in details.items())
    detail = f"coalesce(detail, case code {known} end)" if known else "detail"
    problems = ", ".join(
        f"({quote_text(code)}, {quote_text(write_message(text))})" for code, text in PROBLEMS.items()
    )
    found = (
        f"coalesce({_describe_unsafe_key()}, {write_message_sql('{message}.', message=detail)}, p.message)"
    )
    message = write_message_sql(ROW_PROBLEM, position="cast(abs(position) as varchar)", message=found)
    return f"""{checked}
select abs(position) as position, source, code, {message} as message, raw,
    consumer as consumer_key
from (
    select *, row_number() over (partition by abs(position) order by position desc) as nth
    from checked where code is not null
) refused join (values {problems}) p (problem_code, message) on p.problem_code = code
where nth = 1
order by 1"""
