"""Which workspace a command is about, and how one comes to be."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from command_line import ask_fusion, import_events, run_fusion


@pytest.fixture
def count_pairs(untouched_shop):
    """How many pairs `fusion score` sees when it is asked so."""

    def count(*arguments, **environment):
        run = run_fusion("score", "--json", *arguments, environment=environment)
        assert run.status == 0, run.output
        return len(run.told)

    return count


def test_the_workspace_is_the_one_that_is_named(count_pairs, untouched_shop, untouched_empty, monkeypatch):
    monkeypatch.chdir(untouched_empty)
    assert count_pairs("--workspace", untouched_shop) == 2


def test_else_it_is_the_one_of_the_environment(count_pairs, untouched_shop, untouched_empty, monkeypatch):
    monkeypatch.chdir(untouched_empty)
    assert count_pairs(CONSUMER_FUSION_WORKSPACE=str(untouched_shop)) == 2


def test_else_it_is_the_current_folder(count_pairs, untouched_shop, monkeypatch):
    monkeypatch.chdir(untouched_shop)
    assert count_pairs() == 2


def test_what_is_named_goes_before_the_environment(count_pairs, untouched_shop, untouched_empty):
    assert count_pairs("--workspace", untouched_empty, CONSUMER_FUSION_WORKSPACE=str(untouched_shop)) == 0


def test_a_bare_group_that_shows_something_by_itself_shows_it(untouched_shop):
    run = run_fusion("points", environment={"CONSUMER_FUSION_WORKSPACE": str(untouched_shop)})
    assert (run.status, "kind of event" in run.output) == (0, True), run.complaint


def test_a_new_workspace_has_its_settings_and_a_file_for_points_of_its_own(empty):
    assert "memory_limit_mb" in (empty / "fusion.toml").read_text(encoding="utf-8")
    assert "[kinds." in (empty / "points.toml").read_text(encoding="utf-8")
    assert ask_fusion(empty, "points", "--diff")["differences"] == []


def test_a_workspace_is_never_made_over_another(refuse, empty):
    assert refuse("init", empty)["code"] == "conflict"


def test_settings_and_points_that_lie_there_already_are_kept(tmp_path):
    (tmp_path / "fusion.toml").write_text("threads = 1\n", encoding="utf-8")
    assert run_fusion("init", tmp_path).status == 0
    assert (tmp_path / "fusion.toml").read_text(encoding="utf-8") == "threads = 1\n"


def test_a_demo_goes_into_a_folder_of_its_own_and_replaces_only_a_demo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = run_fusion("demo", "--no-serve", "--people", 0)
    assert run.status == 0
    assert "explain pop-artist sweater-brand" in run.output
    town = tmp_path / "demo-workspace"
    ask_fusion(town, "associations", "withdraw", "pop-artist-wears-sweater-brand")
    assert run_fusion("demo", "--no-serve", "--people", 0).status == 0
    assert len(ask_fusion(town, "associations", "list")) == 1


def test_a_demo_made_again_removes_nothing_but_what_a_demo_made(tmp_path):
    ask_fusion(tmp_path, "demo", "--no-serve", "--people", 0)
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    ask_fusion(tmp_path, "demo", "--no-serve", "--people", 0)
    assert (tmp_path / "letter.txt").exists()


def test_a_demo_never_replaces_a_workspace_of_ones_own(refuse, shop):
    before = ask_fusion(shop, "score", "--as-of", "latest")
    assert refuse("demo", "--no-serve", "--people", 0, "--workspace", shop)["code"] == "conflict"
    assert ask_fusion(shop, "score", "--as-of", "latest") == before


def test_a_doctor_finds_a_whole_workspace_whole(untouched_shop):
    told = ask_fusion(untouched_shop, "doctor")
    assert told["ok"] is True
    assert all(each["is_ok"] for each in told["checks"])


def test_a_doctor_finds_a_lost_segment(empty):
    (empty / "fusion.toml").write_text("inbox_import_limit = 0\n", encoding="utf-8")
    event = {
        "event_id": "1",
        "occurred_at": "2026-01-01",
        "kind": "Store Visited",
        "consumer": "anna",
        "brand": "b",
    }
    import_events(empty, event)
    segments = list((empty / "segments").rglob("*.parquet"))
    assert segments
    segments[0].unlink()
    run = run_fusion("doctor", "--workspace", empty, "--json")
    assert run.status == 1
    assert run.told["ok"] is False


@pytest.mark.parametrize("command", ["score", "doctor", "export", "brands", "import", "serve"])
def test_a_damaged_workspace_is_told_in_words(empty, tmp_path, command):
    (empty / "fusion.db").write_bytes(b"this was a database" * 1000)
    more = {"export": ["--to", tmp_path / "out"], "import": [tmp_path / "none.csv", "--format", "events"]}
    run = run_fusion(command, *more.get(command, []), "--workspace", empty)
    assert run.status == 1
    said = run.output + run.complaint
    assert "damaged" in said
    assert "Traceback" not in run.output + run.complaint
    assert "select" not in said.lower()


@pytest.fixture
def mounted(shop, tmp_path):
    """A workspace as it is seen on a disk that is mounted for reading only."""
    place = tmp_path / "mounted"
    place.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run([mount, "--bind", shop, place], capture_output=True, check=False).returncode
    ):
        pytest.skip("this account may not mount")
    subprocess.run([mount, "-o", "remount,ro,bind", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize(
    "command", [["score"], ["doctor"], ["brands"], ["points"], ["explain", "anna", "book-shop"]]
)
def test_a_workspace_on_a_disk_for_reading_only_is_read(mounted, command):
    run = run_fusion(*command, "--workspace", mounted, "--json")
    assert run.status == 0, run.output


@pytest.mark.parametrize(
    "command", [["rejected", "drop", "--all"], ["keys", "create", "--source", "s"], ["serve"]]
)
def test_a_workspace_on_a_disk_for_reading_only_is_not_changed(mounted, command):
    run = run_fusion(*command, "--workspace", mounted)
    assert run.status in (1, 2), run.output
    assert "Traceback" not in run.output + run.complaint


def test_an_export_holds_scores_events_identities_and_points(untouched_shop, tmp_path):
    told = ask_fusion(untouched_shop, "export", "--to", tmp_path / "out", "--as-of", "latest")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(told["rows"])
    assert told["rows"]["scores.parquet"] == 2
