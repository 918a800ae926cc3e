"""Ids of rows that bring none: made of what the row says, whatever its letters, and known by their former id too."""

from __future__ import annotations

import hashlib

import pytest

import consumer_fusion as fusion
from consumer_fusion import pipeline
from consumer_fusion.errors import MappingError
from consumer_fusion.ingest.formats import choose_reading
from small_workspaces import open_small, read_scores

MAPPING = """
[source]
name = "till"
{source}
[fields]
occurred_at = "when"
consumer = "who"
brand = {{ constant = "bakery" }}
value = "total"
currency = {{ constant = "EUR" }}
[properties]
size = {{ column = "size", type = "number" }}
{group}
[kind]
default = "Order Completed"
"""
GROUP = '[group]\nby = ["number"]\n'


@pytest.fixture
def take(tmp_path):
    """Import a text with the mapping into one workspace; how many were accepted and how many were here already."""

    def take(text, *, source="", group="", name="orders.csv"):
        file, mapping = tmp_path / name, tmp_path / "mapping.toml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        mapping.write_text(MAPPING.format(source=source, group=group))
        with open_small(tmp_path / "place") as workspace:
            told = pipeline.import_files(workspace, [file], choose_reading(map_file=mapping))
            assert told.rejected == 0
            return told.accepted, told.duplicates

    return take


def test_the_same_row_in_other_letters_is_the_same_event(take):
    assert take("when,who,total,size\n2026-05-01 10:00,ann,2.50,1.0\n") == (1, 0)
    assert take("total,size,who,when\n2.5,1,ann,2026-05-01 10:00\n") == (0, 1)
    assert take("when,who,total,size\n 2026-05-01T10:00:00Z , ann ,02.500, 1\n") == (0, 1)
    assert take(b"\xef\xbb\xbfwhen,who,total,size,note\r\n2026-05-01 10:00:00,ann,2.5,1,x\r\n") == (0, 1)
    assert take("when,who,total,size\n1777629600,ann,2.5,1\n", source='time_format = "unix_seconds"') == (
        0,
        1,
    )
    assert take(
        'when;who;total;size\n01.05.2026 12:00;ann;"2,50";1\n',
        source='delimiter = ";"\ndecimal = ","\ntime_zone = "Europe/Rome"\ntime_format = "%d.%m.%Y %H:%M"',
    ) == (0, 1)


@pytest.mark.parametrize(
    "row", ["2026-05-01 10:01,ann,2.50,1", "2026-05-01 10:00,ben,2.50,1", "2026-05-01 10:00,ann,2.51,1",
            "2026-05-01 10:00,ann,2.50,2", "2026-05-01 10:00,ann,,1", "2026-05-01 10:00,,2.50,1"]
)  # fmt: skip
def test_a_row_that_says_something_else_is_another_event(take, row):
    assert take("when,who,total,size\n2026-05-01 10:00,ann,2.50,1\n") == (1, 0)
    assert take(f"when,who,total,size\n{row}\n") == (1, 0)


def test_equal_rows_of_a_file_stay_as_many_and_come_in_once(take):
    twice = "when,who,total,size\n2026-05-01,ann,5,\n2026-05-01,ann,5.00,\n"
    assert take(twice) == (2, 0)
    assert take(twice) == (0, 2)
    assert take(twice + "2026-05-01, ann,5,\n") == (1, 2)


def test_rows_with_a_blank_key_of_a_group_are_events_of_their_own_in_every_file(take):
    head = "number,when,who,total,size\n"
    first = head + "7,2026-05-01,ann,1,\n,2026-05-02,cy,4,\n ,2026-05-02,cy,6,\n,2026-05-02,cy,6,\n"
    second = head + ",2026-05-09,dora,70,\n,2026-05-10,eve,80,\n"
    assert take(first, group=GROUP) == (4, 0)
    assert take(second, group=GROUP) == (2, 0)
    assert take(first, group=GROUP) == (0, 4)
    assert take(second, group=GROUP) == (0, 2)


