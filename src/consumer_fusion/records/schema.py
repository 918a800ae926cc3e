"""Schemas: the models of parameters and results, whose fields carry their label and meaning."""

from __future__ import annotations

from pathlib import PurePath
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
from consumer_fusion.records.timestamps import (
    parse_moment,
    to_day,
    to_microseconds,
    write_iso_day,
    write_moment,
)


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
            about the consumer whose key it is; `form`, how people read a number: "share", "change" (a signed
            share), "points" or "p_value".
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


def _read_day(value: object) -> object:
    return to_day(to_microseconds(parse_moment(value))) if isinstance(value, str) else value


DAY_SCHEMA = WithJsonSchema({"type": "string", "format": "date"})
Day = Annotated[
    int,
    BeforeValidator(_read_day),
    PlainSerializer(write_iso_day, return_type=str, when_used="json"),
    DAY_SCHEMA,
]
"""A UTC day: ISO 8601 in JSON and on the command line, days since 1970 in Python."""


def _strip(value: str) -> str:
    if not value.strip():
        raise InputError("A required text is empty.", hint="Write something, or leave the field out.")
    return value.strip()


Text = Annotated[str, AfterValidator(_strip)]
"""A text that says something."""

MOST_FILE_BYTES = 40_000_000
"""A larger file is refused; events, of which there are more, are imported another way."""


class TextFile(Schema):
    """A file that is sent: a command reads it, a form uploads it, a program writes its text; never a path."""

    name: str = Field(max_length=512, description="What it is called; the ending says its format.")
    text: str = Field(max_length=MOST_FILE_BYTES, description="What is in it, in UTF-8.")

    @property
    def ending(self) -> str:
        """The ending of its name, in small letters, with its dot."""
        return PurePath(self.name).suffix.lower()
