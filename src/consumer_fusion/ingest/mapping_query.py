"""A mapping as a query: from the columns of somebody's rows to the canonical text columns."""

from __future__ import annotations

from collections.abc import Mapping as KeyedBy

from consumer_fusion.ingest.mapping import FieldRule, Join, KindRule, Mapping
from consumer_fusion.ingest.parts import DETAIL, HEADER, LINE, POSITION, PROBLEM, Part
from consumer_fusion.ingest.validation import CANONICAL_COLUMNS, parse_time, quote_name, quote_text

UNREADABLE = "unreadable"
"""Stands for a time that is not of the form which the mapping says; no time reads like this."""


def list_columns(mapping: Mapping) -> tuple[str, ...]:
    """The columns of the files that a mapping needs, each once."""
    rules = (*mapping.fields.values(), *mapping.identifiers.values(), *mapping.properties.values())
    names = [name for rule in rules for name in (*rule.columns, *rule.multiply)]
    names += [rule.column for rule in mapping.kind_rules if rule.column]
    names += [mapping.kind_column] if mapping.kind_column else []
    names += mapping.group_by
    names += [ours for join in mapping.joins for ours, _ in join.keys]
    looked_up = {name for join in mapping.joins for name, _ in join.columns}
    return tuple(dict.fromkeys(name for name in names if name not in looked_up))


def select_lookup(join: Join, relation: str) -> str:
    """The rows of a lookup file: its keys as `key_1`, ... and its columns under the names given here, as text."""
    keys = [
        f"cast({quote_name(theirs)} as varchar) as key_{number}"
        for number, (_, theirs) in enumerate(join.keys, 1)
    ]
    columns = [
        f"cast({quote_name(theirs)} as varchar) as {quote_name(name)}" for name, theirs in join.columns
    ]
    return f"select distinct {', '.join([*keys, *columns])} from {relation}"


def map_rows(mapping: Mapping, part: Part, source: str, brand: str | None) -> str:
    """The canonical query over the rows of a part, named `lines`, and its lookups `lookup_1`, ...

    Without grouping this is all; with it, the rows go through `group_rows` first.
    """
    return _finish_rows(mapping, f"({name_rows(mapping, part)})", source, brand)


def name_rows(mapping: Mapping, part: Part) -> str:
    """The columns that the mapping needs as text, under safe names, with the lookups joined."""
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
        listed = ", ".join(f"{quote_text(name)}: {quote_name(name)}" for name in part.columns)
        header, line, problem, detail = "null", f"cast(to_json({{{listed}}}) as varchar)", "null", "null"
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
        f"from (select {origin}{', ' + columns if columns else ''} from {lines}) named {joins}"
    )


def group_rows(mapping: Mapping, relation: str) -> str:
    """One row for each set of rows with equal columns of `group.by`, in the order of their first rows.

    The time is the earliest; of other columns the first that is not blank is taken; values are added and rounded
    to a millionth, because the last digits of a sum depend on its order. A row that is broken or whose number cannot
    be read makes its group broken: an order without one of its lines would be a wrong order.
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
    firsts = "".join(
        f", arg_min(nullif(trim({_safe(name)}), ''), position) as {_safe(name)}" for name in others
    )
    total = _value(mapping, value) if value else "null"
    unreadable = f"count_if({_unreadable(mapping, value)})" if value else "0"
    content = " || '|' || ".join(f"coalesce({key}, '')" for key in keys)
    # Rows without a key are no group: each is an event of its own, and broken rows are set aside one by one.
    blank = " and ".join(f"nullif(trim({key}), '') is null" for key in keys)
    whole_key = f"case when problem is not null or ({blank}) then position else 0 end as alone"
    return f"""
select min(position) as position, {content} as content, any_value(problem) as problem, any_value(detail) as detail,
    {", ".join(keys)}{firsts}, coalesce(arg_min({time}, {parse_time(time)}), min({time})) as grouped_time,
    round(sum({total}), 6) as grouped_value,
    {unreadable} as unreadable_count, count(*) as row_count, alone
