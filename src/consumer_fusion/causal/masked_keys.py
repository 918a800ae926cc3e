"""Keys of consumers and brands in results on series and effects, in the form that the caller may see."""

from __future__ import annotations

from collections.abc import Callable

from consumer_fusion.access.permissions import may
from consumer_fusion.records.access import Caller
from consumer_fusion.records.identifier import mask_consumer_key

ShowKey = Callable[[str], str]
"""Writes a consumer's key in the form that the caller may see."""

SeesBrand = Callable[[str], bool]
"""Whether the caller may see a brand, by its key."""


def see_every_brand(_brand: str) -> bool:
    """For callers who may see all brands."""
    return True


def choose_show_key(caller: Caller) -> ShowKey:
    """A function that returns keys unchanged, or masked."""
    return str if may(caller, "see_identities") else mask_consumer_key
