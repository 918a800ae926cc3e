"""Messages: texts with values, English as a string and translated where they are shown.

An error is raised, and a reason is stored, before the language of the reader is known. A message therefore keeps its
template, which is the key of its translation, and its values apart from each other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from consumer_fusion.i18n.translation import read_language


class Message(str):
    """A text with values; as a string it is English.

    Args:
        template: English text with `{names}` for values; the key of its translation.
        values: Numbers, names and keys, which are inserted unchanged, and messages, which are translated too.
    """

    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, /, **values: object) -> Message:
        """Format the English text."""
        made = super().__new__(cls, template.format(**values) if values else template)
        made.template = template
        made.values = values
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """Template and values cross to other processes."""
        return _rebuild, (self.template, dict(self.values))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Any:
        """A field of a result: a text in the current language, or with the context `STORED` its stored form."""
        from pydantic_core import core_schema

        def serialise(message: Message, info: Any) -> object:
            return _to_plain(message) if info.context == STORED else translate_message(message)

        return core_schema.no_info_plain_validator_function(
            _from_plain,
            json_schema_input_schema=core_schema.str_schema(),
            serialization=core_schema.plain_serializer_function_ser_schema(
                serialise, info_arg=True, return_schema=core_schema.any_schema()
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: object, handler: object) -> dict[str, Any]:
        """A text, for programs."""
        return {"type": "string"}


STORED = {"messages": "stored"}
"""The serialisation context with which messages keep template and values apart."""
_MARK = '{"text": '
"""The beginning of every stored message with values."""


def as_message(text: object) -> Message:
    """A text of the catalogue as a message, so that it is translated as a value of another one."""
    return text if isinstance(text, Message) else Message(str(text))


def join_messages(separator: str, messages: Iterable[str]) -> Message:
    """Several messages as one, each of which is translated by itself."""
    parts = {f"part_{number}": as_message(each) for number, each in enumerate(messages)}
    return Message(separator.join(f"{{{name}}}" for name in parts), **parts)


def write_message(text: str) -> str:
    """A message as a JSON object, as `parse_message` reads it."""
    return json.dumps(_to_plain(as_message(text)), ensure_ascii=False)


def store_message(text: str) -> str:
    """The stored form of a message, as `parse_message` reads it; a text without values, such as of staff, is itself.

    Unless it looks like a stored message: what staff wrote is never a template.
    """
    has_values = isinstance(text, Message) and bool(text.values)
    return write_message(text) if has_values or text.startswith(_MARK) else str(text)


def parse_message(text: str) -> Message:
    """The message of a stored form."""
    if text.startswith(_MARK):
        with suppress(ValueError):
            return _from_plain(json.loads(text))
    return Message(text)


def translate_message(text: str) -> str:
    """A message, or a text of the catalogue, in the current language."""
    if not isinstance(text, Message):
        return read_language().translate(text)
    template = read_language().translate(text.template)
    if not text.values:
        return template
    values = {
        name: translate_message(value) if isinstance(value, Message) else value
        for name, value in text.values.items()
    }
    return template.format(**values)


def _rebuild(template: str, values: Mapping[str, object]) -> Message:
    return Message(template, **values)


def _to_plain(value: object) -> object:
    if not isinstance(value, Message):
        return value
    if not value.values:
        return {"text": value.template}
    return {"text": value.template, "values": {name: _to_plain(each) for name, each in value.values.items()}}


def _from_plain(raw: object) -> Message:
    if not isinstance(raw, dict):
        return as_message(raw)
    values = {
        name: _from_plain(each) if isinstance(each, dict) else each
        for name, each in raw.get("values", {}).items()
    }
    return Message(str(raw["text"]), **values)