from (select *, {whole_key} from {relation}) grouped
group by alone, {", ".join(keys)}
order by position"""


def finish_groups(mapping: Mapping, relation: str, source: str, brand: str | None) -> str:
    """The canonical query over the rows of `group_rows`."""
    return _finish_rows(mapping, relation, source, brand)


def join_group_key(mapping: Mapping, left: str, right: str) -> str:
    """The condition by which rows belong to groups."""
    return " and ".join(
        f"{left}.{_safe(name)} is not distinct from {right}.{_safe(name)}" for name in mapping.group_by
    )


def list_key_columns(mapping: Mapping) -> str:
    """The columns of `group.by` under their safe names."""
    return ", ".join(_safe(name) for name in mapping.group_by)


def _finish_rows(mapping: Mapping, relation: str, source: str, brand: str | None) -> str:
    is_grouped = bool(mapping.group_by)
    value_rule = mapping.fields.get("value")
    value = (
        "grouped_value"
        if is_grouped
        else _value(mapping, value_rule)
        if value_rule
        else "cast(null as double)"
    )
    problem = "problem"
    if value_rule is not None:
        bad = "unreadable_count > 0" if is_grouped else _unreadable(mapping, value_rule)
        problem = f"coalesce(problem, case when {bad} then 'invalid_number' end)"
    fields = {name: _text(rule) for name, rule in mapping.fields.items() if name != "value"}
    fields["occurred_at"] = (
        "grouped_time" if is_grouped else _write_time(mapping, mapping.fields["occurred_at"])
    )
    if "received_at" in fields:
        fields["received_at"] = _write_time(mapping, mapping.fields["received_at"])
    fields["source"] = quote_text(source)
    if brand is not None:
        fields["brand"] = f"coalesce(nullif({fields.get('brand', 'null')}, ''), {quote_text(brand)})"
    fields["kind"], is_absolute = _kind(mapping, fields, "amount")
    fields["value"] = f"cast(case when {is_absolute} then abs(amount) else amount end as varchar)"
    fields["precision"] = quote_text(mapping.precision) if mapping.precision else "null"
    if mapping.precision is None and mapping.time_format not in ("iso", "unix_seconds", "unix_milliseconds"):
        fields["precision"] = (
            "null" if "%H" in mapping.time_format or "%I" in mapping.time_format else "'day'"
        )
    fields["identifiers"] = _objects(mapping, mapping.identifiers, {})
    counted = {mapping.count_as: "row_count"} if is_grouped else {}
    fields["properties"] = _objects(mapping, mapping.properties, counted)
    listed = ", ".join(f"{fields.get(name, 'null')} as {name}" for name in CANONICAL_COLUMNS)
    raw, content = "coalesce(header || chr(10), '') || line", "line"
    if is_grouped:
        raw, content = "cast(null as varchar)", "content"
    return f"""
select position, {raw} as raw, {content} as content, {problem} as problem, detail, {listed}
from (select *, {value} as amount from {relation} mapped) valued"""


def _column(name: str, part: Part) -> str:
    if part.form == "objects":
        path = "$" + "".join('."' + step.replace('"', "") + '"' for step in name.split("."))
        return f"json_extract_string(object, {quote_text(path)})"
    if part.form == "texts":
        return quote_name(name)
    return f"cast({quote_name(name)} as varchar)"


def _safe(name: str) -> str:
    """A column's name that cannot collide with ours, nor with one that differs by capital letters only."""
    return quote_name("in_" + "".join(f"^{letter}" if letter == "^" or letter != letter.lower() else letter
                                      for letter in name))  # fmt: skip


def _text(rule: FieldRule) -> str:
    if rule.constant is not None:
        return quote_text(rule.constant)
    columns = [f"nullif(trim({_safe(name)}), '')" for name in rule.columns]
    text = columns[0] if len(columns) == 1 else f" || {quote_text(rule.separator)} || ".join(columns)
    if rule.strip_prefix:
        text = (f"case when starts_with({text}, {quote_text(rule.strip_prefix)}) "
                f"then substr({text}, {len(rule.strip_prefix) + 1}) else {text} end")  # fmt: skip
    if rule.strip_suffix:
        text = (f"case when ends_with({text}, {quote_text(rule.strip_suffix)}) "
                f"then left({text}, length({text}) - {len(rule.strip_suffix)}) else {text} end")  # fmt: skip
    return f"{quote_text(rule.prefix)} || {text}" if rule.prefix else text


