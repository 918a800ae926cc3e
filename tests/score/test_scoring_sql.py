"""The SQL that reads many pairs says exactly what the plain reference says, on more than one engine."""

from __future__ import annotations

import math
import re
import sqlite3
from collections import Counter
from dataclasses import replace

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from consumer_fusion.score.model import score_arrays
from consumer_fusion.score.model.reading import FACET_ORDER, KindState, read_pair
from consumer_fusion.score.model.score_arrays import score_states, sort_states
from consumer_fusion.score.model.scoring_sql import build_kind_points, write_scores_query
from consumer_fusion.score.points.points_table import load_points
from consumer_fusion.score.query_texts import write_number
from pair_ledgers import EVIDENCE_KINDS
from pair_ledgers import POINTS as SHIPPED

POINTS = replace(
    SHIPPED, dispersions={"Service Failed": 9.0, "Order Completed": 1.6, "Complaint Published": 4.0}
)
PAIRS = 20_000
NUMBERS = [
    "fusion_score", "low", "high", "consumer_to_brand", "brand_to_consumer", "confidence", "evidence", *FACET_ORDER,
]  # fmt: skip
KIND_IDS = {key: number for number, key in enumerate(POINTS.kinds, start=1)}
CONSUMER_KINDS = [
    key
    for key in EVIDENCE_KINDS
    if all(entry.direction == "consumer_to_brand" for entry in POINTS.kinds[key].entries)
]


def invent_states(pair_count, seed):
    """States of pairs: empty, with one event, one-sided, faded to almost nothing, and with huge sums."""
    random = np.random.default_rng(seed)
    kinds_of_pair = random.integers(1, 7, pair_count)
    pair = np.repeat(np.arange(pair_count), kinds_of_pair)
    kind = random.choice([KIND_IDS[key] for key in EVIDENCE_KINDS], len(pair))
    kind[pair % 10 == 1] = random.choice([KIND_IDS[key] for key in CONSUMER_KINDS], (pair % 10 == 1).sum())
    kind[pair % 10 == 2] = KIND_IDS["Campaign Received"]
    kind[pair % 1000 == 3] = 0
    _, first = np.unique(pair * 1000 + kind, return_index=True)
    pair, kind = pair[first], kind[first]
    size = np.where(pair % 10 == 4, 1e6, np.where(pair % 10 == 5, 1e-9, 3.0))
    y = size * random.exponential(1.0, len(pair))
    magnitude = random.uniform(0.25, 3.0, len(pair))
    # One event has q = x^2 and so on; the more events, the smaller the squares against the sums.
    spread = np.where(pair % 10 == 6, 1.0, random.uniform(0.01, 1.0, len(pair)))
    return pa.table({
        "consumer_id": pair // 7,
        "brand_id": pair % 7,
        "kind_id": kind,
        "x": y * magnitude,
        "y": y,
        "q": y * y * magnitude * magnitude * spread,
        "r": y * y * spread,
        "u": y * y * magnitude * spread,
    })  # fmt: skip


def read_by_reference(states, points=POINTS):
    keys = {number: key for key, number in KIND_IDS.items()}
    pairs = {}
    for consumer, brand, kind, *sums in zip(*(column.to_pylist() for column in states.columns), strict=True):
        pairs.setdefault((consumer, brand), []).append(KindState(keys.get(kind, ""), *sums))
    return {pair: read_pair(pair_states, points) for pair, pair_states in pairs.items()}


def assert_equal(rows, expected):
    """Every number of every pair agrees to 1e-9, every class is the same."""
    assert len(rows) == len(expected)
    readings = [expected[row["consumer_id"], row["brand_id"]] for row in rows]
    for name in NUMBERS:
        wanted = [
            reading.facets[name] if name in FACET_ORDER else getattr(reading, name) for reading in readings
        ]
        np.testing.assert_allclose([row[name] for row in rows], wanted, rtol=1e-9, atol=1e-9, err_msg=name)
    assert [row["symbiosis"] for row in rows] == [reading.symbiosis for reading in readings]


def score_in_sql(states, points=POINTS):
    with duckdb.connect() as connection:
        connection.execute("set threads = 2")
        connection.register("decayed_states", states)
        connection.register("kind_points", build_kind_points(points, KIND_IDS))
        return connection.sql(write_scores_query(points)).to_arrow_table().to_pylist()


def score_on_arrays(states, points=POINTS):
    return score_states(sort_states(states), points, KIND_IDS).to_pylist()


