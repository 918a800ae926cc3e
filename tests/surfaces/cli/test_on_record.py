"""What a command changes is in the audit, as the command line's, in the transaction of the change."""

from __future__ import annotations

import json

import pytest

import consumer_fusion as fusion
from command_line import run_fusion
from consumer_fusion.access import audit
from consumer_fusion.access.audit import find_broken_audit
from consumer_fusion.errors import StoreError
from consumer_fusion.identity import operations as identity
from consumer_fusion.records.identity import MERGES
from small_workspaces import make_order, open_small


@pytest.fixture
def folder(tmp_path):
    with open_small(tmp_path / "ws") as workspace:
        fusion.import_events(
            workspace,
            [make_order(1, consumer="ann"), make_order(2, consumer="ben"), make_order(3, consumer=None)],
        )
    return tmp_path / "ws"


def read_audit(folder):
    with fusion.open_workspace(folder) as workspace, workspace.store.reading() as session:
        assert find_broken_audit(session) == []
        return audit.read_audit(session)[::-1]


def run(folder, *arguments, status=0):
    done = run_fusion(*arguments, "--workspace", folder, "--json")
    assert done.status == status, done.complaint
    return done


def test_every_change_by_a_command_is_on_record(folder, tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        '{"event_id": "x", "kind": "Order Completed", "occurred_at": "some day"}\n', encoding="utf-8"
    )
    days = tmp_path / "days.csv"
    days.write_text("metric,day,value,brand\nvisits,2026-05-01,3,bakery\n", encoding="utf-8")
    actions = tmp_path / "actions.jsonl"
    action = {"action_id": "a-1", "brand": "bakery", "title": "A letter", "starts_at": "2026-05-01"}
    actions.write_text(json.dumps(action) + "\n", encoding="utf-8")
    done = run(folder, "identity", "merge", "ann", "ben", "--reason", "One person.")
    run(folder, "identity", "undo", done.told["merge_id"])
    run(folder, "identity", "attach", "order-3", "--source", "shop", "--consumer", "ann", "--reason", "Hers.")
    done = run(folder, "associations", "declare", "ann", "bakery", "--evidence", "wears")
    run(folder, "associations", "withdraw", done.told["association_id"])
    run(folder, "import", rows, "--format", "events", status=1)
    run(folder, "rejected", "retry", status=1)
    run(folder, "rejected", "drop", "--all")
    run(folder, "metrics", "import", days)
    run(folder, "actions", "import", actions)
    run(folder, "actions", "withdraw", "a-1")
    done = run(folder, "webhooks", "add", "https://example.org/x", "--of", "score_crossed")
    run(folder, "webhooks", "remove", done.told["subscription_id"])
    run(folder, "keys", "create", "--source", "shop")
    run(folder, "points", "change", "Order Completed", "--points", "wallet=5")

    entries = read_audit(folder)
    assert [each.action for each in entries] == [
        "merge consumers", "undo merge", "attach event", "declare association", "withdraw association",
        "import events", "retry rejected rows", "drop rejected rows", "import metrics", "import actions",
        "withdraw action", "add webhook", "remove webhook", "create write key", "change points",
    ]  # fmt: skip
    assert {each.actor.type for each in entries} == {"command line"}
    assert all(each.detail["user"] for each in entries)


def test_what_is_not_done_is_not_on_record_and_what_is_not_on_record_is_not_done(folder, monkeypatch):
    assert run_fusion("identity", "undo", "no-merge", "--workspace", folder).status != 0
    assert read_audit(folder) == []

    def refuse(*_):
        raise StoreError("The disk is full.")

    monkeypatch.setattr("consumer_fusion.access.audit.append_audit", refuse)
    run_fusion("identity", "merge", "ann", "ben", "--reason", "One.", "--workspace", folder)
    with fusion.open_workspace(folder) as workspace, workspace.store.reading() as session:
        assert session.count(MERGES) == 0


def test_points_changed_in_their_file_are_on_record_when_they_come_into_force(folder):
    (folder / "points.toml").write_text('[kinds."Order Completed"]\nhalf_life_days = 12\n', encoding="utf-8")
    with open_small(folder) as workspace:
        identity.merge(workspace, "ann", "ben", reason="One.")
    (entry,) = read_audit(folder)
    assert (entry.actor.type, entry.action) == ("product", "put points in force")
