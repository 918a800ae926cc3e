"""A light core: the package, its commands and its pipeline load without any optional library, and nothing unused."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest

from command_line import run_fusion

OPTIONAL = ["altair", "vl_convert", "scipy", "splink", "pandas", "polars", "sklearn", "lightgbm", "lifetimes"]
DOORS = [
    "consumer_fusion",
    "consumer_fusion.surfaces.cli.application",
    "consumer_fusion.pipeline",
    "consumer_fusion.workspace",
    "consumer_fusion.simulate.towns",
    # They show scores with the labels of pages.
    "consumer_fusion.surfaces.cli.scores",
    "consumer_fusion.surfaces.cli.points",
]

# These exist to draw; they ask for their extra, by name.
DRAWING = ["consumer_fusion.views.tables", "consumer_fusion.surfaces.report.writing"]

# What a command may not load, because it does not use it.
UNUSED = {
    "--help": [
        "pydantic", "rich", "numpy", "pyarrow", "duckdb", "sqlite3",
        "consumer_fusion.operations", "consumer_fusion.workspace", "consumer_fusion.score", "consumer_fusion.records",
    ],
    "version": [
        "numpy", "pyarrow", "duckdb", "sqlite3", "rich.progress",
        "consumer_fusion.operations", "consumer_fusion.workspace",
    ],
    "score": [
        *OPTIONAL, "fastapi", "starlette", "pyarrow.parquet", "pyarrow.csv", "rich.progress", "asyncio",
        "consumer_fusion.pipeline", "consumer_fusion.ingest", "consumer_fusion.operations", "consumer_fusion.access",
        "consumer_fusion.score.calibration", "consumer_fusion.views", "consumer_fusion.server",
    ],
}  # fmt: skip
RUN_COMMAND = """
import json, sys
from consumer_fusion.surfaces.cli.application import main
try:
    main()
except SystemExit as end:
    assert not end.code
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""

# Hides libraries as if they were not installed (a None in sys.modules does not: pyarrow, which asks whether pandas is
# there, would stumble over it).
WITHOUT = """
from importlib.machinery import PathFinder
find_spec = PathFinder.find_spec
PathFinder.find_spec = classmethod(
    lambda cls, name, *rest: None if name.split(".")[0] in {names!r} else find_spec(name, *rest)
)
"""


@pytest.fixture
def run_python():
    """Run a piece of Python in a fresh process."""

    def run(text: str, *words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", text, *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def test_nothing_optional_is_loaded(run_python):
    # pyarrow loads pandas by itself where it is installed; so here it is not.
    result = run_python(
        WITHOUT.format(names=["pandas"])
        + f"import json, sys, {', '.join(DOORS)}\nprint(json.dumps(sorted(sys.modules)))"
    )
    assert result.returncode == 0, result.stderr
    modules = json.loads(result.stdout)
    assert set(DOORS) <= set(modules)
    assert not {name.split(".")[0] for name in modules} & set(OPTIONAL)


def test_every_door_opens_where_nothing_optional_is_installed(run_python):
    result = run_python(WITHOUT.format(names=OPTIONAL) + f"import {', '.join(DOORS)}\nprint('open')")
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "open"


def test_the_console_starts_without_the_chart_library(run_python):
    result = run_python(
        "import json, sys, consumer_fusion.surfaces.console.console_application\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    assert result.returncode == 0, result.stderr
    assert "altair" not in json.loads(result.stdout)


@pytest.mark.parametrize("library", ["altair", "jinja2"])
@pytest.mark.parametrize("door", DRAWING)
def test_a_part_that_draws_says_which_extra_it_lacks(door, library, run_python):
    result = run_python(
        WITHOUT.format(names=[library]) + "from consumer_fusion.errors import MissingExtraError\n"
        f"try:\n    import {door}\n    print('open')\n"
        "except MissingExtraError as error:\n    print(error)"
    )
    assert result.returncode == 0, result.stderr
    assert "consumer-fusion[report]" in result.stdout


@pytest.fixture
def list_loaded(run_python):
    """Run a command in a fresh process; return the modules it has loaded."""

    def run(*words: object) -> set[str]:
        result = run_python(RUN_COMMAND, *words)
        assert result.returncode == 0, result.stderr
        return set(json.loads(result.stderr.splitlines()[-1]))

    return run


@pytest.mark.parametrize("command", UNUSED)
def test_a_command_loads_nothing_that_it_does_not_use(command, list_loaded, tmp_path):
    place = ["--workspace", tmp_path / "ws"] if command == "score" else []
    if place:
        run_fusion("demo", "--no-serve", "--people", 50, *place)
    loaded = list_loaded(command, *place)
    assert "consumer_fusion.surfaces.cli.application" in loaded
    assert ("pyarrow" in loaded) == (command == "score")
    assert sorted(loaded & set(UNUSED[command])) == []


def test_a_process_of_somebody_else_keeps_its_pandas(run_python):
    if importlib.util.find_spec("pandas") is None:
        pytest.skip("pandas is not installed (extra `bench`)")
    result = run_python(
        f"import {', '.join(DOORS)}\n"
        "import pandas, pyarrow\n"
        "print(pyarrow.array(pandas.Series([1, None], dtype='Int64')).type)"
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "int64"


def test_a_library_that_is_loaded_is_seen(run_python):
    result = run_python("import json, sys, scipy; print(json.dumps(sorted(sys.modules)))")
    assert result.returncode == 0, result.stderr
    assert {name.split(".")[0] for name in json.loads(result.stdout)} & set(OPTIONAL) == {"scipy"}
