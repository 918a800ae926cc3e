"""Generated secrets, shown once and stored as a hash only: keys, tokens, sessions, links.

A secret has 256 random bits, so its plain SHA-256 cannot be reversed; slow hashes are for passwords, which people
choose.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

WRITE_KEY_PREFIX = "cfw_"
API_TOKEN_PREFIX = "cft_"  # noqa: S105 — the prefix of a token, not a token
LINK_PREFIX = "cfl_"
SESSION_PREFIX = "cfs_"
_RANDOM_BYTES = 32
_FORM = re.compile(r"cf[wtls]_[A-Za-z0-9_-]{43}")


def make_secret(prefix: str) -> str:
    """A new secret of 256 random bits; its prefix identifies its type, also to scanners for leaked secrets."""
    return prefix + secrets.token_urlsafe(_RANDOM_BYTES)


def is_of_form(secret: str, prefix: str) -> bool:
    """Whether a text has the format of such a secret; other texts are not looked up."""
    return secret.startswith(prefix) and _FORM.fullmatch(secret) is not None


def digest_secret(secret: str) -> str:
    """SHA-256 in hexadecimal digits, as stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def matches_digest(secret: str, digest: str) -> bool:
    """Whether the secret has the hash, compared in constant time."""
    return hmac.compare_digest(digest_secret(secret), digest)


def read_ending(secret: str) -> str:
    """The last four characters, by which people distinguish secrets."""
    return secret[-4:]
