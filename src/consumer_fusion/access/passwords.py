"""Passwords of staff: requirements, and hashing with Argon2id."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from consumer_fusion.errors import InputError, MissingExtraError
from consumer_fusion.i18n.messages import Message

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_CHARACTERS = 12
MAX_CHARACTERS = 256
MIN_DISTINCT_LETTERS = 5
_GUESSED_FIRST = (
    "password", "passwort", "letmein", "welcome", "qwertyuiop", "iloveyou", "administrator", "consumerfusion",
    "changeme", "trustno1", "correcthorsebatterystaple", "1q2w3e4r5t", "motdepasse", "123456789", "987654321",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PasswordCost:
    """Cost parameters of password hashing; the second recommendation of RFC 9106, section 4.

    Attributes:
        passes: Number of passes over the memory.
        memory_kib: Memory in KiB.
        lanes: Degree of parallelism.
    """

    passes: int = 3
    memory_kib: int = 65_536
    lanes: int = 4


DEFAULT_COST = PasswordCost()


def check_password(password: str, *, about: str = "") -> None:
    """Reject an easily guessed password; long ones need no symbols or digits (NIST SP 800-63B).

    Args:
        password: Password.
        about: E-mail address and name of the user, which do not make a password.

    Raises:
        InputError: It is too short, too long, has too few different characters, or is easily guessed.
    """
    plain = _normalize(password)
    letters = "".join(letter for letter in plain.casefold() if letter.isalnum())
    if not MIN_CHARACTERS <= len(plain) <= MAX_CHARACTERS:
        raise InputError(
            Message(
                "The password has {plain} characters; expected {MIN_CHARACTERS} to {MAX_CHARACTERS}.",
                plain=len(plain),
                MIN_CHARACTERS=MIN_CHARACTERS,
                MAX_CHARACTERS=MAX_CHARACTERS,
            ),
            hint="Use a few unrelated words.",
        )
    if len(set(plain)) < MIN_DISTINCT_LETTERS:
        raise InputError(
            Message(
                "The password has fewer than {MIN_DISTINCT_LETTERS} different characters.",
                MIN_DISTINCT_LETTERS=MIN_DISTINCT_LETTERS,
            ),
            hint="Use a few unrelated words.",
        )
    known = [*_GUESSED_FIRST, *(word for word in _split(about) if len(word) >= 4)]
    rest = letters
    for word in sorted(known, key=len, reverse=True):
        rest = rest.replace(word, "")
    if len(rest) < MIN_CHARACTERS / 2 and rest != letters:
        raise InputError(
            "The password is easy to guess: it is little more than a common password, or your name or e-mail.",
            hint="Use a few unrelated words.",
        )


def hash_password(password: str, cost: PasswordCost = DEFAULT_COST) -> str:
    """Argon2id hash of the password with a random salt, as text.

    Raises:
        MissingExtraError: The library is not installed.
    """
    return _make_hasher(cost).hash(_encode(_normalize(password)[:MAX_CHARACTERS]))


def matches_password(kept: str | None, password: str, cost: PasswordCost = DEFAULT_COST) -> bool:
    """Whether the password matches the stored hash.

    Without a hash (unknown account, open invitation) a decoy is checked, so that the response time reveals nothing.
    """
    # Both are created in any case, so that the first check after a start takes equally long with and without a hash.
    hasher, decoy = _make_hasher(cost), _make_decoy(cost)
    from argon2.exceptions import InvalidHashError, VerificationError

    # No password is longer, and a text of megabytes must not cost more than others.
    given = _normalize(password[: MAX_CHARACTERS * 4])[: MAX_CHARACTERS + 1]
    try:
        hasher.verify(kept or decoy, _encode(given))
    except (InvalidHashError, VerificationError):
        return False
    return kept is not None


def needs_new_hash(kept: str, cost: PasswordCost = DEFAULT_COST) -> bool:
    """Whether a hash was made with other cost parameters than the current ones."""
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
    # The same characters may arrive composed or decomposed, depending on the keyboard.
    return unicodedata.normalize("NFKC", password)


def _encode(password: str) -> bytes:
    # Lone surrogates must not break the sign-in.
    return password.encode("utf-8", "surrogatepass")


def _split(about: str) -> list[str]:
    return "".join(letter if letter.isalnum() else " " for letter in about.casefold()).split()
