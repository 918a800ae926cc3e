"""What commands print for programs, compared with the shapes that the reference tells of."""

from __future__ import annotations

from typing import Any


def find_faults(told: Any, shape: Any, place: str = "the answer") -> list[str]:
    """How a JSON value differs from a shape of the reference."""
    if isinstance(shape, list) and len(shape) == 1 and isinstance(shape[0], list):
        if not isinstance(told, list):
            return [f"{place} is no list"]
        return [
            fault
            for number, each in enumerate(told)
            for fault in find_faults(each, shape[0], f"{place}[{number}]")
        ]
    if not isinstance(told, dict):
        return [f"{place} is no object"]
    parts = {each[0].removesuffix("?"): each[1] for each in shape if isinstance(each, tuple)}
    names = [each[0] if isinstance(each, tuple) else each for each in shape]
    needed = {name for name in names if not name.endswith("?")}
    faults = [f"{place} has no '{name}'" for name in sorted(needed - set(told))]
    faults += [
        f"{place} has '{name}'" for name in sorted(set(told) - {name.removesuffix("?") for name in names})
    ]
    for name, part in parts.items():
        if told.get(name) is not None:
            faults += find_faults(told[name], part, f"{place}.{name}")
    return faults
