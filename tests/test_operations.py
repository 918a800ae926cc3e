"""Operations: one declaration is a command, a route, a page, a permission and an audit entry."""

from __future__ import annotations

import io
import json
import string
import subprocess
import sys
import textwrap
from importlib.resources import files

import pytest
from babel.messages.pofile import read_po

from consumer_fusion.access.audit import read_audit
from consumer_fusion.access.execution import execute
from consumer_fusion.errors import InputError, PermissionDeniedError
from consumer_fusion.operations import Context, NoParameters, Operation, Query, find_capabilities
from consumer_fusion.records.access import Caller
from consumer_fusion.records.audit import COMMAND_LINE, Actor
from consumer_fusion.surfaces.console.routes import GROUP_PAGES
from consumer_fusion.surfaces.operation_fields import list_fields, read_extra, read_parameters
from small_workspaces import open_small

OWNER = Caller(COMMAND_LINE, "owner", None)
CAPABILITIES = find_capabilities()
OPERATIONS = [each for capability in CAPABILITIES.values() for each in capability.operations]
CHANGES = [each for each in OPERATIONS if isinstance(each, Operation)]
QUERIES = [each for each in OPERATIONS if not isinstance(each, Operation)]

DUMMY = '''
"""A capability that is in no list."""

from consumer_fusion.operations import NoParameters, Operation, OperationGroup, Query, Schema, Text, describe


class Postcard(Schema):
    """A postcard."""

    place: str = describe("Place", "Where it comes from.")


class Sending(Schema):
    """A postcard to send."""

    place: Text = describe("Place", "Where it comes from.")


def send(context, asked):
    with context.writing():
        context.describe(place=asked.place)
    return Postcard(place=asked.place)


GROUPS = (OperationGroup("postcards", "Postcards", "Postcards of a place.", under="Post"),)
OPERATIONS = (
    Query(name="postcards list", run=lambda context, _: [Postcard(place="Rimini")], needs="view", result=Postcard,
          is_many=True, title="Postcards", summary="List the postcards.", empty="No postcards."),
    Operation(name="postcards send", run=send, needs="change_keys", parameters=Sending, result=Postcard,
              arguments=("place",), summary="Send a postcard.", audit="send postcard", button="Send",
              done="Sent to {place}."),
)
'''
READ_SURFACES = """
import json, sys
import consumer_fusion
consumer_fusion.__path__.append(sys.argv[1])
from pathlib import Path
from consumer_fusion.access.audit import read_audit
from consumer_fusion.surfaces.api.request_context import RequestContext
from consumer_fusion.surfaces.api.routing import build_api
from consumer_fusion.surfaces.cli.application import application
from consumer_fusion.surfaces.console.navigation import list_groups
from consumer_fusion.surfaces.console.routes import GROUP_PAGES, PAGES
from consumer_fusion.server.audit_buffer import AuditBuffer
from consumer_fusion.workspace import open_workspace
from typer.testing import CliRunner
runner, folder = CliRunner(), sys.argv[2]
listed = runner.invoke(application, ["postcards", "list", "--json", "--workspace", folder])
sent = runner.invoke(application, ["postcards", "send", "Cervia", "--workspace", folder])
with open_workspace(folder) as workspace:
    schema = build_api(RequestContext(workspace, AuditBuffer(workspace.store, workspace.session_store))).openapi()
    with workspace.store.reading() as session:
        entries = [entry.action for entry in read_audit(session)]
groups = list_groups({"view"}, None, GROUP_PAGES)
print(json.dumps({
    "listed": listed.output, "sent": sent.output, "entries": entries,
    "paths": {path: sorted(methods) for path, methods in schema["paths"].items() if "postcards" in path},
    "pages": [path for path in PAGES if "postcards" in path],
    "navigation": [entry.words for group in groups for entry in group.entries if group.words == "Post"],
}))
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    with open_small(tmp_path_factory.mktemp("operations") / "w") as opened:
        yield opened


def test_a_new_capability_is_on_all_surfaces_without_an_edit(tmp_path):
    folder = tmp_path / "parts" / "postcards"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text('"""Postcards."""\n', encoding="utf-8")
    (folder / "operations.py").write_text(textwrap.dedent(DUMMY), encoding="utf-8")
    with open_small(tmp_path / "w"):
        pass
    ran = subprocess.run(
        [sys.executable, "-c", READ_SURFACES, str(tmp_path / "parts"), str(tmp_path / "w")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert json.loads(told["listed"]) == [{"place": "Rimini"}]
    assert told["sent"] == "Sent to Cervia.\n"
    assert "send postcard" in told["entries"]
    assert told["paths"] == {"/postcards": ["get"], "/postcards/send": ["post"]}
    assert told["pages"] == ["/postcards", "/postcards/send"]
    assert told["navigation"] == ["Postcards"]


def test_there_are_operations_to_look_at():
    assert len(CHANGES) >= 3
    assert len(QUERIES) >= 2
    names = [each.name for each in OPERATIONS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("query", OPERATIONS, ids=lambda each: each.name)
def test_every_operation_says_what_it_is(query):
    assert query.group in {group.name for each in CAPABILITIES.values() for group in each.groups}
    assert query.summary.endswith(".")
    for model in (query.parameters, query.result):
        assert model.__doc__
        for field in model.model_fields.values():
            assert field.title
            assert (field.description or "").endswith(".")
    assert set(query.arguments) <= set(query.parameters.model_fields)
    if query.is_many:
        assert query.title
        assert query.empty.endswith(".")
        assert list_fields(query.result)


@pytest.mark.parametrize("operation", CHANGES, ids=lambda each: each.name)
def test_every_change_says_what_was_done_with_fields_of_its_result(operation):
    named = {name for _, name, _, _ in string.Formatter().parse(operation.done) if name}
    assert named <= set(operation.result.model_fields)
    assert operation.audit
    assert operation.button
    if operation.of_row:
        lists = [each for each in QUERIES if each.group == operation.group and each.is_many]
        assert any(operation.of_row in each.result.model_fields for each in lists)


def make_operation(run, **changes):
    values = {
        "name": "postcards send", "run": run, "needs": "change_keys", "result": NoParameters, "summary": "Send.",
        "audit": "send postcard", "done": "Sent.", "button": "Send",
    }  # fmt: skip
    return Operation(**{**values, **changes})


def test_a_change_and_its_audit_entry_are_durable_together_or_not_at_all(workspace):
    def stumble(context: Context, _):
        with context.writing() as session:
            session.write_mark("postcard", 1)
            raise InputError("No stamp.", hint="Buy one.")

    with pytest.raises(InputError):
        execute(make_operation(stumble), workspace, OWNER, NoParameters())

    def send(context: Context, _):
        with context.writing() as session:
            session.write_mark("postcard", 2)
            context.describe(object_id="p1", place="Rimini")
        return NoParameters()

    execute(make_operation(send), workspace, OWNER, NoParameters(), detail={"user": "ann"})
    with workspace.store.reading() as session:
        assert session.read_mark("postcard") == "2"
        told = [each for each in read_audit(session) if each.action == "send postcard"]
    assert [(each.object_id, each.detail) for each in told] == [("p1", {"place": "Rimini", "user": "ann"})]


def test_a_change_that_leaves_no_audit_entry_is_a_fault(workspace):
    with pytest.raises(AssertionError, match="no audit entry"):
        execute(make_operation(lambda context, _: NoParameters()), workspace, OWNER, NoParameters())


def test_what_a_role_may_not_is_refused_before_anything_runs(workspace):
    reader = Caller(Actor("token", "t"), "read-only", None)
    never = make_operation(lambda context, _: pytest.fail("it ran"))
    with pytest.raises(PermissionDeniedError):
        execute(never, workspace, reader, NoParameters())
    with pytest.raises(PermissionDeniedError):
        execute(
            Query(name="postcards list", run=never.run, needs="change_keys", result=NoParameters, summary="List."),
            workspace, reader, NoParameters(),
        )  # fmt: skip


def test_parameters_that_cannot_be_read_are_told_with_their_meaning():
    add = next(each for each in CHANGES if each.name == "webhooks add")
    with pytest.raises(InputError, match="“URL” is missing"):
        read_parameters(add.parameters, {"types": ["score_crossed"]})
    with pytest.raises(InputError, match="“Events” cannot be read"):
        read_parameters(add.parameters, {"url": "https://a.example", "types": ["weather"]})


def list_shown(group):
    """Every text that a page made from operations shows."""
    yield from (group.group.title, group.group.intro)
    for query in group.queries:
        yield from (query.title, query.empty)
        for _, field in list_fields(query.result):
            yield from (
                field.title,
                *read_extra(field).get("words", {}).values(),
                read_extra(field).get("absent", ""),
            )
        yield from (
            text for _, field in list_fields(query.parameters) for text in (field.title, field.description)
        )
    for operation in group.operations:
        yield from (operation.button, operation.done, operation.question)
        if operation.is_on_page:
            yield operation.summary
            for _, field in list_fields(operation.parameters):
                yield from (field.title, field.description, *read_extra(field).get("hints", {}).values())
        for field in operation.result.model_fields.values():
            if read_extra(field).get("is_secret"):
                yield from (field.title, field.description)


@pytest.mark.parametrize(
    "group", [each for each in GROUP_PAGES if each.group.under], ids=lambda each: each.group.name
)
def test_every_text_of_a_page_made_from_operations_is_translated(group):
    catalogue = (
        files("consumer_fusion.i18n").joinpath("locale", "it", "LC_MESSAGES", "messages.po").read_bytes()
    )
    known = {each.id for each in read_po(io.BytesIO(catalogue))}
    shown = [text for text in list_shown(group) if text]
    assert len(shown) > 10
    assert [text for text in shown if text not in known] == []
