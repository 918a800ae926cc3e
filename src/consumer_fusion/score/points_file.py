"""The workspace's points file, rewritten with comments, order and spacing preserved."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, MutableMapping
from typing import Any

import tomlkit
from tomlkit.items import InlineTable

Own = dict[str, Any]
"""Content of the points file, as parsed from TOML."""


def write_into(text: str, own: Own) -> str:
    """The text of the file with new content; unchanged parts keep their text.

    Args:
        text: Present text of the file.
        own: New content.
    """
    document = tomlkit.parse(text)
    _bring_up_to_date(document, own)
    written = tomlkit.dumps(document)
    if not _says(written, own):
        # Some TOML cannot be edited in place: losing the comments is better than a wrong file.
        written = tomlkit.dumps(_plain(own))
    return written


def _says(text: str, own: Own) -> bool:
    try:
        return tomllib.loads(text) == own
    except tomllib.TOMLDecodeError:
        return False


def _bring_up_to_date(present: MutableMapping[str, Any], wanted: Mapping[str, Any]) -> None:
    for name in [name for name in present if name not in wanted]:
        del present[name]
    for name, value in wanted.items():
        known = present.get(name)
        if isinstance(known, MutableMapping) and isinstance(value, Mapping):
            _bring_up_to_date(known, value)
        elif name not in present or known != value:
            present[name] = _plain(value, is_inline=name == "points" or isinstance(present, InlineTable))


def _plain(value: Any, *, is_inline: bool = False) -> Any:
    """A value for TOML: whole numbers without a decimal point, the points of a kind in one line."""
    if isinstance(value, Mapping):
        made: Any = tomlkit.inline_table() if is_inline else tomlkit.table()
        for name, part in value.items():
            made[name] = _plain(part, is_inline=is_inline or name == "points")
        return made
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
