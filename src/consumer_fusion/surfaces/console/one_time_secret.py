"""Secrets that are shown only once, when they are created: keys, tokens, signing secrets, one-time links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from consumer_fusion.surfaces.console.pages import Page


@dataclass(frozen=True, slots=True)
class OneTimeSecretPage:
    """A newly created secret.

    Attributes:
        heading: Name of the secret.
        secret: The secret itself.
        notes: Owner of the secret, and what to do with it.
        back: Path of the page to continue to.
    """

    heading: str
    secret: str = field(repr=False)
    notes: Sequence[str]
    back: str


def show_once(heading: str, secret: str, notes: Sequence[str], *, section: str, back: str) -> Page:
    """The only page that ever shows a secret.

    Args:
        heading: Name of the secret.
        secret: The secret itself.
        notes: Owner of the secret, and what to do with it; one paragraph each.
        section: Navigation section that the page belongs to.
        back: Path of the page to continue to.
    """
    content = OneTimeSecretPage(heading, secret, notes, back)
    return Page("shown_once.html", heading, content, section=section)
