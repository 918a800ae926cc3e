"""`fusion identity` as a person reads it."""

from __future__ import annotations

import pytest

import consumer_fusion as fusion
from command_line import run_fusion
from consumer_fusion.access.audit import read_audit
from small_workspaces import make_order, open_small


@pytest.fixture
def folder(tmp_path):
    events = [
        make_order(1, consumer="ann", identifiers={"email": "ann@example.org"}), make_order(2, consumer="ben"),
        make_order(3, consumer=None),
    ]  # fmt: skip
    with open_small(tmp_path / "ws") as workspace:
        fusion.import_events(workspace, events)
    return tmp_path / "ws"


def run(folder, *words):
    done = run_fusion(*words, "--workspace", folder)
    assert done.status == 0, done.complaint
    return done.output


def test_who_somebody_is_is_told_in_tables_without_what_they_could_be_written_to_by(folder):
    told = run(folder, "identity", "merge", "ann", "ben", "--reason", "Till.")
    assert "ann and ben count as one now." in told
    shown = run(folder, "identity", "show", "ann@example.org")
    assert "Counts as one person: ann, ben" in shown
    assert "a***@example.org" in shown
    assert "ann@example.org" not in shown
    assert "Till." in shown
    assert "Till." in run(folder, "identity", "list")


def test_one_entry_tells_of_a_merge_and_whose_it_is(folder):
    run(folder, "identity", "merge", "ann", "ben", "--reason", "One person.")
    with fusion.open_workspace(folder) as workspace, workspace.store.reading() as session:
        (entry,) = read_audit(session)
    assert (entry.action, entry.detail["absorbed"]) == ("merge consumers", "ben")
    assert entry.object_id
    assert entry.consumer_id


def test_events_of_nobody_are_listed_until_they_are_attached(folder):
    assert "order-3" in run(folder, "unattributed", "list")
    told = run(
        folder, "identity", "attach", "order-3", "--source", "shop", "--consumer", "ann", "--reason", "Hers."
    )
    assert told == "The event order-3 is attached and counts now.\n"
    assert run(folder, "unattributed", "list") == "Every event has a consumer and a brand.\n"
