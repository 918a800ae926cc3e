"""Schemas: the models of parameters and results, whose fields carry their label and meaning."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from consumer_fusion.errors import InputError
from consumer_fusion.records.timestamps import parse_moment, to_microseconds, write_moment


class Schema(BaseModel):
    """Parameters or a result: exactly the fields that are declared, each with its meaning."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def describe(title: str, meaning: str, default: Any = ..., **extra: Any) -> Any:
    """Declare a field of parameters or of a result.

    Args:
        title: Its label on pages and over columns, marked for translation.
        meaning: One sentence for the reference, the help of a command and the hint of a form.
        default: Its value where none is given; required without one.
        extra: `words`, a label for each of its values, which may name other fields of the row in braces; `hints`,
            a meaning for each of its values; `absent`, what is shown where there is none; `option`, its name on
            the command line; `null_option`, the flag there that stands for null; `is_secret`, shown once when made,
            or read from a file on the command line; `is_shown`, false for what tables and forms leave out;
            `is_long`, for a text that may be cut in a terminal's table; `consumer_page`, the page of the console
            about the consumer whose key it is.
    """
    return Field(default, title=title, description=meaning, json_schema_extra=extra or None)


def _read_moment(value: object) -> object:
    return to_microseconds(parse_moment(value)) if isinstance(value, str) else value


MOMENT_SCHEMA = WithJsonSchema({"type": "string", "format": "date-time"})
Moment = Annotated[
    int,
    BeforeValidator(_read_moment),
    PlainSerializer(write_moment, return_type=str, when_used="json"),
    MOMENT_SCHEMA,
]
"""A moment: ISO 8601 in JSON and on the command line, microseconds since 1970 in Python."""


def _strip(value: str) -> str:
    if not value.strip():
        raise InputError("A required text is empty.", hint="Write something, or leave the field out.")
    return value.strip()


Text = Annotated[str, AfterValidator(_strip)]
"""A text that says something."""
