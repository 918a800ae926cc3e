"""Characters forbidden in names: those that XML or a terminal cannot display, or that change the text direction.

They are control characters, surrogates, noncharacters of Unicode, and overrides of the
writing direction. Direction marks and joiners, which languages need, are allowed.
"""

from __future__ import annotations

import re

from consumer_fusion.errors import InputError
from consumer_fusion.i18n.messages import Message

_LINE_CHARACTERS = "\t\n\r"
_RANGES = (
    (0x00, 0x1F), (0x7F, 0x9F), (0x202A, 0x202E), (0x2066, 0x2069), (0xD800, 0xDFFF), (0xFDD0, 0xFDEF),
    *((plane + 0xFFFE, plane + 0xFFFF) for plane in range(0, 0x110000, 0x10000)),
)  # fmt: skip
_UNSAFE = re.compile("[" + "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in _RANGES) + "]")

UNSAFE_PATTERN = "[" + "".join(
    f"\\x{{{first:x}}}-\\x{{{last:x}}}" for first, last in _RANGES if first != 0xD800
) + "]"  # fmt: skip
"""The same pattern for the query engine, whose texts never contain surrogates."""


def find_unsafe(text: str) -> str | None:
    """The first forbidden character of a text, as `U+0001`; None where there is none."""
    found = _UNSAFE.search(text)
    return None if found is None else f"U+{ord(found.group()):04X}"


def replace_unsafe(text: str) -> str:
    """The text with U+FFFD in place of each forbidden character, except line breaks and tabs."""
    return _UNSAFE.sub(_replace_character, text)


def check_name(what: str, name: str) -> str:
    """The name unchanged, if all its characters are allowed.

    Args:
        what: Subject of the error message, as the beginning of a sentence: "The brand".
        name: The name.

    Raises:
        InputError: The name contains a forbidden character.
    """
    found = find_unsafe(name)
    if found is not None:
        raise InputError(
            Message(
                "{what} contains the character {found}, which is not allowed in names.",
                what=what,
                found=found,
            ),
            hint="Write the name without control characters.",
        )
    return name


def _replace_character(found: re.Match[str]) -> str:
    return found.group() if found.group() in _LINE_CHARACTERS else "\ufffd"
