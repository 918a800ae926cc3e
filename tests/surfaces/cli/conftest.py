"""The workspaces that commands are tried on: the demo, a small shop, and an empty one."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pytest

from command_line import import_events, run_fusion

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "write_reference.py"


@pytest.fixture(scope="session")
def reference():
    """The script that writes the reference pages."""
    spec = importlib.util.spec_from_file_location("write_reference", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["write_reference"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def untouched_empty(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "empty"
    assert run_fusion("init", folder).status == 0
    return folder


@pytest.fixture(scope="session")
def untouched_shop(untouched_empty):
    """Two consumers of one shop; one row of theirs was set aside."""
    folder = shutil.copytree(untouched_empty, untouched_empty.parent / "shop")
    order = {"brand": "book-shop", "kind": "Order Completed", "value": 20.0, "currency": "EUR"}
    import_events(
        folder,
        {"event_id": "1", "occurred_at": "2026-05-01T10:00:00Z", "consumer": "anna", **order},
        {"event_id": "2", "occurred_at": "2026-05-20T10:00:00Z", "consumer": "anna", **order},
        {"event_id": "3", "occurred_at": "2026-05-03T10:00:00Z", "consumer": "ben", **order},
        {"event_id": "4", "occurred_at": "not a time", "consumer": "ben", **order},
        {"event_id": "5", "occurred_at": "2026-05-04T10:00:00Z", **order},
        {"event_id": "6", "occurred_at": "2026-05-05T10:00:00Z", "consumer": "ben", "brand": "book-shop",
         "kind": "Window Licked", "identifiers": {"email": "ben@example.org"}},
    )  # fmt: skip
    return folder


@pytest.fixture
def empty(untouched_empty, tmp_path):
    """A new workspace."""
    return shutil.copytree(untouched_empty, tmp_path / "empty")


@pytest.fixture
def shop(untouched_shop, tmp_path):
    """A workspace with two consumers of one shop, to do with as one likes."""
    return shutil.copytree(untouched_shop, tmp_path / "shop")


@pytest.fixture
def refuse():
    """Run a command that must fail with status 1, both ways, and return the one error."""

    def run(*arguments):
        for_programs = run_fusion(*arguments, "--json")
        assert (for_programs.status, for_programs.complaint) == (1, "")
        told = json.loads(for_programs.output)
        assert set(told) == {"ok", "code", "errors"}
        assert told["ok"] is False
        (error,) = told["errors"]
        assert set(error) == {"code", "message", "hint", "where"}
        assert error["code"] == told["code"]

        for_people = run_fusion(*arguments)
        assert (for_people.status, for_people.output) == (1, "")
        assert "".join(error["message"].split()) in "".join(for_people.complaint.split())
        assert "".join(error["hint"].split()) in "".join(for_people.complaint.split())
        return error

    return run
