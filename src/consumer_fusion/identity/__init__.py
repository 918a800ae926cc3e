"""Who it was: identifiers, the rules that join consumers by them, merges that can be undone, and suggestions."""

from __future__ import annotations

from consumer_fusion.identity.identifiers import mask_consumer_key, mask_identifier
from consumer_fusion.identity.merges import (
    Regrouping,
    list_members,
    merge_consumers,
    read_identity_map,
    undo_merge,
)
from consumer_fusion.identity.overview import Identity, show_identity
from consumer_fusion.identity.resolution import EnsureConsumers, Resolution, Sighting, resolve_identities

__all__ = [
    "EnsureConsumers",
    "Identity",
    "Regrouping",
    "Resolution",
    "Sighting",
    "list_members",
    "mask_consumer_key",
    "mask_identifier",
    "merge_consumers",
    "read_identity_map",
    "resolve_identities",
    "show_identity",
    "undo_merge",
]
