"""What a mapping makes of rows: fields, kinds, times, groups, lookups."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumer_fusion.errors import MappingError
from consumer_fusion.records.timestamps import to_microseconds

ORDERS = """
[source]
name = "shop"
{source}
[fields]
event_id = "id"
occurred_at = "at"
consumer = {{ column = "who", strip_suffix = ".0" }}
brand = {{ constant = "shop" }}
value = "paid"
{fields}
[kind]
default = "Order Completed"
{rest}
"""


@pytest.fixture
def orders(desk):
    """Stage rows under the header id,at,who,paid,more through the mapping with additions."""

    def stage(*rows: str, source: str = "", fields: str = "", rest: str = ""):
        text = "id,at,who,paid,more\n" + "\n".join(rows) + "\n"
        path = desk.lay(f"orders-{desk.stagings}.csv", text)
        return desk.stage(desk.map(ORDERS.format(source=source, fields=fields, rest=rest)), path)

    return stage


def test_a_key_with_a_decimal_point_is_the_key_without(orders):
    assert orders("1,2026-01-01,17850.0,5,", "2,2026-01-01,17850,5,", "3,2026-01-01,,5,").column("consumer") == [
        "17850", "17850", None,
    ]  # fmt: skip


def test_kinds_follow_the_first_rule_that_fits(orders):
    rules = """
