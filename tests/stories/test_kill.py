"""Reliability: real processes are killed, filled disks refuse, others wait; no event is lost and none counts twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import consumer_fusion as fusion
from consumer_fusion import pipeline
from consumer_fusion.ingest import staging
from consumer_fusion.ingest.formats import choose_reading
from small_workspaces import (
    count_inbox,
    count_places,
    find_problems,
    list_files,
    make_order,
    make_orders,
    open_small,
    read_scores,
    seal,
    write_lines,
)

pytestmark = [pytest.mark.slow, pytest.mark.process]

ROOT = Path(__file__).resolve().parents[2]
EVENT_LINES = choose_reading(format="events")
AS_USUAL = {name: value for name, value in os.environ.items() if name != "CONSUMER_FUSION_THREADS"}
"""With as many threads as the product takes by itself."""

# `fusion` with small parts, that tells after each part how many rows are staged, and dies at the one that is named.
FUSION_IN_PARTS = """
    import os, signal, sys
    from consumer_fusion.ingest import (line_reader as lines, staging)
    from consumer_fusion.surfaces.cli.application import (main)
    lines.BLOCK_BYTES, staging.ROWS_PER_PART = 1 << 14, 500
    write_stage, dies_at = staging._write_stage, int(os.environ.get("DIES_AT_PART", "0"))
    def write_and_tell(folder, stage):
        write_stage(folder, stage)
        print(f"part {len(stage.parts)} rows {stage.row_count}", file=sys.stderr, flush=True)
        if dies_at and len(stage.parts) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
    staging._write_stage = write_and_tell
    main()
"""


def run_fusion_in_parts(*arguments, dies_at=0):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FUSION_IN_PARTS), *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "DIES_AT_PART": str(dies_at), "CONSUMER_FUSION_THREADS": "1"},
    )


# Sealing in small pieces, killed at one of them: with its file prepared, or moved to the segments but not committed.
SEALING = """
    import os, signal, sys
    import consumer_fusion as fusion
    from consumer_fusion.events import compaction
    compaction.PIECE_ROWS, compaction.BATCH_ROWS, compaction.FAN_IN = 3, 20, 2
    folder, step, left = sys.argv[1], sys.argv[2], [int(sys.argv[3])]
    done = getattr(compaction, step)
    def do_and_die(*given):
        done(*given)
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
    setattr(compaction, step, do_and_die)
    with fusion.open_workspace(folder) as workspace:
        compaction.seal_inbox(workspace, is_forced=True)
