"""Translation of formatted English texts, by pattern: errors and stored reasons, written before the reader is known.

An error is raised, and a reason is stored, in English and with its values: "There is no association in
force with the id 7." Its pattern, "There is no association in force with the id {association_id}.", is in the
catalogue of each language. `scripts/translate.py` finds the patterns in the code, so that none is missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_TOLD_TOO = frozenset({
    "kind", "kind_key", "meaning", "seen", "how", "onlookers", "identifier_type", "type", "entity_type", "contested",
    "message", "listed", "task", "role",
})  # fmt: skip
"""Values that are translatable texts themselves; others are names, keys and numbers, and stay as they are."""


@dataclass(frozen=True, slots=True)
class MessagePattern:
    """A text with placeholders.

    Attributes:
        pattern: Regular expression for the text and its values.
        translation: Text in another language, with the same placeholders.
        weight: Length of the fixed part; of several matching patterns, the longest is used.
    """

    pattern: re.Pattern[str]
    translation: str
    weight: int


class WrittenTexts:
    """The texts of one language that are recognised by pattern.

    Args:
        translations: English texts with placeholders, and their translations.
        translate: Translates a text without values; returns the text itself where it is unknown.
    """

    def __init__(self, translations: Iterable[tuple[str, str]], translate: Callable[[str], str]) -> None:
        forms = [_make_form(text, translation) for text, translation in translations]
        self._forms = sorted(filter(None, forms), key=lambda form: -form.weight)
        self._translate = translate

    def translate(self, text: str) -> str:
        """A text of one or several lines in this language; an unknown line stays as it is."""
        return "\n".join(self._translate_line(line) for line in text.split("\n"))

    def _translate_line(self, line: str) -> str:
        bullet = "- " if line.startswith("- ") else ""
        bare = line.removeprefix(bullet)
        known = self._translate(bare)
        if known != bare or not bare:
            return bullet + known
        for form in self._forms:
            found = form.pattern.fullmatch(bare)
            if found is not None:
                return bullet + self._fill(form.translation, found.groupdict())
        if bare.endswith("."):
            inner = self._translate_line(bare[:-1])
            return f"{bullet}{inner}." if inner != bare[:-1] else line
        return line

    def _fill(self, translation: str, values: dict[str, str]) -> str:
        def say_value(place: re.Match[str]) -> str:
            name = place.group(1)
            value = values.get(name, place.group(0))
            if name == "listed":
                return ", ".join(self._translate_line(part) for part in value.split(", "))
            return self._translate_line(value) if name in _TOLD_TOO else value

        return _PLACEHOLDER.sub(say_value, translation)


def _make_form(text: str, translation: str) -> MessagePattern | None:
    parts = _PLACEHOLDER.split(text)
    weight = sum(map(len, parts[::2]))
    if len(parts) == 1 or weight < 4 or not translation:
        return None
    pattern, seen = "", set[str]()
    for place, part in enumerate(parts):
        if place % 2 == 0:
            pattern += re.escape(part)
        elif part in seen:
            pattern += f"(?P={part})"
        else:
            seen.add(part)
            pattern += f"(?P<{part}>.+?)"
    return MessagePattern(re.compile(pattern), translation, weight)
