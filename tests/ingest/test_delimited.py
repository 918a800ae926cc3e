"""Rows of CSV and other delimited files, whole and broken ones."""

from __future__ import annotations

import csv
import gzip
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer_fusion.errors import InputError, MappingError
from consumer_fusion.ingest import line_reader
from consumer_fusion.ingest.delimited import read_header, read_rows
from consumer_fusion.ingest.mapping import FileLayout

COMMA = FileLayout(None, "utf-8", ",", '"', True, (), 0, ".")
MAP = """
[source]
name = "shop"
[fields]
event_id = "id"
occurred_at = "day"
consumer = "who"
text = "words"
[kind]
default = "Message Sent"
"""
HEADER = "id,day,who,words\n"


def test_quoted_columns_hold_delimiters_quotes_and_line_ends(desk):
    path = desk.lay("a.csv", HEADER + '1,2026-01-01,anna,"one, ""two""\nthree"\n2,2026-01-02,ben,plain\n')
    staged = desk.stage(desk.map(MAP), path)
    assert staged.column("text") == ['one, "two"\nthree', "plain"]
    assert staged.column("position") == [1, 2]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("2,2026-01-02,ben", "has 3 columns, expected 4"),
        ("2,2026-01-02,ben,a,b", "has 5 columns, expected 4"),
        ('2,2026-01-02,ben,"never closed', "never closed"),
        ('2,2026-01-02,ben,"closed" too early', "quotes that cannot be read"),
    ],
)
def test_a_broken_line_costs_only_itself_and_is_kept_as_it_came(desk, broken, reason):
    path = desk.lay(
        "a.csv", f"{HEADER}1,2026-01-01,anna,x\n{broken}\n3,2026-01-03,cleo,y\n4,2026-01-04,dora,z\n"
    )
    staged = desk.stage(desk.map(MAP), path)
    assert staged.ids == ["1", "3", "4"]
    assert staged.column("position") == [1, 3, 4]
    assert staged.codes == ["broken_line"]
    assert reason in staged.rejected[0]["message"]
    assert staged.rejected[0]["message"].startswith("Row 2 ")
    assert staged.rejected[0]["raw"] == HEADER + broken


def test_two_quotes_that_never_close_cost_two_lines(desk):
    rows = ['1,2026-01-01,anna,"open', "2,2026-01-02,ben,x", '3,2026-01-03,cleo,"open', "4,2026-01-04,dora,y"]
    staged = desk.stage(desk.map(MAP), desk.lay("a.csv", HEADER + "\n".join(rows)))
    # The first quote closes at the second: together they are one row with columns too many, the rest is whole.
    assert staged.ids == ["4"]
    assert staged.codes == ["broken_line"]


def test_compressed_files_byte_order_marks_and_line_ends_of_other_systems(desk):
    text = "\ufeff" + (HEADER + "1,2026-01-01,anna,ä\n\n2,2026-01-02,ben,ö\n").replace("\n", "\r\n")
    path = desk.lay("a.csv.gz", gzip.compress(text.encode()))
    assert desk.stage(desk.map(MAP), path).column("text") == ["ä", "ö"]


def test_other_encodings_are_named_in_the_mapping(desk):
    path = desk.lay("a.csv", (HEADER + "1,2026-01-01,anna,café\n").encode("latin-1"))
    latin = MAP.replace('name = "shop"', 'name = "shop"\nencoding = "latin-1"')
    assert desk.stage(desk.map(latin), path).column("text") == ["café"]

    staged = desk.stage(desk.map(MAP), path)
    assert staged.codes == ["invalid_encoding"]
    assert staged.rejected[0]["raw"] == HEADER + "1,2026-01-01,anna,caf\\xe9"


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_row_with_bytes_that_its_encoding_lacks_is_set_aside_and_makes_no_two_strangers_one(desk, form):
    """A replacement mark in the place of both bytes would give both rows one key."""
    rows = [("1", b"z\x81a"), ("2", b"z\x8da"), ("3", b"z\xe9")]
    text = HEADER.encode() + b"".join(b"%s,2026-01-01,%s,x\n" % (key.encode(), who) for key, who in rows)
    if form == "jsonl":
        text = b"".join(
            b'{"id": "%s", "day": "2026-01-01", "who": "%s"}\n' % (key.encode(), who) for key, who in rows
        )
    western = desk.map(MAP.replace('name = "shop"', 'name = "shop"\nencoding = "cp1252"'))
    staged = desk.stage(western, desk.lay(f"a.{form}", text))
    assert (staged.ids, staged.column("consumer")) == (["3"], ["zé"])
    assert staged.codes == ["invalid_encoding"] * 2
    assert "CP1252" in staged.rejected[0]["message"]
    assert "z\\x81a" in staged.rejected[0]["raw"]
    assert "z\\x8da" in staged.rejected[1]["raw"]