"""


@pytest.mark.parametrize("step", ["digest_segments", "adopt_segments"])
@pytest.mark.parametrize("place", [1, 8, 21])
def test_sealing_that_is_killed_between_its_pieces_goes_on_the_next_time(tmp_path, step, place):
    with open_small(tmp_path) as workspace:
        fusion.import_events(workspace, make_orders(60))
        before = read_scores(workspace)
    command = [sys.executable, "-c", textwrap.dedent(SEALING), tmp_path, step, str(place)]
    assert subprocess.run(command, check=False, timeout=120).returncode == -signal.SIGKILL
    with open_small(tmp_path) as workspace:
        assert list((tmp_path / "staging" / "sealing").rglob("*.parquet")) or step == "adopt_segments"
        assert read_scores(workspace) == before
        left = count_inbox(workspace)
        assert (left < 60) == (place > 1)
        assert seal(workspace) == left
        assert read_scores(workspace) == before
        assert (len(count_places(workspace)), set(count_places(workspace).values())) == (60, {1})
        assert find_problems(workspace) == []
        assert list(workspace.staging_folder.iterdir()) == []
        on_disk = {path for path in (tmp_path / "segments").rglob("*.parquet*") if path.suffix == ".parquet"}
        assert set(list_files(workspace)) <= on_disk


def list_parts(run):
    """The parts that a run staged, in order."""
    return [line.split()[1] for line in run.stderr.splitlines() if line.startswith("part ")]


def test_processes_that_are_killed_at_any_moment_lose_and_double_nothing():
    run = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "crash.py", "--json", "--kills", "5", "--writers", "1",
         "--pause", "0.4", "1.6"],
        check=False, capture_output=True, text=True, timeout=300, env=AS_USUAL,
    )  # fmt: skip
    assert run.stdout, run.stderr
    figures = json.loads(run.stdout)
    assert figures["violations"] == []
    assert figures["kills"] == 5
    assert figures["acknowledged"] > 0
    assert (figures["lost"], figures["doubled"]) == (0, 0)


def test_an_import_that_is_killed_goes_on_where_it_stopped(tmp_path):
    path = write_lines(tmp_path / "orders.ndjson", make_orders(3000))
    asked = ("import", path, "--format", "events", "--set-aside", "--json", "--workspace")
    for name in ("killed", "whole"):
        fusion.create_workspace(tmp_path / name)

    killed = run_fusion_in_parts(*asked, tmp_path / "killed", dies_at=3)
    assert killed.returncode == -signal.SIGKILL
    assert list_parts(killed) == ["1", "2", "3"]
    (stage,) = (tmp_path / "killed" / "staging").glob(f"*/{staging.STAGE_FILE}")
    staged = json.loads(stage.read_text(encoding="utf-8"))
    assert len(staged["parts"]) == 3
    first_part = stage.parent / "accepted-0001.parquet"
    written = first_part.stat().st_mtime_ns

    killed_again = run_fusion_in_parts(*asked, tmp_path / "killed", dies_at=4)
    assert list_parts(killed_again) == ["4"]
    assert first_part.stat().st_mtime_ns == written

    resumed = run_fusion_in_parts(*asked, tmp_path / "killed")
    assert resumed.returncode == 0, resumed.stderr
    assert list_parts(resumed)[0] == "5"
    whole = run_fusion_in_parts(*asked, tmp_path / "whole")
    assert list_parts(whole)[0] == "1"
    told, expected = json.loads(resumed.stdout), json.loads(whole.stdout)
    assert (
        (told["accepted"], told["duplicates"]) == (expected["accepted"], expected["duplicates"]) == (3000, 0)
    )
    with open_small(tmp_path / "killed") as workspace, open_small(tmp_path / "whole") as other:
        assert read_scores(workspace) == pytest.approx(read_scores(other), rel=1e-12)
        assert count_places(workspace) == count_places(other)
        assert find_problems(workspace) == []
        assert list(workspace.staging_folder.iterdir()) == []


def test_whoever_wants_to_write_waits_for_who_is_writing(tmp_path):
    fusion.create_workspace(tmp_path / "place")
    path = write_lines(tmp_path / "orders.ndjson", make_orders(20))
    with open_small(tmp_path / "place") as workspace:
        read_scores(workspace)
        with workspace.store.writing() as session:
            session.write_mark("a mark of the test", "1")
            other = subprocess.Popen(
                [sys.executable, "-m", "consumer_fusion", "import", path, "--format", "events", "--json",
                 "--workspace", tmp_path / "place"],
                stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            time.sleep(2)
            assert other.poll() is None, "it did not wait"
        told, _ = other.communicate(timeout=60)
        assert json.loads(told)["accepted"] == 20
        assert set(count_places(workspace).values()) == {1}


def test_a_disk_that_is_full_is_told_and_leaves_the_workspace_as_it_was(tmp_path):
    place = tmp_path / "place"
    path = write_lines(tmp_path / "orders.ndjson", make_orders(4000))
    with open_small(place) as workspace:
        fusion.import_events(workspace, [make_order(99_999)])
        before = read_scores(workspace)
    # No file may grow beyond some size: the same refusal as that of a disk without room, at the same places.
    asked = f"import {path} --format events --json --workspace {place}"
    for kilobytes in (4, 64, 400):
        run = subprocess.run(
            ["bash", "-c", f"ulimit -f {kilobytes}; exec {sys.executable} -m consumer_fusion {asked}"],
            check=False, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert run.returncode == 1, run.stderr
        told = json.loads(run.stdout)
        assert told["code"] in ("engine_failed", "store_failed")
        assert "Traceback" not in run.stderr
        with open_small(place) as workspace:
            assert read_scores(workspace) == before
            assert find_problems(workspace) == []
    with open_small(place) as workspace:
        assert pipeline.import_files(workspace, [path], EVENT_LINES).accepted == 4000
        assert find_problems(workspace) == []
