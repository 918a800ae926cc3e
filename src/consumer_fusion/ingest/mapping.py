"""A mapping: the assignment of columns of a file to fields of an event, in TOML.

Converting a mapping into a query is in `mapping_query`; every key is explained in docs/reference/mapping.md.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from consumer_fusion.errors import MappingError
from consumer_fusion.ingest.mapping_keys import MappingKeys

FileFormat = Literal["csv", "jsonl", "parquet"]
ValueType = Literal["text", "number", "boolean"]
WHITESPACE = "whitespace"

FIELDS = (
    "event_id", "occurred_at", "received_at", "consumer", "brand", "channel", "value", "currency", "text", "trust",
)  # fmt: skip
PRECISIONS = ("microsecond", "second", "minute", "hour", "day", "month", "year")
_YEAR_CODES = ("%Y", "%-Y", "%y", "%-y", "%G", "%c", "%x", "%D")
TESTS = (
    "starts_with",
    "ends_with",
    "equals",
    "one_of",
    "at_most",
    "at_least",
    "below",
    "above",
    "is_missing",
)


@dataclass(frozen=True, slots=True)
class FileLayout:
    """Layout of the files.

    Attributes:
        format: File format; None to derive it from the ending of each name.
        encoding: Encoding of text files.
        delimiter: Separator of the columns of a CSV file; `whitespace` for any run of blanks.
        quote: Optional quote character around a column of a CSV file.
        has_header: Whether the first row has the names of the columns.
        columns: Names of the columns, where no header gives them or they are to be replaced.
        skip_lines: Number of lines to skip before the header.
        decimal: Decimal separator of numbers.
        thousands: Separator of groups of three digits; empty for blanks only, or the full stop where
            the decimal separator is a comma.
    """

    format: FileFormat | None
    encoding: str
    delimiter: str
    quote: str
    has_header: bool
    columns: tuple[str, ...]
    skip_lines: int
    decimal: str
    thousands: str = ""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Origin of a field.

    Attributes:
        columns: Columns that it is read from; several are joined.
        separator: Separator of joined columns.
        constant: Text for all rows, instead of columns.
        multiply: Columns whose product it is, instead.
        strip_prefix: Prefix to remove where it is there.
        strip_suffix: Suffix to remove where it is there.
        prefix: Prefix to add.
        type: Type of a property.
    """

    columns: tuple[str, ...] = ()
    separator: str = "-"
    constant: str | None = None
    multiply: tuple[str, ...] = ()
    strip_prefix: str = ""
    strip_suffix: str = ""
    prefix: str = ""
    type: ValueType = "text"

    @property
    def is_plain(self) -> bool:
        """Whether it is the text of one column as it is."""
        return len(self.columns) == 1 and not (
            self.constant is not None
            or self.multiply
            or self.strip_prefix
            or self.strip_suffix
            or self.prefix
        )


@dataclass(frozen=True, slots=True)
class KindRule:
    """Condition for a kind.

    Attributes:
        kind: The kind.
        column: Column to test, or
        field: Field to test.
        test: One of `TESTS`.
        operand: Value to test against.
        is_absolute: Whether the value of such rows loses its sign.
    """

    kind: str
    column: str | None
    field: str | None
    test: str
    operand: Any
    is_absolute: bool


@dataclass(frozen=True, slots=True)
class RefundRule:
    """Condition for a refund in a row beside its own event.

    Attributes:
        value: Refunded amount; None for the full value of the row.
        occurred_at: Time of the refund; None for the time of the row.
        test: Condition for a refund; None where the amount alone determines it.
    """

    value: FieldRule | None
    occurred_at: FieldRule | None
    test: KindRule | None


