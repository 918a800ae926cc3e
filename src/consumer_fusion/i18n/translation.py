"""The language that people are spoken to in: English as written in the code, or another while somebody is answered.

Texts stand in the code in English and are said through gettext's `_`; who answers a person opens `speaking` around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from typing import Protocol


class Language(Protocol):
    """What a language can do: words, plurals, numbers, days."""

    @property
    def code(self) -> str:
        """Its code, `en`."""
        ...

    def translate(self, text: str) -> str:
        """A text in this language, with its placeholders still in it."""
        ...

    def translate_count(self, singular: str, plural: str, count: int) -> str:
        """The form of a text that goes with a count."""
        ...

    def translate_written(self, text: str) -> str:
        """A text that was written in English, with its values in it; the text itself where it is not known."""
        ...

    def write_number(self, value: float, decimals: int) -> str:
        """A number with thousands marked."""
        ...

    def write_share(self, share: float) -> str:
        """A share as a whole percentage."""
        ...

    def write_money(self, amount: float, currency: str) -> str:
        """An amount of money."""
        ...

    def write_day(self, day: date) -> str:
        """A day, `5 Jun 2026`."""
        ...

    def write_time(self, moment: datetime) -> str:
        """A day and time, `5 Jun 2026, 20:00`."""
        ...


class PlainEnglish:
    """English, as the code has it."""

    code = "en"

    def translate(self, text: str) -> str:
        """The text itself."""
        return text

    def translate_count(self, singular: str, plural: str, count: int) -> str:
        """One or many."""
        return singular if count == 1 else plural

    def translate_written(self, text: str) -> str:
        """The text itself."""
        return text

    def write_number(self, value: float, decimals: int) -> str:
        """`1,234.5`."""
        return f"{value:,.{decimals}f}"

    def write_share(self, share: float) -> str:
        """`12%`."""
        return f"{share:.0%}"

    def write_money(self, amount: float, currency: str) -> str:
        """`1,234.50 EUR`."""
        return f"{amount:,.2f} {currency}"

    def write_day(self, day: date) -> str:
        """`5 Jun 2026`."""
        return f"{day.day} {day:%b} {day.year}"

    def write_time(self, moment: datetime) -> str:
        """`5 Jun 2026, 20:00`."""
        return f"{self.write_day(moment.date())}, {moment:%H:%M}"


ENGLISH: Language = PlainEnglish()
_spoken: ContextVar[Language] = ContextVar("spoken_language", default=ENGLISH)


def read_language() -> Language:
    """The language spoken now."""
    return _spoken.get()


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Speak a language within the `with` block; other threads and requests keep theirs."""
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def _(text: str, /, **values: object) -> str:
    """Say a text in the language spoken now.

    Args:
        text: In English, with `{names}` for values; it is also the key of its translation.
        values: What stands in place of the names; written as they are.
    """
    spoken = _spoken.get().translate(text)
    return spoken.format(**values) if values else spoken


def ngettext(singular: str, plural: str, count: int, /, **values: object) -> str:
    """Say a text that goes with a count, which stands in it as `{count}`."""
    spoken = _spoken.get()
    form = spoken.translate_count(singular, plural, count)
    return form.format(count=spoken.write_number(count, 0), **values)


def say_written(text: str) -> str:
    """Say a text that was written in English before it was known who reads it: an error, a reason on record.

    It is known again by its form, which stands in the catalogue like any other text.
    """
    return _spoken.get().translate_written(text)


def N_(text: str) -> str:  # noqa: N802 - gettext's own name
    """Mark a text that is said later, by a name or by its form, for extraction; it is returned as it is."""
    return text


def mark_count(singular: str, plural: str) -> tuple[str, str]:
    """Mark a text that goes with a count and is said later; both forms are returned as they are."""
    return singular, plural
