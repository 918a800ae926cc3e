"""The query of a mapping: from the columns of external rows to the canonical text columns."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pyarrow as pa

from consumer_fusion.i18n.messages import Message, write_message
from consumer_fusion.i18n.translation import N_
from consumer_fusion.ingest.mapping import FieldRule, FileMapping, KindRule, LookupJoin, RefundRule
from consumer_fusion.ingest.row_batches import DETAIL, HEADER, LINE, POSITION, PROBLEM, RowBatch
from consumer_fusion.ingest.validation import (
    CANONICAL_COLUMNS,
    OFFSET_FORM,
    parse_time,
    quote_name,
    quote_text,
    trim_text,
    write_message_sql,
)

UNREADABLE = "?"
"""Prefix of a time that does not have the form of the mapping; no valid time begins with it."""
_SHOWN_LETTERS = 60


def describe_problems(mapping: FileMapping) -> dict[str, str]:
    """Messages for rows rejected by validation, by code: SQL over the original values, naming column and key."""
    messages: dict[str, str] = {}
    fields = {"occurred_at": "occurred_text", "currency": "currency", "trust": "trust_text"}
    expected = {
        "occurred_at": Message(
            'is not a time in the format `time_format` = "{time_format}"', time_format=mapping.time_format
        ),
        "currency": N_("is not an ISO 4217 code of three letters; see `fields.currency`"),
        "trust": N_("is not a number from 0 to 1; see `fields.trust`"),
    }
    codes = {"occurred_at": "invalid_time", "currency": "invalid_currency", "trust": "invalid_trust"}
    for field, column in fields.items():
        rule = mapping.fields.get(field)
        if rule is not None and rule.columns:
            text = f"ltrim({column}, '{UNREADABLE}')"
            messages[codes[field]] = _write_detail(", ".join(rule.columns), text, expected[field])
    for field, code in (("occurred_at", "missing_time"), ("event_id", "missing_id")):
        rule = mapping.fields.get(field)
        if rule is not None and rule.columns:
            message = Message(
                "has no value in `{columns}`; see `fields.{field}` of the mapping",
                columns=", ".join(rule.columns),
                field=field,
            )
            messages[code] = quote_text(write_message(message))
    return messages


def list_columns(mapping: FileMapping) -> tuple[str, ...]:
    """The columns of the files that a mapping needs, each once."""
    refund = mapping.refund
    rules = [*mapping.fields.values(), *mapping.identifiers.values(), *mapping.properties.values()]
    rules += [rule for rule in (refund.value, refund.occurred_at) if rule] if refund else []
    names = [name for rule in rules for name in (*rule.columns, *rule.multiply)]
    tests = [*mapping.kind_rules, *([refund.test] if refund and refund.test else [])]
    names += [rule.column for rule in tests if rule.column]
    names += [mapping.kind_column] if mapping.kind_column else []
    names += mapping.group_by
    names += [ours for join in mapping.joins for ours, _ in join.keys]
    looked_up = {name for join in mapping.joins for name, _ in join.columns}
    return tuple(dict.fromkeys(name for name in names if name not in looked_up))


def select_lookup(join: LookupJoin, relation: str) -> str:
    """The rows of a lookup file: its keys as `key_1`, ... and its columns under their new names, as text."""
    keys = [
        f"cast({quote_name(theirs)} as varchar) as key_{number}"
        for number, (_, theirs) in enumerate(join.keys, 1)
    ]
    columns = [
        f"cast({quote_name(theirs)} as varchar) as {quote_name(name)}" for name, theirs in join.columns
    ]
    return f"select distinct {', '.join([*keys, *columns])} from {relation}"


def map_rows(mapping: FileMapping, part: RowBatch, source: str, brand: str | None) -> str:
    """The canonical query over the rows of a part, named `lines`, and its lookups `lookup_1`, ...

    Without grouping this is the whole query; with it, the rows go through `group_rows` first.
    """
    numbers = _list_typed_numbers(mapping, part)
    typed = "".join(f", cast({quote_name(name)} as double) as {number}" for name, number in numbers.items())
    relation = name_rows(mapping, part, further=f", {_write_content(mapping, part)} as content{typed}")
    return _finish_rows(mapping, f"({relation})", source, brand, numbers)


def _write_content(mapping: FileMapping, part: RowBatch) -> str:
    """An SQL expression: the text of a row, from which an id is made.

    Where a row of Parquet has an id, the text is not needed: to write it costs more than to check its time.
    """
    if part.form != "values":
        return LINE
    line, rule = _write_line(part), mapping.fields.get("event_id")
    if rule is None or not rule.is_plain or rule.columns[0] not in part.columns:
        return line
    text = _column(rule.columns[0], part)
    return (
        f"case when {text} between '!' and '~' and not starts_with({text}, 'row-') then null else {line} end"
    )


def _write_line(part: RowBatch) -> str:
    """An SQL expression: a row of Parquet as JSON."""
    listed = ", ".join(f"{quote_text(name)}: {quote_name(name)}" for name in part.columns)
    return f"cast(to_json({{{listed}}}) as varchar)"


def _list_typed_numbers(mapping: FileMapping, part: RowBatch) -> dict[str, str]:
    """The column of values, if it has numbers, which are not read from their text, and the name of its number."""
    rule = mapping.fields.get("value")
    if part.form != "values" or rule is None or not rule.is_plain or mapping.layout.decimal != ".":
        return {}
    name = rule.columns[0]
    kind = part.rows.schema.field(name).type if name in part.columns else pa.null()
    # Not of single precision, whose 0.1 as text is nearer to 0.1 than as a number.
    is_number = pa.types.is_float64(kind) or pa.types.is_integer(kind)
    return {name: quote_name("number_of_value")} if is_number else {}


def name_rows(mapping: FileMapping, part: RowBatch, *, further: str = "") -> str:
    """The columns that the mapping needs as text, under safe names, with the lookups joined.

    Args:
        mapping: The mapping.
        part: The rows, as the table `lines`.
        further: SQL of further columns of the rows, after a comma.
    """
    names = list_columns(mapping)
    columns = ", ".join(f"{_column(name, part)} as {_safe(name)}" for name in names)
    looked_up = [
        f"lookup_{number}.{quote_name(name)} as {_safe(name)}"
        for number, join in enumerate(mapping.joins, 1)
        for name, _ in join.columns
    ]
    joins = " ".join(
        f"left join lookup_{number} on "
        + " and ".join(
            f"lookup_{number}.key_{place} = named.{_safe(ours)}"
            for place, (ours, _) in enumerate(join.keys, 1)
        )
        for number, join in enumerate(mapping.joins, 1)
    )
    lines = "lines"
    if part.form == "values":
        header, line, problem, detail = "null", _write_line(part), "null", "null"
    else:
        header, line, problem, detail = f"cast({HEADER} as varchar)", LINE, PROBLEM, DETAIL
        if part.form == "objects":
            header, problem = "null", f"coalesce({PROBLEM}, case when object is null then 'invalid_json' end)"
            lines = (
                f"(select *, case when json_type(try_cast({LINE} as json)) = 'OBJECT' then cast({LINE} as json) end"
                f" as object from lines)"
            )
    origin = (
        f"{POSITION} as position, cast({header} as varchar) as header, {line} as line, "
        f"cast({problem} as varchar) as problem, cast({detail} as varchar) as detail"
    )
    return (
        f"select named.*{''.join(', ' + each for each in looked_up)} "
        f"from (select {origin}{', ' + columns if columns else ''}{further} from {lines}) named {joins}"
    )


def count_matches(mapping: FileMapping, part: RowBatch) -> str:
    """The query that counts, for each join, the rows of a part with values in its keys and those with a match."""
    counts: list[str] = []
    for number, join in enumerate(mapping.joins, 1):
        given = " and ".join(f"{trim_text(f'named.{_safe(ours)}')} is not null" for ours, _ in join.keys)
        counts.append(f"count_if({given}) as given_{number}")
        keys = " and ".join(
            f"l.key_{place} = named.{_safe(ours)}" for place, (ours, _) in enumerate(join.keys, 1)
        )
        counts.append(f"count_if(exists(select 1 from lookup_{number} l where {keys})) as matched_{number}")
    return f"select {', '.join(counts)} from ({name_rows(mapping, part)}) named"


def group_rows(mapping: FileMapping, relation: str) -> str:
    """One row for each set of rows with equal columns of `group.by`, in the order of their first rows.

    The time is the earliest; of other columns the first non-blank value is used; values are added and rounded
    to a millionth, because the last digits of a sum depend on its order. A malformed row or one with an unreadable
    number makes its group malformed: an order without one of its lines would be wrong.
    """
    keys = [_safe(name) for name in mapping.group_by]
    others = [
        name
        for name in dict.fromkeys(
            (*list_columns(mapping), *(n for join in mapping.joins for n, _ in join.columns))
        )
        if name not in mapping.group_by
    ]
    value = mapping.fields.get("value")
    time = _write_time(mapping, mapping.fields["occurred_at"])
    firsts = "".join(f", arg_min({trim_text(_safe(name))}, position) as {_safe(name)}" for name in others)
    total = _value(mapping, value) if value else "null"
    unreadable = f"min({_describe_unreadable(mapping, value)})" if value else "cast(null as varchar)"
    written = " || '|' || ".join(f"coalesce({key}, '')" for key in keys)
    trimmed = ", ".join(f"{trim_text(key)} as {key}" for key in keys)
    # Rows without a key form no group: each is an event of its own, and malformed rows are rejected one by one.
    blank = " and ".join(f"{trim_text(key)} is null" for key in keys)
    whole_key = f"case when problem is not null or ({blank}) then position else 0 end as alone"
    return f"""
