"""Actions are declared before their effect is looked at: from files, by events, and not changed afterwards."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from consumer_fusion import pipeline
from consumer_fusion.causal.actions import declared_actions
from consumer_fusion.causal.actions.declared_actions import (
    ActionImport,
    declare_actions,
    find_action,
    read_action_file,
    withdraw_action,
)
from consumer_fusion.errors import ConflictError, InputError, NotFoundError
from consumer_fusion.identity import attribution
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.operations import TextFile
from effect_worlds import make_action, open_world

TOML = """
[[actions]]
action_id = "fair"
brand = "bakery"
title = "A stand at the fair"
starts_at = "2026-06-11"
delay_days = 1
effect_days = 5
expected_effect = "temporary"
windows = { followers = { delay_days = 0, effect_days = 2 } }
"""
LINE = {
    "action_id": "fair", "brand": "bakery", "title": "A stand at the fair", "starts_at": "2026-06-11",
    "delay_days": 1, "effect_days": 5, "expected_effect": "temporary",
    "windows": {"followers": {"delay_days": 0, "effect_days": 2}},
}  # fmt: skip
CSV = (
    "action_id,brand,title,starts_at,delay_days,effect_days,expected_effect,windows\n"
    'fair,bakery,A stand at the fair,2026-06-11,1,5,temporary,"{""followers"": {""delay_days"": 0, '
    '""effect_days"": 2}}"\n'
)


@pytest.fixture
def workspace(tmp_path):
    with open_world(tmp_path / "workspace") as opened:
        yield opened


def list_actions(workspace, **named):
    """The actions as programs are told of them."""
    return [each.model_dump(mode="json") for each in declared_actions.list_actions(workspace, **named)]


def import_actions(workspace, name, text):
    """Declare the actions of a file."""
    return declare_actions(workspace, read_action_file(TextFile(name=name, text=text)), origin="file")


@pytest.mark.parametrize(
    ("name", "text"), [("a.toml", TOML), ("a.jsonl", json.dumps(LINE) + "\n\n"), ("a.csv", CSV)]
)
def test_the_same_action_is_read_from_every_form_of_file(workspace, name, text):
    assert import_actions(workspace, name, text) == ActionImport(declared=1, known=0)
    (row,) = list_actions(workspace)
    assert (row["title"], row["brand"], row["starts_at"]) == (
        "A stand at the fair",
        "bakery",
        "2026-06-11T00:00:00Z",
    )
    assert (row["effect_from"], row["effect_until"]) == ("2026-06-12", "2026-06-16")
    assert row["windows"] == {"followers": {"delay_days": 0, "effect_days": 2}}


def test_the_same_file_again_changes_nothing(workspace):
    import_actions(workspace, "a.toml", TOML)
    assert import_actions(workspace, "a.jsonl", json.dumps(LINE)) == ActionImport(declared=0, known=1)


def test_what_was_declared_cannot_be_changed_after_looking(workspace):
    declare_actions(workspace, [make_action()], origin="file")
    with pytest.raises(ConflictError, match="another action with the id fair"):
        declare_actions(workspace, [make_action(delay_days=3)], origin="file")
    assert [row["delay_days"] for row in list_actions(workspace)] == [0]


def test_a_file_with_one_bad_action_declares_none_and_says_which(workspace):
    rows = [LINE, {**LINE, "action_id": "sale", "expected_effect": "huge"}]
    text = "\n".join(map(json.dumps, rows))
    with pytest.raises(InputError, match="'huge'") as caught:
        import_actions(workspace, "a.jsonl", text)
    assert caught.value.where == "action sale"
    assert list_actions(workspace) == []


@pytest.mark.parametrize(
    ("change", "part_of_the_fault"),
    [
        ({"title": ""}, "lacks title"),
        ({"budget": 5}, "no field budget"),
        ({"delay_days": "soon"}, "'soon'"),
        ({"starts_at": "someday"}, "not a time"),
        ({"ends_at": "2026-01-01"}, "ends before it begins"),
        ({"effect_days": 0}, "a length of 0 days"),
        ({"windows": {"orders": 3}}, "window of orders"),
    ],
)
def test_an_action_that_cannot_be_is_refused_with_what_is_wrong(workspace, change, part_of_the_fault):
    text = json.dumps({**LINE, **change})
    with pytest.raises(InputError, match=part_of_the_fault):
        import_actions(workspace, "a.jsonl", text)


def test_an_action_of_a_moment_is_looked_at_for_two_weeks_and_a_long_one_for_its_length(workspace):
    declare_actions(
        workspace,
        [
            make_action("moment", effect_days=None, starts_at="2026-06-01T20:00:00Z"),
            make_action("week", effect_days=None, starts_at="2026-06-01", ends_at="2026-06-08T00:00:00Z"),
        ],
        origin="file",
    )
    told = {row["action_id"]: (row["effect_from"], row["effect_until"]) for row in list_actions(workspace)}
    assert told == {"moment": ("2026-06-01", "2026-06-14"), "week": ("2026-06-01", "2026-06-07")}


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        ("2025-10-28", "2025-11-03", 7),
        ("2026-01-01", "2026-01-01", 1),
        ("2025-10-31", "2025-11-01", 2),
        ("2025-10-31T10:00:00Z", "20251101", 2),
        ("2025-10-28", "2025-11-03T00:00:00Z", 6),
        ("2025-10-28", "2025-11-03T00:00:01Z", 7),
    ],
)
def test_an_end_that_is_a_date_is_that_whole_day(workspace, first, last, days):
    declare_actions(
        workspace, [make_action("fair", effect_days=None, starts_at=first, ends_at=last)], origin="file"
    )
    row = find_action(workspace, "fair")
    assert row.last_day - row.first_day + 1 == days
    assert row.find_window("orders") == (row.first_day, row.last_day)
    (told,) = list_actions(workspace)
    assert told["last_day"] == told["effect_until"]


def test_an_action_that_an_earlier_release_kept_stays_as_it_was(workspace):
    told = make_action("fair", effect_days=None, starts_at="2025-10-28", ends_at="2025-11-03T00:00:00Z")
    declare_actions(workspace, [told], origin="file")
    again = replace(told, ends_at="2025-11-03")
    assert declare_actions(workspace, [again], origin="file") == ActionImport(declared=0, known=1)
    assert list_actions(workspace)[0]["effect_until"] == "2025-11-02"


def test_a_withdrawn_action_is_gone_from_the_list_but_not_from_the_record(workspace):
    declare_actions(workspace, [make_action()], origin="file")
    withdraw_action(workspace, "fair")
    assert list_actions(workspace) == []
    assert list_actions(workspace, with_withdrawn=True)[0]["withdrawn_at"] == "2026-07-01T12:00:00Z"
    with pytest.raises(NotFoundError):
        withdraw_action(workspace, "fair")


def test_an_event_declares_an_action_once_and_a_bad_one_stays_an_event(workspace, tmp_path, caplog):
    def declare(event_id, **properties):
        return {
            "event_id": event_id, "occurred_at": "2026-06-11T08:00:00Z", "kind": "Action Declared",
            "brand": "bakery", "properties": properties,
        }  # fmt: skip

    lines = [
        declare("e1", title="A stand at the fair", effect_days=5),
        declare("e2", effect_days=5),
        declare("e3", title="A sale without an end", delay_days="inf"),
        declare("e4", title="A sale of no length", effect_days="nan"),
    ]
    path = tmp_path / "events.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    for _ in range(2):
        acceptance = pipeline.import_files(workspace, [path], choose_reading(format="events"))
        # It is about a brand, so it lacks no consumer.
        assert acceptance.unattributed == 0
    (row,) = list_actions(workspace)
    assert (row["action_id"], row["origin"], row["effect_until"]) == ("e1", "event", "2026-06-15")
    assert all(
        f"the event {event} does not declare a valid action" in caplog.text for event in ("e2", "e3", "e4")
    )
    assert attribution.list_unattributed(workspace).count == 0
