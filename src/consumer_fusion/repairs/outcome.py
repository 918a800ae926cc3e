"""Outcome: what became of rows that were read again, as every surface tells it."""

from __future__ import annotations

from dataclasses import asdict

from consumer_fusion.operations import Schema, describe
from consumer_fusion.records.import_record import ImportResult


class RepairOutcome(Schema):
    """What became of rows that were read again."""

    accepted: int = describe("Accepted", "New events, now durable.")
    duplicates: int = describe("Duplicates", "Events that said so already.")
    rejected: int = describe("Rejected", "Rows set aside with a reason.")
    unattributed: int = describe("Unattributed", "Events with an unknown consumer or brand.")
    seconds: float = describe("Seconds", "How long it took.")
    nobody: int = describe("Nobody", "Events whose key of the consumer stands for nobody.")
    changed: int = describe("Changed", "Events of which the source says something else still.")
    replaced: int = describe("Replaced", "Events on record that now say what the source says.")


def tell_outcome(acceptance: ImportResult) -> RepairOutcome:
    """The counts of an import."""
    return RepairOutcome(**asdict(acceptance))
