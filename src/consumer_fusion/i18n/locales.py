"""The languages of the console: texts from gettext catalogues; numbers, dates and money in each locale's format."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from gettext import c2py
from importlib.resources import files

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.messages import Catalog
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent

DEFAULT_LANGUAGE = "en"
LANGUAGES: dict[str, str] = {"en": "English", "it": "Italiano"}
"""The supported languages, each by its own name."""
LANGUAGE_COOKIE = "fusion_language"

# English dates have the form used in the reports; Babel's own English form begins with the month.
_LOCALES = {"en": "en_GB", "it": "it_IT"}


class CatalogueLanguage:
    """A language with a catalogue, read from its source file: there is nothing to compile."""

    def __init__(self, code: str, catalogue: Catalog | None = None) -> None:
        self.code = code
        self.locale = Locale.parse(_LOCALES.get(code, code))
        self._texts: dict[str, str] = {}
        self._counted: dict[str, tuple[str, ...]] = {}
        for message in catalogue or ():
            if isinstance(message.string, str):
                self._texts[str(message.id)] = message.string
            elif message.string and all(message.string):
                self._counted[message.id[0]] = tuple(message.string)
        self._choose_form = c2py(catalogue.plural_expr if catalogue is not None else "n != 1")

    def translate(self, text: str) -> str:
        """A text in this language; the text itself where there is no translation."""
        return (text and self._texts.get(text)) or text

    def translate_count(self, singular: str, plural: str, count: int) -> str:
        """The plural form of a text for a count."""
        forms = self._counted.get(singular, (singular, plural))
        return forms[self._choose_form(count)]

    def write_number(self, value: float, decimals: int) -> str:
        """A number with thousands separators and a true minus sign."""
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        return str(format_decimal(value, format=pattern, locale=self.locale)).replace("-", "−")

    def write_share(self, share: float) -> str:
        """A share as a whole percentage."""
        return str(format_percent(share, format="#,##0%", locale=self.locale))

    def write_money(self, amount: float, currency: str) -> str:
        """An amount of money."""
        return str(format_currency(amount, currency, locale=self.locale))

    def write_day(self, day: date) -> str:
        """A date."""
        return str(format_date(day, format="d MMM y", locale=self.locale))

    def write_time(self, moment: datetime) -> str:
        """A date and time, in UTC."""
        return str(format_datetime(moment, "d MMM y, HH:mm", locale=self.locale))


@lru_cache(maxsize=8)
def load_language(code: str) -> CatalogueLanguage:
    """A language by its code; English for an unknown one."""
    if code not in LANGUAGES:
        code = DEFAULT_LANGUAGE
    if code == DEFAULT_LANGUAGE:
        return CatalogueLanguage(code)
    file = files("consumer_fusion.i18n").joinpath("locale", code, "LC_MESSAGES", "messages.po")
    with file.open("rb") as content:
        return CatalogueLanguage(code, read_po(content, locale=code))


def choose_language(chosen: str | None, accepted: str | None) -> CatalogueLanguage:
    """The language of the response: the chosen one, otherwise the first supported one of the browser.

    Args:
        chosen: Value of the cookie.
        accepted: Value of the Accept-Language header.
    """
    if chosen in LANGUAGES:
        return load_language(chosen)
    wanted: list[tuple[float, int, str]] = []
    for place, (code, weight) in enumerate(_read_accepted(accepted or "")):
        wanted.append((-weight, place, code))
    for _, _, code in sorted(wanted):
        if code in LANGUAGES:
            return load_language(code)
    return load_language(DEFAULT_LANGUAGE)


def _read_accepted(header: str) -> Iterable[tuple[str, float]]:
    for part in header.split(",")[:20]:
        name, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        yield name.split("-")[0].lower(), weight
