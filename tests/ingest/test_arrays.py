"""Files that are one JSON array, as archives and interfaces write them: each member is a row."""

from __future__ import annotations

import gzip
import json

import pytest

from consumer_fusion.ingest import line_reader
from consumer_fusion.ingest.formats import choose_reading

MAP = """
[source]
name = "archive"
format = "jsonl"
[fields]
event_id = "post.id"
occurred_at = "post.at"
consumer = "post.who"
text = "post.words"
[kind]
default = "Brand Mentioned"
"""


def make_posts(count):
    words = 'two\nlines, [brackets] and "quotes" ]'
    return [
        {"post": {"id": str(number), "at": "2026-06-05T20:00:00Z", "who": "ann", "words": words}}
        for number in range(count)
    ]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("opening", ["", "window.YTD.tweets.part0 = ", "\n  "])
def test_each_member_of_an_array_is_a_row(desk, opening, indent):
    path = desk.lay("posts.json", opening + json.dumps(make_posts(5), indent=indent))
    staged = desk.stage(desk.map(MAP), path)
    assert staged.ids == ["0", "1", "2", "3", "4"]
    assert staged.codes == []
    assert set(staged.column("text")) == {make_posts(1)[0]["post"]["words"]}


def test_an_array_is_read_block_by_block_and_packed(desk, monkeypatch):
    monkeypatch.setattr(line_reader, "BLOCK_BYTES", 300)
    path = desk.lay("posts.json.gz", gzip.compress(json.dumps(make_posts(40), indent=1).encode()))
    assert desk.stage(desk.map(MAP), path).ids == sorted(map(str, range(40)), key=int)


def test_a_member_that_is_no_object_costs_only_itself(desk):
    posts = json.dumps([*make_posts(1), 7, "text", None, *make_posts(2)[1:]])
    staged = desk.stage(desk.map(MAP), desk.lay("posts.json", posts))
    assert (staged.ids, staged.codes) == (["0", "1"], ["invalid_json"] * 3)


def test_where_an_array_breaks_off_what_stood_before_is_taken_and_the_rest_is_kept(desk):
    posts = json.dumps(make_posts(4))
    staged = desk.stage(desk.map(MAP), desk.lay("posts.json", posts[:-40]))
    assert (staged.ids, staged.codes) == (["0", "1", "2"], ["broken_line"])
    assert "breaks off" in staged.rejected[0]["message"]
    assert '"id": "3"' in staged.rejected[0]["raw"]


def test_lines_after_an_array_are_rows_too(desk):
    first, *others = make_posts(3)
    text = "\n".join([json.dumps([first]), *map(json.dumps, others)])
    assert desk.stage(desk.map(MAP), desk.lay("posts.json", text)).ids == ["0", "1", "2"]


@pytest.mark.parametrize("first", ["[", "[broken", "[1, 2", "[{"])
def test_a_first_line_that_looks_like_an_array_costs_no_good_line(desk, first):
    text = "\n".join([first, *map(json.dumps, make_posts(3))])
    assert desk.stage(desk.map(MAP), desk.lay("posts.json", text)).ids == ["0", "1", "2"]


def test_an_array_of_events_is_read_like_lines_of_them(desk):
    event = {
        "occurred_at": "2026-06-05T20:00:00Z",
        "kind": "Order Completed",
        "consumer": "ann",
        "brand": "b",
    }
    path = desk.lay("events.json", json.dumps([{**event, "event_id": "1"}, {**event, "event_id": "2"}]))
    assert desk.stage(choose_reading(format="events"), path).ids == ["1", "2"]


def test_a_member_with_bytes_of_another_encoding_is_not_lost(desk):
    members = ",\n".join(
        f'{{"event_id": "{number}", "occurred_at": "2026-06-0{number}", "kind": "Visit", "text": "{text}"}}'
        for number, text in enumerate(("tea", "café", "water"), start=1)
    )
    staged = desk.stage(
        choose_reading(format="events"), desk.lay("a.json", f"[{members}]\n".encode("cp1252"))
    )
    (broken,) = staged.rejected
    assert staged.ids == ["1", "3"]
    assert '"event_id": "2"' in broken["raw"]


@pytest.mark.parametrize("form", ["[{}", "[{},", "[\n{},\n", "[{}\n", " x = [{}, "])
def test_an_array_that_ends_before_its_bracket_is_told_and_what_stood_before_is_taken(desk, form):
    text = form.format(", ".join(map(json.dumps, make_posts(2))))
    staged = desk.stage(desk.map(MAP), desk.lay("posts.json", text))
    assert (staged.ids, staged.codes) == (["0", "1"], ["broken_line"])
    assert "Row 3 is missing: the array has no end" in staged.rejected[0]["message"]
    assert "Rows before it: 2." in staged.rejected[0]["message"]


def test_an_array_that_only_begins_is_told(desk):
    assert desk.stage(desk.map(MAP), desk.lay("posts.json", "[\n")).codes == ["broken_line"]


@pytest.mark.parametrize("end", ["\n]\n", "]", "\n];", ",\n]"])
@pytest.mark.parametrize("place", [0, 1, 3])
def test_one_broken_member_among_lines_costs_one_row_and_the_bracket_none(desk, place, end):
    members = [*map(json.dumps, make_posts(4))]
    members[place] = members[place].replace(":", "", 1)
    staged = desk.stage(desk.map(MAP), desk.lay("posts.json", "[\n" + ",\n".join(members) + end))
    assert staged.ids == [str(number) for number in range(4) if number != place]
    assert len(staged.codes) == 1


def test_a_broken_member_and_a_missing_end_are_two_things(desk):
    members = [*map(json.dumps, make_posts(4))]
    members[1] = "{broken}"
    staged = desk.stage(desk.map(MAP), desk.lay("posts.json", "[" + ",\n".join(members)))
    assert (staged.ids, staged.codes) == (["0", "2", "3"], ["invalid_json", "broken_line"])


def test_lines_of_an_array_that_broke_off_are_read_on_block_by_block(desk, monkeypatch):
    monkeypatch.setattr(line_reader, "BLOCK_BYTES", 300)
    monkeypatch.setattr(line_reader, "LINE_BYTES_LIMIT", 500)
    members = [*map(json.dumps, make_posts(30))]
    members[1] = "{broken}"
    staged = desk.stage(desk.map(MAP), desk.lay("posts.json", "[" + ",\n".join(members) + "\n]\n"))
    assert (len(staged.ids), staged.codes) == (29, ["invalid_json"])
