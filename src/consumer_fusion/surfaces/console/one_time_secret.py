"""What is shown a single time, when it is made: keys, tokens, signing secrets, one-time links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from consumer_fusion.surfaces.console.pages import Page


@dataclass(frozen=True, slots=True)
class OneTimeSecretPage:
    """Something secret that was just made.

    Attributes:
        heading: What it is.
        secret: The text itself.
        notes: Whose it is, and what to do with it.
        back: Where to go on when it has been kept.
    """

    heading: str
    secret: str = field(repr=False)
    notes: Sequence[str]
    back: str


def show_once(heading: str, secret: str, notes: Sequence[str], *, section: str, back: str) -> Page:
    """The only page that ever shows a secret.

    Args:
        heading: What it is.
        secret: The text itself.
        notes: Whose it is, and what to do with it; a paragraph each.
        section: Which entry of the navigation it belongs to.
        back: Where to go on when it has been kept.
    """
    content = OneTimeSecretPage(heading, secret, notes, back)
    return Page("shown_once.html", heading, content, section=section)