@dataclass(frozen=True, slots=True)
class LookupJoin:
    """A file in which further columns are looked up.

    Attributes:
        file: Name of the file, searched for in the folder of the imported files.
        keys: Columns of the imported file and of the lookup file.
        columns: New names and columns of the lookup file.
    """

    file: str
    keys: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMapping:
    """Conversion of the rows of external files into events.

    Attributes:
        source: Name of the source.
        layout: Layout of the files.
        time_zone: Time zone of times without offset.
        time_format: `iso`, `unix_seconds`, `unix_milliseconds`, or codes such as `%d/%m/%Y %H:%M`.
        precision: Precision of times; None to derive it from their form.
        fields: Origin of each field.
        identifiers: Further identifiers of the consumer, by type.
        properties: Properties to keep, by name.
        default_kind: Kind of rows that no rule matches.
        kind_column: Column with the kind, if there is one.
        renamed_kinds: Kinds in the file and their names here.
        kind_rules: Rules for the kind; the first match wins.
        refund: Condition for a refund in a row beside its own event.
        group_by: Columns whose equal values make rows one event.
        count_as: Property for the number of grouped rows.
        joins: Files in which further columns are looked up.
        on_change: Whether a changed row replaces the stored event or is kept as a correction.
        text: Original text of the mapping.
    """

    source: str
    layout: FileLayout
    time_zone: str
    time_format: str
    precision: str | None
    fields: Mapping[str, FieldRule]
    identifiers: Mapping[str, FieldRule]
    properties: Mapping[str, FieldRule]
    default_kind: str | None
    kind_column: str | None
    renamed_kinds: Mapping[str, str]
    kind_rules: tuple[KindRule, ...]
    refund: RefundRule | None
    group_by: tuple[str, ...]
    count_as: str
    joins: tuple[LookupJoin, ...]
    on_change: Literal["keep", "replace"]
    text: str


