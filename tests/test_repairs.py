"""Repairs: rows that were set aside come in after all, events without a party get one, and scores follow."""

from __future__ import annotations

import json

import pytest

import consumer_fusion as fusion
from consumer_fusion import pipeline
from consumer_fusion.errors import ConflictError, InputError, MappingError, NotFoundError
from consumer_fusion.identity import attribution
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.repairs import rejected_rows, replacements
from small_workspaces import count_places, find_problems, make_order, open_small, read_scores, seal

GOOD = {
    "event_id": "1", "source": "shop", "occurred_at": "2026-06-01T10:00:00Z", "kind": "Order Completed",
    "consumer": "ann", "brand": "bakery",
}  # fmt: skip
UNTIMED = {**GOOD, "event_id": "2", "occurred_at": "yesterday"}
NAMELESS = {**GOOD, "event_id": "3", "kind": ""}


@pytest.fixture
def workspace(tmp_path):
    with open_small(tmp_path / "place") as workspace:
        yield workspace


@pytest.fixture
def rejected(workspace, tmp_path):
    """A file of which two rows were set aside; their numbers by event id."""
    path = tmp_path / "events.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in (GOOD, UNTIMED, NAMELESS)), encoding="utf-8")
    told = pipeline.import_files(workspace, [path], choose_reading(format="events"))
    assert (told.accepted, told.rejected) == (1, 2)
    rows, counts = rejected_rows.list_rejected(workspace)
    assert counts == {"invalid_time": 1, "missing_kind": 1}
    return {json.loads(row.raw)["event_id"]: row.rejection_id for row in rows}


def test_a_row_that_is_repaired_becomes_an_event_and_leaves_the_list(workspace, rejected):
    before = read_scores(workspace)
    raw = json.dumps({**UNTIMED, "occurred_at": "2026-06-10T10:00:00Z"})
    told = rejected_rows.retry_rejected(workspace, [rejected["2"]], raw=raw)
    assert (told.accepted, told.rejected) == (1, 0)
    assert [row.rejection_id for row in rejected_rows.list_rejected(workspace)[0]] == [rejected["3"]]
    assert read_scores(workspace)["ann", "bakery"] > before["ann", "bakery"]
    assert find_problems(workspace) == []
    assert list(workspace.staging_folder.iterdir()) == []


def test_rows_that_are_still_wrong_stay_on_the_list_once(workspace, rejected):
    for _ in range(2):
        told = rejected_rows.retry_rejected(workspace)
        assert (told.accepted, told.rejected) == (0, 2)
        assert rejected_rows.list_rejected(workspace)[1] == {"invalid_time": 1, "missing_kind": 1}


def test_a_repaired_row_that_is_here_already_is_a_duplicate(workspace, rejected):
    told = rejected_rows.retry_rejected(workspace, [rejected["2"]], raw=json.dumps(GOOD))
    assert (told.accepted, told.duplicates) == (0, 1)
    assert count_places(workspace) == {("shop", "1"): 1}