def _number(mapping: Mapping, text: str) -> str:
    if mapping.layout.decimal == ",":
        text = f"replace(replace({text}, '.', ''), ',', '.')"
    return f"try_cast({text} as double)"


def _value(mapping: Mapping, rule: FieldRule) -> str:
    if rule.multiply:
        return " * ".join(_number(mapping, f"trim({_safe(name)})") for name in rule.multiply)
    return _number(mapping, _text(rule))


def _unreadable(mapping: Mapping, rule: FieldRule) -> str:
    """True where a number is given that is none; a missing one is no problem."""
    texts = [f"nullif(trim({_safe(name)}), '')" for name in rule.multiply] or [_text(rule)]
    return " or ".join(
        f"({text} is not null and not coalesce(isfinite({_number(mapping, text)}), false))" for text in texts
    )


def _write_time(mapping: Mapping, rule: FieldRule) -> str:
    """The time as ISO 8601 text in UTC; a day stays the day that it is called, whatever the zone."""
    text = _text(rule)
    if mapping.time_format in ("unix_seconds", "unix_milliseconds"):
        scale = 1_000_000 if mapping.time_format == "unix_seconds" else 1_000
        number = f"try_cast({text} as double)"
        return (f"case when {text} is not null then coalesce(try(cast(make_timestamp(cast(round({number} * {scale}) "
                f"as bigint)) as varchar)), '{UNREADABLE}') end")  # fmt: skip
    if mapping.time_format == "iso":
        local = f"try_cast({text} as timestamp)"
    else:
        local = f"try_strptime({text}, {quote_text(mapping.time_format)})"
    if mapping.precision in ("day", "month", "year"):
        written = f"cast(cast({local} as date) as varchar)"
    elif mapping.time_zone == "UTC":
        written = f"cast({local} as varchar)"
    else:
        written = f"cast(timezone({quote_text(mapping.time_zone)}, {local}) as varchar)"
    if mapping.time_format == "iso":
        # What names its own offset or is a day needs no zone; neither does what validation will refuse.
        as_is = (
            f"length({text}) <= 10 or regexp_matches({text}, ':\\d\\d(\\.\\d+)? ?(Z|[+-]\\d\\d(:?\\d\\d)?)$')"
        )
        if mapping.precision in ("day", "month", "year"):
            return f"case when {text} is not null then coalesce({written}, '{UNREADABLE}') end"
        if mapping.time_zone == "UTC":
            return text
        return f"case when {as_is} then {text} when {text} is not null then coalesce({written}, '{UNREADABLE}') end"
    return f"case when {text} is not null then coalesce({written}, '{UNREADABLE}') end"


def _kind(mapping: Mapping, fields: KeyedBy[str, str], value: str) -> tuple[str, str]:
    """The kind, and the condition on which its value loses the sign."""
    given = quote_text(mapping.default_kind) if mapping.default_kind is not None else "null"
    if mapping.kind_column is not None:
        column = f"nullif(trim({_safe(mapping.kind_column)}), '')"
        renamed = "".join(
            f" when {quote_text(theirs)} then {quote_text(ours)}"
            for theirs, ours in mapping.renamed_kinds.items()
        )
        renamed = f"case {column}{renamed} else {column} end" if renamed else column
        given = f"coalesce({renamed}, {given})"
    tests = [
        _test(rule, f"trim({_safe(rule.column)})" if rule.column else
              value if rule.field == "value" else fields.get(rule.field or "", "null"))
        for rule in mapping.kind_rules
    ]  # fmt: skip
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


def _test(rule: KindRule, subject: str) -> str:
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
            return f"try_cast({subject} as double) {sign} {float(rule.operand)!r}"


def _objects(mapping: Mapping, rules: KeyedBy[str, FieldRule], counted: KeyedBy[str, str]) -> str:
    """A JSON object of what is not missing."""
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
