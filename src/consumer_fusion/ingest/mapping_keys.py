"""Keys of a mapping, read one by one: all invalid and unknown ones are reported together."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any


class MappingKeys:
    """A table of a mapping whose keys are read; `refuse_rest` reports those that were not."""

    def __init__(self, table: dict[str, Any], path: str, problems: list[str]) -> None:
        self._table = table
        self._path = path
        self._problems = problems
        self._known: list[str] = []

    def __contains__(self, name: str) -> bool:
        self._known.append(name)
        return name in self._table

    def list_names(self) -> list[str]:
        """The names of all keys."""
        return list(self._table)

    def complain(self, name: str, expectation: str) -> None:
        """Add a problem to the list."""
        place = ".".join(part for part in (self._path, name) if part)
        self._problems.append(f"`{place}` {expectation}.")

    def descend(self, name: str, table: dict[str, Any]) -> MappingKeys:
        """The keys of a nested table."""
        return MappingKeys(table, ".".join(part for part in (self._path, name) if part), self._problems)

    def take(self, name: str) -> Any:
        """The value of a key; None where it is missing."""
        self._known.append(name)
        return self._table.get(name)

    def take_text(self, name: str, *, default: str | None = None, is_required: bool = False) -> str | None:
        """A text."""
        given = self.take(name)
        if given is None:
            if is_required:
                self.complain(name, "is missing")
            return default
        if not isinstance(given, str):
            self.complain(name, "is a text")
            return default
        return given

    def take_constant(self, name: str) -> str | None:
        """A text, a number or a boolean, as text in the form of a file."""
        given = self.take(name)
        if given is None:
            return None
        if isinstance(given, str):
            return given
        if isinstance(given, bool):
            return "true" if given else "false"
        if isinstance(given, (int, float)):
            return str(given)
        self.complain(name, "is a text, a number, true or false")
        return None

    def take_choice(self, name: str, choices: Sequence[str]) -> str | None:
        """One of some texts."""
        given = self.take(name)
        if given is None:
            return None
        if isinstance(given, str) and given in choices:
            return given
        self.complain(name, f"is one of {', '.join(choices)}{_suggest(str(given), choices)}")
        return None

    def take_boolean(self, name: str, *, default: bool) -> bool:
        """True or false."""
        given = self.take(name)
        if given is None or isinstance(given, bool):
            return default if given is None else given
        self.complain(name, "is true or false")
        return default

    def take_count(self, name: str) -> int:
        """A non-negative integer."""
        given = self.take(name)
        if given is None:
            return 0
        if isinstance(given, bool) or not isinstance(given, int) or given < 0:
            self.complain(name, "is a whole number from 0")
            return 0
        return given

    def take_texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        given = self.take(name)
        if given is None:
            return ()
        if isinstance(given, str):
            return (given,)
        if not isinstance(given, list) or not given or not all(isinstance(each, str) for each in given):
            self.complain(name, "is a list of texts")
            return ()
        return tuple(given)

    def take_texts_by_key(self, name: str, *, is_required: bool = False) -> dict[str, str]:
        """A table of texts."""
        given = self.take(name)
        if given is None:
            if is_required:
                self.complain(name, "is missing")
            return {}
        if (
            not isinstance(given, dict)
            or not given
            or not all(isinstance(each, str) for each in given.values())
        ):
            self.complain(name, "is a table of texts")
            return {}
        return dict(given)

    def take_table(self, name: str) -> MappingKeys:
        """A table; an empty one where it is missing."""
        given = self.take(name)
        if given is not None and not isinstance(given, dict):
            self.complain(name, f"is a table, written [{name}]")
        return self.descend(name, given if isinstance(given, dict) else {})

    def take_tables(self, name: str) -> list[MappingKeys]:
        """A list of tables."""
        given = self.take(name)
        if given is None:
            return []
        if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
            path = ".".join(part for part in (self._path, name) if part)
            self.complain(name, f"is a list of tables, each written [[{path}]]")
            return []
        return [self.descend(f"{name}[{number}]", each) for number, each in enumerate(given, start=1)]

    def refuse_rest(self) -> None:
        """Report keys that were never read, with the most similar known one."""
        for name in self._table:
            if name not in self._known:
                self.complain(name, f"is unknown{_suggest(name, self._known)}")


def _suggest(given: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(given, sorted(set(known)), n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`?" if near else ""
