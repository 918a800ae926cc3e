"""An order and its refund from one row: both are events, and together they leave a visit and no money."""

from __future__ import annotations

import pytest

import consumer_fusion as fusion
from consumer_fusion import pipeline
from consumer_fusion.errors import MappingError
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.ingest.mapping import parse_mapping
from small_workspaces import open_small, read_scores

MAPPING = """
[source]
name = "shop"
[fields]
event_id = "number"
occurred_at = "when"
consumer = "who"
brand = {{ constant = "bakery" }}
value = "total"
currency = {{ constant = "EUR" }}
[kind]
default = "Order Completed"
[refund]
{refund}
{group}
"""
BY_AMOUNT = 'value = "back"\noccurred_at = "back_at"'
BY_STATE = 'column = "state"\nequals = "returned"'
HEAD = "number,when,who,total,back,back_at,state\n"


@pytest.mark.parametrize("group", ["", '[group]\nby = ["number"]'])
def test_a_row_with_an_amount_that_went_back_is_two_events(desk, group):
    rows = ["1,2026-05-01,ann,20,5.00,2026-05-04,", "2,2026-05-02,ben,20,0.00,,", "3,2026-05-03,cy,20,,,",
            "4,2026-05-03,dora,20,-20,,"]  # fmt: skip
    staged = desk.stage(
        desk.map(MAPPING.format(refund=BY_AMOUNT, group=group)), desk.lay("a.csv", HEAD + "\n".join(rows))
    )
    events = {
        row["event_id"]: (row["kind"], row["value"], row["occurred_us"] // 86_400_000_000)
        for row in staged.accepted
    }
    assert set(events) == {"1", "1#refund", "2", "3", "4", "4#refund"}
    assert events["1"][:2] == ("Order Completed", 20.0)
    assert events["1#refund"] == ("Order Refunded", 5.0, events["1"][2] + 3)
    assert events["4#refund"] == ("Order Refunded", 20.0, events["4"][2])


@pytest.mark.parametrize("group", ["", '[group]\nby = ["number"]'])
def test_a_refund_that_cannot_be_read_costs_only_itself(desk, group):
    file = desk.lay("a.csv", HEAD + "1,2026-05-01,ann,20,some,,\n2,2026-05-01,ann,20,1,,\n")
    staged = desk.stage(desk.map(MAPPING.format(refund=BY_AMOUNT, group=group)), file)
    assert sorted(staged.ids) == ["1", "2", "2#refund"]
    assert [(row["code"], row["position"]) for row in staged.rejected] == [("invalid_number", 1)]
    assert "1,2026-05-01,ann,20,some" in staged.rejected[0]["raw"]


def test_a_purchase_that_was_taken_back_leaves_the_visit_and_no_money(tmp_path):
    file, mapping = tmp_path / "orders.csv", tmp_path / "mapping.toml"
    mapping.write_text(MAPPING.format(refund=BY_STATE, group=""))
    file.write_text(HEAD + "1,2026-06-01,ann,40,,,paid\n2,2026-06-01,cy,40,,,returned\n")
    with open_small(tmp_path / "place") as workspace:
        for accepted, here in ((3, 0), (0, 3)):
            told = pipeline.import_files(workspace, [file], choose_reading(map_file=mapping))
            assert (told.accepted, told.duplicates, told.rejected) == (accepted, here, 0)
        scores = read_scores(workspace)
        assert 50 < scores["cy", "bakery"] < scores["ann", "bakery"]
        contributions = fusion.explain_pair(workspace, "cy", "bakery").explanation
        assert contributions is not None


def test_rows_without_an_id_have_refunds_of_their_own(tmp_path):
    file, mapping = tmp_path / "orders.csv", tmp_path / "mapping.toml"
    mapping.write_text(MAPPING.format(refund=BY_STATE, group="").replace('event_id = "number"\n', ""))
    file.write_text(HEAD + "1,2026-06-01,ann,40,,,returned\n1,2026-06-01,ann,40,,,returned\n")
    with open_small(tmp_path / "place") as workspace:
        assert pipeline.import_files(workspace, [file], choose_reading(map_file=mapping)).accepted == 4
        assert pipeline.import_files(workspace, [file], choose_reading(map_file=mapping)).duplicates == 4


def test_a_refund_says_how_it_is_known():
    with pytest.raises(MappingError, match="`refund` needs `value`"):
        parse_mapping(MAPPING.format(refund="", group=""))


@pytest.mark.parametrize("group", ["", '[group]\nby = ["number"]'])
def test_a_bad_row_with_a_refund_is_set_aside_once(desk, group):
    file = desk.lay("a.csv", HEAD + "1,2026-05-01,ann,20,some,some day,\n2,no day,ann,20,1,,\n")
    staged = desk.stage(desk.map(MAPPING.format(refund=BY_AMOUNT, group=group)), file)
    assert [row["position"] for row in staged.rejected] == [1, 2]
    assert [row["raw"].count("no day,ann") for row in staged.rejected] == [0, 1]
    assert staged.rejected[1]["code"] == "invalid_time"


def test_equal_bad_rows_with_refunds_may_come_again(tmp_path):
    file, mapping = tmp_path / "a.csv", tmp_path / "map.toml"
    mapping.write_text(MAPPING.format(refund=BY_AMOUNT, group=""))
    with open_small(tmp_path / "place") as workspace:
        for _ in range(2):
            file.write_text(HEAD + "2,no day,ann,20,1,,\n" * 2)
            told = pipeline.import_files(
                workspace, [file], choose_reading(map_file=mapping), is_setting_aside=True
            )
            assert told.rejected == 2
