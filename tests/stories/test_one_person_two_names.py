"""Who is who: two keys of one person become one, and two again, and the scores follow exactly."""

from __future__ import annotations

import pytest

from command_line import ask_fusion, import_events, run_fusion
from copied_workspaces import copy_made

LATER = "2026-06-01T00:00:00Z"


def order(event_id, consumer, **further):
    return {
        "event_id": event_id, "occurred_at": f"2026-0{2 + len(event_id) % 4}-11T10:00:00Z", "consumer": consumer,
        "brand": "book-shop", "kind": "Order Completed", "value": 20.0, "currency": "EUR", **further,
    }  # fmt: skip


def make_shop(folder):
    assert run_fusion("init", folder).status == 0
    import_events(
        folder,
        order("a", "ben@web"), order("bb", "ben@web"), order("ccc", "card-17"), order("dddd", "card-17"),
        {**order("f", "card-17"), "kind": "Product Failed", "value": None, "properties": {"severity": 0.5}},
        order("g", "carla"),
    )  # fmt: skip


@pytest.fixture
def shop(tmp_path):
    """A workspace in which Ben bought online and, under another name, at the counter."""
    return copy_made(tmp_path / "shop", make_shop)


def list_scores(workspace):
    return {each["consumer"]: each for each in ask_fusion(workspace, "score", "--as-of", LATER)}


def test_a_merge_makes_one_relationship_of_two(shop):
    assert set(list_scores(shop)) == {"ben@web", "card-17", "carla"}
    before = list_scores(shop)
    ask_fusion(shop, "identity", "merge", "ben@web", "card-17", "--reason", "he said so at the counter")
    after = list_scores(shop)
    assert set(after) == {"ben@web", "carla"}
    assert after["ben@web"]["fusion_score"] != before["ben@web"]["fusion_score"]
    assert after["ben@web"]["confidence"] > before["ben@web"]["confidence"]
    assert after["carla"]["fusion_score"] == before["carla"]["fusion_score"]


def test_asked_by_either_name_the_answer_is_the_same_person(shop):
    ask_fusion(shop, "identity", "merge", "ben@web", "card-17", "--reason", "he said so at the counter")
    by_web, by_card = (
        ask_fusion(shop, "explain", name, "book-shop", "--as-of", LATER) for name in ("ben@web", "card-17")
    )
    assert by_web == by_card
    assert len({each["event_id"] for each in by_web["contributions"]}) == 5


def test_the_merged_score_is_that_of_one_person_who_did_it_all(shop, tmp_path):
    ask_fusion(shop, "identity", "merge", "ben@web", "card-17", "--reason", "he said so at the counter")
    one = tmp_path / "one name from the start"
    run_fusion("init", one)
    import_events(
        one,
        order("a", "ben"), order("bb", "ben"), order("ccc", "ben"), order("dddd", "ben"),
        {**order("f", "ben"), "kind": "Product Failed", "value": None, "properties": {"severity": 0.5}},
    )  # fmt: skip
    merged, single = list_scores(shop)["ben@web"], list_scores(one)["ben"]
    assert merged["fusion_score"] == pytest.approx(single["fusion_score"], abs=1e-12)


def test_an_undone_merge_leaves_no_trace_in_any_score(shop):
    before = list_scores(shop)
    made = ask_fusion(
        shop, "identity", "merge", "ben@web", "card-17", "--reason", "he said so at the counter"
    )
    ask_fusion(shop, "identity", "undo", made["merge_id"])
    after = list_scores(shop)
    assert set(after) == set(before)
    for name, row in before.items():
        for field in ("fusion_score", "low", "high", "confidence", "percentile"):
            assert after[name][field] == pytest.approx(row[field], abs=1e-12)
        assert after[name]["symbiosis"] == row["symbiosis"]


def test_the_merge_and_its_undoing_stay_on_record(shop):
    made = ask_fusion(
        shop, "identity", "merge", "ben@web", "card-17", "--reason", "he said so at the counter"
    )
    ask_fusion(shop, "identity", "undo", made["merge_id"])
    (merge,) = ask_fusion(shop, "identity", "show", "ben@web")["merges"]
    assert merge["reason"] == "he said so at the counter"
    assert merge["undone_at"] is not None


def test_the_same_account_on_two_devices_is_one_person_at_once(workspace):
    import_events(
        workspace,
        order("a", "phone-visitor", identifiers={"email": "dora@example.org"}),
        order("bb", "laptop-visitor", identifiers={"email": "Dora@example.org "}),
    )
    assert len(list_scores(workspace)) == 1


def test_two_accounts_on_one_family_tablet_stay_two_people(workspace):
    import_events(
        workspace,
        order("a", "mother", identifiers={"email": "mother@example.org", "device": "tablet"}),
        order("bb", "son", identifiers={"email": "son@example.org", "device": "tablet"}),
    )
    assert set(list_scores(workspace)) == {"mother", "son"}