select min(position) as position, min(written) as content, any_value(problem) as problem, any_value(detail) as detail,
    {", ".join(keys)}{firsts}, coalesce(arg_min({time}, {parse_time(time)}), min({time})) as grouped_time,
    round(sum({total}), 6) as grouped_value,
    {unreadable} as unreadable, count(*) as row_count, alone
from (select * replace ({trimmed}), {written} as written, {whole_key} from {relation}) grouped
group by alone, {", ".join(keys)}
order by position"""


def finish_groups(mapping: FileMapping, relation: str, source: str, brand: str | None) -> str:
    """The canonical query over the rows of `group_rows`."""
    return _finish_rows(mapping, relation, source, brand, {})


def join_group_key(mapping: FileMapping, left: str, right: str) -> str:
    """The join condition of rows, on the left, and their groups, on the right."""
    return " and ".join(
        f"{trim_text(f'{left}.{_safe(name)}')} is not distinct from {right}.{_safe(name)}"
        for name in mapping.group_by
    )


def _finish_rows(
    mapping: FileMapping, relation: str, source: str, brand: str | None, numbers: Mapping[str, str]
) -> str:
    is_grouped = bool(mapping.group_by)
    value_rule = mapping.fields.get("value")
    value = (
        "grouped_value"
        if is_grouped
        else numbers.get(value_rule.columns[0] if value_rule.columns else "") or _value(mapping, value_rule)
        if value_rule
        else "cast(null as double)"
    )
    problem, detail = "problem", "detail"
    if value_rule is not None:
        unreadable = "unreadable" if is_grouped else _describe_unreadable(mapping, value_rule, "amount")
        problem = f"coalesce(problem, case when {unreadable} is not null then 'invalid_number' end)"
        detail = f"coalesce(detail, {unreadable})"
    fields = {name: _text(rule) for name, rule in mapping.fields.items() if name != "value"}
    fields["occurred_at"] = (
        "grouped_time" if is_grouped else _write_time(mapping, mapping.fields["occurred_at"])
    )
    if "received_at" in fields:
        fields["received_at"] = _write_time(mapping, mapping.fields["received_at"])
    fields["source"] = quote_text(source)
    if is_grouped and "event_id" not in fields:
        fields["event_id"] = _make_group_id(mapping)
    if brand is not None:
        fields["brand"] = f"coalesce(nullif({fields.get('brand', 'null')}, ''), {quote_text(brand)})"
    fields["kind"], is_absolute = _kind(mapping, fields, "amount")
    if mapping.refund is None:
        # Validation trims them, too; a refund appends to the id before that.
        fields |= {
            name: _safe(rule.columns[0])
            for name, rule in mapping.fields.items()
            if name in ("event_id", "consumer", "channel") and rule.is_plain
        }
    fields["value"] = f"cast(case when {is_absolute} then abs(amount) else amount end as varchar)"
    fields["precision"] = quote_text(mapping.precision) if mapping.precision else "null"
    if mapping.precision is None and mapping.time_format not in ("iso", "unix_seconds", "unix_milliseconds"):
        fields["precision"] = _tell_precision(mapping.time_format)
    fields["identifiers"] = _objects(mapping, mapping.identifiers, {})
    counted = {mapping.count_as: "row_count"} if is_grouped else {}
    fields["properties"] = _objects(mapping, mapping.properties, counted)
    listed = ", ".join(f"cast({fields.get(name, 'null')} as varchar) as {name}" for name in CANONICAL_COLUMNS)
    raw = "cast(null as varchar)" if is_grouped else "coalesce(header || chr(10), '') || line"
    rows = f"""
