from __future__ import annotations

import json
import tomllib
from importlib import resources

import pyarrow as pa
import pytest

from consumer_fusion.simulate.towns import Town, TownTruth, build_town


@pytest.fixture(scope="session")
def town() -> Town:
    return build_town(people=600, seed=7)


@pytest.fixture(scope="session")
def happened(town: Town) -> pa.Table:
    return pa.Table.from_batches(list(town.batches()))


@pytest.fixture(scope="session")
def rows(happened: pa.Table) -> list[dict]:
    listed = happened.to_pylist()
    for row in listed:
        row["properties"] = json.loads(row["properties"])
        row["identifiers"] = json.loads(row["identifiers"])
    return listed


@pytest.fixture(scope="session")
def truth(town: Town) -> TownTruth:
    return town.truth


@pytest.fixture(scope="session")
def shipped_points() -> dict:
    return tomllib.loads(resources.files("consumer_fusion.score.points").joinpath("points.toml").read_text())
