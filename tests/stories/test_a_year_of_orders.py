"""A shop brings its orders in: bad rows are mended, repeats change nothing, receipts without a name wait for one."""

from __future__ import annotations

import json

import pytest

from command_line import ask_fusion, import_events, run_fusion

ANNA = {"consumer": "anna", "brand": "book-shop", "kind": "Order Completed", "value": 20.0, "currency": "EUR"}
ORDERS = [
    {"event_id": "order-1", "occurred_at": "2026-03-02T10:00:00Z", **ANNA},
    {"event_id": "order-2", "occurred_at": "2026-04-02T10:00:00Z", **ANNA},
    {"event_id": "order-3", "occurred_at": "2026-05-02T10:00:00Z", **ANNA},
]
LATER = "2026-05-03T00:00:00Z"


@pytest.fixture(scope="module")
def scores():
    def read(workspace):
        return ask_fusion(workspace, "explain", "anna", "book-shop", "--as-of", LATER)["fusion_score"]

    return read


@pytest.fixture(scope="module")
def right_from_the_start(tmp_path_factory, scores):
    """The score where nothing ever went wrong."""
    folder = tmp_path_factory.mktemp("orders") / "right from the start"
    run_fusion("init", folder)
    import_events(folder, *ORDERS)
    return scores(folder)


def test_a_broken_row_stops_no_other_and_counts_once_it_is_mended(workspace, scores, right_from_the_start):
    broken = {**ORDERS[1], "occurred_at": "the second of April"}
    assert import_events(workspace, ORDERS[0], broken, ORDERS[2])["accepted"] == 2
    (row,) = ask_fusion(workspace, "rejected", "list")["rows"]
    assert row["code"] == "invalid_time"
    assert "Row 2" in row["message"]
    assert json.loads(row["raw"]) == broken
    assert scores(workspace) < right_from_the_start

    mended = ask_fusion(workspace, "rejected", "retry", row["rejection_id"], "--raw", json.dumps(ORDERS[1]))
    assert (mended["accepted"], mended["rejected"]) == (1, 0)
    assert ask_fusion(workspace, "rejected", "list")["rows"] == []
    assert scores(workspace) == pytest.approx(right_from_the_start, abs=1e-12)


def test_a_row_that_is_tried_again_unmended_stays_aside_once(workspace):
    import_events(workspace, {**ORDERS[0], "value": "twenty"}, ORDERS[1])
    tried = run_fusion("rejected", "retry", "--workspace", workspace, "--json")
    assert (tried.status, tried.told["rejected"]) == (1, 1)
    (row,) = ask_fusion(workspace, "rejected", "list")["rows"]
    assert row["code"] == "invalid_value"
    assert ask_fusion(workspace, "rejected", "drop", row["rejection_id"]) == {"dropped": 1}
    assert ask_fusion(workspace, "rejected", "list")["rows"] == []


def test_the_same_file_again_changes_nothing(workspace, scores, right_from_the_start):
    import_events(workspace, *ORDERS)
    again = import_events(workspace, *ORDERS)
    assert (again["accepted"], again["duplicates"]) == (0, 3)
    assert scores(workspace) == right_from_the_start


def test_last_years_orders_that_arrive_late_count_as_if_on_time(workspace, scores, right_from_the_start):
    for order in reversed(ORDERS):
        import_events(workspace, order)
    assert scores(workspace) == pytest.approx(right_from_the_start, abs=1e-12)


def test_a_receipt_without_a_name_counts_once_it_has_one(workspace, scores, right_from_the_start):
    nameless = {name: value for name, value in ORDERS[2].items() if name != "consumer"}
    told = import_events(workspace, *ORDERS[:2], nameless)
    assert (told["accepted"], told["unattributed"]) == (3, 1)
    assert scores(workspace) < right_from_the_start

    ask_fusion(
        workspace, "identity", "attach", "order-3", "--source", "events", "--consumer", "anna",
        "--reason", "she showed the receipt",
    )  # fmt: skip
    assert scores(workspace) == pytest.approx(right_from_the_start, abs=1e-12)


def test_a_mention_of_no_brand_counts_once_the_brand_is_known(workspace, read_score):
    import_events(
        workspace,
        {
            "event_id": "post-1", "occurred_at": "2026-05-01T10:00:00Z", "consumer": "anna", "kind": "Brand Mentioned",
            "properties": {"sentiment": 1, "people": 1000},
        },
    )  # fmt: skip
    before = run_fusion("score", "--brand", "book-shop", "--workspace", workspace, "--json")
    assert before.told["code"] == "not_found"
    ask_fusion(
        workspace, "identity", "attach", "post-1", "--source", "events", "--brand", "book-shop",
        "--reason", "the shop in the picture",
    )  # fmt: skip
    assert read_score(workspace, "anna", "book-shop", LATER)["facets"]["voice"] > 0


def test_a_refund_takes_back_the_money_and_not_the_liking(workspace, read_score):
    import_events(workspace, *ORDERS)
    before = read_score(workspace, "anna", "book-shop", LATER)
    refund = {
        **ORDERS[2],
        "event_id": "refund-1",
        "kind": "Order Refunded",
        "occurred_at": "2026-05-02T12:00:00Z",
    }
    import_events(workspace, refund)
    after = read_score(workspace, "anna", "book-shop", LATER)
    assert after["facets"]["wallet"] < before["facets"]["wallet"]
    assert after["facets"]["delight"] == pytest.approx(before["facets"]["delight"])
