"""Who it was: identifiers, the rules that join consumers by them, merges that can be undone, and suggestions."""

from __future__ import annotations

from consumer_fusion.identity.identifiers import mask_consumer_key, mask_identifier
from consumer_fusion.identity.linkage import DEFAULT_THRESHOLD, SUGGESTIONS, suggest_merges
from consumer_fusion.identity.lookup import find_consumer
from consumer_fusion.identity.merges import (
    Regrouping,
    list_members,
    merge_consumers,
    read_identity_map,
    undo_merge,
)
from consumer_fusion.identity.overview import Identity, Sight, show_identity
from consumer_fusion.identity.people import read_people
from consumer_fusion.identity.resolution import EnsureConsumers, Resolution, Sighting, resolve_identities
from consumer_fusion.identity.review import AcceptedSuggestions, ClaimedPair, accept_suggestions, list_claimed

__all__ = [
    "DEFAULT_THRESHOLD",
    "SUGGESTIONS",
    "AcceptedSuggestions",
    "ClaimedPair",
    "EnsureConsumers",
    "Identity",
    "Regrouping",
    "Resolution",
    "Sight",
    "Sighting",
    "accept_suggestions",
    "find_consumer",
    "list_claimed",
    "list_members",
    "mask_consumer_key",
    "mask_identifier",
    "merge_consumers",
    "read_identity_map",
    "read_people",
    "resolve_identities",
    "show_identity",
    "suggest_merges",
    "undo_merge",
]