[[kind.rules]]
kind = "Order Refunded"
column = "id"
starts_with = "C"
value = "absolute"
[[kind.rules]]
kind = "Gift Sent"
column = "more"
one_of = ["gift", "present"]
[[kind.rules]]
kind = "Message Sent"
column = "more"
equals = "note"
[[kind.rules]]
kind = "Stock Adjusted"
field = "value"
at_most = 0
[[kind.rules]]
kind = "Order Of A Stranger"
field = "consumer"
is_missing = true
"""
    staged = orders(
        "C1,2026-01-01,a,-5,gift", "2,2026-01-01,a,-5,gift", "3,2026-01-01,a,0,note", "4,2026-01-01,a,-1,",
        "5,2026-01-01,,1,", "6,2026-01-01,a,1,x", rest=rules,
    )  # fmt: skip
    assert staged.column("kind") == [
        "Order Refunded", "Gift Sent", "Message Sent", "Stock Adjusted", "Order Of A Stranger", "Order Completed",
    ]  # fmt: skip
    assert staged.column("value") == [5.0, -5.0, 0.0, -1.0, 1.0, 1.0]


def test_a_column_may_name_the_kind_and_be_renamed(orders):
    kind = 'column = "more"\n[kind.rename]\nbuy = "Order Completed"\nback = "Order Refunded"\n'
    staged = orders(
        "1,2026-01-01,a,1,buy", "2,2026-01-01,a,1,back", "3,2026-01-01,a,1,Store Visited", "4,2026-01-01,a,1,",
        rest=kind,
    )  # fmt: skip
    assert staged.column("kind") == ["Order Completed", "Order Refunded", "Store Visited", "Order Completed"]


def test_local_times_become_utc_and_those_with_an_offset_keep_it(orders):
    staged = orders(
        "1,2026-01-15 08:26:00,a,1,", "2,2026-07-15T08:26:00,a,1,", "3,2026-07-15T08:26,a,1,",
        "4,2026-07-15T08:26:00Z,a,1,", "5,2026-07-15T08:26:00+05:30,a,1,", source='time_zone = "Europe/London"',
    )  # fmt: skip
    hours = [datetime.fromtimestamp(us / 1e6, UTC).strftime("%H:%M") for us in staged.column("occurred_us")]
    assert hours == ["08:26", "07:26", "07:26", "08:26", "02:56"]


def test_an_hour_that_does_not_exist_is_moved_on_and_one_that_comes_twice_is_the_second(orders):
    staged = orders(
        "1,2026-03-29 01:30:00,a,1,", "2,2026-10-25 01:30:00,a,1,", source='time_zone = "Europe/London"'
    )
    expected = [datetime(2026, 3, 29, 1, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)]
    assert staged.column("occurred_us") == [to_microseconds(moment) for moment in expected]


def test_a_day_stays_the_day_that_it_is_called_in_whatever_zone(orders):
    staged = orders("1,2026-07-15,a,1,", source='time_zone = "Pacific/Auckland"')
    assert staged.only["occurred_us"] == to_microseconds(datetime(2026, 7, 15, tzinfo=UTC))
    assert staged.only["precision"] == "day"


@pytest.mark.parametrize(
    ("form", "text", "precision"),
    [
        ("%d.%m.%Y %H:%M", "05.06.2026 20:00", "minute"),
        ("%d.%m.%Y %H", "05.06.2026 20", "hour"),
        ("%d.%m.%Y %H:%M:%S", "05.06.2026 20:00:00", "second"),
        ("unix_seconds", "1780689600", "second"),
        ("unix_milliseconds", "1780689600000", "second"),
    ],
)
def test_times_of_other_forms(orders, form, text, precision):
    staged = orders(f"1,{text},a,1,", "2,nonsense,a,1,", source=f'time_format = "{form}"')
    assert staged.only["occurred_us"] == to_microseconds(datetime(2026, 6, 5, 20, tzinfo=UTC))
    assert staged.only["precision"] == precision
    assert staged.codes == ["invalid_time"]


def test_a_form_without_hours_is_a_day(orders):
    assert orders("1,20260605,a,1,", source='time_format = "%Y%m%d"').only["precision"] == "day"


def test_numbers_with_a_decimal_comma(orders):
    staged = orders('1,2026-01-01,a,"1.234,50",', "2,2026-01-01,a,12a,", source='decimal = ","')
    assert staged.only["value"] == 1234.5
    assert staged.codes == ["invalid_number"]


@pytest.mark.parametrize(
    ("source", "text", "value"),
    [
        ("", "'-70", -70), ("", "(70.00)", -70), ("", "70.00-", -70), ("", "−70.5", -70.5), ("", "$1 234.50", 1234.5),
        ("", "12.50 €", 12.5), ("", "EUR 12.50", 12.5), ("", "12.50 EUR", 12.5), ("", "-€12.50", -12.5),
        ("", "1 234.50", 1234.5), ("", "1\u00a0234\u202f567.5", 1234567.5), ("", "1e3", 1000), ("", ".5", 0.5),
        ("", "+5.", 5), ("", "£5", 5), ("", "( 70.00 € )", -70),
        ('thousands = ","', "1,234.50", 1234.5), ('thousands = ","', "12,345,678", 12345678),
        ('thousands = ","', "1234.5", 1234.5), ("thousands = \"'\"", "1'234.50", 1234.5),
        ('decimal = ","', "12,00 €", 12), ('decimal = ","', "1 234,50", 1234.5), ('decimal = ","', "1.234,50", 1234.5),
        ('decimal = ","', "1.234.567", 1234567), ('decimal = ","', "'-70,5", -70.5), ('decimal = ","', "5", 5),
        ('decimal = ","\nthousands = "\'"', "1'234,50", 1234.5),
    ],
)  # fmt: skip
def test_amounts_are_read_as_shops_and_spreadsheets_write_them(orders, source, text, value):
    staged = orders(f'1,2026-01-01,a,"{text}",', source=source)
    assert staged.codes == []
    assert staged.only["value"] == value


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("", "1,234.50"), ("", "12,00"), ("", "12 34"), ("", "12a"), ("", "NaN"), ("", "1_000"), ("", "0x10"),
        ("", "--5"), ("", "5 5"), ("", "EUR"), ("", "1.2.3"), ('decimal = ","', "1.5"), ('decimal = ","', "1.2345,0"),
        ('thousands = ","', "1,23.50"), ('thousands = ","', "1,2345"),
    ],
)  # fmt: skip
def test_an_amount_that_can_be_read_in_two_ways_or_none_is_set_aside_with_column_value_and_key(
    orders, source, text
):
    staged = orders(f'1,2026-01-01,a,"{text}",', source=source)
    assert staged.codes == ["invalid_number"]
    expected = "which is not a number; see `decimal` and `thousands` of the mapping."
    assert staged.rejected[0]["message"] == f'Row 1 has `paid` = "{text}", {expected}'


def test_rules_about_numbers_read_them_as_fields_do(orders):
    rule = '[[kind.rules]]\nkind = "Order Refunded"\ncolumn = "more"\nabove = 0\n'
    staged = orders("1,2026-01-01,a,1,'70", '2,2026-01-01,a,1,"(70)"', rest=rule)
    assert staged.column("kind") == ["Order Refunded", "Order Completed"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-28 23:14:02 -0400", "2026-03-29T03:14:02"),
        ("2026-03-28 23:14:02 +0000", "2026-03-28T23:14:02"),
        ("2026-03-28 23:14:02 +01:00", "2026-03-28T22:14:02"),
        ("2026-03-28 23:14 -04", "2026-03-29T03:14:00"),
        ("2026-03-28 23:14:02 UTC", "2026-03-28T23:14:02"),
        ("2026-07-28 23:14:02 CEST", "2026-07-28T21:14:02"),
        ("2026-07-28 23:14:02 PDT", "2026-07-29T06:14:02"),
        ("2026-07-28 23:14:02 Europe/Rome", "2026-07-28T21:14:02"),
        ("2026-07-28T23:14 America/New_York", "2026-07-29T03:14:00"),
        ("2026-12-31T23:59:60Z", "2026-12-31T23:59:59"),
        ("2026-07-28T24:00:00Z", "2026-07-29T00:00:00"),
        ("2026-07-28 24:00", "2026-07-29T00:00:00"),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_times_are_read_as_shops_write_them(orders, text, moment, zone):
    staged = orders(f"1,{text},a,1,", source=f'time_zone = "{zone}"')
    expected = to_microseconds(datetime.fromisoformat(moment).replace(tzinfo=UTC))
    if zone != "UTC" and text == "2026-07-28 24:00":  # it names no zone of its own
        expected -= 9 * 3_600_000_000
    assert staged.codes == []
    assert staged.only["occurred_us"] == expected


@pytest.mark.parametrize("precision", ["", 'precision = "day"'])
def test_an_offset_of_a_time_format_that_no_place_on_earth_has_is_no_time(orders, precision):
    rows = [f"{number},01-05-2026 10:00 {offset},a,1," for number, offset in enumerate(
        ("+25:00", "-99:00", "+10:75", "+14:30", "+14:00", "-0330", "+02"), start=1)]  # fmt: skip
    staged = orders(*rows, source=f'time_format = "%d-%m-%Y %H:%M %z"\n{precision}')
    assert (staged.ids, staged.codes) == (["5", "6", "7"], ["invalid_time"] * 4)


def test_an_offset_within_a_time_is_held_against_the_same_bounds(orders):
    rows = [
        f"{number},Fri May 01 10:00:00 {offset} 2026,a,1," for number, offset in enumerate(("+0200", "+2500"))
    ]
    staged = orders(*rows, source='time_format = "%a %b %d %H:%M:%S %z %Y"')
    assert (staged.ids, staged.codes) == (["0"], ["invalid_time"])


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_the_offset_of_a_time_format_goes_before_the_zone_of_the_file(orders, zone):
    staged = orders(
        "1,01-05-2026 10:00 +0200,a,1,", source=f'time_format = "%d-%m-%Y %H:%M %z"\ntime_zone = "{zone}"'
    )
    assert staged.only["occurred_us"] == to_microseconds(datetime(2026, 5, 1, 8, tzinfo=UTC))


def test_a_time_that_cannot_be_read_is_told_with_column_value_and_key(orders):
    staged = orders("1,28/03/2026,a,1,", "2,2026-07-28 23:14 BST,a,1,", "3,,a,1,")
    assert [row["message"] for row in staged.rejected] == [
        'Row 1 has `at` = "28/03/2026", which is not a time in the format `time_format` = "iso".',
        'Row 2 has `at` = "2026-07-28 23:14 BST", which is not a time in the format `time_format` = "iso".',
        "Row 3 has no value in `at`; see `fields.occurred_at` of the mapping.",
    ]
    staged = orders("1,2026-03-28,a,1,", source='time_format = "%d/%m/%Y"')
    assert staged.rejected[0]["message"] == (
        'Row 1 has `at` = "2026-03-28", which is not a time in the format `time_format` = "%d/%m/%Y".'
    )


def test_a_day_with_an_offset_behind_it_stays_that_day(orders):
    staged = orders("1,2026-03-28 23:14:02 -0400,a,1,", source='precision = "day"')
    assert staged.only["occurred_us"] == to_microseconds(datetime(2026, 3, 28, tzinfo=UTC))


def test_an_unknown_time_zone_is_told_with_the_nearest(orders):
    with pytest.raises(MappingError, match="Europe/London"):
        orders("1,2026-01-01,a,1,", source='time_zone = "Europe/Londn"')


def test_a_column_that_is_not_there_is_told_with_the_nearest_of_those_that_are(desk):
    path = desk.lay("orders.csv", "id,at,whom,paid\n1,2026-01-01,a,1\n")
    with pytest.raises(MappingError) as caught:
        desk.stage(desk.map(ORDERS.format(source="", fields="", rest="")), path)
    assert "no column `who` (did you mean `whom`?)" in caught.value.message


def test_properties_and_identifiers_leave_out_what_is_missing(orders):
    more = """
