"""Claims: a working folder belongs to one living process, and what a dead one left can be told from it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from consumer_fusion.storage.file_locks import lock_folder, remove_unlocked

HOLD = """
import sys, time
from pathlib import Path
from consumer_fusion.storage.file_locks import (lock_folder)
claim = lock_folder(Path(sys.argv[1]))
claim.folder.mkdir()
(claim.folder / "part").write_text("half of it")
print("held", flush=True)
time.sleep(60)
"""


def test_a_folder_has_one_holder_at_a_time(tmp_path):
    claim = lock_folder(tmp_path / "work")
    assert lock_folder(tmp_path / "work") is None
    claim.release(with_folder=True)
    again = lock_folder(tmp_path / "work")
    assert again is not None
    again.release(with_folder=True)
    assert list(tmp_path.iterdir()) == []


def test_a_claim_ends_with_its_process_however_that_ends(tmp_path):
    folder = tmp_path / "work"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        assert lock_folder(folder) is None
        assert remove_unlocked(tmp_path) == 0
        assert (folder / "part").exists()
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        holder.stdout.close()
    assert remove_unlocked(tmp_path, keep=["work"]) == 0
    assert (folder / "part").exists()
    assert remove_unlocked(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_work_that_fails_leaves_its_folder_only_where_it_can_go_on(tmp_path):
    for is_resumable in (True, False):
        folder = tmp_path / f"resumable {is_resumable}"
        try:
            with lock_folder(folder, is_resumable=is_resumable) as claim:
                claim.folder.mkdir()
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            assert folder.exists() == is_resumable
    with lock_folder(tmp_path / "resumable True") as claim:
        assert claim.folder.exists()
    assert list(tmp_path.iterdir()) == []


def test_sweeping_where_nothing_ever_was_does_nothing(tmp_path):
    assert remove_unlocked(tmp_path / "spill") == 0
