"""Collect: the doors by which events arrive over HTTP. Nothing is answered with 200 before it is durable."""

from __future__ import annotations

from consumer_fusion.web.collect.application import CollectApplication
from consumer_fusion.web.collect.collector import Collector, Limits
from consumer_fusion.web.collect.counters import Counters, Refusal
from consumer_fusion.web.collect.source_keys import KeyVerifier, SourceKey, WorkspaceKeys

__all__ = [
    "CollectApplication",
    "Collector",
    "Counters",
    "KeyVerifier",
    "Limits",
    "Refusal",
    "SourceKey",
    "WorkspaceKeys",
]
