"""What a server computes in advance after its start."""

from __future__ import annotations

import threading
from types import SimpleNamespace

from consumer_fusion.errors import ExhaustedError
from consumer_fusion.score.snapshot_renewal import keep_snapshots
from consumer_fusion.server.many_pairs import digest_segments
from consumer_fusion.surfaces import web
from small_workspaces import open_small


def test_what_a_page_waits_for_is_first_and_a_failure_hinders_no_other(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(web, "is_many", lambda *_: True)
    monkeypatch.setattr(web, "is_snapshot_due", lambda _: True)
    done = []

    def fail():
        done.append("count")
        raise ExhaustedError("The step 'count' failed.", hint="Try again.")

    workers = SimpleNamespace(run_ahead=done.append)
    side = SimpleNamespace(request_context=SimpleNamespace(workers=workers))
    queries = SimpleNamespace(count_unscored=fail, warm=lambda: done.append("pages"))
    with open_small(tmp_path / "ws") as workspace:
        web._warm(workspace, side, queries, threading.Event())
    assert done == ["count", digest_segments, keep_snapshots, "pages"]
    assert "ExhaustedError" in caplog.text
