"""Operations: what a capability lets people and programs do, declared once; every surface is made from it.

A capability is a folder with a module `operations.py` that declares `OPERATIONS`. From each entry come a command with
`--json`, a route of the API with its OpenAPI schema, a table or form of the console, the permission check, the audit
entry in the transaction of the change, a page of the reference and the texts to translate. Adding a capability edits
no list anywhere.
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
    "Text", "TextFile", "describe", "find_capabilities", "find_jobs", "find_stages", "list_grouped",
    "name_path", "order_stages",
]  # fmt: skip


class NoParameters(Schema):
    """An operation that asks for nothing."""


@dataclass(slots=True)
class Context:
    """What an operation runs with.

    Attributes:
        workspace: The workspace; whoever writes in it calls `note_change`, which writes the audit entry.
        caller: Who runs it.
        site: Where the console is, scheme and host, for links that are sent to people; empty where the surface does
            not know it.
        about: What the audit entry says besides who, what and when; an operation fills it before its transaction ends.
        progress: Told what is being done, how much of it is done, and how much there is (None while unknown).
    """

    workspace: Workspace
    caller: Caller
    site: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    progress: Callable[[str, int, int | None], None] = lambda *told: None

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
        """Say what the audit entry is about: ids and keys, never a secret."""
        told = {"object_id": object_id, "consumer": consumer, "brand": brand}
        self.about.update({name: value for name, value in told.items() if value is not None})
        if detail:
            self.about["detail"] = {**self.about.get("detail", {}), **detail}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Something that may be asked; it changes nothing.

    Attributes:
        name: A group and a verb, "keys list": the command, and the path `/keys` or `/keys/VERB`.
        run: Answers it.
        needs: The permission; checked for the brand where the parameters have a field `brand`.
        result: The model of the result, or of each row of it.
        parameters: The model of the parameters.
        summary: What it does, in a sentence.
        title: The heading of its table.
        empty: What is said where there are no rows.
        is_many: Whether the result is a list of rows.
        arguments: Parameters that stand on the command line without a name.
        look: The action in the audit log of somebody who looks at it; empty where looking leaves no entry.
        is_past: Whether a row is only history, and shown faintly.
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
    look: str = ""
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
    """Something that may be done; it leaves one audit entry, in its transaction.

    Attributes:
        audit: The action in the audit log, a verb and an object.
        done: What is said afterwards, with names of fields of the result in braces.
        button: The label of its button.
        of_row: The field of a table's rows whose value is its first parameter; its button then stands in each row.
        is_offered: Whether a row offers it.
        is_on_page: Whether its form stands above the tables.
        question: What is asked before it is done.
        is_danger: Whether it takes something away.
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
    """Operations under one first word, with the page that shows them.

    Attributes:
        name: The word of the command.
        title: The heading of its page, and its entry in the navigation.
        intro: What its page says first; also the help of the command.
        under: The heading of the navigation that its page stands under; empty where the console has a page of its
            own, or none.
        at: Its path in the API and the console, where that is another word than the command's.
    """

    name: str
    title: str
    intro: str
    under: str = ""
    at: str = ""

    @property
    def path(self) -> str:
        """Its path in the API and the console; forms are sent to this path and the verb."""
        return f"/{self.at or self.name}"


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of an import, in the one transaction of all; declared in `STAGES` of a capability's module `stages`.

    Attributes:
        name: A verb and an object.
        run: Does it, with the landing that is told from stage to stage.
        reads: Tables that it may read.
        writes: Tables that it may write.
        after: The stage that it follows; empty for the first.
        of_rows: Whether it is about the rows that land: it is left out where there are none.
    """

    name: str
    run: Callable[[Any], None]
    reads: tuple[Table, ...] = ()
    writes: tuple[Table, ...] = ()
    after: str = ""
    of_rows: bool = True


@dataclass(frozen=True, slots=True)
class Job:
    """What a server does beside answering, again and again; declared in `JOBS` of a capability's module `jobs`.

    Attributes:
        name: A verb and an object.
        run: Does it.
        every_seconds: The pause between two rounds.
        is_due: Whether there is something to do; None for always.
        is_aside: Whether it computes for long, and so runs in a process of its own.
    """

    name: str
    run: Callable[[Workspace], object]
    every_seconds: float
    is_due: Callable[[Workspace], bool] | None = None
    is_aside: bool = False


@dataclass(frozen=True, slots=True)
class Capability:
    """What one folder declares.

    Attributes:
        name: The folder.
        groups: Its groups of operations.
        operations: Its queries and operations.
    """

    name: str
    groups: Sequence[OperationGroup]
    operations: Sequence[Query]


def find_capabilities() -> Mapping[str, Capability]:
    """The capabilities: folders of the package, at any depth, that have a module `operations`."""
    return {
        folder: Capability(folder, declared.GROUPS, declared.OPERATIONS)
        for folder, declared in _find_modules("operations")
    }


def list_grouped(capabilities: Iterable[Capability]) -> Iterator[tuple[OperationGroup, Query]]:
    """Every query and operation with the group that it is in."""
    for capability in capabilities:
        groups = {group.name: group for group in capability.groups}
        for query in capability.operations:
            yield groups[query.group], query


def name_path(group: OperationGroup, query: Query) -> str:
    """The path of a query or operation in the API: a list has that of its group."""
    return group.path if query.verb == "list" else f"{group.path}/{query.verb.replace(' ', '/')}"


def find_stages() -> tuple[Stage, ...]:
    """The stages of all capabilities, from their modules `stages`, in their order."""
    return order_stages([stage for _, module in _find_modules("stages") for stage in module.STAGES])


def find_jobs() -> tuple[Job, ...]:
    """The jobs of all capabilities, from their modules `jobs`."""
    return tuple(job for _, module in _find_modules("jobs") for job in module.JOBS)


def order_stages(declared: Sequence[Stage]) -> tuple[Stage, ...]:
    """Stages in the order in which they follow each other.

    Raises:
        ValueError: Two have one name, or one follows a stage that does not exist, or itself in a circle.
    """
    stages = {stage.name: stage for stage in sorted(declared, key=lambda stage: stage.name)}
    if len(stages) < len(declared):
        raise ValueError("Two stages have one name.")
    unknown = sorted({stage.after for stage in declared if stage.after} - stages.keys())
    if unknown:
        raise ValueError(f"No stage is called {', '.join(unknown)}.")
    order = TopologicalSorter({name: {stage.after} - {""} for name, stage in stages.items()})
    return tuple(stages[name] for name in order.static_order())


def _find_modules(name: str) -> Iterator[tuple[str, Any]]:
    """The modules of a name in the folders of the package, with the folder."""
    for root in map(Path, sys.modules[__package__].__path__):
        for file in sorted(root.rglob(f"{name}.py")):
            *folders, module = file.relative_to(root).with_suffix("").parts
            if folders:
                yield (
                    "/".join(folders),
                    importlib.import_module(".".join(("consumer_fusion", *folders, module))),
                )
