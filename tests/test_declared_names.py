"""What people declare has names that every page, figure and terminal can bear, as what arrives has."""

from __future__ import annotations

import dataclasses

import pytest
from tests.unsafe_characters import UNSAFE

from consumer_fusion.access.accounts import create_account
from consumer_fusion.access.keys import create_write_key
from consumer_fusion.associations import operations as associations
from consumer_fusion.causal.actions.declared_actions import declare_actions
from consumer_fusion.causal.experiments.assignment import ExperimentPlan, record_experiment
from consumer_fusion.causal.series.imported_metrics import read_metric_file
from consumer_fusion.errors import InputError
from consumer_fusion.events.entities import declare_keys, ensure_keys
from consumer_fusion.operations import TextFile
from consumer_fusion.records.action import Action
from consumer_fusion.records.audit import COMMAND_LINE
from consumer_fusion.records.characters import check_name, find_unsafe, replace_unsafe
from small_workspaces import open_small

BAD = "a\x01b"
ACTION = Action(
    action_id="concert", brand="bakery", title="A concert", action_type="concert", starts_at="2026-06-05T20:00:00Z"
)  # fmt: skip


def declare(workspace, **changed):
    told = {
        "consumer": "ann",
        "brand": "bakery",
        "evidence": "wears",
        "strength": 0.5,
        "is_commercial": False,
    }
    associations.declare(workspace, **{**told, "valid_from_us": workspace.now_us, **changed})


def declare_action(workspace, **changed):
    declare_actions(workspace, [dataclasses.replace(ACTION, **changed)], origin="staff")


def read_metric(**changed):
    file = TextFile(name="metrics.csv", text="day,value\n2026-06-05,3\n")
    read_metric_file(file, {"metric": "visits", "brand": "bakery", **changed})


def write(workspace, function, **named):
    with workspace.store.writing() as session:
        function(session, now_us=workspace.now_us, **named)


@pytest.fixture
def workspace(tmp_path):
    with open_small(tmp_path / "workspace") as opened:
        yield opened


@pytest.mark.parametrize("field", ["consumer", "brand", "association_id"])
def test_an_association_has_no_name_with_a_control_character(workspace, field):
    with pytest.raises(InputError, match=r"U\+0001"):
        declare(workspace, **{field: BAD})
    declare(workspace)


@pytest.mark.parametrize("field", ["action_id", "brand", "title", "action_type", "region", "segment"])
def test_an_action_has_no_name_with_a_control_character(workspace, field):
    with pytest.raises(InputError, match=r"U\+0001"):
        declare_action(workspace, **{field: BAD})
    declare_action(workspace)


@pytest.mark.parametrize("field", ["metric", "brand", "consumer", "region", "product"])
def test_a_metric_has_no_name_with_a_control_character(field):
    with pytest.raises(InputError, match=r"U\+0001"):
        read_metric(**{field: BAD})
    read_metric()


@pytest.mark.parametrize("field", ["source", "brand"])
def test_a_write_key_has_no_name_with_a_control_character(workspace, field):
    named = {"source": "shop", "brand": "bakery", "kind": "server"}
    with pytest.raises(InputError, match=r"U\+0001"):
        write(workspace, create_write_key, **{**named, field: BAD})
    write(workspace, create_write_key, **named)


@pytest.mark.parametrize("changed", [{"name": BAD}, {"email": "a\x01b@example.org"}, {"brands": [BAD]}])
def test_an_account_has_no_name_with_a_control_character(workspace, changed):
    named = {
        "email": "ann@example.org", "role": "agent", "brands": ["bakery"], "name": "Ann", "actor": COMMAND_LINE,
    }  # fmt: skip
    with pytest.raises(InputError, match=r"U\+0001"):
        write(workspace, create_account, **{**named, **changed})
    write(workspace, create_account, **named)


@pytest.mark.parametrize("changed", [{"brand": BAD}, {"title": BAD}, {"experiment_id": BAD}])
def test_an_experiment_has_no_name_with_a_control_character(workspace, changed):
    plan = ExperimentPlan(
        brand="bakery", kind="Campaign Received", outcome="Order Completed", horizon_days=28.0,
        starts_us=workspace.now_us + 1,
    )  # fmt: skip
    arms = {f"consumer-{number}": "treated" if number % 2 else "held_out" for number in range(4)}
    with pytest.raises(InputError, match=r"U\+0001"):
        record_experiment(workspace, dataclasses.replace(plan, **changed), arms, is_randomised=True)


@pytest.mark.parametrize("character", UNSAFE)
def test_every_character_that_no_name_may_hold_is_found_and_named(character):
    assert find_unsafe(f"a{character}b") == f"U+{ord(character):04X}"
    with pytest.raises(InputError):
        check_name("The brand", f"a{character}b")
    assert replace_unsafe(f"a{character}b") == ("a\ufffdb" if character not in "\t\n\r" else f"a{character}b")


def test_a_name_that_is_on_record_since_an_older_release_is_still_known(workspace):
    with workspace.store.writing() as session:
        known = ensure_keys(session, "consumer", [BAD])
        assert declare_keys(session, "consumer", [BAD]) == known