[properties]
note = "more"
paid = { column = "paid", type = "number" }
vip = { column = "more", type = "boolean" }
shop = { constant = "north" }
[identifiers]
loyalty_card = { column = "more", prefix = "card-" }
"""
    staged = orders("1,2026-01-01,a,5,true", "2,2026-01-01,a,2.5,", rest=more)
    assert staged.properties() == [
        {"note": "true", "paid": 5, "vip": True, "shop": "north"}, {"paid": 2.5, "shop": "north"},
    ]  # fmt: skip
    assert staged.column("identifiers") == ['{"loyalty_card":"card-true"}', None]


GROUPED = 'value = {{ multiply = ["paid", "more"] }}'


@pytest.fixture
def invoices(desk):
    """Stage lines of invoices, each a quantity `more` at a price `paid`, as one event an invoice."""

    def stage(*rows: str):
        text = ORDERS.replace('value = "paid"', GROUPED).format(
            source="", fields="", rest='[properties]\nlast = "more"\n[group]\nby = ["id"]\n'
        )
        path = desk.lay(f"invoices-{desk.stagings}.csv", "id,at,who,paid,more\n" + "\n".join(rows) + "\n")
        return desk.stage(desk.map(text), path)

    return stage


def test_lines_of_one_invoice_are_one_event_with_their_sum_first_time_and_first_consumer(invoices):
    staged = invoices(
        "A,2026-01-01 10:01:00,,2.5,2", "B,2026-01-01 09:00:00,ben,1,1", "A,2026-01-01 10:00:00,anna,1,3",
        "A,2026-01-01 10:01:00,,2.5,2",
    )  # fmt: skip
    assert staged.ids == ["A", "B"]
    assert staged.column("value") == [13.0, 1.0]
    assert staged.column("consumer") == ["anna", "ben"]
    assert staged.column("occurred_us")[0] == to_microseconds(datetime(2026, 1, 1, 10, tzinfo=UTC))
    assert staged.properties()[0] == {"last": "2", "lines": 3}
    assert staged.column("position") == [1, 2]


def test_the_first_time_of_an_invoice_is_the_first_moment_not_the_first_text(invoices):
    staged = invoices("A,2026-01-01T10:00:00Z,a,1,1", "A,2026-01-01T11:00:00+05:00,a,1,1")
    assert staged.only["occurred_us"] == to_microseconds(datetime(2026, 1, 1, 6, tzinfo=UTC))


def test_an_invoice_with_a_line_that_cannot_be_read_is_set_aside_whole(invoices):
    rows = ("A,2026-01-01,anna,1,1", "B,2026-01-01,ben,1,1", "A,2026-01-01,anna,one,1")
    staged = invoices(*rows)
    assert staged.ids == ["B"]
    assert staged.codes == ["invalid_number"]
    assert staged.rejected[0]["raw"] == f"id,at,who,paid,more\n{rows[0]}\n{rows[2]}"


def test_lines_without_a_key_are_no_invoice_together(invoices):
    staged = invoices(",2026-01-01,anna,1,1", ",2026-01-01,ben,2,1")
    assert staged.column("consumer") == ["anna", "ben"]
    assert len(set(staged.ids)) == 2


def test_columns_of_another_file_are_looked_up_beside_the_imported_one(desk):
    pq.write_table(pa.table({"key": ["x", "y"], "maker": [7, 9]}), desk.folder / "makers.parquet")
    join = '[[join]]\nfile = "makers.parquet"\non = { more = "key" }\ncolumns = { maker = "maker" }\n'
    text = ORDERS.replace('brand = {{ constant = "shop" }}', 'brand = {{ column = "maker", prefix = "m-" }}')
    path = desk.lay("orders.csv", "id,at,who,paid,more\n1,2026-01-01,a,1,y\n2,2026-01-01,a,1,z\n")
    staged = desk.stage(desk.map(text.format(source="", fields="", rest=join)), path)
    assert staged.column("brand") == ["m-9", None]


def test_a_lookup_with_two_rows_for_one_key_is_refused(desk):
    desk.lay("makers.csv", "key,maker\nx,1\nx,2\n")
    join = '[[join]]\nfile = "makers.csv"\non = { more = "key" }\ncolumns = { maker = "maker" }\n'
    path = desk.lay("orders.csv", "id,at,who,paid,more\n1,2026-01-01,a,1,x\n")
    with pytest.raises(MappingError, match="different rows for one key"):
        desk.stage(desk.map(ORDERS.format(source="", fields="", rest=join)), path)


def test_a_lookup_file_that_is_not_there_is_told(desk):
    join = '[[join]]\nfile = "makers.csv"\non = { more = "key" }\ncolumns = { maker = "maker" }\n'
    path = desk.lay("orders.csv", "id,at,who,paid,more\n1,2026-01-01,a,1,x\n")
    with pytest.raises(MappingError, match=r"makers\.csv"):
        desk.stage(desk.map(ORDERS.format(source="", fields="", rest=join)), path)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_the_same_rows_give_the_same_events_from_every_form_of_file(desk, ending):
    rows = [
        {"id": f"{n}", "at": "2026-01-01T10:00:00", "who": f"w{n % 3}", "paid": n + 0.5} for n in range(50)
    ]
    if ending == "csv":
        lines = [",".join(map(str, row.values())) for row in rows]
        path = desk.lay("orders.csv", "\n".join(["id,at,who,paid", *lines]))
    elif ending == "jsonl":
        path = desk.lay("orders.jsonl", rows)
    else:
        path = desk.folder / "orders.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path)
    staged = desk.stage(desk.map(ORDERS.format(source="", fields="", rest="")), path)
    assert staged.ids == [str(n) for n in range(50)]
    assert staged.column("value") == [n + 0.5 for n in range(50)]
    assert staged.column("consumer") == [f"w{n % 3}" for n in range(50)]


def test_columns_inside_json_are_named_by_their_path(desk):
    path = desk.lay(
        "orders.jsonl", [{"id": 1, "at": "2026-01-01", "who": None, "paid": 1, "a": {"b": {"c": "deep"}}}]
    )
    text = ORDERS.format(source="", fields="", rest='[properties]\nfound = "a.b.c"\n')
    assert desk.stage(desk.map(text), path).properties() == [{"found": "deep"}]


def test_a_rejected_row_of_parquet_is_kept_as_an_object(desk):
    path = desk.folder / "orders.parquet"
    pq.write_table(pa.table({"id": ["1"], "at": ["never"], "who": ["a"], "paid": [1.5]}), path)
    staged = desk.stage(desk.map(ORDERS.format(source="", fields="", rest="")), path)
    assert staged.rejected[0]["raw"] == '{"id":"1","at":"never","who":"a","paid":1.5}'


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.decimal128(9, 2)], ids=str)
def test_a_number_of_parquet_is_the_number_that_is_written_there(desk, kind):
    path = desk.folder / "orders.parquet"
    paid = pa.array([0.1, 1234567.25 if kind == pa.float64() else 2.5, None]).cast(kind, safe=False)
    pq.write_table(
        pa.table({"id": ["1", "2", "3"], "at": ["2026-01-01"] * 3, "who": ["a"] * 3, "paid": paid}), path
    )
    staged = desk.stage(desk.map(ORDERS.format(source="", fields="", rest="")), path)
    assert staged.column("value") == [0.1, 1234567.25 if kind == pa.float64() else 2.5, None]


def test_a_number_of_parquet_that_is_not_finite_is_refused_with_its_column(desk):
    path = desk.folder / "orders.parquet"
    paid = [float("nan"), float("inf")]
    pq.write_table(
        pa.table({"id": ["1", "2"], "at": ["2026-01-01"] * 2, "who": ["a"] * 2, "paid": paid}), path
    )
    staged = desk.stage(desk.map(ORDERS.format(source="", fields="", rest="")), path)
    assert staged.codes == ["invalid_number"] * 2
    assert "paid" in staged.rejected[0]["message"]


def test_a_row_of_parquet_gets_an_id_where_it_has_none_of_its_own(desk):
    """And the id that it had under the former rule, made of the whole row, where it needs one."""
    path = desk.folder / "orders.parquet"
    rows = [
        {"id": each, "at": "2026-01-01", "who": "a", "paid": number}
        for number, each in enumerate(["1", None, "  ", "row-x", "\trow-y", "é"])
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)
    staged = desk.stage(desk.map(ORDERS.format(source="", fields="", rest="")), path)
    ids, former = staged.ids, staged.column("former_id")
    assert [ids[0], *ids[3:]] == ["1", "row-x", "row-y", "é"]
    assert all(each.startswith("row-") and each.endswith("-1") for each in ids[1:3])
    assert [each is None for each in former] == [True, False, False, False, False, True]
    line = b'{"id":"row-x","at":"2026-01-01","who":"a","paid":3}'
    assert former[3] == f"row-{hashlib.md5(line, usedforsecurity=False).hexdigest()}-1"


def test_blanks_around_keys_are_no_part_of_them(orders):
    staged = orders(
        " 1 ,2026-01-01, ann ,5,", rest='[[kind.rules]]\nfield = "event_id"\nequals = "1"\nkind = "Seen"\n'
    )
    assert (staged.only["event_id"], staged.only["consumer"], staged.only["kind"]) == ("1", "ann", "Seen")


@pytest.mark.parametrize("name", ["it's", 'a"b', "select", "position", "a b", "ä", "raw", "kind"])
def test_columns_may_be_called_anything(desk, name):
    quoted = '"' + name.replace('"', '""') + '"'
    path = desk.lay("odd.csv", f"{quoted},at\nvalue,2026-01-01\n")
    toml_name = name.replace('"', '\\"')
    text = f'[source]\nname = "odd"\n[fields]\noccurred_at = "at"\nconsumer = "{toml_name}"\n[kind]\ndefault = "X"\n'
    assert desk.stage(desk.map(text), path).only["consumer"] == "value"


def test_columns_that_differ_by_capital_letters_only_are_refused(desk):
    path = desk.lay("odd.csv", "at,Who,who\n2026-01-01,a,b\n")
    text = '[source]\nname = "odd"\n[fields]\noccurred_at = "at"\n[kind]\ndefault = "X"\n'
    with pytest.raises(MappingError, match="Who, who"):
        desk.stage(desk.map(text), path)


def test_members_of_json_that_differ_by_capital_letters_only_are_told_apart(desk):
    path = desk.lay("odd.jsonl", [{"at": "2026-01-01", "Who": "a", "who": "b"}])
    fields = 'occurred_at = "at"\nconsumer = "Who"\nbrand = "who"'
    text = f'[source]\nname = "odd"\n[fields]\n{fields}\n[kind]\ndefault = "X"\n'
    event = desk.stage(desk.map(text), path).only
    assert (event["consumer"], event["brand"]) == ("a", "b")


def test_a_rule_on_a_field_of_text_compares_its_number(desk):
    staged = desk.stage(
        desk.map(
            '[source]\nname = "s"\n[fields]\nevent_id = "id"\noccurred_at = "at"\nchannel = "level"\n'
            '[kind]\ndefault = "high"\n[[kind.rules]]\nfield = "channel"\nbelow = 5\nkind = "low"\n'
        ),
        desk.lay("a.csv", "id,at,level\n1,2026-06-01,3\n2,2026-06-01,7\n3,2026-06-01,none\n"),
    )
    assert staged.column("kind") == ["low", "high", "high"]
