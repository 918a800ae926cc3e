"""Schemas: models of parameters and results, whose fields carry their label and meaning."""

from __future__ import annotations

from datetime import UTC, datetime
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
    FIRST_YEAR,
    LAST_YEAR,
    parse_moment,
    to_day,
    to_microseconds,
    write_iso_day,
    write_moment,
)


class Schema(BaseModel):
    """Parameters or a result: exactly the declared fields, each with its meaning."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def describe(title: str, meaning: str, default: Any = ..., **extra: Any) -> Any:
    """Declare a field of parameters or of a result.

    Args:
        title: Its label on pages and over columns, marked for translation.
        meaning: One sentence for the reference, the help of a command and the hint of a form.
        default: Default value; the field is required without one.
        extra: `words`, a label for each of its values, which may name other fields of the row in braces; `hints`,
            a meaning for each of its values; `absent`, the text for a missing value; `option`, its name on
            the command line; `null_option`, the flag for null there; `is_secret`, shown once when created,
            or read from a file on the command line; `is_shown`, false for fields left out of tables and forms; `is_id`,
            for such a field that a command takes, so that a terminal's table shows it;
            `is_long`, for a text that may be cut in a terminal's table; `consumer_page`, the page of the console
            about the consumer with this key; `is_remark`, for texts that a command
            prints after its sentence; `form`, the format of a number: "share", "change" (a signed
            share), "points", "measure" (three decimals) or "p_value".
    """
    return Field(default, title=title, description=meaning, json_schema_extra=extra or None)


FIRST_US, LAST_US = (
    to_microseconds(datetime(year, 1, 1, tzinfo=UTC)) for year in (FIRST_YEAR, LAST_YEAR + 1)
)


def _read_moment(value: object) -> object:
    if isinstance(value, str):
        return to_microseconds(parse_moment(value))
    if isinstance(value, int) and not FIRST_US <= value < LAST_US:
        raise InputError(
            "A time is out of range.", hint="Write it as ISO 8601, such as 2026-06-05T20:00:00Z."
        )
    return value


MOMENT_SCHEMA = WithJsonSchema({"type": "string", "format": "date-time"})
Moment = Annotated[
    int,
    BeforeValidator(_read_moment),
    PlainSerializer(write_moment, return_type=str, when_used="json"),
    MOMENT_SCHEMA,
]
"""A point in time: ISO 8601 in JSON and on the command line, microseconds since 1970 in Python."""


def _read_day(value: object) -> object:
    if isinstance(value, str):
        return to_day(to_microseconds(parse_moment(value)))
    if isinstance(value, int) and not to_day(FIRST_US) <= value < to_day(LAST_US):
        raise InputError("A day is out of range.", hint="Write it as ISO 8601, such as 2026-06-05.")
    return value


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


LARGEST_INTEGER = 2**53 - 1
"""The largest that every JSON reader keeps exactly (RFC 8259, section 6)."""
MOST_CHARACTERS = 1_000
Text = Annotated[str, Field(max_length=MOST_CHARACTERS), AfterValidator(_strip)]
"""A text that is not blank: a name, a title, a reason."""

MOST_FILE_BYTES = 40_000_000
"""Maximum size; larger sets of events are imported another way."""


class TextFile(Schema):
    """A file as content: a command reads it, a form uploads it, a program passes its text; never a path."""

    name: str = Field(max_length=512, description="Name of the file; the ending determines its format.")
    text: str = Field(max_length=MOST_FILE_BYTES, description="Content of the file, in UTF-8.")

    @property
    def ending(self) -> str:
        """The ending of its name, in lower case, with its dot."""
        return PurePath(self.name).suffix.lower()