select position, {raw} as raw, content, {problem} as problem, {detail} as detail, {listed}
from (select *, {value} as amount from {relation} mapped) valued"""
    if mapping.refund is None:
        return rows
    return _add_refunds(mapping, mapping.refund, rows, fields)


def _add_refunds(mapping: FileMapping, refund: RefundRule, rows: str, fields: Mapping[str, str]) -> str:
    """The query of rows and, after each row with a refund, that refund, at the negated position of the row."""
    amount = _value(mapping, refund.value) if refund.value else "amount"
    unreadable = _describe_unreadable(mapping, refund.value) if refund.value else "cast(null as varchar)"
    time = _write_time(mapping, refund.occurred_at) if refund.occurred_at else "cast(null as varchar)"
    test = (
        _test(mapping, refund.test, _find_subject(refund.test, fields, "amount")) if refund.test else "true"
    )
    refunds = rows.replace(
        "select position,",
        f"select abs({amount}) as refund_amount, {unreadable} as refund_unreadable, {time} as refund_time, "
        f"coalesce({test}, false) as is_refunded, position,", 1,
    )  # fmt: skip
    own = "refund_amount, refund_unreadable, refund_time, is_refunded"
    return f"""
with refunds as materialized ({refunds})
select * exclude ({own}) from refunds
union all
select * exclude ({own}) replace (
    -position as position, content || '#refund' as content, event_id || '#refund' as event_id,
    coalesce(refund_time, occurred_at) as occurred_at, 'Order Refunded' as kind,
    cast(refund_amount as varchar) as value, refund_unreadable as detail,
    case when refund_unreadable is not null then 'invalid_number' end as problem)
