"""A brand weighs things differently: its own points count at once, and only a new half-life folds anew."""

from __future__ import annotations

import pytest

from command_line import ask_fusion, import_events, run_fusion
from consumer_fusion import open_workspace
from consumer_fusion.score.model.score_arrays import sort_states
from consumer_fusion.score.states.kept_states import read_kept_states
from copied_workspaces import copy_made

LATER = "2026-06-01T00:00:00Z"
EVENTS = [
    {"event_id": "concert", "occurred_at": "2026-05-01T20:00:00Z", "kind": "Event Attended"},
    {"event_id": "chat", "occurred_at": "2026-05-02T20:00:00Z", "kind": "Live Chat Conversation Started"},
]
EVENTS = [{**each, "consumer": "anna", "brand": "concert-hall"} for each in EVENTS]


def make_hall(folder):
    assert run_fusion("init", folder).status == 0
    import_events(folder, *EVENTS)


@pytest.fixture
def hall(tmp_path):
    return copy_made(tmp_path / "hall", make_hall)


@pytest.fixture
def score(read_score):
    return lambda workspace: read_score(workspace, "anna", "concert-hall", LATER)["fusion_score"]


def read_states(workspace):
    with open_workspace(workspace) as opened, opened.store.reading() as session:
        return sort_states(read_kept_states(session)).to_pylist()


def set_points(workspace, text):
    (workspace / "points.toml").write_text(text, encoding="utf-8")


def test_new_points_count_at_once_and_nothing_is_folded_anew(hall, score):
    before, states = score(hall), read_states(hall)
    set_points(hall, '[kinds."Event Attended"]\npoints = { feet = 9, delight = 9 }\n')
    assert score(hall) > before
    assert read_states(hall) == states


def test_points_taken_back_give_the_former_score(hall, score):
    before = score(hall)
    set_points(hall, '[kinds."Event Attended"]\npoints = { feet = 9, delight = 9 }\n')
    score(hall)
    set_points(hall, "")
    assert score(hall) == before


def test_a_longer_memory_folds_only_its_kind_anew_and_is_exact(hall, score, tmp_path):
    before, states = score(hall), read_states(hall)
    longer = '[kinds."Event Attended"]\nhalf_life_days = 365\n'
    set_points(hall, longer)
    assert score(hall) > before
    changed = [old["kind_id"] for old, new in zip(states, read_states(hall), strict=True) if old != new]
    assert len(changed) == 1

    anew = tmp_path / "with that memory from the start"
    run_fusion("init", anew)
    set_points(anew, longer)
    import_events(anew, *EVENTS)
    assert score(hall) == pytest.approx(score(anew), abs=1e-12)


def test_a_kind_of_ones_own_counts_for_events_that_are_here_already(hall, score):
    import_events(
        hall,
        {
            "event_id": "song", "occurred_at": "2026-05-03T20:00:00Z", "kind": "Song Requested",
            "consumer": "anna", "brand": "concert-hall",
        },
    )  # fmt: skip
    before = score(hall)
    assert ask_fusion(hall, "points")["no_points_yet"] == [{"kind": "Song Requested", "events": 1}]
    set_points(
        hall,
        '[kinds."Song Requested"]\nmeaning = "A song was asked for"\nhalf_life_days = 90\n'
        "points = { voice = 2, delight = 2 }\n",
    )
    assert score(hall) > before
    assert ask_fusion(hall, "points")["no_points_yet"] == []


def test_what_differs_from_the_shipped_points_can_be_told(hall):
    assert ask_fusion(hall, "points", "--diff")["differences"] == []
    set_points(hall, '[kinds."Event Attended"]\npoints = { feet = 9 }\n')
    differences = ask_fusion(hall, "points", "--diff")["differences"]
    assert {each["kind"] for each in differences} == {"Event Attended"}


def test_points_that_break_a_rule_are_refused_with_every_fault_named(hall):
    set_points(
        hall,
        '[kinds."Event Attended"]\nhalf_life_days = -1\npoints = { foot = 3 }\n[kinds.Mischief]\nwen = 1\n',
    )
    run = run_fusion("score", "--workspace", hall, "--json")
    assert run.status == 1
    assert run.told["code"] == "invalid_points"
    message = run.told["errors"][0]["message"]
    assert all(part in message for part in ("half_life_days", "foot", "wen"))
    assert "points.toml" in run.told["errors"][0]["where"]


def test_no_points_can_make_a_right_count_against_a_consumer(hall):
    set_points(hall, '[kinds."Erasure Requested"]\npoints = { voice = -8 }\n')
    assert run_fusion("score", "--workspace", hall, "--json").told["code"] == "invalid_points"