@pytest.mark.parametrize("encoding", ["ascii", "cp1253", "shift_jis", "utf-16-le"])
def test_bytes_that_an_encoding_lacks_are_never_read_as_another_one(desk, encoding):
    good, bad = f"{HEADER}1,2026-01-01,anna,x\n2,2026-01-02,ben".encode(encoding), b"\xd2\xaa\xff"
    if encoding == "utf-16-le":
        bad = b"\x00\xd8"
    content = good + bad + ",y\n3,2026-01-03,cleo,z\n".encode(encoding)
    reading = desk.map(MAP.replace('name = "shop"', f'name = "shop"\nencoding = "{encoding}"'))
    staged = desk.stage(reading, desk.lay("a.csv", content))
    assert (staged.ids, staged.codes) == (["1", "3"], ["invalid_encoding"])


def test_an_unknown_encoding_is_an_error_of_the_mapping(desk):
    strange = MAP.replace('name = "shop"', 'name = "shop"\nencoding = "latin-99"')
    with pytest.raises(MappingError, match="latin-99"):
        desk.stage(desk.map(strange), desk.lay("a.csv", HEADER))


@pytest.mark.parametrize("encoding", ["rot13", "zlib", "hex", "a\\u0000b"])
def test_what_encodes_no_text_is_an_error_of_the_mapping(desk, encoding):
    strange = MAP.replace('name = "shop"', f'name = "shop"\nencoding = "{encoding}"')
    with pytest.raises(MappingError, match="`encoding`"):
        desk.stage(desk.map(strange), desk.lay("a.csv", HEADER))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("block_bytes", [60, 1 << 20])
def test_lines_may_end_as_on_a_macintosh(desk, monkeypatch, encoding, block_bytes):
    monkeypatch.setattr(line_reader, "BLOCK_BYTES", block_bytes)
    text = (HEADER + "1,2026-01-01,anna,ä\n2,2026-01-02,ben,ö\n").replace("\n", "\r")
    reading = desk.map(MAP.replace('name = "shop"', f'name = "shop"\nencoding = "{encoding}"'))
    assert desk.stage(reading, desk.lay("a.csv", text.encode(encoding))).column("text") == ["ä", "ö"]


@pytest.mark.parametrize("header", ['id,day,who,"wor"ds', "id,day\rwho,words"])
def test_a_header_that_cannot_be_cut_is_told_in_words(desk, header):
    with pytest.raises(InputError, match=r"header of a\.csv"):
        desk.stage(desk.map(MAP), desk.lay("a.csv", f"{header}\n1,2026-01-01,anna,x\n"))


def test_columns_between_blanks_need_no_header(desk):
    blanks = MAP.replace('name = "shop"', 'name = "shop"\ndelimiter = "whitespace"\nheader = false\n'
                         'columns = ["id", "day", "who", "words"]')  # fmt: skip
    path = desk.lay("a.txt", " 1 2026-01-01   anna  x\n 2 2026-01-02 ben\n")
    staged = desk.stage(desk.map(blanks), path)
    assert staged.ids == ["1"]
    assert staged.codes == ["broken_line"]


def test_lines_above_the_header_are_passed_over(desk):
    skipping = MAP.replace('name = "shop"', 'name = "shop"\nskip_lines = 2')
    path = desk.lay("a.csv", "Report of the shop\nMade in January\n" + HEADER + "1,2026-01-01,anna,x\n")
    assert desk.stage(desk.map(skipping), path).only["position"] == 1


def test_a_header_that_repeats_a_name_is_refused(desk):
    with pytest.raises(InputError, match="twice"):
        desk.stage(desk.map(MAP), desk.lay("a.csv", "id,day,who,who\n"))


