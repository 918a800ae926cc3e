"""Operations: the functions of a capability, declared once; every surface is generated from the declaration.

A capability is a folder with a module `operations.py` that declares `OPERATIONS`. Each entry becomes a command with
`--json`, a route of the API with its OpenAPI schema, a table or form of the console, a permission check, an audit
entry in the transaction of the change, a page of the reference and texts to translate. No central list is edited to
add a capability. Texts that pages show are wrapped in `N_`, to be translated; those of commands and of the reference
alone are not.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from consumer_fusion.records.access import Caller, Permission
from consumer_fusion.records.schema import MOMENT_SCHEMA, Day, Moment, Schema, Text, TextFile, describe
from consumer_fusion.records.table import Table
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace

__all__ = [
    "MOMENT_SCHEMA", "Capability", "Context", "Day", "Job", "Moment", "NoParameters", "Operation", "OperationGroup",
    "Query", "Schema", "Stage",
    "Text", "TextFile", "describe", "find_capabilities", "find_capability", "find_jobs", "find_stages", "list_grouped",
    "name_path", "order_stages",
]  # fmt: skip


class NoParameters(Schema):
    """Parameters of an operation that takes none."""


@dataclass(slots=True)
class Context:
    """The context in which an operation runs.

    Attributes:
        workspace: Workspace; operations that write call `note_change`, which writes the audit entry.
        caller: Caller of the operation.
        site: Origin of the console (scheme and host), for links that are sent to people; empty where the surface does
        not know it.
        about: Contents of the audit entry besides actor, action and time; set by the operation before the commit.
        progress: Callback for progress: step, amount done, total amount (None while unknown).
    """

    workspace: Workspace
    caller: Caller
    site: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    progress: Callable[[str, int, int | None], None] = lambda *_: None

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A reading session of the store."""
        with self.workspace.store.reading() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction; the audit entry is written at its end, so that both are durable or neither is."""
        with self.workspace.store.writing() as session:
            yield session
            self.workspace.note_change(session)

    def describe(
        self,
        *,
        object_id: str | None = None,
        consumer: str | None = None,
        brand: str | None = None,
        **detail: object,
    ) -> None:
        """Set the subject of the audit entry: ids and keys, never a secret."""
        given = {"object_id": object_id, "consumer": consumer, "brand": brand}
        self.about.update({name: value for name, value in given.items() if value is not None})
        if detail:
            self.about["detail"] = {**self.about.get("detail", {}), **detail}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query; it changes nothing.

    Attributes:
        name: Group and verb, such as "keys list": the command, and the path `/keys` or `/keys/VERB`.
        run: Function that runs it.
        needs: Permission needed; checked for the brand if the parameters have a field `brand`.
        result: Model of the result, or of each row of it.
        parameters: Model of the parameters.
        summary: Description, one sentence.
        title: Heading of its table.
        empty: Text shown when there are no rows.
        is_many: Whether the result is a list of rows.
        arguments: Positional parameters on the command line.
        audit: Audited action of viewing the result, a verb and an object; empty where viewing is not audited.
        is_past: Whether a row is only history, and shown greyed out.
    """

    name: str
    run: Callable[[Context, Any], Any]
    needs: Permission
    result: type[BaseModel]
    parameters: type[BaseModel] = NoParameters
    summary: str
    title: str = ""
    empty: str = ""
    is_many: bool = False
    arguments: tuple[str, ...] = ()
    audit: str = ""
    is_past: Callable[[Any], bool] = lambda row: False

    @property
    def group(self) -> str:
        """The first word of the name."""
        return self.name.partition(" ")[0]

    @property
    def verb(self) -> str:
        """The rest of the name."""
        return self.name.partition(" ")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Query):
    """An operation that changes something, with one audit entry in its transaction.

    Attributes:
        audit: Audited action of the change.
        done: Message after success, with fields of the result in braces.
        button: Label of its button.
        of_row: Field of the table's rows whose value is its first parameter; each row then has its button.
        is_offered: Whether a row has the button.
        is_on_page: Whether its form is shown above the tables.
        question: Confirmation question; empty for none.
        is_danger: Whether it is destructive.
    """

    audit: str
    done: str
    button: str
    of_row: str = ""
    is_offered: Callable[[Any], bool] = lambda row: True
    is_on_page: bool = True
    question: str = ""
    is_danger: bool = False


