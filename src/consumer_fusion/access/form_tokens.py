"""Form tokens: proof that a form was sent from one of our own pages (defence against cross-site request forgery).

A form token derives from a value in the browser's cookie (the session token, or before signing in a random text) and
from the installation's signing key, so nobody else can create one, and it is not stored. Each page masks it
differently, so that its bytes never repeat in compressed responses (BREACH).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from consumer_fusion.errors import PermissionDeniedError, SettingsError
from consumer_fusion.i18n.messages import Message

SIGNING_KEY_FILE = "signing.key"
_KEY_BYTES = 32


def read_signing_key(folder: Path) -> bytes:
    """The installation's signing key, created on first use; only the owner of the file may read it.

    It signs cookies and form tokens. Deleting the file signs everyone out, and nothing else is lost. Because it is
    not in the store, write access to the store alone is not enough to create a session.

    Raises:
        SettingsError: The file has the wrong length.
    """
    path = folder / SIGNING_KEY_FILE
    if not path.exists():
        # Written under another name first; of two processes that start at once, the first one's file stays.
        unfinished = folder / f"{SIGNING_KEY_FILE}.{secrets.token_hex(4)}"
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        with suppress(FileExistsError):
            os.link(unfinished, path)
        unfinished.unlink()
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise SettingsError(
            Message(
                "The signing key has {key} bytes; expected {_KEY_BYTES}.", key=len(key), _KEY_BYTES=_KEY_BYTES
            ),
            hint="Delete the file; a new key is created, and everyone has to sign in again.",
            where=str(path),
        )
    return key


def make_form_token(signing_key: bytes, held: str) -> str:
    """A form token for a page.

    Args:
        signing_key: Signing key of the installation.
        held: Value in the cookie of the browser.
    """
    mask = secrets.token_bytes(hashlib.sha256().digest_size)
    masked = bytes(one ^ other for one, other in zip(mask, _sign(signing_key, held)))
    return base64.urlsafe_b64encode(mask + masked).decode().rstrip("=")


def is_form_token(signing_key: bytes, held: str, given: str) -> bool:
    """Whether a form token is valid for the browser, compared in constant time."""
    size = hashlib.sha256().digest_size
    try:
        raw = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    if not held or len(raw) != 2 * size:
        return False
    opened = bytes(one ^ other for one, other in zip(raw[:size], raw[size:]))
    return hmac.compare_digest(opened, _sign(signing_key, held))


def check_form(signing_key: bytes, held: str, given: str) -> None:
    """Reject a form whose token is not valid for the browser.

    Raises:
        PermissionDeniedError: The token is not valid.
    """
    if not is_form_token(signing_key, held, given):
        raise PermissionDeniedError(
            "The form is not valid for this browser, or you have signed in or out since.",
            hint="Reload the page and submit the form again.",
        )


def check_origin(origin: str | None, referrer: str | None, fetch_site: str | None, own: str) -> None:
    """Reject a change requested by a page of another origin.

    Args:
        origin: Origin header.
        referrer: Referer header, used without an Origin.
        fetch_site: Sec-Fetch-Site header, which pages cannot set.
        own: Own origin, as the browser sees it: scheme, host, port.

    Raises:
        PermissionDeniedError: The request comes from another origin, or its origin is unknown.
    """
    claimed = _fold_origin(origin if origin is not None else referrer or "")
    if fetch_site is None:
        is_ours = claimed is not None and claimed == _fold_origin(own)
    else:
        # The browser itself says whether the page has this origin, and may then omit the origin.
        is_ours = fetch_site == "same-origin" and claimed in (None, _fold_origin(own))
    if is_ours:
        return
    raise PermissionDeniedError(
        "The request comes from a page of another site, or its origin is unknown.",
        hint="Open the console itself. A reverse proxy must pass on the Host header and the scheme.",
    )


def _sign(signing_key: bytes, held: str) -> bytes:
    return hmac.new(signing_key, f"form:{held}".encode("utf-8", "surrogatepass"), hashlib.sha256).digest()


def _fold_origin(text: str) -> tuple[str, str | None, int | None] | None:
    try:
        parts = urlsplit(text)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname else None
