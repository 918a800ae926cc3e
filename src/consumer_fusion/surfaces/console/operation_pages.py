"""Pages generated from operations: one page for each group, with forms, tables, and buttons in the rows."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from consumer_fusion.access.execution import execute
from consumer_fusion.i18n.translation import _, read_language
from consumer_fusion.operations import Capability, Operation, OperationGroup, Query
from consumer_fusion.records.access import Permission
from consumer_fusion.records.audit import AuditNote
from consumer_fusion.records.timestamps import DAY_MICROSECONDS, from_microseconds
from consumer_fusion.surfaces.console.one_time_secret import show_once
from consumer_fusion.surfaces.console.operation_forms import FormField, make_input, read_values
from consumer_fusion.surfaces.console.pages import Answer, Page, PageRequest, Redirect
from consumer_fusion.surfaces.console.urls import is_own_path, make_path
from consumer_fusion.surfaces.operation_fields import (
    is_day,
    is_moment,
    list_fields,
    read_extra,
    read_parameters,
    write_value,
)

ROWS_SHOWN = 500
"""Maximum number of rows that a table shows; the API and the command return all of them."""
LONGEST_CELL = 1_000
"""Maximum number of characters of a cell; the API and the command return all of them."""


@dataclass(frozen=True, slots=True)
class OperationForm:
    """A form that runs an operation.

    Attributes:
        path: Path that it is submitted to.
        button: Label of its button.
        summary: Description of the operation.
        inputs: Its fields.
        question: Confirmation question before it is submitted; empty for none.
        is_danger: Whether the operation is destructive.
    """

    path: str
    button: str
    summary: str
    inputs: Sequence[FormField]
    question: str
    is_danger: bool

    @property
    def takes_file(self) -> bool:
        """Whether the form uploads a file."""
        return any(each.kind == "file" for each in self.inputs)


@dataclass(frozen=True, slots=True)
class RowButton:
    """A button that runs an operation on a row.

    Attributes:
        path: Path that it is submitted to.
        name: Name of the parameter that identifies the row.
        value: Value of that parameter.
        button: Its label.
        question: Confirmation question before it is submitted; empty for none.
        is_danger: Whether the operation is destructive.
    """

    path: str
    name: str
    value: str
    button: str
    question: str
    is_danger: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    Attributes:
        heading: Heading of its column.
        text: Its text.
        path: Target of its link; empty for none.
        is_number: Whether it is a number.
        is_long: Whether it is a sentence, which may wrap.
    """

    heading: str
    text: str
    is_number: bool = False
    is_long: bool = False
    path: str = ""


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table.

    Attributes:
        cells: Its cells.
        buttons: Its buttons.
        is_past: Whether it is only history.
    """

    cells: Sequence[Cell]
    buttons: Sequence[RowButton]
    is_past: bool


@dataclass(frozen=True, slots=True)
class TableSection:
    """A table of a page: the rows of a query.

    Attributes:
        name: Name of the query, used as an element id.
        title: Its heading; empty for the first table, which the heading of the page covers.
        headings: Column headings.
        rows: Cells and buttons.
        empty: Text shown when there are no rows.
        filters: Filter links: URL, label, whether it is the active one.
        inputs: Search fields.
        path: Path that the search is submitted to.
        note: Number of rows shown out of all; empty where all are shown.
    """

    name: str
    title: str
    headings: Sequence[Cell]
    rows: Sequence[TableRow]
    empty: str
    filters: Sequence[tuple[str, str, bool]]
    inputs: Sequence[FormField]
    path: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class OperationsPage:
    """A page of a group.

    Attributes:
        title: Its heading.
        intro: Introductory text.
        forms: Forms of the operations.
        tables: Tables of the queries.
    """

    title: str
    intro: str
    forms: Sequence[OperationForm]
    tables: Sequence[TableSection]


@dataclass(frozen=True, slots=True)
class GroupPages:
    """The routes of a group.

    Attributes:
        group: The group.
        queries: Its list queries.
        operations: Its operations.
    """

    group: OperationGroup
    queries: Sequence[Query]
    operations: Sequence[Operation]

    @property
    def path(self) -> str:
        """Path of the page."""
        return self.group.path

    @property
    def needs(self) -> Permission:
        """Permission needed to see the page."""
        return self.queries[0].needs

    def show(self, page_request: PageRequest) -> Answer:
        """Render the page: forms above, tables below."""
        tables = [self._show_table(page_request, query) for query in self.queries]
        forms = [
            OperationForm(
                self.name_path(each), _(each.button), _(each.summary), self._list_inputs(page_request, each),
                _(each.question) if each.question else "", each.is_danger,
            )
            for each in self.operations if each.is_on_page and page_request.may(each.needs)
        ]  # fmt: skip
        content = OperationsPage(_(self.group.title), _(self.group.intro), forms, tables)
        look = self.queries[0].audit
        return Page(
            "operations.html", content.title, content, section=self.group.name,
            look=AuditNote(look, self.path, detail={"rows": len(tables[0].rows)}) if look else None,
        )  # fmt: skip

    def carry_out(self, operation: Operation, page_request: PageRequest) -> Answer:
        """Run the operation of a submitted form."""
        parameters = read_parameters(operation.parameters, read_values(page_request, operation.parameters))
        result = execute(
            operation, page_request.workspace, page_request.staff.caller, parameters, site=page_request.site
        )
        sent_from = page_request.read_optional("back")
        back = sent_from if is_own_path(sent_from) else self.path
        fields = operation.result.model_fields
        values = {name: write_text(field, getattr(result, name), result) for name, field in fields.items()}
        secret = next((name for name, field in fields.items() if read_extra(field).get("is_secret")), None)
        if secret is None:
            return Redirect(back, _(operation.done, **values))
        notes = [_(operation.done, **values), _(fields[secret].description or "")]
        return show_once(
            _(fields[secret].title or ""), values[secret], notes, section=self.group.name, back=back
        )

    def name_path(self, query: Query) -> str:
        """Path that the form of an operation is submitted to."""
        return f"{self.path}/{query.verb.replace(' ', '-')}"

    def _show_table(self, page_request: PageRequest, query: Query) -> TableSection:
        asked = {
            name: page_request.asked[name]
            for name in query.parameters.model_fields
            if page_request.asked.get(name)
        }
        rows = execute(
            query, page_request.workspace, page_request.staff.caller, read_parameters(query.parameters, asked)
        )
        headings = [
            Cell(_(each.title or name), "", _is_number(each), _is_long(each))
            for name, each in list_fields(query.result)
        ]
        title = _(query.title) if query is not self.queries[0] else ""
        shown = [
            TableRow(
                _write_cells(page_request, query.result, row),
                self._list_buttons(page_request, row),
                query.is_past(row),
            )
            for row in rows[:ROWS_SHOWN]
        ]
        inputs = [
            replace(make_input(page_request, name, each), value=asked.get(name, ""), is_required=False)
            for name, each in list_fields(query.parameters)
            if not read_extra(each).get("words")
        ]
        return TableSection(
            query.name.replace(" ", "-"), title, headings, shown,
            _("Nothing found.") if any(each.value for each in inputs) else _(query.empty),
            self._list_filters(query, asked), inputs, self.path,
            _("{shown} of {all} rows", shown=len(shown), all=len(rows)) if len(rows) > len(shown) else "",
        )  # fmt: skip

    def _list_buttons(self, page_request: PageRequest, row: BaseModel) -> list[RowButton]:
        return [
            RowButton(
                self.name_path(each), next(iter(each.parameters.model_fields)), str(getattr(row, each.of_row)),
                _(each.button), _(each.question) if each.question else "", each.is_danger,
            )
            for each in self.operations
            if each.of_row in type(row).model_fields and page_request.may(each.needs) and each.is_offered(row)
        ]  # fmt: skip

    def _list_filters(self, query: Query, asked: Mapping[str, str]) -> list[tuple[str, str, bool]]:
        links: list[tuple[str, str, bool]] = []
        for name, each in query.parameters.model_fields.items():
            words = read_extra(each).get("words", {})
            if words:
                others = {other: value for other, value in asked.items() if other != name}
                links.append((make_path(self.path, **others), _("show all"), name not in asked))
                links += [
                    (make_path(self.path, **others, **{name: value}), _(label), asked.get(name) == value)
                    for value, label in words.items()
                ]
        return links

    def _list_inputs(self, page_request: PageRequest, operation: Operation) -> list[FormField]:
        return [
            make_input(page_request, name, each)
            for name, each in operation.parameters.model_fields.items()
            if read_extra(each).get("is_shown", True)
        ]


def find_group_pages(capabilities: Iterable[Capability]) -> list[GroupPages]:
    """The groups of operations. Each has forms; those under a navigation heading also have a generated page."""
    return [
        GroupPages(
            group,
            [each for each in capability.operations if each.group == group.name and each.is_many],
            [
                each
                for each in capability.operations
                if each.group == group.name and isinstance(each, Operation)
            ],
        )
        for capability in capabilities
        for group in capability.groups
    ]


def write_text(declared: FieldInfo, value: object, row: BaseModel) -> str:
    """Text of a value of a row, in the current language."""
    if isinstance(value, float) and "form" not in read_extra(declared):
        return read_language().write_number(value, 0 if value.is_integer() else 1)
    return write_value(declared, value, row, write_time=_write_time, write_day=_write_day)


def _write_time(moment_us: int) -> str:
    return read_language().write_time(from_microseconds(moment_us))


def _write_day(day: int) -> str:
    return read_language().write_day(from_microseconds(day * DAY_MICROSECONDS).date())


def _write_cells(page_request: PageRequest, model: type[BaseModel], row: BaseModel) -> list[Cell]:
    return [_write_cell(page_request, name, each, row) for name, each in list_fields(model)]


def _write_cell(page_request: PageRequest, name: str, declared: FieldInfo, row: BaseModel) -> Cell:
    text, path = write_text(declared, getattr(row, name), row), ""
    page = read_extra(declared).get("consumer_page")
    if page and text:
        path = make_path(page, consumer=text, brand=getattr(row, "brand", None))
        text = page_request.show_key(text)
    if len(text) > LONGEST_CELL:
        text = f"{text[:LONGEST_CELL]}…"
    return Cell(_(declared.title or name), text or "–", _is_number(declared), _is_long(declared), path)


def _is_number(declared: FieldInfo) -> bool:
    return not (is_moment(declared) or is_day(declared)) and bool(
        {int, float} & {declared.annotation, *typing.get_args(declared.annotation)}
    )


def _is_long(declared: FieldInfo) -> bool:
    return typing.get_origin(declared.annotation) in (tuple, list, frozenset) or bool(
        read_extra(declared).get("is_long")
    )
