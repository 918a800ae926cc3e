"""Identifiers: their types, the trust in each type, and their normal form for comparison.

The consumer of an identifier is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from consumer_fusion.records.consumer_keys import fold_key, is_email_address
from consumer_fusion.records.identity import Strength
from consumer_fusion.records.placeholders import is_placeholder_key

STRONG_TYPES = ("account", "user_id", "loyalty_card", "email", "phone")
"""Types that identify one person, the strongest first; every other type is weak."""

PREVIOUS_KEY = "previous_id"
"""Type of a key under which a source knew a consumer before (Segment's alias)."""

WEAK_TYPES = ("device", "anonymous_id", "cookie")
"""The known weak types, the most stable first; unknown types come after them."""

_IGNORED_TYPES = frozenset({"ip", "ip_address"})
"""A network address is shared by a household, an office or a whole town: it identifies no person."""

_TYPE_SYNONYMS = {
    "account_id": "account",
    "userid": "user_id",
    "user": "user_id",
    "loyalty": "loyalty_card",
    "loyalty_id": "loyalty_card",
    "loyalty_number": "loyalty_card",
    "e_mail": "email",
    "mail": "email",
    "email_address": "email",
    "telephone": "phone",
    "tel": "phone",
    "mobile": "phone",
    "phone_number": "phone",
    "msisdn": "phone",
    "device_id": "device",
    "anonymousid": "anonymous_id",
    "cookie_id": "cookie",
}

_PHONE_DIGITS_AT_LEAST = 6
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True, slots=True, order=True)
class Identifier:
    """An identifier in its canonical form; the order is from the strongest to the weakest.

    Attributes:
        rank: Rank of the type; lower ranks are more trusted.
        type: email, account, phone, device, ...
        value: The canonical value.
        is_claim: Whether only a browser, or anyone who knows its key, asserts the owner.
    """

    rank: int
    type: str
    value: str
    is_claim: bool = False

    @property
    def is_strong(self) -> bool:
        """Whether it identifies one person: by its type, and because it came from a trusted source."""
        return self.rank < len(STRONG_TYPES) and not self.is_claim

    @property
    def strength(self) -> Strength:
        """The strength as stored in the table of identifiers."""
        return "strong" if self.is_strong else "weak"

    @property
    def place(self) -> tuple[str, str]:
        """The lookup key, whatever its source."""
        return self.type, self.value

    @property
    def key(self) -> str:
        """The key of a consumer known only by this identifier."""
        return self.value if self.type == PREVIOUS_KEY else f"{self.type}:{self.value}"


_VISITOR_KEY = re.compile(r".+:.+ @[0-9]+", re.DOTALL)


def write_visitor_key(identifier: Identifier, brand_id: int) -> str:
    """The key of a visitor of one brand who is known only by a browser's claim.

    It does not reveal whether the identifier belongs to a known consumer.
    """
    return f"{identifier.key} @{brand_id}"


def is_visitor_key(key: str) -> bool:
    """Whether a key has the form of a visitor key of one brand."""
    return _VISITOR_KEY.fullmatch(key) is not None


@lru_cache(maxsize=1024)
def _normalise_type(identifier_type: str) -> str:
    snake_case = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", identifier_type.strip())
    name = re.sub(r"[^a-z0-9]+", "_", snake_case.lower()).strip("_")
    return _TYPE_SYNONYMS.get(name, name)


@lru_cache(maxsize=1024)
def rank_type(identifier_type: str) -> int:
    """The rank of a canonical type: 0 is the most trusted."""
    if identifier_type in STRONG_TYPES:
        return STRONG_TYPES.index(identifier_type)
    if identifier_type in WEAK_TYPES:
        return len(STRONG_TYPES) + WEAK_TYPES.index(identifier_type)
    return len(STRONG_TYPES) + len(WEAK_TYPES)


def normalise_identifier(
    identifier_type: str, value: str, placeholders: Collection[str] = ()
) -> Identifier | None:
    """The canonical form of an identifier, or None where it names nobody.

    E-mail addresses are trimmed and in lower case; telephone numbers are reduced to digits, with a + before an
    international one. A number without country code is left as it is: the country cannot be guessed.

    Args:
        identifier_type: Type as written by the source (`Email`, `anonymousId`).
        value: Value as written by the source.
        placeholders: Further placeholder values, in lower case.

    Returns:
        None for placeholders (`null`, `guest`), for network addresses, and for values that are clearly no e-mail
        address or telephone number.
    """
    name = _normalise_type(identifier_type)
    text = str(value).strip()
    if not name or name in _IGNORED_TYPES:
        return None
    if is_placeholder_key(text, placeholders):
        return None
    if name == PREVIOUS_KEY:
        text = fold_key(text)
    elif name == "email":
        text = text.lower().removeprefix("mailto:")
        if not _EMAIL.fullmatch(text):
            return None
    elif name == "phone":
        is_international = text.startswith(("+", "00"))
        digits = re.sub(r"\D", "", text.replace("(0)", "") if is_international else text)
        if len(digits) < _PHONE_DIGITS_AT_LEAST:
            return None
        text = "+" + digits.removeprefix("00") if is_international else digits
    return Identifier(rank_type(name), name, text)


def normalise_identifiers(
    identifiers: Mapping[str, str], placeholders: Collection[str] = ()
) -> tuple[Identifier, ...]:
    """The canonical identifiers that are no placeholders, the strongest first, one of each type.

    Where two of the source's types map to one type (`email` and `mail`), the value that sorts first is used.

    Args:
        identifiers: Values by type, as written by the source.
        placeholders: Further placeholder values, in lower case.
    """
    found: dict[str, Identifier] = {}
    for identifier_type, value in identifiers.items():
        identifier = normalise_identifier(identifier_type, value, placeholders)
        if identifier is not None:
            known = found.get(identifier.type)
            found[identifier.type] = identifier if known is None else min(known, identifier)
    return tuple(sorted(found.values()))


def mask_identifier(identifier_type: str, value: str) -> str:
    """The identifier masked for display: enough to recognise it, not enough to use it.

    >>> mask_identifier("email", "anna@example.org")
    'a***@example.org'
    >>> mask_identifier("phone", "+491701234567")
    '***4567'
    """
    if identifier_type == "email" and "@" in value:
        name, _, domain = value.partition("@")
        return f"{name[:1]}***@{domain}"
    return f"***{value[-4:]}" if len(value) > 8 else "***"


def mask_consumer_key(key: str) -> str:
    """The key of a consumer, masked where it is or contains an identifier (`email:anna@example.org`)."""
    identifier_type, separator, value = key.partition(":")
    if separator and (identifier_type in STRONG_TYPES or identifier_type in WEAK_TYPES):
        return f"{identifier_type}:{mask_identifier(identifier_type, value)}"
    return mask_identifier("email", key) if is_email_address(key) else key
