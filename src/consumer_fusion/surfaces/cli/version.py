"""`fusion version`: the version of the product and of what it runs on."""

from __future__ import annotations

import platform
from importlib.metadata import version as read_version

from consumer_fusion.records.release import read_product_version
from consumer_fusion.score.points.points_table import load_points
from consumer_fusion.surfaces.cli.output import JsonOption, console, print_json


def version(is_json: JsonOption = False) -> None:
    """The version of the product and of what it runs on."""
    told = {
        "consumer-fusion": read_product_version(),
        "score model": load_points().model,
        "points": load_points().version,
        "python": platform.python_version(),
        **{name: read_version(name) for name in ("duckdb", "pyarrow", "sqlalchemy")},
    }
    if is_json:
        print_json(told)
        return
    for name, value in told.items():
        console.print(f"{name} {value}")
