"""A process of the product does without pandas.

pyarrow asks for pandas when the first array is made, and loads it wherever it is installed: 0.3 CPU-seconds and 70 MB
for something that no part of the product uses.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType


class PandasFinder:
    """Finds no pandas, before those finders are asked that would find it."""

    @staticmethod
    def find_spec(name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None) -> None:
        """Refuse pandas; leave any other module to the finders that follow."""
        if name == "pandas":
            raise ModuleNotFoundError("Processes of Consumer Fusion do without pandas.", name=name)


def leave_out_pandas() -> None:
    """Do without pandas in this process; for those that the product starts, never in a user's own Python."""
    sys.meta_path.insert(0, PandasFinder)
