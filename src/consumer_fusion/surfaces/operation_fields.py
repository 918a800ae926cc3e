"""Parameters and results of operations, as every surface reads and writes them."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from consumer_fusion.errors import InputError
from consumer_fusion.i18n.translation import say, say_written
from consumer_fusion.operations import MOMENT_SCHEMA
from consumer_fusion.records.timestamps import write_moment

ModelT = TypeVar("ModelT", bound=BaseModel)


def read_parameters(model: type[ModelT], values: Mapping[str, object]) -> ModelT:
    """Parameters from what was given.

    Raises:
        InputError: Something is missing or not of its type.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        field = model.model_fields.get(name)
        label = say(field.title) if field is not None and field.title else name
        if first["type"] == "missing":
            raise InputError(say("“{name}” is missing.", name=label), hint=say("Fill it in.")) from None
        raise InputError(
            say("“{name}” cannot be read: {reason}.", name=label, reason=first["msg"]),
            hint=say(field.description or "") if field is not None else "",
            where=name,
        ) from None


def list_fields(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """The fields of a result that tables show."""
    return [
        (name, field) for name, field in model.model_fields.items() if read_extra(field).get("is_shown", True)
    ]


def read_extra(field: FieldInfo) -> Mapping[str, Any]:
    """What `describe` was told of a field besides its title and meaning."""
    extra = field.json_schema_extra
    return extra if isinstance(extra, dict) else {}


def is_moment(field: FieldInfo) -> bool:
    """Whether a field holds a moment."""
    nested = [
        extra for part in typing.get_args(field.annotation) for extra in getattr(part, "__metadata__", ())
    ]
    return MOMENT_SCHEMA in (*field.metadata, *nested)


def write_value(field: FieldInfo, value: object) -> str:
    """A value as people read it in a terminal; empty where there is none."""
    if value is None:
        return ""
    words = read_extra(field).get("words", {})
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    if isinstance(value, (list, tuple, set, frozenset)):
        return ", ".join(say_written(words.get(each, str(each))) for each in value)
    if isinstance(value, int) and is_moment(field):
        return write_moment(value)
    if isinstance(value, float):
        return f"{value:g}"
    return say_written(words.get(value, str(value)))
