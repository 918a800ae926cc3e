"""The language of texts for people: English as in the code, or that of the current reader.

Texts are in English in the code and translated by gettext's `_`; `use_language` sets the language of a response.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from typing import Protocol


class Language(Protocol):
    """The operations of a language: texts, plurals, numbers, dates."""

    @property
    def code(self) -> str:
        """Language code, such as `en`."""
        ...

    def translate(self, text: str) -> str:
        """A text in this language, with its placeholders unfilled."""
        ...

    def translate_count(self, singular: str, plural: str, count: int) -> str:
        """The plural form of a text for a count."""
        ...

    def write_number(self, value: float, decimals: int) -> str:
        """A number with thousands separators."""
        ...

    def write_share(self, share: float) -> str:
        """A share as a whole percentage."""
        ...

    def write_money(self, amount: float, currency: str) -> str:
        """An amount of money."""
        ...

    def write_day(self, day: date) -> str:
        """A date, `5 Jun 2026`."""
        ...

    def write_time(self, moment: datetime) -> str:
        """A date and time, `5 Jun 2026, 20:00`."""
        ...


class SourceLanguage:
    """English, as in the code."""

    code = "en"

    def translate(self, text: str) -> str:
        """The text itself."""
        return text

    def translate_count(self, singular: str, plural: str, count: int) -> str:
        """Singular or plural."""
        return singular if count == 1 else plural

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


ENGLISH: Language = SourceLanguage()
_spoken: ContextVar[Language] = ContextVar("spoken_language", default=ENGLISH)


def read_language() -> Language:
    """The current language."""
    return _spoken.get()


@contextmanager
def use_language(language: Language) -> Iterator[None]:
    """Use a language within the `with` block; other threads and requests keep theirs."""
    token = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(token)


def _(text: str, /, **values: object) -> str:
    """Translate a text into the current language.

    Args:
        text: English text, with `{names}` for values; it is also the key of its translation.
        values: Values for the names; inserted as they are.
    """
    spoken = _spoken.get().translate(text)
    return spoken.format(**values) if values else spoken


def ngettext(singular: str, plural: str, count: int, /, **values: object) -> str:
    """Translate a text with a count, which it contains as `{count}`."""
    spoken = _spoken.get()
    form = spoken.translate_count(singular, plural, count)
    return form.format(count=spoken.write_number(count, 0), **values)


def N_(text: str) -> str:  # noqa: N802 - gettext's own name
    """Mark a text that is translated later for extraction; it is returned unchanged."""
    return text


def mark_count(singular: str, plural: str) -> tuple[str, str]:
    """Mark a text with a count that is translated later; both forms are returned unchanged."""
    return singular, plural