def test_an_empty_file_is_refused_and_a_file_of_a_header_alone_is_not(desk):
    with pytest.raises(InputError, match="no header"):
        desk.stage(desk.map(MAP), desk.lay("a.csv", ""))
    assert desk.stage(desk.map(MAP), desk.lay("b.csv", HEADER)).accepted == []


def test_a_damaged_archive_is_refused_by_name(desk):
    path = desk.lay("a.csv.gz", gzip.compress((HEADER * 1000).encode())[:40])
    with pytest.raises(InputError, match=r"a\.csv\.gz"):
        desk.stage(desk.map(MAP), path)


def test_a_line_without_end_is_set_aside_in_bounded_memory(desk, monkeypatch):
    monkeypatch.setattr(line_reader, "BLOCK_BYTES", 1_000)
    monkeypatch.setattr(line_reader, "LINE_BYTES_LIMIT", 5_000)
    path = desk.lay(
        "a.csv", f"{HEADER}1,2026-01-01,anna,x\n2,2026-01-02,ben,{'y' * 50_000}\n3,2026-01-03,cleo,z\n"
    )
    staged = desk.stage(desk.map(MAP), path)
    assert staged.ids == ["1", "3"]
    assert staged.codes == ["too_long"]
    assert len(staged.rejected[0]["raw"]) < 20_000


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=st.lists(
        st.tuples(*[st.text(st.sampled_from('ab,"\n é'), max_size=6)] * 3), min_size=1, max_size=20
    ),
    block_bytes=st.integers(1, 60),
)
def test_whatever_the_csv_module_writes_is_read_back(tmp_path, monkeypatch, table, block_bytes):
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([("a", "b", "c"), *table])
    path = tmp_path / "table.csv"
    path.write_text(written.getvalue(), encoding="utf-8")
    monkeypatch.setattr(line_reader, "BLOCK_BYTES", block_bytes)

    header, names = read_header(path, COMMA)
    blocks = list(read_rows(path, COMMA, names))

    assert names == ("a", "b", "c")
    assert header == '"a","b","c"'
    assert not [each for block in blocks for each in block.broken]
    read = [
        row for block in blocks for row in zip(*(column.to_pylist() for column in block.columns), strict=True)
    ]
    # Blank lines inside quotes are the one thing that is not kept.
    assert [tuple("".join(v.split()) for v in row) for row in read] == [
        tuple("".join(v.split()) for v in row) for row in table
    ]


@pytest.mark.parametrize("ending", [",", ",,,", ", ,"])
def test_blank_columns_at_the_end_are_columns_of_nothing(desk, ending):
    path = desk.lay("a.csv", f"{HEADER.strip()}{ending}\n1,2026-01-01,anna,x{ending}\n2,2026-01-02,ben,y\n")
    staged = desk.stage(desk.map(MAP), path)
    assert (staged.column("text"), staged.codes) == (["x", "y"], [])


def test_a_value_beyond_the_last_column_is_still_too_many(desk):
    path = desk.lay("a.csv", f"{HEADER}1,2026-01-01,anna,x,,more\n")
    assert desk.stage(desk.map(MAP), path).codes == ["broken_line"]


@pytest.mark.parametrize(
    ("encoding", "guess"), [("latin-1", "cp1252 or latin-1"), ("utf-16", "utf-16"), ("utf-16-le", "utf-16")]
)
def test_a_header_in_another_encoding_is_told_with_the_key_that_names_it(desk, encoding, guess):
    content = f"{HEADER.replace('who', 'käufer')}1,2026-01-01,anna,x\n".encode(encoding)
    reading = desk.map(MAP.replace('consumer = "who"', 'consumer = "käufer"'))
    with pytest.raises(InputError, match="`encoding") as told:
        desk.stage(reading, desk.lay("a.csv", content))
    assert guess in told.value.hint


def test_a_named_encoding_that_does_not_fit_is_told_in_words(desk):
    reading = desk.map(MAP.replace('name = "shop"', 'name = "shop"\nencoding = "utf-16"'))
    with pytest.raises(InputError, match="not in the encoding 'utf-16'"):
        desk.stage(reading, desk.lay("a.csv", HEADER.encode("utf-16-le")))
