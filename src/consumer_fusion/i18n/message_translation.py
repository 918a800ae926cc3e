"""Texts that were written before it was known who reads them, known again by their form: errors, reasons on record.

An error is raised, and a reason is put on record, in English and with its values in it: "There is no association in
force with the id 7." Its form, "There is no association in force with the id {association_id}.", stands in the
catalogue of each language. `scripts/translate.py` finds the forms in the code, so none is forgotten.
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
"""Values that are texts of ours themselves; others are names, keys and numbers, and stay as they are."""


@dataclass(frozen=True, slots=True)
class MessagePattern:
    """A text with places for values.

    Attributes:
        pattern: Finds the text and its values.
        translation: The text in another language, with the same places.
        weight: How much of it is fixed; of several forms that fit, the one with most is meant.
    """

    pattern: re.Pattern[str]
    translation: str
    weight: int


class WrittenTexts:
    """The texts of one language that are known by their form.

    Args:
        translations: English texts with places for values, and their translations.
        translate: Translates a text without values; the text itself where it is not known.
    """

    def __init__(self, translations: Iterable[tuple[str, str]], translate: Callable[[str], str]) -> None:
        forms = [_make_form(text, translation) for text, translation in translations]
        self._forms = sorted(filter(None, forms), key=lambda form: -form.weight)
        self._translate = translate

    def translate(self, text: str) -> str:
        """A text of one line or several in this language; a line that is not known stays as it is."""
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
            told = self._translate_line(bare[:-1])
            return f"{bullet}{told}." if told != bare[:-1] else line
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
