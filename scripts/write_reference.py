"""Writes the reference pages from the code, so that what they say is what the code does.

    python scripts/write_reference.py           writes docs/reference/*.md
    python scripts/write_reference.py --check   says which pages differ from the code, and fails if one does

Five pages: commands, settings, errors, tables, points. What a command prints as JSON comes from the model of
its result; tests/surfaces/cli/test_json.py compares it with what the commands print.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import annotated_types
import typer
from pydantic import BaseModel

from consumer_fusion import errors
from consumer_fusion.backup import BackupSummary
from consumer_fusion.causal.experiments.compared_files import AudienceReport, ExposureReport, PanelReport
from consumer_fusion.causal.experiments.ranking import RankingEvaluation
from consumer_fusion.identity.review import ReviewedSuggestions
from consumer_fusion.ingest.validation import PROBLEMS
from consumer_fusion.inspection import ExportSummary, FullPointsReport, InspectionReport, PointsReport
from consumer_fusion.operations import Operation, find_capabilities, list_grouped, name_path
from consumer_fusion.perception.perceived_texts import PerceivedText
from consumer_fusion.records import find_tables
from consumer_fusion.records.import_record import ImportResult
from consumer_fusion.records.points import Condition, Kind
from consumer_fusion.score.calibration.calibration_report import CalibrationResult
from consumer_fusion.score.calibration_runs import ComparedCalibration, ForecastSummary
from consumer_fusion.score.points.points_table import load_points
from consumer_fusion.score.queries.score_results import BrandSummary, PairExplanation, PairScore
from consumer_fusion.settings import SETTINGS_FILE, Settings
from consumer_fusion.surfaces.cli.application import application
from consumer_fusion.surfaces.cli.demo import DemoSummary
from consumer_fusion.surfaces.cli.serve import ServerSummary
from consumer_fusion.surfaces.report.writing import WrittenReport
from consumer_fusion.workspace import CreatedWorkspace

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
_NOTE = "<!-- Written by scripts/write_reference.py from the code; do not edit. -->"

_RESULTS: Mapping[str, object] = {
    "demo": DemoSummary,
    "init": CreatedWorkspace,
    "import": ImportResult,
    "score": [PairScore],
    "explain": PairExplanation,
    "brands": [BrandSummary],
    "identity suggest": ReviewedSuggestions,
    "perceive": [PerceivedText],
    "points": (PointsReport, FullPointsReport),
    "calibrate": (CalibrationResult, ComparedCalibration),
    "predict": ForecastSummary,
    "audience": (AudienceReport, ExposureReport),
    "panel": PanelReport,
    "experiments rank": RankingEvaluation,
    "report": WrittenReport,
    "serve": ServerSummary,
    "export": ExportSummary,
    "backup": BackupSummary,
    "restore": BackupSummary,
    "doctor": InspectionReport,
}
"""The result of each handwritten command: a model, a list of one, or one with the model that extends it."""
_VERSIONS = ["consumer-fusion", "score model", "points", "python", "duckdb", "pyarrow"]


def _shape_result(result: Any) -> list[object]:
    if isinstance(result, list):
        return [_shape_model(result[0])]
    if isinstance(result, tuple):
        return _shape_extended(*result)
    return _shape_model(result)


def _shape_extended(base: type[BaseModel], extended: type[BaseModel]) -> list[object]:
    """The fields of both models; those of the second alone are optional."""
    shape: list[object] = []
    for each in _shape_model(extended):
        name = each[0] if isinstance(each, tuple) else str(each)
        if name in base.model_fields:
            shape.append(each)
        else:
            shape.append((f"{name}?", each[1]) if isinstance(each, tuple) else f"{name}?")
    return shape


def _shape_model(model: type) -> list[object]:
    """The fields of a model, or of a dataclass that one holds."""
    annotations = typing.get_type_hints(model)
    fields: list[object] = []
    for name in getattr(model, "model_fields", annotations):
        parts = {annotations[name], *typing.get_args(annotations[name])}
        nested = [each for each in parts if inspect.isclass(each) and _has_fields(each)]
        if typing.get_origin(annotations[name]) in (dict, Mapping):  # its names are not fields
            nested = []
        is_list = typing.get_origin(annotations[name]) in (list, tuple)
        shape = _shape_model(nested[0]) if nested else None
        fields.append(name if shape is None else (name, [shape] if is_list else shape))
    return fields


def _has_fields(kind: type) -> bool:
    return issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind)


JSON: Mapping[str, object] = {
    "version": _VERSIONS,
    **{name: _shape_result(result) for name, result in _RESULTS.items()},
    **{
        each.name: _shape_result([each.result] if each.is_many else each.result)
        for capability in find_capabilities().values()
        for each in capability.operations
    },
}
"""What each command prints with --json: a list of field names is an object, a list in a list a list of objects.