@pytest.fixture(params=[score_on_arrays, score_in_sql], ids=["arrays", "SQL"])
def score_many(request):
    return request.param


@pytest.mark.slow
def test_twenty_thousand_pairs_are_read_as_the_reference_reads_them(score_many):
    states = invent_states(PAIRS, seed=7)
    rows = score_many(states)
    expected = read_by_reference(states)
    assert len(expected) == PAIRS
    assert len(Counter(reading.symbiosis for reading in expected.values())) == 9
    assert any(reading.confidence == 0 for reading in expected.values())
    assert any(max(map(abs, reading.facets.values())) > 100 for reading in expected.values())
    assert_equal(rows, expected)


def test_the_same_text_runs_unchanged_on_another_engine():
    states = invent_states(3_000, seed=8)
    connection = sqlite3.connect(":memory:")
    # A build of SQLite may lack its mathematical functions, so the test brings them.
    for name, function, arguments in (("ln", math.log, 1), ("exp", math.exp, 1), ("sqrt", math.sqrt, 1)):
        connection.create_function(name, arguments, function, deterministic=True)
    for name, table in (("decayed_states", states), ("kind_points", build_kind_points(POINTS, KIND_IDS))):
        connection.execute(f"create table {name} ({', '.join(table.column_names)})")
        marks = ", ".join("?" * table.num_columns)
        rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
        connection.executemany(f"insert into {name} values ({marks})", rows)
    connection.row_factory = sqlite3.Row
    rows = connection.execute(write_scores_query(POINTS)).fetchall()
    connection.close()
    assert_equal(rows, read_by_reference(states))


def test_state_and_unfolded_rest_may_come_as_separate_rows(score_many):
    states = invent_states(2_000, seed=9)
    expected = read_by_reference(states)
    halves = {name: pa.compute.multiply(states[name], 0.5) for name in "xyqru"}
    half = pa.table({**{name: states[name] for name in states.column_names[:3]}, **halves})
    assert_equal(score_many(pa.concat_tables([half, half])), expected)


def test_other_points_need_only_another_reading(score_many, tmp_path):
    overrides = tmp_path / "points.toml"
    overrides.write_text(
        'constants.knee = 7\nconstants.ignorance = 9\n[kinds."Order Completed"]\npoints = { wallet = 5, feet = 0 }\n'
    )
    points = load_points(overrides)
    states = invent_states(2_000, seed=10)
    rows = score_many(states, points)
    assert_equal(rows, read_by_reference(states, points))
    usual = read_by_reference(states)
    moved = [
        row for row in rows if row["fusion_score"] != usual[row["consumer_id"], row["brand_id"]].fusion_score
    ]
    assert len(moved) > 100


def test_pieces_of_any_size_give_the_same_scores_in_the_order_of_the_states(monkeypatch):
    states = sort_states(invent_states(500, seed=11))
    whole = score_states(states, POINTS, KIND_IDS)
    monkeypatch.setattr(score_arrays, "STATES_PER_PIECE", 3)
    assert score_states(states, POINTS, KIND_IDS).equals(whole)
    pairs = [
        list(zip(*(each[name].to_pylist() for name in ("consumer_id", "brand_id"))))
        for each in (whole, states)
    ]
    assert pairs[0] == list(dict.fromkeys(pairs[1]))


def test_scores_alone_are_those_of_the_whole_reading():
    states = sort_states(invent_states(500, seed=12))
    names = ["brand_id", "consumer_id", "fusion_score", "voice"]
    assert score_states(states, POINTS, KIND_IDS, names).equals(
        score_states(states, POINTS, KIND_IDS).select(names)
    )


def test_without_states_there_are_no_scores():
    assert score_on_arrays(invent_states(1, seed=13).slice(0, 0)) == []


@pytest.mark.parametrize("number", [25.0, 1 / 3, 1e-7, 144, 1e22, 0.5])
def test_numbers_are_written_as_doubles_and_exactly(number):
    text = write_number(number)
    constant = re.fullmatch(r"cast\((.+e.+) as double\)", text).group(1)
    assert float(constant) == number
    assert duckdb.sql(f"select {text} as n, typeof({text}) as type").fetchone() == (number, "DOUBLE")


def test_a_kind_that_is_gone_from_the_table_has_no_points():
    (row,) = [row for row in build_kind_points(POINTS, {"Gone": 5}).to_pylist() if row["kind_id"] == 5]
    assert not any(value for name, value in row.items() if name not in ("kind_id", "dispersion"))
