"""A pair's score has one shape: the table, the command, the API and the live feed tell the same fields."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from consumer_fusion.score.model.reading import FACET_ORDER, READING_COLUMNS
from consumer_fusion.score.queries.score_results import SCORE_COLUMNS, Facets, PairScore

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_has_the_fields_of_the_result():
    assert set(SCORE_COLUMNS) == {*PairScore.model_fields, *Facets.model_fields} - {
        "facets",
        "change_28_days",
    }
    assert tuple(Facets.model_fields) == FACET_ORDER
    assert set(READING_COLUMNS) - {"evidence"} <= set(PairScore.model_fields)


def count_shapes(source):
    """How often a score is shaped, file by file."""
    counted = subprocess.run(
        [sys.executable, "-c", COUNT, str(source)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return dict(line.rsplit(" ", 1) for line in counted.stdout.splitlines())


COUNT = """
import sys
from pathlib import Path
sys.path.insert(0, "scripts")
from measure_house import count_shapes
for file in sorted(Path(sys.argv[1]).rglob("*.py")):
    count = count_shapes(file.read_text(encoding="utf-8"))
    if count:
        print(file.relative_to(sys.argv[1]).as_posix(), count)
"""
SHAPERS = {
    "consumer_fusion/score/model/reading.py", "consumer_fusion/score/model/score_arrays.py",
    "consumer_fusion/score/queries/score_results.py", "consumer_fusion/views/tables.py",
}  # fmt: skip
"""Where a score is computed, for one pair and for many, where it is told, and where its columns have their labels."""


def test_a_score_is_shaped_where_it_is_computed_and_where_it_is_told():
    assert set(count_shapes(ROOT / "src")) == SHAPERS


@pytest.mark.parametrize(
    "planted",
    [
        'told = {"fusion_score": 1, "low": 2, "high": 3, "symbiosis": "neutral"}',
        "class Shown:\n    fusion_score: float\n    low: float\n    high: float\n    percentile: float",
        "make(fusion_score=1, low=2, high=3, confidence=4)",
        'COLUMNS = ("fusion_score", "low", "high", "confidence")',
    ],
)
def test_another_shape_of_a_score_is_found(tmp_path, planted):
    (tmp_path / "planted.py").write_text(f"{planted}\n", encoding="utf-8")
    assert count_shapes(tmp_path) == {"planted.py": "1"}