def read_mapping(path: Path) -> FileMapping:
    """Read a mapping file.

    Raises:
        MappingError: It cannot be read or is invalid; all problems are listed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(
            f"The mapping file {path.name} could not be read: {type(error).__name__}.",
            hint="Check the name after --map.",
            where=str(path),
        ) from error
    return parse_mapping(text, where=str(path))


def parse_mapping(text: str, *, where: str | None = None, is_kept: bool = False) -> FileMapping:
    """Read a mapping; see `read_mapping`.

    Args:
        text: The mapping.
        where: Name of the mapping in messages.
        is_kept: Whether an import was read with it already: then it is exempt from rules of later releases.
    """
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"The mapping is not valid TOML: {error}.", where=where) from error
    problems: list[str] = []
    whole = MappingKeys(given, "", problems)
    source = whole.take_table("source")
    kind = whole.take_table("kind")
    group = whole.take_table("group")
    refund = whole.take_table("refund")
    fields = whole.take_table("fields")
    mapping = FileMapping(
        source=source.take_text("name", is_required=True) or "",
        layout=_read_layout(source),
        time_zone=source.take_text("time_zone") or "UTC",
        time_format=source.take_text("time_format") or "iso",
        precision=source.take_choice("precision", PRECISIONS),
        fields={name: _read_rule(fields, name) for name in FIELDS if name in fields},
        identifiers=_read_rules(whole.take_table("identifiers")),
        properties=_read_rules(whole.take_table("properties")),
        default_kind=kind.take_text("default"),
        kind_column=kind.take_text("column"),
        renamed_kinds=kind.take_texts_by_key("rename"),
        kind_rules=tuple(_read_kind_rule(rule) for rule in kind.take_tables("rules")),
        refund=_read_refund(refund) if "refund" in given else None,
        group_by=group.take_texts("by"),
        count_as=group.take_text("count_as") or "lines",
        joins=tuple(_read_join(join) for join in whole.take_tables("join")),
        on_change=source.take_choice("on_change", ("keep", "replace")) or "keep",  # type: ignore[arg-type]
        text=text,
    )
    for keys in (source, kind, group, refund, fields, whole):
        keys.refuse_rest()
    _check_whole(mapping, "group" in given, problems)
    if not is_kept:
        _check_likely(mapping, "header" in source, problems)
    if problems:
        raise MappingError(
            f"The mapping has {len(problems)} problem{'s' if len(problems) > 1 else ''}: "
            + " ".join(problems),
            hint="See docs/reference/mapping.md for every key.",
            where=where,
        )
    return mapping


def _read_layout(source: MappingKeys) -> FileLayout:
    format = source.take_choice("format", ("csv", "jsonl", "parquet"))
    delimiter = source.take_text("delimiter") or ","
    if len(delimiter) != 1 and delimiter != WHITESPACE:
        source.complain("delimiter", f"is one character or '{WHITESPACE}'")
    quote = source.take_text("quote", default='"') or ""
    if len(quote) > 1:
        source.complain("quote", "is one character, or empty for none")
    has_header = source.take_boolean("header", default=True)
    columns = source.take_texts("columns")
    if not has_header and not columns:
        source.complain("columns", "names the columns where `header = false`")
    decimal = source.take_choice("decimal", (".", ",")) or "."
    return FileLayout(
        format=format,  # type: ignore[arg-type]
        encoding=source.take_text("encoding") or "utf-8",
        delimiter=delimiter,
        quote=quote,
        has_header=has_header,
        columns=columns,
        skip_lines=source.take_count("skip_lines"),
        decimal=decimal,
        thousands=_read_thousands(source, decimal),
    )


def _read_thousands(source: MappingKeys, decimal: str) -> str:
    thousands = source.take_text("thousands") or ""
    if not thousands:
        return ""
    if len(thousands) != 1 or thousands.isalnum() or thousands in "+-()[]^\\" or thousands == decimal:
        source.complain(
            "thousands", "is one sign, such as a comma or an apostrophe, and not the decimal sign"
        )
        return ""
    return thousands


def _read_rules(keys: MappingKeys) -> dict[str, FieldRule]:
    return {name: _read_rule(keys, name) for name in keys.list_names()}


def _read_rule(keys: MappingKeys, name: str) -> FieldRule:
    given = keys.take(name)
    if isinstance(given, str) and given:
        return FieldRule(columns=(given,))
    if not isinstance(given, dict):
        keys.complain(name, 'is the name of a column or a table such as { constant = "..." }')
        return FieldRule()
    rule = keys.descend(name, given)
    column = rule.take_text("column")
    columns = rule.take_texts("columns") or ((column,) if column else ())
    constant = rule.take_constant("constant")
    multiply = rule.take_texts("multiply")
    if sum((bool(columns), constant is not None, bool(multiply))) != 1:
        keys.complain(name, "needs exactly one of column, columns, constant and multiply")
    read = FieldRule(
        columns=columns,
        separator=rule.take_text("separator", default="-") or "",
        constant=constant,
        multiply=multiply,
        strip_prefix=rule.take_text("strip_prefix") or "",
        strip_suffix=rule.take_text("strip_suffix") or "",
        prefix=rule.take_text("prefix") or "",
        type=rule.take_choice("type", ("text", "number", "boolean")) or "text",  # type: ignore[arg-type]
    )
    rule.refuse_rest()
    return read


def _read_kind_rule(keys: MappingKeys) -> KindRule:
    is_absolute = keys.take_choice("value", ("as it is", "absolute")) == "absolute"
    rule = _read_test(keys, keys.take_text("kind", is_required=True) or "", is_absolute=is_absolute)
    keys.refuse_rest()
    return rule


def _read_refund(keys: MappingKeys) -> RefundRule:
    value, time = (_read_rule(keys, name) if name in keys else None for name in ("value", "occurred_at"))
    has_test = any(name in keys for name in ("column", "field", *TESTS))
    if value is None and not has_test:
        keys.complain(
            "", "needs `value`, the column of how much went back, or a test such as `column` and `equals`"
        )
    return RefundRule(value, time, _read_test(keys, "Order Refunded") if has_test else None)


def _read_test(keys: MappingKeys, kind: str, *, is_absolute: bool = False) -> KindRule:
    column, field = keys.take_text("column"), keys.take_choice("field", FIELDS)
    if (column is None) == (field is None):
        keys.complain("column", "or `field` says what is tested, exactly one of them")
    tests = [name for name in TESTS if name in keys]
    if len(tests) != 1:
        keys.complain("", f"needs exactly one test out of {', '.join(TESTS)}")
    test = tests[0] if tests else "equals"
    operand = keys.take(test) if tests else ""
    expected: type | tuple[type, ...] = str
    if test in ("at_most", "at_least", "below", "above"):
        expected = (int, float)
    elif test == "one_of":
        expected = list
    elif test == "is_missing":
        expected = bool
    elif test == "equals" and isinstance(operand, (int, float)) and not isinstance(operand, bool):
        operand = str(operand)
    if not isinstance(operand, expected) or (isinstance(operand, bool) and test != "is_missing"):
        keys.complain(test, {list: "is a list of texts", bool: "is true or false", str: "is a text"}.get(
            expected, "is a number") if isinstance(expected, type) else "is a number")  # fmt: skip
    for other in tests[1:]:
        keys.take(other)
    return KindRule(
        kind,
        column,
        field,
        test,
        tuple(map(str, operand)) if isinstance(operand, list) else operand,
        is_absolute,
    )


def _read_join(keys: MappingKeys) -> LookupJoin:
    file = keys.take_text("file", is_required=True) or ""
    # A mapping may come from a third party: it opens files in its own folder and no others.
    if file in (".", "..") or "/" in file or "\\" in file or "\0" in file:
        keys.complain(
            "file", "is the plain name of a file, in the folder of the imported files or of the mapping"
        )
    join = LookupJoin(
        file,
        tuple(keys.take_texts_by_key("on", is_required=True).items()),
        tuple(keys.take_texts_by_key("columns", is_required=True).items()),
    )
    keys.refuse_rest()
    return join


def _check_likely(mapping: FileMapping, has_header_key: bool, problems: list[str]) -> None:
    """Refuse what a mapping can express but no one can have meant."""
    form = mapping.time_format
    if form not in ("iso", "unix_seconds", "unix_milliseconds") and not any(
        code in form for code in _YEAR_CODES
    ):
        problems.append(
            f'`source.time_format` = "{form}" names no year: add `%Y`, and where another column '
            "has the year, join it with `columns`; an event needs a year."
        )
    if mapping.layout.columns and not has_header_key:
        problems.append(
            "`source.header` is missing next to `columns`: write `false` where the first row is data already, "
            "`true` where it has names that `columns` replaces."
        )


def _check_whole(mapping: FileMapping, is_grouped: bool, problems: list[str]) -> None:
    if "occurred_at" not in mapping.fields:
        problems.append("`fields.occurred_at` is missing: name the column with the time of the event.")
    if mapping.default_kind is None and mapping.kind_column is None:
        problems.append("`kind.default` or `kind.column` is missing: name the kind of event.")
    if is_grouped and not mapping.group_by:
        problems.append("`group.by` is missing: name the columns whose equal rows are one event.")
    if mapping.group_by and "event_id" in mapping.fields:
        others = set(mapping.fields["event_id"].columns) - set(mapping.group_by)
        if others:
            problems.append("`fields.event_id` of grouped rows is read from columns of `group.by` only.")
    for table, rules in (("identifiers", mapping.identifiers), ("properties", mapping.properties)):
        if len({name.lower() for name in rules}) < len(rules):
            problems.append(f"`{table}` has two names that differ by capital letters only.")
    if mapping.refund is not None and mapping.refund.value is None and "value" not in mapping.fields:
        problems.append("`refund.value` is missing: without `fields.value` the refunded amount is unknown.")
    for name, rule in {**mapping.fields, **mapping.identifiers, **mapping.properties}.items():
        if rule.multiply and name != "value":
            problems.append(f"`multiply` is for `fields.value`, not for `{name}`.")
