"""Form tokens: what shows that a form was sent from a page of ours (defence against cross-site request forgery).

A form token is made from what the browser holds in its cookie (the session's token, or before signing in a random
text of its own) and from the installation's signing key, so nobody else can make one, and it is kept nowhere. Each
page carries it under another mask, so that its bytes never repeat in compressed answers (BREACH).
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

SIGNING_KEY_FILE = "signing.key"
_KEY_BYTES = 32


def read_signing_key(folder: Path) -> bytes:
    """The installation's signing key, made at the first reading; only its owner on the machine may read the file.

    It signs cookies and form tokens. Who deletes the file signs everybody out, and nothing is lost. Because it is
    not in the store, somebody who could write to the store alone could still not make a session.

    Raises:
        SettingsError: The file is not whole.
    """
    path = folder / SIGNING_KEY_FILE
    if not path.exists():
        # Under another name until it is whole; of two processes that start at once, the first one's stays.
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
            f"The signing key has {len(key)} bytes; expected {_KEY_BYTES}.",
            hint="Delete the file; a new one is made, and everybody has to sign in again.",
            where=str(path),
        )
    return key


def make_form_token(signing_key: bytes, held: str) -> str:
    """A form token for a page that goes to a browser.

    Args:
        signing_key: The installation's.
        held: What the browser holds in its cookie.
    """
    mask = secrets.token_bytes(hashlib.sha256().digest_size)
    masked = bytes(one ^ other for one, other in zip(mask, _sign(signing_key, held)))
    return base64.urlsafe_b64encode(mask + masked).decode().rstrip("=")


def is_form_token(signing_key: bytes, held: str, given: str) -> bool:
    """Whether a form came from a page that was made for this browser; takes the same time however wrong it is."""
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
    """Refuse a form that was not made for this browser.

    Raises:
        PermissionDeniedError: It was not.
    """
    if not is_form_token(signing_key, held, given):
        raise PermissionDeniedError(
            "The form was not made for this browser, or you signed in or out since.",
            hint="Load the page again and send it once more.",
        )


def check_origin(origin: str | None, referrer: str | None, fetch_site: str | None, own: str) -> None:
    """Refuse a change that a page of another origin asks for.

    Args:
        origin: The Origin header.
        referrer: The Referer header, looked at when there is no Origin.
        fetch_site: The Sec-Fetch-Site header, which pages cannot set.
        own: Our origin, as the browser knows it: scheme, host, port.

    Raises:
        PermissionDeniedError: It comes from elsewhere, or does not say from where.
    """
    claimed = _fold_origin(origin if origin is not None else referrer or "")
    if fetch_site is None:
        is_ours = claimed is not None and claimed == _fold_origin(own)
    else:
        # The browser itself says whether the page is of this origin; it may then keep the origin's name back.
        is_ours = fetch_site == "same-origin" and claimed in (None, _fold_origin(own))
    if is_ours:
        return
    raise PermissionDeniedError(
        "The request comes from a page of another site, or does not say where it comes from.",
        hint="Open the console itself. Behind another server, let it pass on the Host header and the scheme.",
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
