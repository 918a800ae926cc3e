"""Whoever looks at a brand sees its scores change; whoever was cut off is told what they missed."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

import pytest

from consumer_fusion import declarations
from consumer_fusion.errors import AuthenticationError
from consumer_fusion.events.entities import find_keys
from consumer_fusion.pipeline import import_events
from consumer_fusion.storage.sqlite_session import SQLiteSession
from consumer_fusion.surfaces.api.live import (
    Feed,
    FeedFilter,
    _list_pairs,
    parse_position,
    read_position,
    tell_changes,
)
from copied_workspaces import copy_made
from small_workspaces import make_order, make_orders, make_small, open_small

EVERYTHING = FeedFilter(None, None)


@pytest.fixture
def workspace(tmp_path):
    with open_small(copy_made(tmp_path / "ws", make_small, make_orders(30))) as opened:
        yield opened


def find_position(workspace):
    with workspace.store.reading() as session:
        return read_position(session)


def listen(workspace, count, *, watch=EVERYTHING, start=None, happening=lambda: None, check=None):
    """The first so many things that a listener is told, while something happens."""

    async def run():
        feed = Feed(workspace, poll_seconds=0.01)
        told = []
        async with aclosing(tell_changes(feed, watch, start, check=check, wait_seconds=0.05)) as events:
            async for each in events:
                told.append(each)
                if len(told) == 1:
                    await asyncio.to_thread(happening)
                if len(told) == count:
                    break
        return told

    # In a thread of its own: a browser's tests in the same process leave a loop running in this one.
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(lambda: asyncio.run(asyncio.wait_for(run(), 20))).result()


def test_a_score_that_changes_is_told(workspace):
    opened, changed = listen(
        workspace,
        2,
        happening=lambda: import_events(workspace, [make_order(500, consumer="new", days_ago=1)]),
    )
    assert opened.event == "open"
    body = json.loads(changed.data)
    assert (changed.event, body["consumer"], body["brand"]) == ("score", "new", "bakery")
    assert body["fusion_score"] > 50


def test_whoever_was_cut_off_is_told_what_they_missed(workspace):
    known = find_position(workspace)
    import_events(workspace, [make_order(501, consumer="missed", days_ago=1)])
    _, changed = listen(workspace, 2, start=parse_position(str(known)))
    assert json.loads(changed.data)["consumer"] == "missed"
    assert changed.id == str(find_position(workspace))


def test_only_what_is_watched_is_told(workspace):
    with workspace.store.reading() as session:
        numbers = find_keys(session, "brand", ["brand-1"])
    known = find_position(workspace)
    import_events(
        workspace,
        [make_order(502, brand="brand-2", days_ago=1), make_order(503, brand="brand-1", days_ago=1)],
    )
    told = listen(workspace, 2, start=known, watch=FeedFilter(frozenset(numbers.values()), None))
    assert [json.loads(each.data).get("brand") for each in told] == [None, "brand-1"]


def test_a_merge_lets_pages_load_anew(workspace):
    _, told = listen(
        workspace, 2,
        happening=lambda: declarations.merge(workspace, "consumer-1", "consumer-2", reason="the same person"),
    )  # fmt: skip
    assert told.event == "reload"


def test_a_position_of_another_workspace_lets_pages_load_anew(workspace):
    _, told = listen(workspace, 2, start=parse_position("999999-0-abc"))
    assert told.event == "reload"


@pytest.mark.parametrize("text", [None, "", "1-2", "a-b-c", "-1-2-3", "1-2-3-4", "9" * 40 + "-1-x", "²-1-x"])
def test_what_is_no_position_starts_at_now(text):
    assert parse_position(text) is None


def test_whoever_was_signed_out_hears_nothing_more(workspace):
    def refuse():
        raise AuthenticationError("signed out")

    assert [each.event for each in listen(workspace, 5, check=refuse)] == ["open"]


def test_a_page_without_a_token_hears_nothing(program):
    assert program.get("/live", headers={"Authorization": ""}).status_code == 401


def test_a_brand_that_may_not_be_seen_is_not_listened_to(bakery_program):
    assert bakery_program.get("/live", params={"brand": "brand-1"}).status_code == 403


def test_who_is_who_is_asked_once_for_all_that_changed(workspace, monkeypatch):
    """Of one consumer or of many, what a listener is told costs as many statements."""
    names = [f"many-{number}" for number in range(40)]
    declarations.merge(workspace, "consumer-1", "consumer-2", reason="The same person.")
    counts = {"now": 0}
    fetch = SQLiteSession._fetch

    def count(*arguments):
        counts["now"] += 1
        return fetch(*arguments)

    monkeypatch.setattr(SQLiteSession, "_fetch", count)
    for name, first, consumers in (("one", 600, ["consumer-2"]), ("many", 700, ["consumer-2", *names])):
        known = find_position(workspace)
        import_events(
            workspace,
            [make_order(first + place, consumer=each, days_ago=1) for place, each in enumerate(consumers)],
        )
        until, counts["now"] = find_position(workspace), 0
        with workspace.store.reading() as session:
            pairs = _list_pairs(session, known, until, EVERYTHING)
        counts[name] = counts["now"]
        assert len(pairs) == len(consumers)
        with workspace.store.reading() as session:
            root = find_keys(session, "consumer", ["consumer-1"])["consumer-1"]
        assert root in {consumer for consumer, _ in pairs}
    assert counts["many"] == counts["one"]
