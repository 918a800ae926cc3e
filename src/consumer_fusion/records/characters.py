"""Characters that no name may hold: those that XML or a terminal cannot bear, or that turn the words around them.

They are control characters, halves of a character, code points that Unicode says are none, and what overrides the
direction of writing. Marks of direction and joiners, which languages need, are none of them.
"""

from __future__ import annotations

import re

from consumer_fusion.errors import InputError

_LINE_CHARACTERS = "\t\n\r"
_RANGES = (
    (0x00, 0x1F), (0x7F, 0x9F), (0x202A, 0x202E), (0x2066, 0x2069), (0xD800, 0xDFFF), (0xFDD0, 0xFDEF),
    *((plane + 0xFFFE, plane + 0xFFFF) for plane in range(0, 0x110000, 0x10000)),
)  # fmt: skip
_UNSAFE = re.compile("[" + "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in _RANGES) + "]")

UNSAFE_PATTERN = "[" + "".join(
    f"\\x{{{first:x}}}-\\x{{{last:x}}}" for first, last in _RANGES if first != 0xD800
) + "]"  # fmt: skip
"""The same for the query engine, whose texts never hold half a character."""


def find_unsafe(text: str) -> str | None:
    """The first character of a text that no name may hold, as `U+0001`; None where there is none."""
    found = _UNSAFE.search(text)
    return None if found is None else f"U+{ord(found.group()):04X}"


def replace_unsafe(text: str) -> str:
    """The text with U+FFFD in place of each such character, but for the ends of lines and tabs."""
    return _UNSAFE.sub(_replace_character, text)


def check_name(what: str, name: str) -> str:
    """The name as it came, if every place that shows it can bear its characters.

    Args:
        what: What it names, as the beginning of a sentence: "The brand".
        name: The name.

    Raises:
        InputError: It holds a character that no name may hold.
    """
    found = find_unsafe(name)
    if found is not None:
        raise InputError(
            f"{what} holds the character {found}, which no name may hold.",
            hint="Write the name without control characters.",
        )
    return name


def _replace_character(found: re.Match[str]) -> str:
    return found.group() if found.group() in _LINE_CHARACTERS else "\ufffd"
