"""Outcome: the result of rows that were read again, the same on every surface."""

from __future__ import annotations

from dataclasses import asdict

from consumer_fusion.operations import Schema, describe
from consumer_fusion.records.import_record import ImportResult


class RepairOutcome(Schema):
    """Result of rows that were read again."""

    accepted: int = describe("Accepted", "New events, now durable.")
    duplicates: int = describe("Duplicates", "Events already stored.")
    rejected: int = describe("Rejected", "Rows rejected with a reason.")
    unattributed: int = describe("Unattributed", "Events with an unknown consumer or brand.")
    seconds: float = describe("Seconds", "Duration in seconds.")
    nobody: int = describe("Nobody", "Events whose consumer key is a placeholder.")
    changed: int = describe("Changed", "Stored events whose newer version was not applied.")
    replaced: int = describe("Replaced", "Stored events replaced by newer versions.")


def to_outcome(acceptance: ImportResult) -> RepairOutcome:
    """The counts of an import."""
    return RepairOutcome(**asdict(acceptance))