@dataclass(frozen=True, slots=True)
class OperationGroup:
    """The operations whose names begin with the same word, and their page.

    Attributes:
        name: First word of the command.
        title: Heading of its page, and its label in the navigation.
        intro: Introduction of its page; also the help of the command.
        under: Heading in the navigation under which its generated page is listed; empty where the console has a
            handwritten page, or none.
        at: Path in the API and the console, where it differs from the name; without the slash.
    """

    name: str
    title: str
    intro: str
    under: str = ""
    at: str = ""

    @property
    def path(self) -> str:
        """Path in the API and the console; forms are submitted to this path plus the verb."""
        return f"/{self.at or self.name}"


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of an import, within its single transaction; declared in `STAGES` of a capability's module `stages`.

    Attributes:
        name: A verb and an object.
        run: Function that runs it, given the landing that is passed from stage to stage.
        reads: Tables that it may read.
        writes: Tables that it may write.
        after: Stage that it follows; empty for the first.
        of_rows: Whether it processes the landing rows; it is skipped where there are none.
    """

    name: str
    run: Callable[[Any], None]
    reads: tuple[Table, ...] = ()
    writes: tuple[Table, ...] = ()
    after: str = ""
    of_rows: bool = True


@dataclass(frozen=True, slots=True)
class Job:
    """A periodic background job of the server; declared in `JOBS` of a capability's module `jobs`.

    Attributes:
        name: A verb and an object.
        run: Function that runs it.
        every_seconds: Pause between two runs.
        is_due: Function that returns whether there is work; None for always.
        is_in_worker: Whether it runs in a worker process, because it computes for long.
    """

    name: str
    run: Callable[[Workspace], object]
    every_seconds: float
    is_due: Callable[[Workspace], bool] | None = None
    is_in_worker: bool = False


@dataclass(frozen=True, slots=True)
class Capability:
    """The declarations of one folder.

    Attributes:
        name: Folder.
        groups: Groups of operations.
        operations: Queries and operations.
    """

    name: str
    groups: Sequence[OperationGroup]
    operations: Sequence[Query]


def find_capabilities() -> Mapping[str, Capability]:
    """The capabilities: folders of the package, at any depth, that have a module `operations`."""
    return {folder: find_capability(folder) for folder in _find_folders("operations")}


def find_capability(folder: str) -> Capability:
    """The capability of a folder, which is given without the package: `causal/effects`."""
    declared = _import_module(folder, "operations")
    return Capability(folder, declared.GROUPS, declared.OPERATIONS)


def list_grouped(capabilities: Iterable[Capability]) -> Iterator[tuple[OperationGroup, Query]]:
    """All queries and operations with their group."""
    for capability in capabilities:
        groups = {group.name: group for group in capability.groups}
        for query in capability.operations:
            yield groups[query.group], query


def name_path(group: OperationGroup, query: Query) -> str:
    """The API path of a query or operation; a list has that of its group."""
    return group.path if query.verb == "list" else f"{group.path}/{query.verb.replace(' ', '/')}"


def find_stages() -> tuple[Stage, ...]:
    """The stages of all capabilities, from their modules `stages`, in order."""
    return order_stages([stage for module in _find_modules("stages") for stage in module.STAGES])


def find_jobs() -> tuple[Job, ...]:
    """The jobs of all capabilities, from their modules `jobs`."""
    return tuple(job for module in _find_modules("jobs") for job in module.JOBS)


def order_stages(declared: Sequence[Stage]) -> tuple[Stage, ...]:
    """Stages in the order given by `after`.

    Raises:
        ValueError: Names are not unique, or a stage follows an unknown stage, or itself in a circle.
    """
    stages = {stage.name: stage for stage in sorted(declared, key=lambda stage: stage.name)}
    if len(stages) < len(declared):
        raise ValueError("Two stages have one name.")
    unknown = sorted({stage.after for stage in declared if stage.after} - stages.keys())
    if unknown:
        raise ValueError(f"No stage is called {', '.join(unknown)}.")
    order = TopologicalSorter({name: {stage.after} - {""} for name, stage in stages.items()})
    return tuple(stages[name] for name in order.static_order())


def _find_modules(name: str) -> Iterator[Any]:
    """The modules with a name in the folders of the package."""
    return (_import_module(folder, name) for folder in _find_folders(name))


def _find_folders(name: str) -> Iterator[str]:
    """The folders of the package, at any depth, that have a module with a name."""
    for root in map(Path, sys.modules[__package__].__path__):
        for file in sorted(root.rglob(f"{name}.py")):
            if file.parent != root:
                yield file.parent.relative_to(root).as_posix()


def _import_module(folder: str, name: str) -> Any:
    return importlib.import_module(".".join(("consumer_fusion", *folder.split("/"), name)))