def test_the_key_of_a_group_makes_its_id_whatever_stands_around_it(take):
    head = "number,when,who,total,size\n"
    assert take(head + "7,2026-05-01,ann,1,\n 7 ,2026-05-01,ann,2,\n", group=GROUP) == (1, 0)
    assert take(head + " 7,2026-05-01,ann,3,\n", group=GROUP) == (0, 1)


def _make_former_id(text, number=1):
    return f"row-{hashlib.md5(text.encode()).hexdigest()}-{number}"


def test_what_was_imported_under_the_former_rule_is_not_taken_twice(take, tmp_path):
    rows = ["2026-05-01 10:00,ann,2.50,1", "2026-05-01 10:00,ann,2.50,1", "2026-05-02,ben,3,"]
    events = [
        fusion.Event(
            event_id=former, source="till", occurred_at=f"2026-05-0{day}T10:00:00Z", kind="Order Completed",
            consumer=who, brand="bakery", value=value, currency="EUR",
        )
        for former, day, who, value in (
            (_make_former_id(rows[0]), 1, "ann", 2.5), (_make_former_id(rows[1], 2), 1, "ann", 2.5),
            (_make_former_id(rows[2]), 2, "ben", 3.0),
        )
    ]  # fmt: skip
    _record(tmp_path, events)
    text = "when,who,total,size\n" + "\n".join(rows) + "\n"
    assert take(text) == (0, 3)
    assert take(text + "2026-05-02,ben,4,\n") == (1, 3)


def test_what_shared_a_former_id_with_all_rows_without_a_key_is_known_by_what_it_says(take, tmp_path):
    _record(
        tmp_path,
        [
            fusion.Event(
                event_id=_make_former_id("", number), source="till", occurred_at="2026-05-02T00:00:00Z",
                precision="day", kind="Order Completed", consumer="cy", brand="bakery", value=value, currency="EUR",
                properties={"lines": 1},
            )
            for number, value in ((1, 4.0), (2, 6.0))
        ],
    )  # fmt: skip
    head = "number,when,who,total,size\n"
    assert take(head + ",2026-05-02,cy,4,\n,2026-05-02,cy,6,\n", group=GROUP) == (0, 2)
    assert take(head + ",2026-05-09,dora,70,\n,2026-05-10,eve,80,\n", group=GROUP) == (2, 0)
    with open_small(tmp_path / "place") as workspace:
        assert {consumer for consumer, _ in read_scores(workspace)} == {"cy", "dora", "eve"}


def _record(tmp_path, events):
    from datetime import datetime

    with open_small(tmp_path / "place") as workspace:
        given = [
            fusion.Event(**{
                **{name: getattr(each, name) for name in fusion.Event.__slots__},
                "occurred_at": datetime.fromisoformat(each.occurred_at),
            })
            for each in events
        ]  # fmt: skip
        assert pipeline.import_events(workspace, given).accepted == len(events)


def test_a_join_that_finds_nothing_is_refused_with_its_key(tmp_path):
    rows = "".join(f"2026-05-0{day},ann,{day}.0\n" for day in (1, 2, 3))
    (tmp_path / "orders.csv").write_text("when,who,product\n" + rows)
    (tmp_path / "products.csv").write_text("id,maker\n1,bakery\n2,bakery\n")
    (tmp_path / "mapping.toml").write_text(
        '[source]\nname = "till"\n[fields]\noccurred_at = "when"\nconsumer = "who"\nbrand = "maker"\n'
        '[kind]\ndefault = "Order Completed"\n'
        '[[join]]\nfile = "products.csv"\non = { product = "id" }\ncolumns = { maker = "maker" }\n'
    )
    reading = choose_reading(map_file=tmp_path / "mapping.toml")
    with open_small(tmp_path / "place") as workspace:
        with pytest.raises(MappingError, match=r"no `product` equals a `id`") as told:
            pipeline.import_files(workspace, [tmp_path / "orders.csv"], reading)
        assert "join[1].on" in str(told.value.hint)
        (tmp_path / "products.csv").write_text("id,maker\n3.0,bakery\n")
        told = pipeline.import_files(workspace, [tmp_path / "orders.csv"], reading)
        assert (told.accepted, told.unattributed) == (3, 2)
