"""A mapping: which column of somebody's file is which field of an event."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from consumer_fusion.errors import MappingError


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping."""

    source: str
    text: str


def parse_mapping(text: str) -> Mapping:
    """Read."""
    raise MappingError("Mappings are not read yet.")


def read_mapping(path: Path) -> Mapping:
    """Read."""
    return parse_mapping(path.read_text(encoding="utf-8"))
