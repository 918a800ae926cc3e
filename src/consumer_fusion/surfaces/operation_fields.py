"""Reading and writing the parameters and results of operations, for every surface."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping, Sequence
from string import Formatter
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from consumer_fusion.errors import InputError
from consumer_fusion.i18n import number_format
from consumer_fusion.i18n.messages import Message, translate_message
from consumer_fusion.i18n.translation import _, read_language
from consumer_fusion.records.schema import DAY_SCHEMA, MOMENT_SCHEMA, MOST_FILE_BYTES, TextFile
from consumer_fusion.records.timestamps import write_iso_day, write_moment

ModelT = TypeVar("ModelT", bound=BaseModel)


def read_parameters(model: type[ModelT], values: Mapping[str, object]) -> ModelT:
    """Validate the given values as parameters.

    Raises:
        InputError: A value is missing or invalid.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        field = model.model_fields.get(name)
        label = _(field.title) if field is not None and field.title else name
        if first["type"] == "missing":
            raise InputError(_("“{name}” is missing.", name=label), hint=_("Fill it in.")) from None
        raise InputError(
            _("“{name}” cannot be read: {reason}.", name=label, reason=first["msg"]),
            hint=_(field.description or "") if field is not None else "",
            where=name,
        ) from None


def list_fields(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """The fields of a result shown in tables."""
    return [
        (name, field) for name, field in model.model_fields.items() if read_extra(field).get("is_shown", True)
    ]


def find_row_model(field: FieldInfo) -> type[BaseModel] | None:
    """The row model of a field that is a list of rows; None for other fields."""
    for part in typing.get_args(field.annotation):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


def count_rows(result: BaseModel | Sequence[BaseModel]) -> int:
    """Number of rows of a result; a result without lists counts as one row."""
    if not isinstance(result, BaseModel):
        return len(result)
    lists = [name for name, field in type(result).model_fields.items() if find_row_model(field) is not None]
    return sum(len(getattr(result, name)) for name in lists) if lists else 1


def read_extra(field: FieldInfo) -> Mapping[str, Any]:
    """Metadata given to `describe` besides title and description."""
    extra = field.json_schema_extra
    return extra if isinstance(extra, dict) else {}


def is_moment(field: FieldInfo) -> bool:
    """Whether a field holds a timestamp."""
    return MOMENT_SCHEMA in _list_metadata(field)


def is_day(field: FieldInfo) -> bool:
    """Whether a field holds a day."""
    return DAY_SCHEMA in _list_metadata(field)


def is_file(field: FieldInfo) -> bool:
    """Whether a field takes a file."""
    return TextFile in (field.annotation, *typing.get_args(field.annotation))


def _list_metadata(field: FieldInfo) -> list[object]:
    """Type metadata of a field, including that of a union with None."""
    is_list = typing.get_origin(field.annotation) in (list, tuple, frozenset)
    parts = () if is_list else typing.get_args(field.annotation)
    return [*field.metadata, *(extra for part in parts for extra in getattr(part, "__metadata__", ()))]


def read_text_file(name: str, content: bytes) -> TextFile:
    """A text file given to a command or a form.

    Raises:
        InputError: It is too large or not UTF-8 text.
    """
    if len(content) > MOST_FILE_BYTES:
        raise InputError(
            _("The file {name} is too large.", name=name),
            hint=_("A file may have {megabytes} MB; divide it.", megabytes=MOST_FILE_BYTES // 1_000_000),
        )
    try:
        return TextFile(name=name, text=content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InputError(
            _("The file {name} is not text in UTF-8.", name=name), hint=_("Save it as UTF-8.")
        ) from None


_FORMS: Mapping[str, Callable[[float], str]] = {
    "share": lambda value: read_language().write_share(value),
    "change": number_format.write_relative,
    "measure": lambda value: read_language().write_number(value, 3),
    "points": lambda value: number_format.write_signed(value, 2),
    "p_value": lambda value: (
        f"{'<' if value < 0.001 else ''}{read_language().write_number(max(value, 0.001), 3)}"
    ),
}


def write_value(
    field: FieldInfo,
    value: object,
    row: BaseModel | None = None,
    *,
    write_time: Callable[[int], str] = write_moment,
    write_day: Callable[[int], str] = write_iso_day,
) -> str:
    """A value as readable text.

    Args:
        field: Declaration of the field.
        value: The value.
        row: Row of the value; the label of the value may refer to its other fields.
        write_time: Formatter of timestamps; by default that of the terminal.
        write_day: Formatter of days; by default that of the terminal.
    """
    extra = read_extra(field)
    words, absent = extra.get("words", {}), extra.get("absent", "")
    if value is None:
        return _(absent) if absent else ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, (list, tuple, set, frozenset)):
        if value and all(isinstance(each, Message) for each in value):
            return " ".join(map(translate_message, value))
        return ", ".join(_(words[each]) if each in words else str(each) for each in value)
    if isinstance(value, int) and is_moment(field):
        return write_time(value)
    if isinstance(value, int) and is_day(field):
        return write_day(value)
    if isinstance(value, float):
        return _FORMS.get(extra.get("form", ""), "{:g}".format)(value)
    if not isinstance(value, str) or value not in words:
        return str(value)
    named = [name for _unused, name, _unused, _unused in Formatter().parse(words[value]) if name]
    fields = {} if row is None else type(row).model_fields
    return _(
        words[value],
        **{
            name: write_value(fields[name], getattr(row, name), write_time=write_time, write_day=write_day)
            for name in named
        },
    )
