"""Commands generated from operations: options from the fields of the parameters, output from the result."""

from __future__ import annotations

import importlib
import inspect
import json
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from consumer_fusion.access.execution import execute
from consumer_fusion.errors import InputError
from consumer_fusion.operations import Capability, Operation, OperationGroup, Query
from consumer_fusion.records.access import Caller
from consumer_fusion.records.audit import COMMAND_LINE
from consumer_fusion.records.schema import MOST_FILE_BYTES
from consumer_fusion.surfaces.cli.audited_commands import find_account
from consumer_fusion.surfaces.cli.output import (
    JsonOption,
    WorkspaceOption,
    console,
    print_json,
    print_table,
    show_progress,
    write_minute,
)
from consumer_fusion.surfaces.operation_fields import (
    find_row_model,
    is_day,
    is_file,
    is_moment,
    list_fields,
    read_extra,
    read_parameters,
    read_text_file,
    write_value,
)
from consumer_fusion.workspace import open_workspace

OPERATOR = Caller(COMMAND_LINE, "owner", None)
"""Anyone who can run commands on the machine of the workspace has all permissions there."""
_STORIES = {"effects show": "effects:print_effect", "experiments measure": "experiments:print_report"}
"""Results that are printed by a function of their own, by query: module in this folder, and name."""
OutOption = Annotated[
    Path | None, typer.Option(help="Write the rows to this new file, a .csv or .parquet.", show_default=False)
]
LONGEST_CELL = 160
"""Maximum length of a text shown in a table; `--json` shows it in full."""


def build_groups(capability: Capability) -> dict[str, typer.Typer]:
    """A Typer application for each group of operations of a capability, by name."""
    return {group.name: _build_group(group, capability.operations) for group in capability.groups}


def _build_group(group: OperationGroup, operations: Sequence[Query]) -> typer.Typer:
    application = typer.Typer(help=group.intro, no_args_is_help=True)
    for query in operations:
        if query.group == group.name:
            application.command(query.verb, help=query.summary)(
                _make_command(query, [each for each in operations if each.group == group.name])
            )
    return application


def _make_command(query: Query, group: Sequence[Query]) -> Callable[..., None]:
    options = [
        option
        for name, field in query.parameters.model_fields.items()
        for option in (_make_option(query, name, field), *_make_null_option(name, field))
    ]
    places = {name: place for place, name in enumerate(query.arguments)}
    options.sort(
        key=lambda each: (each.default is not inspect.Parameter.empty, places.get(each.name, len(places)))
    )

    def run(**given: Any) -> None:
        folder, is_json, out = given.pop("workspace"), given.pop("is_json"), given.pop("out", None)
        parameters = read_parameters(query.parameters, _collect(query.parameters, given))
        result = run_operation(query, folder, parameters, is_quiet=is_json)
        if out is not None:
            _write_file(query, result, out)
        if is_json:
            print_json(result)
        elif out is not None:
            console.print(f"Rows written to {out}: {len(result):,}.", soft_wrap=True)
        else:
            _show(query, result, group)

    plain = inspect.Parameter.KEYWORD_ONLY
    own = [
        inspect.Parameter("workspace", plain, default=Path(), annotation=WorkspaceOption),
        inspect.Parameter("is_json", plain, default=False, annotation=JsonOption),
    ]
    if query.is_many:
        own.insert(0, inspect.Parameter("out", plain, default=None, annotation=OutOption))
    signature = inspect.Signature([each.replace(kind=plain) for each in [*options, *own]])
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in signature.parameters.values()}
    return run


def run_operation(query: Query, folder: Path, parameters: BaseModel, *, is_quiet: bool = False) -> Any:
    """Run a query or an operation in a workspace, for handwritten commands.

    Args:
        query: Query or operation.
        folder: Folder of the workspace.
        parameters: Parameters, of the query's own model.
        is_quiet: Whether to hide the progress.
    """
    is_shown = isinstance(query, Operation) and not is_quiet
    with open_workspace(folder) as workspace, show_progress(is_quiet=not is_shown) as progress:
        return execute(
            query, workspace, OPERATOR, parameters, detail={"user": find_account()}, progress=progress
        )


