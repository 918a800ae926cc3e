"""`fusion version`: the version of the product and of its main libraries."""

from __future__ import annotations

import platform
from importlib.metadata import version as read_version

from consumer_fusion.records.release import read_product_version
from consumer_fusion.score.points.points_table import load_points
from consumer_fusion.surfaces.cli.output import JsonOption, console, print_json


def version(is_json: JsonOption = False) -> None:
    """The version of the product and of its main libraries."""
    versions = {
        "consumer-fusion": read_product_version(),
        "score model": load_points().model,
        "points": load_points().version,
        "python": platform.python_version(),
        **{name: read_version(name) for name in ("duckdb", "pyarrow")},
    }
    if is_json:
        print_json(versions)
        return
    for name, value in versions.items():
        console.print(f"{name} {value}")
