"""Where there is nothing, a command says so and what would make something; where it did nothing, its status says so."""

from __future__ import annotations

import pytest

from command_line import run_fusion

LISTS = [
    "score", "brands", "rejected list", "associations list", "actions list", "metrics list", "keys list",
    "webhooks list",
    "webhooks deliveries", "corrections list", "experiments list", "effects list", "staff list",
]  # fmt: skip


@pytest.mark.parametrize("command", LISTS)
def test_an_empty_list_says_so_and_what_to_do(untouched_empty, command):
    run = run_fusion(*command.split(), "--workspace", untouched_empty)
    assert run.status == 0
    assert run.output.startswith(("No ", "Nobody "))
    assert "──" not in run.output
    if command not in ("rejected list", "corrections list", "webhooks deliveries"):
        assert "Next: fusion" in " ".join(run.output.split())


@pytest.mark.parametrize(
    "command", [["rejected", "retry"], ["rejected", "drop", "--all"], ["corrections", "apply", "--all"]]
)
def test_where_nothing_was_done_the_status_is_1(untouched_empty, command):
    assert run_fusion(*command, "--workspace", untouched_empty).status == 1


def test_an_import_of_which_no_row_was_taken_ends_with_1_and_a_second_one_of_the_same_with_0(empty, tmp_path):
    good = '{"event_id": "1", "occurred_at": "2026-01-01", "kind": "Store Visited", "consumer": "anna", "brand": "b"}\n'
    for content, status in (("no event\n", 1), (good, 0), (good, 0)):
        path = tmp_path / "events.jsonl"
        path.write_text(content)
        assert run_fusion("import", path, "--format", "events", "--workspace", empty).status == status


def test_the_hint_of_a_new_workspace_names_it(tmp_path):
    assert f"--workspace {tmp_path / 'shop'}" in run_fusion("init", tmp_path / "shop").output


def test_where_no_event_counts_the_import_says_what_is_missing(empty, tmp_path):
    line = '{"event_id": "1", "occurred_at": "2026-01-01", "kind": "Order Completed", "consumer": "ann"}\n'
    path = tmp_path / "events.jsonl"
    path.write_text(line)
    asked = ("import", path, "--format", "events", "--workspace", empty)
    assert "`--brand`" in run_fusion(*asked).output
    run_fusion(*asked, "--brand", "shop")
    run_fusion("corrections", "apply", "--all", "--workspace", empty)
    assert "ann" in run_fusion("score", "--workspace", empty).output


@pytest.mark.parametrize(("name", "content"), [("a.csv", "id,day\n"), ("a.json", "[]"), ("a.jsonl", "")])
def test_an_import_of_files_without_rows_says_so_and_ends_with_1(empty, tmp_path, name, content):
    path, mapping = tmp_path / name, tmp_path / "map.toml"
    path.write_text(content)
    mapping.write_text(
        '[source]\nname = "till"\n[fields]\nevent_id = "id"\noccurred_at = "day"\n[kind]\ndefault = "Visit"\n'
    )
    run = run_fusion("import", path, "--map", mapping, "--workspace", empty)
    assert (run.status, run.output) == (1, "Nothing was imported: the files hold no rows.\n")