from refunds where problem is null and is_refunded and (refund_unreadable is not null or refund_amount > 0)"""


def _make_group_id(mapping: FileMapping) -> str:
    """The id of a group by its key; ungrouped rows have none, and get one by their content."""
    texts = [f"coalesce({_safe(name)}, '')" for name in mapping.group_by]
    if len(texts) > 1:
        texts = [f"replace({text}, '|', '||')" for text in texts]
    key = " || '|' || ".join(texts)
    return f"case when alone = 0 then 'row-' || md5({key}) || '-1' end"


def _column(name: str, part: RowBatch) -> str:
    if part.form == "objects":
        path = "$" + "".join('."' + step.replace('"', "") + '"' for step in name.split("."))
        return f"json_extract_string(object, {quote_text(path)})"
    if part.form == "texts":
        return quote_name(name)
    return f"cast({quote_name(name)} as varchar)"


def _safe(name: str) -> str:
    """A safe name of a column, distinct from canonical ones and from any that differs by capital letters only."""
    return quote_name("in_" + "".join(f"^{letter}" if letter == "^" or letter != letter.lower() else letter
                                      for letter in name))  # fmt: skip


def _text(rule: FieldRule) -> str:
    if rule.constant is not None:
        return quote_text(rule.constant)
    columns = [trim_text(_safe(name)) for name in rule.columns]
    text = columns[0] if len(columns) == 1 else f" || {quote_text(rule.separator)} || ".join(columns)
    if rule.strip_prefix:
        text = (f"case when starts_with({text}, {quote_text(rule.strip_prefix)}) "
                f"then substr({text}, {len(rule.strip_prefix) + 1}) else {text} end")  # fmt: skip
    if rule.strip_suffix:
        text = (f"case when ends_with({text}, {quote_text(rule.strip_suffix)}) "
                f"then left({text}, length({text}) - {len(rule.strip_suffix)}) else {text} end")  # fmt: skip
    return f"{quote_text(rule.prefix)} || {text}" if rule.prefix else text


_SPACES = r"[\s\x{00A0}\x{2009}\x{202F}]"
_CURRENCY_SIGN = r"(?:\p{Sc}|[A-Z]{3})"


def _number(mapping: FileMapping, text: str) -> str:
    """A number as people and shops write it, if it is unambiguous; null for anything else.

    Around it there may be a leading apostrophe that stops a spreadsheet from evaluating, a currency sign or code,
    brackets or a trailing minus for negative numbers; within it, between groups of three digits, blanks and the
    separator of the mapping.
    """
    decimal = mapping.layout.decimal
    thousands = mapping.layout.thousands or ("." if decimal == "," else "")
    plain = rf"regexp_full_match({text}, '\s*[+-]?(\d+[{decimal}]?\d*|[{decimal}]\d+)([eE][+-]?\d+)?\s*')"
    bare = _strip_around(text)
    separator = quote_text(thousands)[1:-1]
    between = rf"(?:{_SPACES}|[{separator}])" if thousands else _SPACES
    grouped = rf"[+-]?\d{{1,3}}(?:{between}\d{{3}})+(?:[{decimal}]\d*)?"
    ungrouped = (
        f"case when regexp_full_match({bare}, '{grouped}') then regexp_replace({bare}, '{between}', '', 'g') "
        f"when regexp_full_match({bare}, '[+-]?(\\d+[{decimal}]?\\d*|[{decimal}]\\d+)') then {bare} end"
    )
    # Not `coalesce`, whose rare second part the engine would evaluate for every row; a plain number it reads the same.
    return f"case when {plain} then {_cast_number(text, decimal)} else {_cast_number(ungrouped, decimal)} end"


def _strip_around(text: str) -> str:
    """Remove everything around a number, and put its minus sign in front."""
    steps = (
        (rf"^{_SPACES}*''", ""),
        (rf"^{_SPACES}*\({_SPACES}*(.*?){_SPACES}*\){_SPACES}*$", r"-\1"),
        (rf"^{_SPACES}*([+-]?){_SPACES}*{_CURRENCY_SIGN}{_SPACES}*", r"\1"),
        (rf"{_SPACES}*{_CURRENCY_SIGN}{_SPACES}*$", ""),
        (rf"^{_SPACES}*(.*\d){_SPACES}*-{_SPACES}*$", r"-\1"),
        (rf"^{_SPACES}+|{_SPACES}+$", ""),
    )
    bare = f"replace({text}, chr(8722), '-')"  # the typographic minus
    for pattern, replacement in steps:
        bare = f"regexp_replace({bare}, '{pattern}', '{replacement}')"
    return bare


def _cast_number(text: str, decimal: str) -> str:
    return f"try_cast(replace({text}, '{decimal}', '.') as double)"


def _value(mapping: FileMapping, rule: FieldRule) -> str:
    if rule.multiply:
        return " * ".join(_number(mapping, f"trim({_safe(name)})") for name in rule.multiply)
    return _number(mapping, _text(rule))


def _list_numbers(mapping: FileMapping, rule: FieldRule, value: str | None) -> list[tuple[str, str, str]]:
    """The columns with numbers, each with its text, which a missing number does not have, and its number, as SQL."""
    if rule.multiply:
        texts = [(name, trim_text(_safe(name))) for name in rule.multiply]
        return [(name, text, _number(mapping, text)) for name, text in texts]
    text = _text(rule)
    return [(", ".join(rule.columns), text, value or _number(mapping, text))]


def _describe_unreadable(mapping: FileMapping, rule: FieldRule, value: str | None = None) -> str:
    """Message for an unreadable number; null where all can be read.

    Args:
        mapping: The mapping.
        rule: Rule of the number.
        value: Column that has the value of the rule already, so that it is not read again.
    """
    tests = " ".join(
        f"when {text} is not null and not coalesce(isfinite({number}), false) then "
        + _write_detail(name, text, N_("is not a number; see `decimal` and `thousands` of the mapping"))
        for name, text, number in _list_numbers(mapping, rule, value)
    )
    return f"case {tests} end"


def _write_detail(column: str, text: str, expectation: str) -> str:
    """The value of a column and the expectation, as SQL."""
    return write_message_sql(
        N_("has `{column}` = {value}, which {expectation}"),
        column=quote_text(json.dumps(column)),
        value=f"cast(to_json(cast(to_json(left({text}, {_SHOWN_LETTERS})) as varchar)) as varchar)",
        expectation=quote_text(write_message(expectation)),
    )


def _write_time(mapping: FileMapping, rule: FieldRule) -> str:
    """The time as ISO 8601 text in UTC; a date stays the same date, whatever the zone."""
    text, has_offset = _text(rule), "%z" in mapping.time_format
    if mapping.time_format in ("unix_seconds", "unix_milliseconds"):
        scale = 1_000_000 if mapping.time_format == "unix_seconds" else 1_000
        number = f"try_cast({text} as double)"
        return (f"case when {text} is not null then coalesce(try(cast(make_timestamp(cast(round({number} * {scale}) "
                f"as bigint)) as varchar)), '{UNREADABLE}' || {text}) end")  # fmt: skip
    if mapping.time_format == "iso":
        # A time known to the day only is that day, whatever offset follows it.
        is_day = mapping.precision in ("day", "month", "year")
        local = f"try_cast({f'left({text}, 10)' if is_day else text} as timestamp)"
    else:
        local = f"try_strptime({text}, {quote_text(mapping.time_format)})"
        if has_offset:
            # At the end, or within, as in `Wed Oct 10 20:19:24 +0000 2018`; anything else is not taken for an offset.
            known = rf"{OFFSET_FORM}$|( |:\d\d|\.\d+){OFFSET_FORM}[^\d:]"
            local = f"case when regexp_matches({text}, '{known}') then {local} end"
    if mapping.precision in ("day", "month", "year"):
        written = f"cast(cast({local} as date) as varchar)"
    elif mapping.time_zone == "UTC" or has_offset:
        written = f"cast({local} as varchar)"
    else:
        written = f"cast(timezone({quote_text(mapping.time_zone)}, {local}) as varchar)"
    if mapping.time_format == "iso":
        # A time with its own offset or a date needs no zone; neither does one that validation will refuse.
        own_zone = r":\d\d(\.\d+)?( *(Z|[+-]\d\d(:?\d\d)?)| +[A-Z].+)$"
        as_is = f"length({text}) <= 10 or regexp_matches({text}, '{own_zone}')"
        if mapping.precision in ("day", "month", "year"):
            return _or_unreadable(written, text)
        if mapping.time_zone == "UTC":
            return text
        return f"case when {as_is} then {text} else {_or_unreadable(written, text)} end"
    return _or_unreadable(written, text)


def _or_unreadable(written: str, text: str) -> str:
    return f"case when {text} is not null then coalesce({written}, '{UNREADABLE}' || {text}) end"


def _tell_precision(time_format: str) -> str:
    """The precision of a time with such codes; null for seconds."""
    if any(code in time_format for code in ("%S", "%-S", "%c", "%X", "%T")):
        return "null"
    if any(code in time_format for code in ("%M", "%-M", "%R")):
        return "'minute'"
    return "'hour'" if any(code in time_format for code in ("%H", "%-H", "%I", "%-I")) else "'day'"


def _kind(mapping: FileMapping, fields: Mapping[str, str], value: str) -> tuple[str, str]:
    """The kind, and the condition under which its value loses the sign."""
    given = quote_text(mapping.default_kind) if mapping.default_kind is not None else "null"
    if mapping.kind_column is not None:
        column = trim_text(_safe(mapping.kind_column))
        renamed = "".join(
            f" when {quote_text(theirs)} then {quote_text(ours)}"
            for theirs, ours in mapping.renamed_kinds.items()
        )
        renamed = f"case {column}{renamed} else {column} end" if renamed else column
        given = f"coalesce({renamed}, {given})"
    tests = [_test(mapping, rule, _find_subject(rule, fields, value)) for rule in mapping.kind_rules]
    if not tests:
        return given, "false"
    branches = "".join(
        f" when {test} then {quote_text(rule.kind)}"
        for test, rule in zip(tests, mapping.kind_rules, strict=True)
    )
    signs = "".join(
        f" when {test} then {'true' if rule.is_absolute else 'false'}"
        for test, rule in zip(tests, mapping.kind_rules, strict=True)
    )
    return f"case{branches} else {given} end", f"case{signs} else false end"


def _find_subject(rule: KindRule, fields: Mapping[str, str], value: str) -> str:
    if rule.column:
        return f"trim({_safe(rule.column)})"
    return value if rule.field == "value" else fields.get(rule.field or "", "null")


def _test(mapping: FileMapping, rule: KindRule, subject: str) -> str:
    text = f"cast({subject} as varchar)"
    match rule.test:
        case "starts_with" | "ends_with":
            return f"{rule.test}({text}, {quote_text(rule.operand)})"
        case "equals":
            return f"{text} = {quote_text(rule.operand)}"
        case "one_of":
            return f"{text} in ({', '.join(quote_text(each) for each in rule.operand)})"
        case "is_missing":
            return f"nullif({text}, '') is {'' if rule.operand else 'not '}null"
        case _:
            sign = {"at_most": "<=", "at_least": ">=", "below": "<", "above": ">"}[rule.test]
            number = subject if rule.field == "value" else _number(mapping, text)
            return f"{number} {sign} {float(rule.operand)!r}"


def _objects(mapping: FileMapping, rules: Mapping[str, FieldRule], counted: Mapping[str, str]) -> str:
    """A JSON object of the values that are not missing."""
    entries: list[str] = []
    for name, rule in rules.items():
        text = _text(rule)
        match rule.type:
            case "text":
                kept = f"to_json({text})"
            case "boolean":
                kept = f"to_json(try_cast({text} as boolean))"
            case "number":
                number = _number(mapping, text)
                whole = f"try_cast({number} as bigint)"  # 3 is written as 3, not as 3.0
                kept = f"case when {number} = {whole} then to_json({whole}) else to_json({number}) end"
        entries.append(f"{quote_text(name)}: {kept}")
    entries += [f"{quote_text(name)}: to_json({column})" for name, column in counted.items()]
    if not entries:
        return "null"
    return f"cast(json_merge_patch('{{}}', to_json({{{', '.join(entries)}}})) as varchar)"
