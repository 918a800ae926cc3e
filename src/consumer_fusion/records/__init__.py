"""Records: one module per noun, with its frozen dataclass and the tables that store it."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from consumer_fusion.records.table import Table

__all__ = ["find_tables"]


@cache
def find_tables() -> tuple[Table, ...]:
    """Every table that a module of this folder declares, in the order of the modules' names and of their lines.

    Erasure, migrations and the architecture tests read it, so that a new table is declared in one place.
    """
    found: dict[str, Table] = {}
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        values = vars(importlib.import_module(f"{__name__}.{name}")).values()
        # A module may import the table of another one: that is the same table again.
        found |= {value.name: value for value in values if isinstance(value, Table)}
    return tuple(found.values())
