"""The example of CONTRIBUTING.md: its files, added to a copy of the package, are a capability on every surface."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from small_workspaces import open_small

ROOT = Path(__file__).resolve().parents[1]
SECTION = re.search(
    r"^## Add a capability\n(.*?)^## ",
    (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
).group(1)
FILES = dict(re.findall(r"^`([a-z_/]+\.py)`:\n\n```python\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL))
NEW = re.search(r"^\| new file .*?\n\n", SECTION, re.MULTILINE | re.DOTALL).group(0)
CHANGED = re.search(r"^\| changed file .*?\n\n", SECTION, re.MULTILINE | re.DOTALL).group(0)
READ_SURFACES = """
import json, re, sys
import consumer_fusion
from consumer_fusion.access.accounts import create_account, set_password
from consumer_fusion.access.audit import read_audit
from consumer_fusion.access.passwords import hash_password
from consumer_fusion.records.audit import COMMAND_LINE
from consumer_fusion.surfaces.cli.application import application
from consumer_fusion.surfaces.web import build_app
from consumer_fusion.workspace import open_workspace
from starlette.testclient import TestClient
from typer.testing import CliRunner
from staff_moments import CHEAP, PASSWORD
runner, folder, site = CliRunner(), sys.argv[1], "http://localhost:8000"
def call(*words):
    run = runner.invoke(application, [*words, "--workspace", folder])
    return run.output if run.exit_code == 0 else f"failed: {run.output} {run.exception!r}"
told = {"package": consumer_fusion.__file__}
told["issued"] = call("cards", "issue", "C1", "ann", "bakery")
told["listed"] = call("cards", "list", "--json")
with open_workspace(folder) as workspace:
    with workspace.store.writing() as session:
        named = {"actor": COMMAND_LINE, "now_us": workspace.now_us}
        account = create_account(session, email="olga@example.org", role="owner", brands=None, **named)
        set_password(session, account.account_id, hash_password(PASSWORD, CHEAP), **named)
    browser = TestClient(build_app(workspace), base_url=site, client=("127.0.0.1", 50_000))
    def find_token(path):
        return re.search(r'name="form_token" value="([^"]+)"', browser.get(path).text).group(1)
    form = {"form_token": find_token("/sign-in"), "email": "olga@example.org", "password": PASSWORD}
    browser.post("/sign-in", data=form, headers={"Origin": site}, follow_redirects=False)
    told["answered"] = browser.get("/api/v1/cards").json()
    form = {"form_token": find_token("/cards"), "card_id": "C2", "consumer": "ben", "brand": "bakery"}
    browser.post("/cards/issue", data=form, headers={"Origin": site}, follow_redirects=False)
    told["page"] = browser.get("/cards").text
    change = {"Origin": site, "X-Form-Token": find_token("/cards")}
    told["blocked"] = browser.post("/api/v1/cards/block", json={"card_id": "C1"}, headers=change).json()
    with workspace.store.reading() as session:
        told["entries"] = [entry.action for entry in read_audit(session)]
print(json.dumps(told))
"""


def run(folder, *words):
    """Run a program with the copy of the package, and return what it printed."""
    path = os.pathsep.join([str(folder / "src"), str(ROOT / "tests")])
    ran = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path}
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the package with the files of the example, and the migration that the script wrote."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(ROOT / "src" / "consumer_fusion", folder / "src" / "consumer_fusion")
    (folder / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "write_migration.py", folder / "scripts")
    for place, text in FILES.items():
        file = folder / "src" / "consumer_fusion" / place
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    words = re.search(r'`scripts/write_migration.py "(.+?)"`', SECTION).group(1)
    run(folder, str(folder / "scripts" / "write_migration.py"), words)
    return folder


@pytest.mark.slow
def test_the_example_is_on_every_surface_of_a_workspace_that_is_there_already(extended, tmp_path):
    with open_small(tmp_path / "w"):
        pass
    told = json.loads(run(extended, "-c", READ_SURFACES, str(tmp_path / "w")).splitlines()[-1])
    assert told["package"].startswith(str(extended))
    assert told["issued"] == "Card C1 is issued.\n"
    card = {"card_id": "C1", "consumer": "ann", "brand": "bakery", "blocked_at": None}
    assert json.loads(told["listed"]) == [card]
    assert told["answered"] == [card]
    assert all(text in told["page"] for text in ("Loyalty cards", "Issue card", "C1", "C2", "Block"))
    assert told["blocked"] == {"card_id": "C1"}
    assert [each for each in told["entries"] if each.endswith("loyalty card")] == [
        "block loyalty card", "issue loyalty card", "issue loyalty card",
    ]  # fmt: skip


def test_the_migration_of_the_example_needs_no_other_edit(extended):
    revision = re.search(r"`(storage/migrations/revision_\d+\.py)`", NEW).group(1)
    text = (extended / "src" / "consumer_fusion" / revision).read_text(encoding="utf-8")
    assert "CREATE TABLE loyalty_cards" in text
    for command in ("check", "format --check"):
        config = ["--config", str(ROOT / "pyproject.toml")]
        run(
            extended,
            "-m",
            "ruff",
            *command.split(),
            *config,
            str(extended / "src" / "consumer_fusion" / revision),
        )


def test_the_files_that_are_to_be_changed_exist_and_the_new_ones_do_not():
    changed, new = (re.findall(r"`([\w./-]+)`[,|]? ?", table) for table in (CHANGED, NEW))
    places = [place for place in changed if "/" in place or place.endswith((".md", ".toml"))]
    assert len(places) >= 8
    assert [
        each
        for each in places
        if not any((at / each).exists() for at in (ROOT, ROOT / "src/consumer_fusion"))
    ] == []
    assert set(FILES) <= set(new)
    assert not any((ROOT / "src" / "consumer_fusion" / place).exists() for place in FILES)


def test_the_example_names_the_nouns_of_its_classes():
    page = (ROOT / "docs" / "reference" / "nouns.md").read_text(encoding="utf-8")
    nouns = set(re.findall(r"^\| ([A-Z][a-z]+) \| .+? \| .+? \|$", page + SECTION, re.MULTILINE))
    classes = [
        node.name
        for text in FILES.values()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef)
    ]
    assert len(classes) >= 3
    assert [each for each in classes if re.findall(r"[A-Z][a-z]+", each)[-1] not in nouns] == []
