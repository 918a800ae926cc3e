"""The list of commands is read from the source; it tells what the commands themselves tell."""

from __future__ import annotations

import inspect

import pytest
from typer.main import get_command

from command_line import run_fusion
from consumer_fusion.operations import find_capabilities
from consumer_fusion.surfaces.cli.application import application
from consumer_fusion.surfaces.cli.declared_commands import DeclaredGroup, find_groups

COMMANDS = get_command(application).commands


def test_the_groups_are_those_that_the_capabilities_declare():
    declared = {
        group.name: DeclaredGroup(group.name, group.intro, folder)
        for folder, capability in find_capabilities().items()
        for group in capability.groups
    }
    assert len(declared) > 10
    assert find_groups() == declared


def test_a_list_of_commands_shows_each_with_its_first_sentence():
    assert len(COMMANDS) > 25
    told = " ".join(run_fusion("--help").output.split())
    for name, command in COMMANDS.items():
        words = inspect.cleandoc(command.help).split()
        assert f"{name} {' '.join(words[:4])}" in told, name


@pytest.mark.parametrize(
    ("wrong", "right"), [("scor", "score"), ("webhook", "webhooks"), ("reject", "rejected")]
)
def test_a_mistyped_command_is_answered_with_the_right_one(wrong, right):
    run = run_fusion(wrong)
    assert run.status == 2
    assert f"'{right}'" in run.complaint
