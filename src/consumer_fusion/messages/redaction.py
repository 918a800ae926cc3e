"""Redaction: contact details and account numbers in the words of messages are masked.

It is used where words leave this machine (a prompt) and where the role of the reader does not allow identities. Phone
numbers are found by libphonenumber; IBAN, card numbers and Italian tax codes by their check digits; postal addresses
only by the usual forms of English and Italian streets and postcodes. Names of persons are not found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

Detail = Literal["email", "link", "handle", "iban", "card", "tax code", "phone", "address"]
PHONE_REGIONS = ("US", "GB", "IT")
"""Regions by whose rules numbers without a country code are read."""
_EMAIL = re.compile(r"[^\s\"'<>=:,;/@＠()]+(?:[@＠]|%40)[^\s\"'<>,;()]+\.[a-z]{2,}", re.IGNORECASE)
_LINK = re.compile(
    r"\b(?:https?://|www\.)[^\s\"'<>]+|\b[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}/[^\s\"'<>]+", re.IGNORECASE
)
_HANDLE = re.compile(r"(?<![\w@./])[@＠]\w[\w.-]*\w")
_TAX_CODE = re.compile(r"\b[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z]\b", re.IGNORECASE)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", re.IGNORECASE)
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){11,18}(?!\d)")
_ENGLISH_STREET = (
    r"\b\d{1,5}[a-zA-Z]?,? (?:[A-Z][\w'’]+ ){1,3}"
    r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Square|Court|Way|Close|Terrace)\b\.?"
)
_ITALIAN_STREET = (
    r"\b(?:[Vv]ia|[Vv]iale|[Pp]iazza|[Pp]iazzale|[Cc]orso|[Vv]icolo|[Ll]argo|[Ss]trada)"
    r" (?:(?:d[aei]l?l?[aeo']?|di|dei|degli|san|santa|[A-Z][\w'’]*\.?) ?){1,5},? ?(?:n\.? ?)?\d{1,4}(?:/?[a-zA-Z])?\b"
)
_POSTCODE = r"\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b|\b\d{5} (?=[A-Z][a-zà]+)"
_ADDRESS = re.compile(f"{_ENGLISH_STREET}|{_ITALIAN_STREET}|{_POSTCODE}")


def redact_details(text: str) -> str:
    """A text with each contact detail or account number replaced by its kind in brackets."""
    for start, end, detail in sorted(find_details(text), reverse=True):
        text = f"{text[:start]}[{detail}]{text[end:]}"
    return text


def find_details(text: str) -> list[tuple[int, int, Detail]]:
    """Places of the contact details in a text: first character, the one after the last, kind; without overlaps."""
    found: list[tuple[int, int, Detail]] = []
    for start, end, detail in _list_candidates(text):
        if all(end <= other[0] or start >= other[1] for other in found):
            found.append((start, end, detail))
    return sorted(found)


def _list_candidates(text: str) -> Iterator[tuple[int, int, Detail]]:
    """Candidates, the surest first: where two overlap, the first holds."""
    if any(sign in text for sign in ("@", "＠", "%40")):
        yield from ((each.start(), each.end(), "email") for each in _EMAIL.finditer(text))
        yield from ((each.start(), each.end(), "handle") for each in _HANDLE.finditer(text))
    yield from ((each.start(), each.end(), "link") for each in _LINK.finditer(text))
    if sum(map(str.isdigit, text)) >= 6:
        yield from _list_numbers(text)
    yield from ((each.start(), each.end(), "address") for each in _ADDRESS.finditer(text))


def _list_numbers(text: str) -> Iterator[tuple[int, int, Detail]]:
    # Imported here, because most messages hold no number, and the tables of phone numbers take a while to load.
    import phonenumbers
    from stdnum import iban, luhn
    from stdnum.it import codicefiscale

    for each in _IBAN.finditer(text):
        # A word may follow that looks like a part of it.
        for end in range(each.end(), each.start() + 14, -1):
            if iban.is_valid(text[each.start() : end]):
                yield each.start(), end, "iban"
                break
    for each in _TAX_CODE.finditer(text):
        if codicefiscale.is_valid(each.group()):
            yield each.start(), each.end(), "tax code"
    for each in _CARD.finditer(text):
        if luhn.is_valid(re.sub(r"\D", "", each.group())):
            yield each.start(), each.end(), "card"
    for region in PHONE_REGIONS:
        for match in phonenumbers.PhoneNumberMatcher(text, region):
            yield match.start, match.end, "phone"