def _make_option(query: Query, name: str, field: FieldInfo) -> inspect.Parameter:
    """One option or argument. A secret is read from a file, because command lines stay in the shell's history."""
    extra = read_extra(field)
    kind: Any
    kind, is_list = (str, False) if is_moment(field) or is_day(field) else _find_type(name, field.annotation)
    settings: dict[str, Any] = {"help": field.description}
    for each in field.metadata:
        # Pydantic's metadata of `ge` and `le`.
        if hasattr(each, "ge"):
            settings["min"] = each.ge
        if hasattr(each, "le"):
            settings["max"] = each.le
    default = inspect.Parameter.empty if field.is_required() else field.get_default(call_default_factory=True)
    if extra.get("is_secret"):
        settings = {
            "help": f"File that contains the value. {field.description}",
            "exists": True,
            "dir_okay": False,
        }
        kind, name = Path | None, f"{name}_file"
    elif is_file(field):
        settings |= {"exists": True, "dir_okay": False}
        kind = Path if field.is_required() else Path | None
    elif is_list:
        kind = list[kind] if field.is_required() else list[kind] | None
        default = inspect.Parameter.empty if field.is_required() else None
    elif default is None:
        kind = kind | None
    names = [extra["option"]] if "option" in extra else []
    info = typer.Argument(**settings) if name in query.arguments else typer.Option(*names, **settings)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info]
    )


def _make_null_option(name: str, field: FieldInfo) -> Iterator[inspect.Parameter]:
    """The flag that stands for null, where null differs from omitting the option."""
    if flag := read_extra(field).get("null_option"):
        kind = Annotated[bool, typer.Option(flag, help=f"In place of {_name_option(name, field)}: all.")]
        yield inspect.Parameter(
            f"{name}_is_null", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind
        )


def _find_type(name: str, annotation: Any) -> tuple[Any, bool]:
    """The type that the command line parses, and whether the option may be repeated."""
    annotation = _unwrap(annotation)
    origin = typing.get_origin(annotation)
    if origin in (list, tuple, set, frozenset):
        return _find_type(name, typing.get_args(annotation)[0])[0], True
    if origin is Literal:
        return StrEnum(name, {str(each): str(each) for each in typing.get_args(annotation)}), False
    return (annotation if annotation in (bool, int, float, Path) else str), False


