"""Mappings as they are written, and what is said when one is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from consumer_fusion.errors import MappingError
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.ingest.mapping import FIELDS, TESTS, FieldRule, parse_mapping
from consumer_fusion.ingest.validation import PROBLEMS
from consumer_fusion.records.timestamps import write_moment

DOCS = Path(__file__).resolve().parents[2] / "docs"

LEAST = """
[source]
name = "shop"
[fields]
occurred_at = "day"
[kind]
default = "Order Completed"
"""


@pytest.fixture(scope="module")
def reference() -> str:
    return (DOCS / "reference" / "mapping.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def how_to() -> str:
    return (DOCS / "how-to" / "import-events.md").read_text(encoding="utf-8")


def test_the_least_mapping_names_a_source_a_time_and_a_kind():
    mapping = parse_mapping(LEAST)
    assert mapping.source == "shop"
    assert mapping.fields == {"occurred_at": FieldRule(columns=("day",))}
    assert mapping.default_kind == "Order Completed"
    assert mapping.time_zone == "UTC"


def test_all_problems_are_told_at_once_with_the_nearest_right_key():
    text = LEAST.replace("name", "nmae").replace("occurred_at", "ocurred_at") + "[fileds]\nx = 1\n"
    with pytest.raises(MappingError) as caught:
        parse_mapping(text)
    message = caught.value.message
    assert "`source.nmae` is unknown; did you mean `name`?" in message
    assert "`source.name` is missing" in message
    assert "`fields.ocurred_at` is unknown; did you mean `occurred_at`?" in message
    assert "`fields.occurred_at` is missing" in message
    assert "`fileds` is unknown; did you mean `fields`?" in message
    assert "5 problems" in message


@pytest.mark.parametrize(
    ("addition", "told"),
    [
        (
            '[fields.value]\ncolumn = "a"\nconstant = "b"',
            "exactly one of column, columns, constant and multiply",
        ),
        ('[fields.value]\ncolunm = "a"', "did you mean `column`"),
        ("[fields.value]\ncolumn = 3", "`fields.value.column` is a text"),
        ("[fields]\nvalue = 3", "TOML"),
        ('[properties]\nsize = { column = "a", type = "nunber" }', "did you mean `number`"),
        ('[properties]\nsize = { multiply = ["a", "b"] }', "`multiply` is for `fields.value`"),
        ('[group]\ncount_as = "lines"', "`group.by` is missing"),
        ('[[join]]\nfile = "a.csv"\non = { a = "b" }', "`join[1].columns` is missing"),
        ('[[kind.rules]]\nkind = "A"\ncolumn = "a"', "needs exactly one test"),
        ('[[kind.rules]]\nkind = "A"\ncolumn = "a"\nfield = "value"\nat_most = 0', "exactly one of them"),
        ('[[kind.rules]]\nkind = "A"\ncolumn = "a"\nstart_with = "C"', "did you mean `starts_with`"),
        ('[[kind.rules]]\nkind = "A"\nfield = "value"\nat_most = "zero"', "is a number"),
        ('[[kind.rules]]\nfield = "value"\nat_most = 0', "`kind.rules[1].kind` is missing"),
        ('[kind.rules]\nkind = "A"', "each written [[kind.rules]]"),
        ("[source.more]\na = 1", "`source.more` is unknown"),
        ('[properties]\nsize = "a"\nSize = "b"', "differ by capital letters only"),
        ("[identifiers]\nemail = []", "is the name of a column or a table"),
    ],
)
def test_a_wrong_key_is_told_in_words(addition, told):
    with pytest.raises(MappingError) as caught:
        parse_mapping(LEAST + addition)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("delimiter = 'tab'", "`source.delimiter` is one character or 'whitespace'"),
        ("quote = '<<'", "`source.quote` is one character"),
        ("header = false", "names the columns where `header = false`"),
        ("header = 'no'", "`source.header` is true or false"),
        ("skip_lines = -1", "is a whole number from 0"),
        ("format = 'excel'", "is one of csv, jsonl, parquet"),
        ("precision = 'days'", "did you mean `day`"),
        ("decimal = ';'", "is one of ., ,"),
        ("columns = [1]", "is a list of texts"),
    ],
)
def test_a_wrong_layout_is_told_in_words(change, told):
    with pytest.raises(MappingError) as caught:
        parse_mapping(LEAST.replace('name = "shop"', f'name = "shop"\n{change}'))
    assert told in str(caught.value)


def test_the_id_of_grouped_rows_is_made_of_what_they_are_grouped_by():
    text = LEAST.replace("[fields]", '[fields]\nevent_id = "line"') + '[group]\nby = ["invoice"]\n'
    with pytest.raises(MappingError, match=r"columns of `group.by` only"):
        parse_mapping(text)


def test_a_missing_file_is_told_by_its_name(desk):
    with pytest.raises(MappingError, match=r"nowhere\.toml"):
        choose_reading(map_file=desk.folder / "nowhere.toml")


def test_a_mapping_that_is_no_toml_is_told_with_its_place():
    with pytest.raises(MappingError, match="line 2"):
        parse_mapping("[source]\nname = shop\n")


def test_every_key_has_its_place_in_the_reference(reference):
    layout = "name format encoding delimiter quote header columns skip_lines decimal time_zone time_format precision"
    rule = "column columns separator constant multiply strip_prefix strip_suffix prefix type"
    others = "default rename rules kind field value by count_as file on"
    for key in (*layout.split(), *rule.split(), *others.split(), *FIELDS, *TESTS):
        assert re.search(rf"`{key}[` ]|\.{key}\]", reference), key


def test_every_code_has_its_place_in_the_how_to(how_to):
    assert [code for code in PROBLEMS if f"`{code}`" not in how_to] == []


def test_the_mapping_of_the_how_to_reads_its_file(desk, how_to):
    blocks = dict(re.findall(r"```(text|toml)\n(.*?)```", how_to, re.DOTALL))
    staged = desk.stage(desk.map(blocks["toml"]), desk.lay("orders.csv", blocks["text"]))
    rows = zip(*(staged.column(name) for name in ("kind", "consumer", "value")), strict=True)
    assert dict(zip(staged.ids, rows, strict=True)) == {
        "1001": ("Order Completed", "17850", 25.9),
        "1002": ("Order Completed", None, 12.0),
        "1003": ("Order Completed", "17850", 25.9),
        "1003#refund": ("Order Refunded", "17850", 25.9),
    }
    moments = dict(zip(staged.ids, staged.column("occurred_us"), strict=True))
    assert write_moment(moments["1001"]) == "2026-06-05T18:00:00Z"


@pytest.mark.parametrize("name", ["../../etc/hostname", "/etc/hostname", "..", "sub/file.csv", "a\\\\b.csv"])
def test_a_join_opens_no_file_but_those_beside_it(name):
    text = LEAST + f'[[join]]\nfile = "{name}"\non = {{ a = "b" }}\ncolumns = {{ c = "d" }}\n'
    with pytest.raises(MappingError, match="plain name of a file"):
        parse_mapping(text)


def test_a_time_format_without_a_year_is_refused_with_its_key():
    text = '[source]\nname = "s"\ntime_format = "%d.%m. %H:%M"\n[fields]\noccurred_at = "at"\n[kind]\ndefault = "k"\n'
    with pytest.raises(MappingError, match=r"`source.time_format` = .* names no year"):
        parse_mapping(text)


def test_columns_without_a_word_about_the_header_are_refused():
    text = '[source]\nname = "s"\ncolumns = ["at"]\n[fields]\noccurred_at = "at"\n[kind]\ndefault = "k"\n'
    with pytest.raises(MappingError, match=r"`source.header` is missing next to `columns`"):
        parse_mapping(text)
    for header in ("true", "false"):
        assert parse_mapping(text.replace("columns", f"header = {header}\ncolumns")).layout.columns == ("at",)
