"""Keys of consumers in what is told of series and effects, as whoever looks may see them."""

from __future__ import annotations

from collections.abc import Callable

from consumer_fusion.access.permissions import may
from consumer_fusion.records.access import Caller
from consumer_fusion.records.identifier import mask_consumer_key

ShowKey = Callable[[str], str]
"""Writes a consumer's key as whoever looks may see it."""


def choose_show_key(caller: Caller) -> ShowKey:
    """Keys as they are, or masked."""
    return str if may(caller, "see_identities") else mask_consumer_key