A field with parts is a pair of its name and them; a name with a question mark is there when it is asked for.
"""


def write_commands() -> str:
    """The page of the command line."""
    parts = [
        "# Commands",
        "Every command takes `--workspace DIR` (default: the variable `CONSUMER_FUSION_WORKSPACE`, else the current "
        "folder), except `init`, whose argument is a folder, and `version`, which needs none. With `--json` it prints "
        "one JSON value on standard output; progress goes to standard error only.",
        "Exit status: **0** done; **1** refused or failed, with a message that says what to do; **2** wrong usage, "
        "with a text on standard error. "
        'With `--json` an error is printed as `{"ok": false, "code", "errors": [...]}`, see '
        "[errors](errors.md).",
        "Times are ISO 8601; a time without an offset is UTC. `--as-of` takes a time, `latest` for the time of the "
        "newest event, or `now`. Default: now, or the newest event if that is older than a day, since scores only "
        "decay without events; one line on standard error then says so. Console, API and Python use the same default. "
        "The default of `fusion effects show` is now, since effects do not decay.",
        "The fields that a command prints with `--json` follow its options; those with a question mark are optional. "
        "Numbers are not rounded.",
    ]
    for names, command in list_commands():
        parts.append(
            f"## `fusion {' '.join(names)}`" if len(names) == 1 else f"### `fusion {' '.join(names)}`"
        )
        parts.append(_flatten(command.help))
        if not hasattr(command, "commands") or command.invoke_without_command:
            parts += _write_parameters(names, command)
    return _join(parts)


def list_commands() -> list[tuple[tuple[str, ...], Any]]:
    """Every group and command with the words that it is called by, in the order of the help."""
    return list(_walk(typer.main.get_command(application)))


def _walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    # Asked for by name, since commands are imported when they are asked for.
    for name in command.list_commands(None):
        each = command.get_command(None, name)
        if not each.hidden:
            yield (*path, name), each
            if hasattr(each, "commands"):
                yield from _walk(each, (*path, name))


def _write_parameters(names: tuple[str, ...], command: Any) -> Iterator[str]:
    types = typing.get_type_hints(inspect.unwrap(command.callback))
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option"]
    usage = ["fusion", *names]
    for each in arguments:
        name = each.name.upper() + ("..." if each.nargs == -1 else "")
        usage.append(name if each.required else f"[{name}]")
    for each in options:
        if each.required:
            usage.append(f"{each.opts[0]} {_name_type(types[each.name])}")
    yield f"```text\n{' '.join([*usage, '[OPTIONS]'])}\n```"
    rows = [(f"`{each.name.upper()}`", _flatten(each.help), "") for each in arguments]
    for each in sorted(options, key=lambda option: option.opts[0] in {"--workspace", "--json"}):
        flags = " / ".join(f"`{flag}`" for flag in [*each.opts, *each.secondary_opts])
        type_name = "" if each.is_flag else f" `{_name_type(types[each.name])}`"
        rows.append((flags + type_name, _flatten(each.help), _write_default(each)))
    yield _write_table(["argument or option", "what", "default"], rows)
    shape = JSON.get(" ".join(names))
    if shape is not None:
        yield f"JSON: `{write_shape(shape)}`"


def _name_type(annotation: object) -> str:
    known = [each for each in typing.get_args(annotation) if each is not type(None)] or [annotation]
    if inspect.isclass(known[0]) and issubclass(known[0], enum.Enum):
        return "|".join(str(each.value) for each in known[0])
    return {int: "NUMBER", float: "NUMBER", Path: "PATH"}.get(typing.cast("Any", known[0]), "TEXT")


def _write_default(option: Any) -> str:
    if option.required:
        return "needed"
    if isinstance(option.show_default, str):
        return str(option.show_default)
    if option.default is None or option.default is False or option.default == "":
        return ""
    return "" if option.default is True and not option.secondary_opts else f"`{_write_value(option)}`"


def _write_value(option: Any) -> str:
    if option.default is True:
        return str(option.opts[0])
    return f"{option.default:g}" if isinstance(option.default, float) else str(option.default)


def write_shape(shape: object) -> str:
    """A shape of `JSON` as people read it."""
    if isinstance(shape, list) and len(shape) == 1 and isinstance(shape[0], list):
        return f"[{write_shape(shape[0])}, ...]"
    if isinstance(shape, tuple):
        return f'"{shape[0]}": {write_shape(shape[1])}'
    if isinstance(shape, str):
        return f'"{shape}"'
    assert isinstance(shape, list)
    return "{" + ", ".join(write_shape(each) for each in shape) + "}"


def write_operations() -> str:
    """The page of what capabilities declare, on every surface."""
    parts = [
        "# Operations",
        "Each operation is a command and a route of the API below `/api/v1`: `GET` for queries, `POST` for changes. "
        "Parameters and results have the same names in both; they are listed with the [commands](commands.md) and "
        "described for programs by `/api/v1/openapi.json`. The last column is the action in the audit log; a query "
        "without one is not audited. Changes through the API need a signed-in session.",
    ]
    groups: dict[str, list[tuple[str, ...]]] = {}
    for group, query in list_grouped(find_capabilities().values()):
        is_change = isinstance(query, Operation)
        groups.setdefault(group.name, []).append((
            f"`fusion {query.name}`", f"`{'POST' if is_change else 'GET'} {name_path(group, query)}`",
            query.needs.replace("_", " "), _flatten(query.summary),
            query.audit,
        ))  # fmt: skip
    for name, rows in sorted(groups.items()):
        parts.append(f"## {name.capitalize()}")
        parts.append(_write_table(("command", "API", "permission", "what it does", "audit"), rows))
    return _join(parts)


def write_settings() -> str:
    """The page of the settings."""
    rows = []
    for name, field in Settings.model_fields.items():
        bounds = [f"{each.ge} or more" for each in field.metadata if isinstance(each, annotated_types.Ge)]
        rows.append((f"`{name}`", f"`{field.default}`", ", ".join(bounds), str(field.description)))
    return _join([
        "# Settings",
        f"A setting is looked up in the environment, under its name in capitals after `CONSUMER_FUSION_` "
        f"(`CONSUMER_FUSION_MEMORY_LIMIT_MB=2048`); then in the workspace's `{SETTINGS_FILE}`; then its default is "
        f"taken. `fusion init` writes a `{SETTINGS_FILE}` in which every setting stands, commented out.",
        _write_table(["setting", "default", "range", "meaning"], rows),
        "`CONSUMER_FUSION_WORKSPACE` names the folder of the workspace for the command line; it is no setting of a "
        "workspace and does not stand in its file.",
    ])  # fmt: skip


def write_errors() -> str:
    """The page of the errors, and of the reasons for which a row is set aside."""
    found = sorted(
        {
            each
            for _, each in inspect.getmembers(errors, inspect.isclass)
            if issubclass(each, errors.FusionError)
        },
        key=lambda each: (len(each.__mro__), each.code),
    )
    parts = [
        "# Errors",
        "Every expected error has a stable code and one shape: a message and a hint on standard error of the command "
        "line, the following on standard output with `--json`, a subclass of `FusionError` in Python.",
        '```json\n{"ok": false, "code": "not_found",\n'
        ' "errors": [{"code": "not_found", "message": "...", "hint": "...", "where": null}]}\n```',
        "`message` says what was found and expected, `hint` what to do, `where` the file, line or setting, if any. "
        "Messages contain no personal data: consumers appear by id or masked key only.",
    ]
    for each in found:
        parents = [base.__name__ for base in each.__bases__ if base is not Exception]
        descent = f", a kind of {' and '.join(f'`{name}`' for name in parents)}" if parents else ""
        sentence = inspect.cleandoc(each.__doc__ or "").split("\n\n")[0]
        parts += [f"## `{each.code}`", f"{sentence} Python: `{each.__name__}`{descent}."]
    return _join([
        *parts,
        "## Rejected rows",
        "A bad row does not stop an import: the other rows are imported, and the bad row is stored with a code, a "
        "message and its original text. `fusion rejected list` lists such rows.",
        _write_table(["code", "problem of the row"], [(f"`{code}`", text) for code, text in PROBLEMS.items()]),
    ])  # fmt: skip


def write_tables() -> str:
    """The page of the tables of a workspace."""
    parts = [
        "# Tables",
        "What a workspace keeps. Each table is declared in `src/consumer_fusion/records/`, has one module that writes "
        "it, and says whose personal data it holds and what erasing that consumer does. Times that end in `_us` are "
        "microseconds since 1970 in UTC; days are counted from 1970 as well.",
        "Sealed events lie in Parquet files in `segments/`, with the columns of `events`; all else is in `fusion.db`.",
    ]
    for table in find_tables():
        facts = [f"One row is {table.grain}.", f"Written by `{table.writer}`."]
        facts.append(f"Key: {', '.join(f'`{name}`' for name in table.primary_key)}.")
        if table.subject is not None:
            facts.append(f"Erasing the consumer in `{table.subject}`: {table.erasure}.")
        elif table.erasure != "nothing personal":
            facts.append(f"Erasing a consumer: {table.erasure}.")
        rows = []
        for column in table.columns:
            notes = [
                *(["personal"] if column.is_personal else []),
                *(["optional"] if column.is_optional else []),
            ]
            rows.append((f"`{column.name}`", column.type, column.meaning, ", ".join(notes)))
        parts += [
            f"## `{table.name}`",
            " ".join(facts),
            _write_table(["column", "type", "meaning", ""], rows),
        ]
    return _join(parts)


def write_points() -> str:
    """The page of the points that are shipped."""
    table = load_points()
    sections = _read_sections(
        files("consumer_fusion.score.points").joinpath("points.toml").read_text(encoding="utf-8")
    )
    parts = [
        "# Points",
        f"What each kind of event adds to which facet, as shipped: score model `{table.model}`, version "
        f"`{table.version}`. `fusion points` shows those in force in a workspace; "
        "[how to change them](../how-to/change-the-points.md). The meaning of the numbers is in "
        "[the Fusion Score](../concepts/score.md).",
        "Points marked × are multiplied by the event's magnitude, by the rule in the next column. After one "
        "half-life an event counts half; half-lives marked ~ follow the rhythm of the brand (`fusion brands`). Of the "
        "variants of an event, the first match wins.",
    ]
    for title, keys in sections:
        rows = [_write_kind(table.kinds[key]) for key in keys]
        parts += [
            f"## {title}",
            _write_table(["kind", "meaning", "when", "points", "magnitude", "half-life, days"], rows),
        ]
    return _join(parts)


def _read_sections(text: str) -> list[tuple[str, list[str]]]:
    sections: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if title := re.match(r"# --- (.+) ---$", line):
            sections.append((title.group(1)[0].upper() + title.group(1)[1:], []))
        elif key := re.match(r'\[kinds\."(.+)"\]$', line):
            sections[-1][1].append(key.group(1))
    return sections


def _write_kind(kind: Kind) -> tuple[str, ...]:
    notes = [kind.meaning]
    if kind.trust != 1:
        notes.append(f"believed only to {kind.trust:g}")
    if kind.derives:
        notes.append(f"derives, unless there is one already: {kind.derives}")
    if kind.spreads:
        notes.append(f"spreads to associated brands as {kind.spreads}")
    if kind.is_brand_action:
        notes.append("the brand's own act: never learnt from observation")
    if kind.hint:
        notes.append(f"a hint of {kind.hint}")
    points = [f"{each.facet} {each.points:+g}{' ×' if each.is_graded else ''}" for each in kind.entries]
    rule = kind.magnitude if any(each.is_graded for each in kind.entries) else ""
    return (
        f"`{kind.key}`", "; ".join(notes), ", ".join(map(_write_condition, kind.conditions)),
        ", ".join(points) or "none", rule, f"{kind.half_life_days:g}{' ~' if kind.follows_rhythm else ''}",
    )  # fmt: skip


def _write_condition(condition: Condition) -> str:
    if condition.comparison in {"present", "absent"}:
        return f"{condition.field} is {condition.comparison}"
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    shown = " or ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in values)
    word = "is" if condition.comparison == "in" else condition.comparison.replace("_", " ")
    return f"{condition.field} {word} {shown}"


def _write_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _flatten(text: str | None) -> str:
    return " ".join((text or "").split())


def _join(parts: Sequence[str]) -> str:
    return "\n\n".join([parts[0], _NOTE, *parts[1:]]) + "\n"


PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": write_commands,
    "operations.md": write_operations,
    "settings.md": write_settings,
    "errors.md": write_errors,
    "tables.md": write_tables,
    "points.md": write_points,
}


def write_pages() -> dict[str, str]:
    """All pages by name, as the code says."""
    return {name: write() for name, write in PAGES.items()}


def find_stale_pages(pages: Mapping[str, str], folder: Path = FOLDER) -> list[str]:
    """The pages of a folder that differ from what the code says, or are missing."""
    return [
        name for name, text in pages.items()
        if not (folder / name).exists() or (folder / name).read_text(encoding="utf-8") != text
    ]  # fmt: skip


def main() -> int:
    """Write the pages, or with --check compare them."""
    pages = write_pages()
    stale = find_stale_pages(pages)
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"docs/reference/{name} differs from the code. Run: python scripts/write_reference.py")
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(pages[name], encoding="utf-8")
        print(f"docs/reference/{name} written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
