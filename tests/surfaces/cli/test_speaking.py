"""How commands speak to people: what came from outside is shown as it is, and progress stays out of the way."""

from __future__ import annotations

import io
import re
import shutil
from types import SimpleNamespace

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from rich.console import Console

import consumer_fusion as fusion
from command_line import ask_fusion, import_events, run_fusion, write_events
from consumer_fusion.i18n.labels import FACET_LABELS, SYMBIOSIS_LABELS
from consumer_fusion.records.entity import ENTITIES
from consumer_fusion.surfaces.cli.effects import print_effect
from consumer_fusion.surfaces.cli.output import PlainConsole, print_table

MARKED = ["[red]anna[/red]", "[/bold]ben", "[link=file:///etc]cyd", ":smile:", "<b>dan</b>", "{0} %s eve"]
ESCAPES = ["\x1b[31mfred", "\x1b]0;title\x07greta", "\x9b31mhans"]


def flatten(text):
    """The text of a table or of folded lines, without what lays it out."""
    return re.sub(r"\s", "", text)


@pytest.fixture(scope="module")
def visited(untouched_empty, tmp_path_factory):
    """Workspaces in which consumers and brands have peculiar names: with marks, with control characters."""

    def make(names):
        workspace = shutil.copytree(untouched_empty, tmp_path_factory.mktemp("visited") / "workspace")
        event = {"occurred_at": "2026-01-01", "kind": "Store Visited"}
        rows = [
            {**event, "event_id": f"{number}", "consumer": f"c{number}", "brand": f"b{number}", "text": name}
            for number, name in enumerate(names)
        ]
        assert import_events(workspace, *rows)["accepted"] == len(names)
        # Names that the door refuses by now are on record since older releases.
        with fusion.open_workspace(workspace) as opened, opened.store.writing() as session:
            for number, name in enumerate(names):
                session.update(ENTITIES, {"entity_key": name}, {"entity_key": [f"c{number}", f"b{number}"]})
        return workspace

    return {"marked": make(MARKED), "steering": make(ESCAPES)}


@pytest.mark.parametrize("name", MARKED)
def test_marks_in_a_name_are_shown_and_not_obeyed(visited, name):
    run = run_fusion("explain", name, name, "--workspace", visited["marked"])
    assert run.status == 0
    assert flatten(name) in flatten(run.output)


@pytest.mark.parametrize("command", [["brands"], ["identity", "show", MARKED[1]], ["points"], ["doctor"]])
def test_marks_in_names_upset_no_command(visited, command):
    assert run_fusion(*command, "--workspace", visited["marked"]).status == 0


@pytest.mark.parametrize("name", MARKED[:4])
def test_marks_in_a_name_do_not_upset_a_list_of_scores(visited, name):
    run = run_fusion("score", "--brand", name, "--workspace", visited["marked"])
    assert run.status == 0
    assert flatten(f"explain '{name}' '{name}'") in flatten(run.output)


@pytest.mark.parametrize("name", ESCAPES, ids=repr)
def test_a_name_cannot_steer_the_terminal(visited, name):
    run = run_fusion("explain", name, name, "--workspace", visited["steering"])
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", run.output + run.complaint)


def test_a_list_of_names_cannot_steer_the_terminal(visited):
    run = run_fusion("brands", "--workspace", visited["steering"])
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", run.output + run.complaint)


@pytest.fixture
def set_width(monkeypatch):
    """Give the terminal a width in characters."""

    def set_it(width):
        console = PlainConsole()
        console.width = width
        monkeypatch.setattr("consumer_fusion.surfaces.cli.output.console", console)

    return set_it


def test_a_row_that_was_set_aside_is_shown_as_it_came(empty, set_width):
    set_width(200)
    (empty / "events.jsonl").write_text("[bold]not[/bold] an event\n", encoding="utf-8")
    assert (
        run_fusion("import", empty / "events.jsonl", "--format", "events", "--workspace", empty).status == 1
    )
    assert flatten("[bold]not[/bold] an event") in flatten(
        run_fusion("rejected", "list", "--workspace", empty).output
    )


def test_a_retry_that_fails_says_why(shop):
    (row,) = ask_fusion(shop, "rejected", "list")["rows"]
    raw = row["raw"].replace("not a time", "tomorrow").replace("Order Completed", "")
    run = run_fusion("rejected", "retry", row["rejection_id"], "--raw", raw, "--workspace", shop)
    assert (run.status, "has no `kind`" in run.output) == (1, True)
    told = run_fusion("rejected", "retry", "--workspace", shop, "--json").told
    assert [each.split(" ")[:2] for each in told["reasons"]] == [["Row", str(row["position"])]]