def test_a_retry_that_fails_half_way_loses_no_row(workspace, rejected, monkeypatch):
    raw = json.dumps({**UNTIMED, "occurred_at": "2026-06-10T10:00:00Z"})
    with monkeypatch.context() as broken:
        broken.setattr(pipeline, "finish_import", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            rejected_rows.retry_rejected(workspace, [rejected["2"]], raw=raw)
    assert len(rejected_rows.list_rejected(workspace)[0]) == 2
    assert rejected_rows.retry_rejected(workspace, [rejected["2"]], raw=raw).accepted == 1


@pytest.mark.parametrize("number", [2**63, 2**70, -(2**70)])
def test_a_number_that_no_store_can_hold_is_unknown_like_any_other(workspace, number):
    for repair in (
        lambda: rejected_rows.retry_rejected(workspace, [number]),
        lambda: rejected_rows.drop_rejected(workspace, [number]),
        lambda: replacements.apply_corrections(workspace, [number]),
        lambda: replacements.undo_correction(workspace, number),
    ):
        with pytest.raises(NotFoundError, match=str(number)):
            repair()


def test_what_is_no_object_of_a_json_file_keeps_no_other_row_from_being_tried_again(workspace, tmp_path):
    mapping, posts = tmp_path / "map.toml", tmp_path / "posts.json"
    mapping.write_text(
        '[source]\nname = "archive"\n[fields]\nevent_id = "id"\noccurred_at = "at"\n[kind]\ndefault = "Visit"\n'
    )
    posts.write_text('[{"id": "1", "at": "2026-01-01"}, 7, ')
    reading = choose_reading(map_file=mapping)
    assert pipeline.import_files(workspace, [posts], reading).rejected == 2
    assert rejected_rows.retry_rejected(workspace).rejected == 2
    assert [row.raw for row in rejected_rows.list_rejected(workspace)[0]] == ["7", "["]


def test_one_repaired_row_stands_for_one_row(workspace, rejected):
    with pytest.raises(InputError):
        rejected_rows.retry_rejected(workspace, list(rejected.values()), raw="{}")
    with pytest.raises(NotFoundError):
        rejected_rows.retry_rejected(workspace, [999_999])


@pytest.mark.parametrize("second", ['{"b": ', "[" * 100_000])
def test_rows_that_look_like_an_array_or_nest_without_end_are_tried_again_each_by_itself(tmp_path, second):
    with open_small(tmp_path / "place") as workspace:
        file = tmp_path / "events.jsonl"
        file.write_text("\n".join([json.dumps(GOOD), '[{"a": 1', second]) + "\n")
        pipeline.import_files(workspace, [file], choose_reading(format="events"), is_setting_aside=True)
        before = rejected_rows.list_rejected(workspace)[0]
        assert len(before) == 2
        told = rejected_rows.retry_rejected(workspace)
        assert (told.accepted, told.rejected) == (0, 2)
        after = rejected_rows.list_rejected(workspace)[0]
        assert [(each.rejection_id, each.raw) for each in after] == [
            (each.rejection_id, each.raw) for each in before
        ]


def test_rows_are_dropped_only_when_they_are_named(workspace, rejected):
    with pytest.raises(InputError):
        rejected_rows.drop_rejected(workspace, None)
    assert rejected_rows.drop_rejected(workspace, [rejected["3"]]) == 1
    assert rejected_rows.drop_rejected(workspace, None, is_all=True) == 1
    assert rejected_rows.list_rejected(workspace) == ((), {})


@pytest.mark.parametrize("is_sealed", [False, True], ids=["from the inbox", "from a segment"])
def test_an_event_that_gets_its_consumer_scores_as_if_it_always_had_one(workspace, tmp_path, is_sealed):
    with open_small(tmp_path / "known") as known:
        fusion.import_events(known, [make_order(1), make_order(2, days_ago=10.2)])
        expected = read_scores(known)
    fusion.import_events(workspace, [make_order(1), make_order(2, days_ago=10.2, consumer=None)])
    if is_sealed:
        assert seal(workspace) == 2
    for _ in range(2):  # said twice it counts once
        attribution.attach(workspace, "shop", "order-2", consumer="ann", reason="she showed the receipt")
        assert read_scores(workspace) == pytest.approx(expected, abs=1e-9)
    again = fusion.import_events(workspace, [make_order(2, days_ago=10.2, consumer=None)])
    assert again.accepted == 0
    seal(workspace)
    attribution.attach(workspace, "shop", "order-2", consumer="ann", reason="she showed the receipt")
    assert read_scores(workspace) == pytest.approx(expected, abs=1e-9)
    assert find_problems(workspace) == []
    with pytest.raises(ConflictError):
        attribution.attach(workspace, "shop", "order-2", consumer="bob", reason="no, he did")


def test_an_event_that_is_not_there_cannot_be_attached(workspace):
    fusion.import_events(workspace, [make_order(1)])
    with pytest.raises(NotFoundError):
        attribution.attach(workspace, "shop", "order-9", consumer="ann", reason="she said so")
    with pytest.raises(InputError):
        attribution.attach(workspace, "shop", "order-1", reason="no reason")


@pytest.mark.parametrize("is_sealed", [False, True], ids=["in the inbox", "in a segment"])
def test_events_without_a_party_are_listed_until_they_have_one(workspace, is_sealed):
    orders = [make_order(1), make_order(2, days_ago=10.2, consumer=None), make_order(3, brand=None)]
    fusion.import_events(workspace, orders)
    if is_sealed:
        seal(workspace)
    told = attribution.list_unattributed(workspace)
    listed = told.events
    assert told.count == 2
    assert {(each.event_id, each.consumer is None, each.brand is None) for each in listed} == {
        ("order-2", True, False),
        ("order-3", False, True),
    }
    assert [each.occurred_at for each in listed] == sorted(
        (each.occurred_at for each in listed), reverse=True
    )
    attribution.attach(workspace, "shop", "order-2", consumer="ann", reason="she showed the receipt")
    told = attribution.list_unattributed(workspace, limit=1)
    assert [(each.event_id, each.source, told.count) for each in told.events] == [("order-3", "shop", 1)]
    if not is_sealed:
        seal(workspace)
        assert [each.event_id for each in attribution.list_unattributed(workspace).events] == ["order-3"]


MAPPING = """
[source]
name = "shop"
{source}
[fields]
event_id = "id"
occurred_at = "at"
consumer = "who"
brand = {{ constant = "bakery" }}
value = "paid"
[kind]
default = "Order Completed"
{group}
"""


@pytest.fixture
def import_rows(tmp_path, workspace):
    """Import rows below the header id,at,who,paid through a mapping with additions."""

    def run(*rows, source="", group="", is_setting_aside=True):
        path = tmp_path / "orders.csv"
        path.write_text("\n".join(["id,at,who,paid", *rows]) + "\n", encoding="utf-8")
        reading = choose_reading(map_file=write_mapping(source=source, group=group))
        return pipeline.import_files(workspace, [path], reading, is_setting_aside=is_setting_aside)

    def write_mapping(**parts):
        path = tmp_path / "mapping.toml"
        path.write_text(MAPPING.format(**{"source": "", "group": "", **parts}), encoding="utf-8")
        return path

    run.write_mapping = write_mapping
    return run


def list_set_aside(workspace):
    """Number, reason and last column of the rows of the shop that are on the list."""
    rows, _ = rejected_rows.list_rejected(workspace)
    return [(row.rejection_id, row.code, row.raw.rsplit(",", 1)[1]) for row in rows if row.source == "shop"]


def test_a_row_keeps_its_number_as_long_as_it_is_on_the_list(workspace, import_rows):
    rows = ("1,2026-06-01,ann,1", "2,2026-06-01,ann,12x", "3,2026-06-01,ann,13x")
    import_rows(*rows)
    first = list_set_aside(workspace)
    assert [code for _, code, _ in first] == ["invalid_number", "invalid_number"]
    import_rows(*rows)
    rejected_rows.retry_rejected(workspace)
    rejected_rows.retry_rejected(workspace, [first[0][0]], "id,at,who,paid\n2,2026-06-01,ann,14x")
    assert list_set_aside(workspace) == [(first[0][0], "invalid_number", "14x"), first[1]]


@pytest.mark.parametrize(
    "raw",
    [
        "2,2026-06-01,ann,14", "2,2026-06-01,ann,14\n3,2026-06-01,ann,15", "id,at,who,paid", "", "[1]",
        "id,at,who,paid\n2,2026-06-01,ann,14\n3,2026-06-01,ann,15",
    ],
    ids=["no header", "two rows and no header", "no row", "nothing", "JSON", "two rows"],
)  # fmt: skip
def test_a_corrected_text_that_is_no_row_of_its_file_is_refused_and_the_stored_row_stays(
    workspace, import_rows, raw
):
    import_rows("1,2026-06-01,ann,1", "2,2026-06-01,ann,12x")
    before = rejected_rows.list_rejected(workspace)
    with pytest.raises(InputError) as refused:
        rejected_rows.retry_rejected(workspace, [before[0][0].rejection_id], raw)
    assert "header line" in refused.value.hint
    assert rejected_rows.list_rejected(workspace) == before
    assert list(workspace.staging_folder.iterdir()) == []


def test_a_corrected_text_that_is_no_event_is_refused_and_the_stored_row_stays(workspace, rejected):
    before = rejected_rows.list_rejected(workspace)
    for raw in ("kind: Visit", json.dumps(GOOD) + "\n" + json.dumps(UNTIMED)):
        with pytest.raises(InputError) as refused:
            rejected_rows.retry_rejected(workspace, [rejected["2"]], raw)
        assert "JSON" in refused.value.hint
    assert rejected_rows.list_rejected(workspace) == before


def test_a_row_that_is_rejected_again_keeps_its_row_number(workspace, import_rows):
    bad = ["2,2026-06-01,ann,12x", "3,2026-06-01,ann,13x"]
    import_rows("1,2026-06-01,ann,1", *bad)
    import_rows("4,2026-06-01,ann,1", *(row.replace("ann", "bob") for row in bad))
    wanted = [2, 3, 2, 3]
    for _ in range(2):
        rejected_rows.retry_rejected(workspace)
        rows, _counts = rejected_rows.list_rejected(workspace)
        assert [row.position for row in rows] == wanted
        assert [row.message.split(" has ")[0] for row in rows] == [f"Row {place}" for place in wanted]
    rejected_rows.retry_rejected(workspace, [rows[1].rejection_id], "id,at,who,paid\n3,01.06.2026,ann,13")
    row = rejected_rows.list_rejected(workspace)[0][1]
    assert (row.position, row.code, row.message[:5]) == (3, "invalid_time", "Row 3")


def test_a_row_that_fails_for_another_reason_now_is_listed_once_with_that_reason(workspace, import_rows):
    row = '2,01.06.2026,ann,"1,5"'
    import_rows(row)
    ((number, code, _),) = list_set_aside(workspace)
    assert code == "invalid_number"
    import_rows(row, source='decimal = ","')
    assert [each[:2] for each in list_set_aside(workspace)] == [(number, "invalid_time")]


def test_equal_rows_are_as_many_on_the_list_as_they_are_in_the_file(workspace, import_rows):
    for _ in range(2):
        import_rows("2,2026-06-01,ann,12x", "2,2026-06-01,ann,12x")
        assert len(list_set_aside(workspace)) == 2


@pytest.mark.parametrize("group", ["", '[group]\nby = ["id"]'])
def test_a_row_that_an_import_accepts_leaves_the_list_without_anybodys_doing(workspace, import_rows, group):
    rows = ("1,2026-06-01,ann,1", '2,2026-06-01,ann,"1,5"', "3,2026-06-01,ann,x")
    import_rows(*rows, group=group)
    assert len(list_set_aside(workspace)) == 2
    assert import_rows(*rows, group=group, source='decimal = ","').accepted == 1
    assert [code for _, code, _ in list_set_aside(workspace)] == ["invalid_number"]


def test_rows_are_tried_again_with_a_corrected_mapping(workspace, import_rows):
    import_rows("1,2026-06-01,ann,1", '2,2026-06-01,ann,"1,5"', "3,2026-06-01,ann,x")
    corrected = choose_reading(map_file=import_rows.write_mapping(source='decimal = ","'))
    assert rejected_rows.retry_rejected(workspace, reading=corrected).accepted >= 1
    ((_, code, last),) = list_set_aside(workspace)
    assert (code, last) == ("invalid_number", "x")


def test_an_import_stops_before_writing_where_most_rows_fail_for_one_reason(workspace, import_rows):
    rows = [f"{number},0{number}.06.2026,ann,1" for number in range(1, 6)]
    before = list_set_aside(workspace)
    with pytest.raises(MappingError, match="5 of the first 6 rows") as told:
        import_rows(*rows, "6,2026-06-01,ann,1", is_setting_aside=False)
    assert "`source.time_format`" in told.value.hint
    assert '`at` = "01.06.2026"' in told.value.message
    assert list_set_aside(workspace) == before
    assert list(workspace.staging_folder.iterdir()) == []
    assert import_rows(*rows, "6,2026-06-01,ann,1").rejected == 5


def test_some_bad_rows_stop_no_import(workspace, import_rows):
    rows = [f"{number},2026-06-01,ann,{'x' if number < 3 else 1}" for number in range(6)]
    told = import_rows(*rows, is_setting_aside=False)
    assert (told.accepted, told.rejected) == (3, 3)
