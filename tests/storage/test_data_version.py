"""Data versions: whatever changes rows that scores follow from moves them on, and nothing else does."""

from __future__ import annotations

import pytest

from consumer_fusion.associations import operations as associations
from consumer_fusion.identity import operations as identity
from consumer_fusion.pipeline import import_events
from consumer_fusion.records.event import EVENTS
from consumer_fusion.records.table import SCOPES
from consumer_fusion.surfaces.api.live import read_position
from small_workspaces import make_order, make_orders, open_small


@pytest.fixture
def workspace(tmp_path):
    with open_small(tmp_path / "w") as opened:
        import_events(opened, make_orders(20))
        yield opened


def read_versions(workspace):
    with workspace.store.reading() as session:
        return {scope: session.read_version(scope) for scope in SCOPES}


def declare(workspace):
    return associations.declare(
        workspace,
        "consumer-1",
        "brand-1",
        evidence="wears",
        strength=1.0,
        is_commercial=True,
        valid_from_us=0,
    )


def test_events_move_the_version_of_events_alone(workspace):
    before = read_versions(workspace)
    import_events(workspace, [make_order(99, consumer="consumer-1", brand="brand-1")])
    after = read_versions(workspace)
    assert after["events"] > before["events"]
    assert (after["rules"], after["segments"]) == (before["rules"], before["segments"])


def test_what_changes_nothing_moves_nothing(workspace):
    before = read_versions(workspace)
    import_events(workspace, make_orders(20))
    with workspace.store.writing() as session:
        session.write_mark("something else", 1)
    assert read_versions(workspace) == before


def forget_events_and_stumble(workspace):
    with workspace.store.writing() as session:
        session.delete(EVENTS)
        raise ZeroDivisionError


def test_a_change_that_is_rolled_back_moves_nothing(workspace):
    before = read_versions(workspace)
    with pytest.raises(ZeroDivisionError):
        forget_events_and_stumble(workspace)
    assert read_versions(workspace) == before


def test_a_merge_an_association_and_its_withdrawal_move_the_rules(workspace):
    versions = [read_versions(workspace)["rules"]]
    identity.merge(workspace, "consumer-1", "consumer-2", reason="The same person.")
    versions.append(read_versions(workspace)["rules"])
    association_id = declare(workspace)
    versions.append(read_versions(workspace)["rules"])
    associations.withdraw(workspace, association_id)
    versions.append(read_versions(workspace)["rules"])
    assert versions == sorted(set(versions))


def test_a_live_page_is_told_of_an_association_that_was_withdrawn(workspace):
    association_id = declare(workspace)
    with workspace.store.reading() as session:
        before = read_position(session)
    associations.withdraw(workspace, association_id)
    with workspace.store.reading() as session:
        assert read_position(session) != before