def _unwrap(annotation: Any) -> Any:
    """The type without `None` and without validators; a timestamp is read as text."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return str
    if origin in (Union, UnionType):
        return _unwrap(next(each for each in typing.get_args(annotation) if each is not type(None)))
    return annotation


def _collect(model: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """The given values, without omitted ones, and with secrets read from their files."""
    values: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        value = given.get(name)
        if f"{name}_file" in given:
            file = given[f"{name}_file"]
            value = None if file is None else read_text_file(file.name, _read_start(file)).text.strip()
        if given.get(f"{name}_is_null"):
            if value:
                raise InputError(
                    f"{_name_option(name, field)} contradicts the option for all.",
                    hint="Give only one of them.",
                )
            values[name] = None
        elif isinstance(value, list):
            values[name] = [str(each) for each in value]
        elif isinstance(value, Path):
            values[name] = read_text_file(value.name, _read_start(value))
        elif value is not None:
            values[name] = str(value) if isinstance(value, StrEnum) else value
    return values


def _read_start(path: Path) -> bytes:
    """The content of a file up to the size limit, plus one byte where it is larger."""
    with path.open("rb") as file:
        return file.read(MOST_FILE_BYTES + 1)


def _show(query: Query, result: Any, group: Sequence[Query]) -> None:
    if query.name in _STORIES:
        module, _, name = _STORIES[query.name].partition(":")
        getattr(importlib.import_module(f"consumer_fusion.surfaces.cli.{module}"), name)(result)
        return
    if query.is_many:
        _show_rows(query, result, group)
        return
    if not isinstance(query, Operation):
        _show_parts(query, result)
        return
    values = {
        name: write_value(field, getattr(result, name), result)
        for name, field in query.result.model_fields.items()
    }
    secrets = [
        name for name, field in query.result.model_fields.items() if read_extra(field).get("is_secret")
    ]
    for name in secrets:
        console.print(values.pop(name), soft_wrap=True)
    console.print(query.done.format(**values), soft_wrap=True, style="dim" if secrets else None)
    for name, field in query.result.model_fields.items():
        if read_extra(field).get("is_remark") and (texts := getattr(result, name)):
            console.print(f"{field.title}: {'; '.join(texts)}", soft_wrap=True)


def _show_parts(query: Query, result: BaseModel) -> None:
    """Print each field on a line, and each list of rows as a table."""
    fields = list_fields(query.result)
    tables = {name: model for name, field in fields if (model := find_row_model(field)) is not None}
    if query.empty and not any(getattr(result, name) for name in tables):
        console.print(query.empty, soft_wrap=True)
        return
    if len(tables) == 1 and [name for name, _ in fields] == ["count", *tables]:
        ((name, model),) = tables.items()
        title = f"{query.result.model_fields[name].title} ({result.count:,})"  # type: ignore[attr-defined]
        _print_rows(title, list_fields(model), getattr(result, name))
        return
    for name, field in fields:
        value = getattr(result, name)
        if name not in tables:
            console.print(f"{field.title}: {write_value(field, value, result)}", soft_wrap=True)
        elif value:
            _print_rows(field.title or name, list_fields(tables[name]), value)


def _show_rows(query: Query, rows: Sequence[BaseModel], group: Sequence[Query]) -> None:
    if not rows:
        console.print(" ".join(filter(None, (query.empty, _name_next(query, group)))), soft_wrap=True)
        return
    ids = {each.of_row for each in group if isinstance(each, Operation)}
    # Ids that another command takes are shown here; a page has buttons instead.
    fields = [
        (name, field)
        for name, field in query.result.model_fields.items()
        if name in ids or read_extra(field).get("is_id") or read_extra(field).get("is_shown", True)
    ]
    _print_rows(f"{query.title} ({len(rows):,})", fields, rows)


def _print_rows(title: str, fields: Sequence[tuple[str, FieldInfo]], rows: Sequence[BaseModel]) -> None:
    numbers = [
        field.title or name
        for name, field in fields
        if _unwrap(field.annotation) in (int, float) and not (is_day(field) or is_moment(field))
    ]
    table = [[_write_cell(field, getattr(row, name), row) for name, field in fields] for row in rows]
    names = [field.title or name for name, field in fields]
    print_table(title, names, table, right=numbers)


def _write_cell(field: FieldInfo, value: object, row: BaseModel) -> str:
    """A cell of a terminal table, with long texts truncated."""
    text = write_value(field, value, row, write_time=write_minute)
    is_cut = read_extra(field).get("is_long") and len(text) > LONGEST_CELL
    return f"{text[:LONGEST_CELL]}…" if is_cut else text


def _write_file(query: Query, rows: Sequence[BaseModel], out: Path) -> None:
    """Write a list to a new file; existing files are never overwritten."""
    # Imported here, because only these lists need it.
    import pyarrow as pa

    from consumer_fusion.surfaces.cli.scores import write_rows

    if out.exists():
        raise InputError(f"The file {out.name} already exists.", hint="Name a file that does not exist yet.")
    rows_as_json = [row.model_dump(mode="json") for row in rows]
    columns = {
        name: [_write_plain(each[name]) for each in rows_as_json] for name in query.result.model_fields
    }
    write_rows(pa.table(columns), out)


def _write_plain(value: object) -> object:
    """A value for a column of a file; a structured one as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value


def _name_next(query: Query, group: Sequence[Query]) -> str:
    """The command that creates the first row of a list."""
    makers = [each for each in group if isinstance(each, Operation) and each.is_on_page]
    if query.verb != "list" or not makers:
        return ""
    words = [
        name.upper() if name in makers[0].arguments else f"{_name_option(name, field)} {name.upper()}"
        for name, field in makers[0].parameters.model_fields.items()
        if field.is_required()
    ]
    return " ".join((f"Next: fusion {makers[0].name}", *words))


def _name_option(name: str, field: FieldInfo) -> str:
    return str(read_extra(field).get("option", f"--{name.replace('_', '-')}"))
