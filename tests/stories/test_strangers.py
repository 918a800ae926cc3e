"""What cannot be told is shown as unknown; what is told fades, and the doubt returns."""

from __future__ import annotations

import pytest

from command_line import import_events, run_fusion

VISIT = {
    "event_id": "visit", "occurred_at": "2026-01-01T10:00:00Z", "kind": "Event Attended", "consumer": "anna",
    "brand": "museum",
}  # fmt: skip


def test_two_who_never_met_stand_at_50_and_it_says_that_nothing_is_known(town, read_score):
    row = read_score(town, "pop-artist", "book-shop")
    assert (row["fusion_score"], row["confidence"], row["symbiosis"]) == (50, 0, "unknown")
    assert row["low"] < 40
    assert row["high"] > 60
    assert row["percentile"] is None
    assert set(row["facets"].values()) == {0}


@pytest.mark.parametrize(
    "asked",
    [
        ["--brand", "nowhere-shop"],
        ["--consumer", "nobody-here"],
        ["--consumer", "pop-artist", "--brand", "nowhere-shop"],
        ["--consumer", "nobody-here", "--brand", "book-shop"],
    ],
)
def test_who_is_not_known_has_no_score_and_that_is_said(town, asked):
    run = run_fusion("score", *asked, "--workspace", town, "--json")
    assert run.status == 1
    assert run.told["code"] == "not_found"


def test_what_happened_fades_and_the_doubt_comes_back(workspace, read_score):
    import_events(workspace, VISIT)
    fresh, stale = (
        read_score(workspace, "anna", "museum", as_of)
        for as_of in ("2026-01-02T00:00:00Z", "2028-01-02T00:00:00Z")
    )
    assert fresh["fusion_score"] > stale["fusion_score"] > 50
    assert fresh["confidence"] > stale["confidence"] > 0
    assert fresh["high"] - fresh["low"] < stale["high"] - stale["low"]
    assert stale["symbiosis"] == "unknown"


def test_a_question_about_the_past_knows_nothing_of_what_came_after(workspace, read_score):
    import_events(workspace, VISIT)
    assert read_score(workspace, "anna", "museum", "2025-12-31T00:00:00Z")["symbiosis"] == "unknown"


def test_who_asks_for_help_or_uses_a_right_loses_nothing_of_their_side(workspace, read_score):
    kinds = ["Ticket Opened", "Complaint Made", "Erasure Requested", "Consent Withdrawn", "Access Requested"]
    import_events(workspace, VISIT)
    before = read_score(workspace, "anna", "museum", "2026-01-03T00:00:00Z")
    import_events(
        workspace,
        *({**VISIT, "event_id": kind, "kind": kind, "occurred_at": "2026-01-02T10:00:00Z"} for kind in kinds),
    )
    after = read_score(workspace, "anna", "museum", "2026-01-03T00:00:00Z")
    assert after["consumer_to_brand"] >= before["consumer_to_brand"]
