"""What goes wrong is said in words that help: what was found, and what to do; with the right exit status."""

from __future__ import annotations

import signal
from unittest import mock

import pytest

from command_line import ask_fusion, run_fusion

ORDERS = "id,day,who\n1,2026-01-01,anna\n"
MAPPING = (
    '[source]\nname = "till"\n[fields]\nevent_id = "id"\noccurred_at = "day"\nconsumer = "who"\n'
    'brand = { constant = "book-shop" }\n[kind]\ndefault = "Order Completed"\n'
)


@pytest.fixture
def import_with(empty, refuse, tmp_path):
    """Import the orders with a mapping that is not right, and return the error."""
    orders = tmp_path / "orders.csv"
    orders.write_text(ORDERS, encoding="utf-8")

    def run(text):
        (tmp_path / "mapping.toml").write_text(text, encoding="utf-8")
        return refuse("import", orders, "--map", tmp_path / "mapping.toml", "--workspace", empty)

    return run


def test_done_is_status_0(untouched_shop):
    assert run_fusion("score", "--workspace", untouched_shop).status == 0


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["score", "--nonsense"],
        ["score", "--limit", "many"],
        ["score", "--limit", "0"],
        ["score", "--order", "sideways"],
        ["explain", "anna"],
        ["identity", "merge", "anna", "ben"],
        ["demo", "--people", "-1"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_2_and_nothing_goes_to_standard_output(words):
    run = run_fusion(*words)
    assert run.status == 2
    assert run.output == ""
    assert "Usage: fusion" in run.complaint


def test_a_misspelt_command_names_what_was_typed():
    assert "scroe" in run_fusion("scroe").complaint


def test_where_there_is_no_workspace_two_ways_to_one_are_named(refuse, tmp_path):
    error = refuse("score", "--workspace", tmp_path)
    assert error["code"] == "workspace_not_found"
    assert "fusion init" in error["hint"]
    assert "fusion demo" in error["hint"]


def test_a_file_that_is_not_there_is_named(refuse, empty):
    error = refuse("import", "no-such.csv", "--format", "events", "--workspace", empty)
    assert error["code"] == "invalid_input"
    assert "no-such.csv" in error["message"]


def test_a_glob_that_finds_nothing_is_named(refuse, empty):
    error = refuse("import", str(empty / "orders-*.csv"), "--format", "events", "--workspace", empty)
    assert "orders-*.csv" in error["message"]


def test_how_to_read_must_be_said(refuse, empty):
    error = refuse("import", empty / "fusion.toml", "--workspace", empty)
    assert "--map" in error["hint"]
    assert "--format" in error["hint"]


def test_an_unknown_format_is_answered_with_those_there_are(refuse, empty):
    error = refuse("import", empty / "fusion.toml", "--format", "xml", "--workspace", empty)
    assert "xml" in error["message"]
    assert all(name in error["hint"] for name in ("events", "segment", "cloudevents"))


def test_a_misspelt_key_of_a_mapping_is_answered_with_the_right_one(import_with):
    error = import_with(MAPPING.replace("[fields]", "[feilds]"))
    assert error["code"] == "invalid_mapping"
    assert "feilds" in error["message"]
    assert "did you mean `fields`" in error["message"]
    assert error["where"].endswith("mapping.toml")


def test_a_misspelt_column_is_answered_with_the_columns_of_the_file(import_with):
    error = import_with(MAPPING.replace('"day"', '"dya"'))
    assert error["code"] == "invalid_mapping"
    assert all(name in error["message"] for name in ("dya", "`day`", "who"))
    assert error["where"].endswith("orders.csv")


def test_a_mapping_that_is_no_toml_says_in_which_line(import_with):
    assert "line 1" in import_with("[source\n")["message"]


def test_a_refused_import_leaves_nothing_behind(import_with, empty):
    import_with(MAPPING.replace('"day"', '"dya"'))
    assert ask_fusion(empty, "score") == []
    assert ask_fusion(empty, "rejected", "list")["rows"] == []


def test_a_moment_that_is_none_is_answered_with_an_example(refuse, untouched_shop):
    error = refuse("score", "--as-of", "yesterday", "--workspace", untouched_shop)
    assert "'yesterday'" in error["message"]
    assert "2026-06-05T20:00:00Z" in error["hint"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["score", "--brand", "nowhere"], "not_found"),
        (["score", "--consumer", "nobody"], "not_found"),
        (["score", "--consumer", "nobody", "--brand", "book-shop"], "not_found"),
        (["score", "--consumer", "anna", "--brand", "opera-in-the-park"], "not_found"),
        (["rejected", "retry", "99"], "not_found"),
        (["rejected", "drop"], "invalid_input"),
        (["associations", "withdraw", "nothing"], "not_found"),
        (["associations", "declare", "anna", "book-shop", "--strength", "3"], "invalid_input"),
        (["identity", "show", "nobody"], "not_found"),
        (["identity", "undo", "nothing"], "not_found"),
        (["identity", "merge", "anna", "nobody", "--reason", "why not"], "not_found"),
        (["identity", "merge", "anna", "anna", "--reason", "why not"], "conflict"),
        (["identity", "attach", "5", "--source", "events", "--reason", "why not"], "invalid_input"),
        (["identity", "attach", "99", "--source", "events", "--consumer", "anna", "--reason", "seen"], "not_found"),
        (["identity", "attach", "1", "--source", "events", "--consumer", "ben", "--reason", "seen"], "conflict"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)  # fmt: skip
def test_what_cannot_be_done_is_refused_with_its_code(refuse, untouched_shop, words, code):
    assert refuse(*words, "--workspace", untouched_shop)["code"] == code


def test_a_file_of_another_kind_than_parquet_or_csv_is_refused(refuse, untouched_shop, tmp_path):
    error = refuse("score", "--out", tmp_path / "scores.xlsx", "--workspace", untouched_shop)
    assert ".parquet" in error["message"]


def test_a_setting_that_cannot_be_names_the_file(refuse, empty):
    (empty / "fusion.toml").write_text('memory_limit_mb = "much"\n', encoding="utf-8")
    error = refuse("score", "--workspace", empty)
    assert error["code"] == "invalid_settings"
    assert "memory_limit_mb" in error["message"]
    assert error["where"].endswith("fusion.toml")


def test_an_export_overwrites_nothing(refuse, untouched_shop, tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    assert refuse("export", "--to", tmp_path, "--workspace", untouched_shop)["code"] == "conflict"
    assert [each.name for each in tmp_path.iterdir()] == ["mine.txt"]


def test_a_message_about_a_consumer_does_not_tell_their_address(refuse, untouched_shop):
    error = refuse(
        "identity",
        "merge",
        "anna",
        "someone@example.org",
        "--reason",
        "why not",
        "--workspace",
        untouched_shop,
    )
    assert "someone@example.org" not in error["message"]


def test_an_interrupted_import_says_that_nothing_is_lost(empty):
    with mock.patch(
        "consumer_fusion.pipeline.import_files",
        side_effect=lambda *_, **__: signal.raise_signal(signal.SIGINT),
    ):
        run = run_fusion("import", empty / "fusion.toml", "--format", "events", "--workspace", empty)
    assert run.status == 1
    assert "interrupted" in run.complaint


@pytest.mark.parametrize(
    "words",
    [
        ["score", "--out", "{missing}/scores.csv"],
        ["identity", "suggest", "{missing}/people.csv"],
        ["init", "{file}/workspace"],
    ],
    ids=["score", "suggest", "init"],
)
def test_a_path_that_cannot_be_used_is_no_crash(refuse, untouched_shop, tmp_path, words):
    (tmp_path / "file").write_text("", encoding="utf-8")
    paths = {"missing": tmp_path / "missing", "file": tmp_path / "file"}
    where = [] if words[0] == "init" else ["--workspace", untouched_shop]
    refuse(*(word.format(**paths) for word in words), *where)
