"""Secrets that are made here, shown once and kept as a digest only: keys, tokens, sessions, links.

A secret has 256 random bits, so that its plain SHA-256 cannot be turned back; a slow digest is for passwords,
which people choose.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

WRITE_KEY_PREFIX = "cfw_"
API_TOKEN_PREFIX = "cft_"  # noqa: S105 — how a token begins, not a token
LINK_PREFIX = "cfl_"
SESSION_PREFIX = "cfs_"
_RANDOM_BYTES = 32
_FORM = re.compile(r"cf[wtls]_[A-Za-z0-9_-]{43}")


def make_secret(prefix: str) -> str:
    """A new secret of 256 random bits; its prefix says what it is, also to scanners of leaked secrets."""
    return prefix + secrets.token_urlsafe(_RANDOM_BYTES)


def is_of_form(secret: str, prefix: str) -> bool:
    """Whether a text could be such a secret at all; others are not looked for."""
    return secret.startswith(prefix) and _FORM.fullmatch(secret) is not None


def digest_secret(secret: str) -> str:
    """SHA-256 in hexadecimal digits: what is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def matches_digest(secret: str, digest: str) -> bool:
    """Whether the secret has the digest; takes the same time whichever digit differs."""
    return hmac.compare_digest(digest_secret(secret), digest)


def read_ending(secret: str) -> str:
    """The last four characters, by which people tell one secret from another."""
    return secret[-4:]
