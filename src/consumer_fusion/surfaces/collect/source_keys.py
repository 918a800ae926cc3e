"""Write keys of requests: the three ways in which clients send them, and the source of a key."""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import Any, Literal

from consumer_fusion.access.keys import note_key_uses, verify_write_key
from consumer_fusion.errors import AuthenticationError
from consumer_fusion.records.arrival import TrustRule
from consumer_fusion.workspace import Workspace

_NOTED_SECONDS = 60.0
_BODY_KEYS_TRIED = 3
_BODY_KEY_PLACES = 1_000
"""Maximum number of places in a body where a key is looked for."""
_BODY_KEY = re.compile(rb'"writeKey"\s{0,64}:\s{0,64}"([^"\\]{1,256})"')


@dataclass(frozen=True, slots=True)
class SourceKey:
    """The source that a write key belongs to.

    Attributes:
        source: Source of the events.
        brand: Brand of events that name none.
        kind: Place of use: on a server, in a browser, or in a program that sends webhooks.
        trust: Maximum trust in the events; None for no limit of its own.
        signing_secret: Secret that signs webhooks, if any.
    """

    source: str
    brand: str | None = None
    kind: Literal["server", "browser", "webhook"] = "server"
    trust: float | None = None
    signing_secret: str | None = None

    @property
    def trust_rule(self) -> TrustRule:
        """Trust rule of its events (`docs/concepts/score.md`)."""
        if self.kind == "browser":
            return "browser"
        # Anyone who learns the URL of a webhook can send to it; only a signature identifies the sender.
        return "public" if self.kind == "webhook" and not self.signing_secret else "source"


KeyVerifier = Callable[[str], SourceKey | None]
"""Function that verifies a write key and returns its source; None where the key is not valid."""


class WorkspaceKeys:
    """The write keys of a workspace, with the times of their last use."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._used: dict[str, int] = {}
        self._noted = monotonic()

    def __call__(self, text: str) -> SourceKey | None:
        """The source of a write key; None where the key is not valid."""
        now_us = self._workspace.now_us
        try:
            with self._workspace.store.reading() as session:
                key = verify_write_key(session, text, now_us)
        except AuthenticationError:
            return None
        self._used[key.key_id] = now_us
        return SourceKey(key.source, key.brand, key.kind, key.trust, key.signing_secret)

    def note_uses(self) -> None:
        """Store the last use of the keys, once a minute."""
        if not self._used or monotonic() - self._noted < _NOTED_SECONDS:
            return
        self._noted = monotonic()
        used, self._used = self._used, {}
        with self._workspace.store.writing() as session:
            note_key_uses(session, used)


def read_header_key(headers: Mapping[bytes, bytes]) -> str | None:
    """The write key of HTTP Basic authentication: the user name, with any password; None where there is none.

    A bearer token does not identify the source; the key is then in the body.
    """
    scheme, _, rest = headers.get(b"authorization", b"").strip().partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        text = binascii.a2b_base64(rest.strip()).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return text.partition(":")[0].strip()


def read_body_key(document: Any) -> str | None:
    """The write key in a body; None where there is none."""
    key = document.get("writeKey") if isinstance(document, dict) else None
    return key.strip() if isinstance(key, str) else None


def find_body_keys(body: bytes) -> list[str]:
    """Candidates for the write key of an unparsed body: the first texts at a field of that name."""
    found: dict[str, None] = {}
    for match in islice(_BODY_KEY.finditer(body), _BODY_KEY_PLACES):
        found[match.group(1).decode("utf-8", errors="replace").strip()] = None
        if len(found) == _BODY_KEYS_TRIED:
            break
    return list(found)
