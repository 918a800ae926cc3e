"""Passwords of staff: what is asked of one, and Argon2id, the only form in which one is kept."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from consumer_fusion.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_LETTERS = 12
MAX_LETTERS = 256
MIN_DISTINCT_LETTERS = 5
_GUESSED_FIRST = (
    "password", "passwort", "letmein", "welcome", "qwertyuiop", "iloveyou", "administrator", "consumerfusion",
    "changeme", "trustno1", "correcthorsebatterystaple", "1q2w3e4r5t", "motdepasse", "123456789", "987654321",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PasswordCost:
    """What one guess costs; the second recommendation of RFC 9106, section 4.

    Attributes:
        passes: Over the memory.
        memory_kib: Memory of one computation.
        lanes: Computed beside each other.
    """

    passes: int = 3
    memory_kib: int = 65_536
    lanes: int = 4


DEFAULT_COST = PasswordCost()


def check_password(password: str, *, about: str = "") -> None:
    """Refuse a password that is guessed early; long ones are fine without signs and digits (NIST SP 800-63B).

    Args:
        password: What they chose.
        about: Their address and name, which do not make a password.

    Raises:
        InputError: It is too short, too long, too even, or among those that are guessed first.
    """
    plain = _normalize(password)
    letters = "".join(letter for letter in plain.casefold() if letter.isalnum())
    if not MIN_LETTERS <= len(plain) <= MAX_LETTERS:
        raise InputError(
            f"The password has {len(plain)} letters; expected {MIN_LETTERS} to {MAX_LETTERS}.",
            hint="Take several words that do not belong together.",
        )
    if len(set(plain)) < MIN_DISTINCT_LETTERS:
        raise InputError(
            f"The password has fewer than {MIN_DISTINCT_LETTERS} different letters.",
            hint="Take several words that do not belong together.",
        )
    known = [*_GUESSED_FIRST, *(word for word in _split(about) if len(word) >= 4)]
    rest = letters
    for word in sorted(known, key=len, reverse=True):
        rest = rest.replace(word, "")
    if len(rest) < MIN_LETTERS / 2 and rest != letters:
        raise InputError(
            "The password is little more than a word that is guessed first, or than your name or address.",
            hint="Take several words that do not belong together.",
        )


def hash_password(password: str, cost: PasswordCost = DEFAULT_COST) -> str:
    """Argon2id of the password with a random salt, as the text that is kept.

    Raises:
        MissingExtraError: The library for it is not installed.
    """
    return _make_hasher(cost).hash(_encode(_normalize(password)[:MAX_LETTERS]))


def matches_password(kept: str | None, password: str, cost: PasswordCost = DEFAULT_COST) -> bool:
    """Whether the password is the one kept.

    Where none is kept (no such account, an invitation not taken up), as much is computed all the same, so that the
    time of the answer does not tell.
    """
    # Both are made in any case, so that the first answer after a start takes as long for a name as for none.
    hasher, decoy = _make_hasher(cost), _make_decoy(cost)
    from argon2.exceptions import InvalidHashError, VerificationError

    # Nobody chooses a longer one, and a text of megabytes must not cost more than others.
    given = _normalize(password[: MAX_LETTERS * 4])[: MAX_LETTERS + 1]
    try:
        hasher.verify(kept or decoy, _encode(given))
    except (InvalidHashError, VerificationError):
        return False
    return kept is not None


def needs_new_hash(kept: str, cost: PasswordCost = DEFAULT_COST) -> bool:
    """Whether the kept text was made at another cost than today's."""
    return _make_hasher(cost).check_needs_rehash(kept)


@lru_cache(maxsize=4)
def _make_hasher(cost: PasswordCost) -> PasswordHasher:
    try:
        from argon2 import PasswordHasher, Type
    except ImportError as error:
        raise MissingExtraError(
            "Passwords need the library argon2-cffi.", hint="pip install 'consumer-fusion[serve]'"
        ) from error
    return PasswordHasher(
        time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes, type=Type.ID
    )


@lru_cache(maxsize=4)
def _make_decoy(cost: PasswordCost) -> str:
    return _make_hasher(cost).hash("of nobody")


def _normalize(password: str) -> str:
    # The same letters typed on another keyboard may come composed or decomposed.
    return unicodedata.normalize("NFKC", password)


def _encode(password: str) -> bytes:
    # Half a surrogate pair is no text, but must not break the sign-in either.
    return password.encode("utf-8", "surrogatepass")


def _split(about: str) -> list[str]:
    return "".join(letter if letter.isalnum() else " " for letter in about.casefold()).split()
