"""A change made in the console and the record of it are one: where one cannot be, the other is not."""

from __future__ import annotations

import pytest

from console_town import make_town, open_console
from consumer_fusion.access import audit
from consumer_fusion.access.audit import find_broken_audit, read_audit
from consumer_fusion.alerts import alert_evaluation
from consumer_fusion.alerts.subscriptions import list_subscriptions
from consumer_fusion.associations import operations as associations
from consumer_fusion.records.alert import SUBSCRIPTIONS
from consumer_fusion.records.audit import AUDIT_ENTRIES
from consumer_fusion.records.identity import MERGES
from consumer_fusion.repairs import rejected_rows
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.queries import answers
from consumer_fusion.surfaces.console import console_application
from copied_workspaces import copy_made

ORDER = {"key": "Order Completed", "half_life_days": "365", "trust": "1", "meaning": "An order"}


@pytest.fixture
def hasty(monkeypatch):
    """A console that waits for short; to be asked for before it."""
    monkeypatch.setattr(console_application, "PATIENCE_SECONDS", 0.5)


@pytest.fixture
def console(request, tmp_path):
    """A town of one's own, because these tests change it."""
    if "hasty" in request.fixturenames:
        request.getfixturevalue("hasty")
    with open_console(copy_made(tmp_path / "town", make_town, 6)) as opened:
        yield opened


@pytest.fixture
def workspace(console):
    return console[1]


def read_actions(workspace):
    with workspace.store.reading() as session:
        assert find_broken_audit(session) == []
        return [entry.action for entry in read_audit(session)]


def list_consumers(workspace):
    rows = answers.score_pairs(workspace, brand="sweater-brand", as_of="latest")
    return [each for each in rows["consumer"].to_pylist() if each != "pop-artist"][:2]


def merge(owner, workspace):
    kept, absorbed = list_consumers(workspace)
    return owner.send("/identities", "/identities/merge", kept=kept, absorbed=absorbed, reason="one address")


def count_merges(workspace):
    with workspace.store.reading() as session:
        return session.count(MERGES)


def declare(owner, workspace):
    return owner.send(
        "/associations", "/associations/declare", consumer="pop-artist", brand="book-shop", evidence="wears",
        valid_from="2026-01-01T00:00", strength="1",
    )  # fmt: skip


def count_associations(workspace):
    return len(associations.list_associations(workspace))


def change_points(owner, workspace):
    before = put_points_in_force(workspace).points.version
    return owner.send(
        "/points/kind?key=Order Completed",
        "/points/save",
        **{**ORDER, "points.wallet": "5", "before": before},
    )


def read_version(workspace):
    return put_points_in_force(workspace).points.version


CHANGES = {
    "merge consumers": (merge, count_merges),
    "declare association": (declare, count_associations),
    "change points": (change_points, read_version),
}


@pytest.mark.parametrize("action", list(CHANGES))
def test_what_is_changed_is_on_record(owner, workspace, action):
    change, look = CHANGES[action]
    before = look(workspace)
    assert change(owner, workspace).status_code in (200, 303)
    assert look(workspace) != before
    assert read_actions(workspace).count(action) == 1


@pytest.mark.parametrize("action", list(CHANGES))
def test_a_change_that_cannot_be_put_on_record_is_not_made(owner, workspace, action, monkeypatch):
    change, look = CHANGES[action]
    before = look(workspace)

    def refuse(*_):
        raise OSError("no room for a record")

    monkeypatch.setattr(audit, "append_audit", refuse)
    with pytest.raises(OSError, match="no room"):
        change(owner, workspace)
    assert look(workspace) == before
    monkeypatch.undo()
    assert action not in read_actions(workspace)


def test_a_change_that_fails_after_its_record_was_written_leaves_none(owner, workspace, monkeypatch):
    write = audit.append_audit

    def write_and_fail(session, entries):
        write(session, entries)
        raise OSError("the power went out")

    monkeypatch.setattr(audit, "append_audit", write_and_fail)
    before = count_merges(workspace)
    with pytest.raises(OSError, match="power"):
        merge(owner, workspace)
    monkeypatch.undo()
    assert count_merges(workspace) == before
    assert "merge consumers" not in read_actions(workspace)


def test_what_takes_no_page_is_changed_without_a_record_of_staff(workspace):
    # The command line says who it is where it changes access; whoever calls from Python answers for themselves.
    with workspace.store.reading() as session:
        before = session.count(AUDIT_ENTRIES)
    alert_evaluation.subscribe(workspace, url="https://receiver.example.org", types=["score_crossed"])
    rejected_rows.drop_rejected(workspace, None, is_all=True)
    with workspace.store.reading() as session:
        assert session.count(SUBSCRIPTIONS) == len(list_subscriptions(session)) == 1
        assert session.count(AUDIT_ENTRIES) == before


def test_a_change_while_an_import_writes_is_refused_in_time_and_pages_go_on(hasty, owner, workspace):
    before = count_merges(workspace)
    with workspace.store.writing():  # as an import does for minutes
        refused = merge(owner, workspace)
        assert refused.status_code == 503
        assert "too long" in refused.text
        assert owner.get("/brand?brand=sweater-brand").status_code == 200
    assert count_merges(workspace) == before
    assert merge(owner, workspace).status_code in (200, 303)