def test_progress_goes_to_standard_error_even_on_a_terminal(empty, monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(
        "consumer_fusion.surfaces.cli.output.error_console",
        Console(file=screen, force_terminal=True, stderr=True),
    )
    event = {
        "event_id": "1",
        "occurred_at": "2026-01-01",
        "kind": "Store Visited",
        "consumer": "anna",
        "brand": "b",
    }
    lines = empty / "events.jsonl"
    lines.write_text(str(event).replace("'", '"'), encoding="utf-8")
    run = run_fusion("import", lines, "--format", "events", "--workspace", empty)
    assert run.status == 0
    assert "1 event" in run.output
    assert "read and check" not in run.output
    assert "\x1b" not in run.output
    assert screen.getvalue()


@pytest.mark.parametrize(
    "command",
    [
        ["score", "--as-of", "latest"],
        ["brands", "--as-of", "latest"],
        ["doctor"],
        ["points"],
        ["version"],
        ["rejected", "list"],
    ],
)
def test_what_is_piped_has_no_colours(untouched_shop, command):
    where = [] if command == ["version"] else ["--workspace", untouched_shop]
    run = run_fusion(*command, *where)
    assert run.status == 0
    assert run.output
    assert "\x1b" not in run.output
    assert run.complaint == ""


def test_people_see_who_stands_where_and_what_to_ask_next(untouched_shop):
    run = run_fusion("score", "--as-of", "latest", "--workspace", untouched_shop)
    assert all(word in run.output for word in ("anna", "ben", "book-shop", "fusion explain"))


def test_the_terminal_has_the_words_of_the_pages_and_not_the_codes(untouched_shop):
    where = ["--as-of", "latest", "--workspace", untouched_shop]
    runs = [
        run_fusion("score", *where),
        run_fusion("explain", "anna", "book-shop", *where),
        run_fusion("brands", *where),
        run_fusion("points", "--workspace", untouched_shop),
    ]
    words = set(" ".join(run.output for run in runs).replace(",", " ").split())
    assert {"relationships", "neutral", "image", "spend"} <= words
    codes = {
        code
        for code, label in {**SYMBIOSIS_LABELS, **FACET_LABELS}.items()
        if code not in label.words.split()
    }
    assert {"mutualism", "amensal", "standing", "wallet"} <= codes
    assert not words & {*codes, "pairs", "symbiosis"}


def test_rejected_rows_have_the_id_that_a_command_takes_and_their_reason_in_words(shop):
    shown = run_fusion("rejected", "list", "--workspace", shop).output
    assert "invalid time" in shown
    assert "invalid_time" not in shown
    assert re.search(r"Rejected rows\s+ID", shown)
    assert [each["code"] for each in ask_fusion(shop, "rejected", "list")["counts"]] == ["invalid_time"]
    for verb in ("retry", "drop"):
        assert "IDs of rejected rows" in run_fusion("rejected", verb, "--help").output
    assert "its code" in run_fusion("rejected", "list", "--help").output


def test_the_checks_of_an_effect_have_their_verdict_in_words_and_no_code(capsys):
    check = SimpleNamespace(verdict="warned", name="level_break", sentence="The level broke.")
    effect = SimpleNamespace(
        title="A fair", action_id="fair", brand="bakery", effect_from=1, effect_until=2, declared_until=2,
        metric="orders", series="bakery", sentences=(), observed=(), expected=(), checks=(check,), left_out=(),
        library="",
    )  # fmt: skip
    print_effect(effect)
    shown = capsys.readouterr().out
    assert re.search(r"!\s*warning +The level broke", shown)
    assert "level_break" not in shown


def test_a_count_and_its_rows_have_one_heading(shop):
    shown = run_fusion("unattributed", "list", "--workspace", shop).output
    assert shown.startswith("Unattributed events (1)\n")
    assert shown.count("Unattributed events") == 1


def test_an_explanation_says_that_earlier_changes_are_left_out(shop):
    where = ["explain", "anna", "book-shop", "--as-of", "2026-06-20", "--workspace", shop]
    shown = run_fusion(*where).output
    assert "\nChanges\n" in shown
    assert "today" not in shown
    event = {
        "kind": "Order Completed",
        "consumer": "anna",
        "brand": "book-shop",
        "value": 5,
        "currency": "EUR",
    }
    days = range(1, 16)
    import_events(
        shop, *({**event, "event_id": f"d{day}", "occurred_at": f"2026-06-{day:02}"} for day in days)
    )
    assert re.search(r"\nChanges at the last 10 of \d\d events\n", run_fusion(*where).output)


ROWS = [["consumer-000001", "salmon-restaurant", "45.1", "the waiters were slow", "2026-06-15T20:30:00Z"]]
COLUMNS = ["consumer", "brand", "score", "reason", "time"]


@pytest.fixture
def print_rows(capsys, set_width):
    """Print the rows in a terminal of a width."""

    def print_them(width):
        set_width(width)
        print_table("Scores", COLUMNS, ROWS, right=["score"])
        return capsys.readouterr().out

    return print_them


def test_a_table_breaks_texts_between_words_and_names_only_at_a_hyphen(print_rows):
    shown = print_rows(70)
    words = shown.split()
    assert max(map(len, shown.splitlines())) <= 70
    assert {"consumer-000001", "salmon-", "restaurant", "waiters", "2026-06-15T20:30:00Z"} <= set(words)


def test_a_row_that_does_not_fit_the_window_is_shown_a_field_a_line(print_rows):
    lines = [line.split(maxsplit=1) for line in print_rows(45).splitlines()]
    assert [[word.strip() for word in line] for line in lines if line] == [
        ["Scores"],
        *map(list, zip(COLUMNS, ROWS[0], strict=True)),
    ]


@pytest.mark.parametrize("width", [8, 10, 20])
def test_a_very_narrow_window_loses_no_text(print_rows, width):
    shown = flatten(print_rows(width))
    assert all(flatten(each) in shown for each in (*COLUMNS, *ROWS[0]))


@pytest.mark.parametrize("columns", [["half-life in days", "kind of event", "points"], ["", ""]])
def test_a_table_without_rows_or_headings_fits_any_window(capsys, set_width, columns):
    set_width(10)
    print_table("Nothing", columns, [])
    print_table("Nothing", columns, [[""] * len(columns)])
    assert capsys.readouterr().out.count("Nothing") == 2


def test_points_without_differences_are_said_to_have_none(untouched_shop):
    assert "No differences" in run_fusion("points", "--diff", "--workspace", untouched_shop).output


def test_an_import_says_in_words_what_became_of_the_rows(shop):
    run = run_fusion("import", shop / "events.jsonl", "--format", "events", "--workspace", shop)
    words = flatten(run.output)
    assert flatten("0 events accepted") in words
    assert flatten("5 were duplicates") in words
    assert flatten("1 row rejected") in words
    assert flatten("fusion rejected list") in words
    again = {"event_id": "7", "occurred_at": "2026-05-01", "kind": "Order Completed", "consumer": "anna"}
    path = write_events(shop / "one.jsonl", again, again)
    words = flatten(run_fusion("import", path, "--format", "events", "--workspace", shop).output)
    assert words.startswith(flatten("1 event accepted, 1 was a duplicate, 0 rows rejected"))


def test_kinds_without_points_are_not_passed_over_in_silence(untouched_shop):
    assert "Window Licked" in run_fusion("points", "--workspace", untouched_shop).output
    assert ask_fusion(untouched_shop, "points")["no_points_yet"] == [{"kind": "Window Licked", "events": 1}]


def test_the_order_and_the_limit_are_kept(untouched_shop):
    highest = ask_fusion(untouched_shop, "score", "--as-of", "latest", "--order", "highest")
    lowest = ask_fusion(untouched_shop, "score", "--as-of", "latest", "--order", "lowest")
    assert [each["consumer"] for each in highest] == ["anna", "ben"]
    assert [each["consumer"] for each in lowest] == ["ben", "anna"]
    assert (
        ask_fusion(untouched_shop, "score", "--as-of", "latest", "--order", "highest", "--limit", 1)
        == highest[:1]
    )


def test_falling_compares_with_28_days_earlier(untouched_shop):
    rows = ask_fusion(untouched_shop, "score", "--as-of", "2026-05-31T00:00:00Z", "--order", "falling")
    earlier = ask_fusion(untouched_shop, "score", "--as-of", "2026-05-03T00:00:00Z")
    before = {each["consumer"]: each["fusion_score"] for each in earlier}
    changes = [each["change_28_days"] for each in rows]
    assert changes == sorted(changes)
    for row in rows:
        assert row["change_28_days"] == pytest.approx(
            row["fusion_score"] - before.get(row["consumer"], 50), abs=1e-9
        )


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_scores_are_written_to_a_file(untouched_shop, tmp_path, ending):
    out = tmp_path / f"scores{ending}"
    run = run_fusion("score", "--as-of", "latest", "--out", out, "--workspace", untouched_shop)
    assert run.status == 0
    rows = pa_csv.read_csv(out) if ending == ".csv" else pq.read_table(out)
    assert rows.num_rows == 2
    assert {"consumer", "brand", "fusion_score", "wallet", "wellbeing"} <= set(rows.column_names)
