"""What programs read: each command prints one JSON value with exactly the fields that the reference tells of."""

from __future__ import annotations

import functools
import json
import operator
from dataclasses import asdict, dataclass

import pytest

from command_line import Run, ask_fusion, run_fusion
from consumer_fusion.records.points import FACETS
from copied_workspaces import find_made
from effect_worlds import make_orders, open_world
from json_shapes import find_faults

pytestmark = pytest.mark.slow

CONTRACT = {
    "demo": ["workspace", "events", "pairs", "url"],
    "import": ["accepted", "duplicates", "rejected", "unattributed", "seconds", "nobody", "changed", "replaced"],
    "score": [
        "consumer", "brand", "as_of", "fusion_score", "low", "high", "consumer_to_brand", "brand_to_consumer",
        "confidence", "percentile", "percentile_as_of", "symbiosis", "change_28_days", "facets",
    ],
    "explain": ["fusion_score", "baseline", "contributions", "changes"],
    "contributions": [
        "event_id", "occurred_at", "kind", "facet", "direction", "points", "contribution", "parent_event_id",
        "sentence",
    ],
    "changes": ["at", "event_id", "kind", "change", "score_after"],
}  # fmt: skip
"""The fields that other programs were promised, whatever else is added."""


@dataclass(frozen=True)
class Told:
    """What an earlier command answered, at a place in it, to tell a later one."""

    name: str
    place: tuple[str | int, ...]


@dataclass(frozen=True)
class Asked:
    """A command that is asked for its JSON.

    Args:
        name: The command, and a word more for a further way to ask it.
        arguments: Words, `Told` ones among them; those with a slash are in the folder of the answers.
        workspace: The name of the workspace in that folder; without one the command is about none.
        words: The command, where it is not its name.
        status: With what status it ends.
    """

    name: str
    arguments: tuple[object, ...] = ()
    workspace: str | None = "new"
    words: str | None = None
    status: int = 0


_MOMENT = ("--as-of", "2026-06-15T20:30:00Z")
_ARTIST = ("pop-artist", "sweater-brand", *_MOMENT)
_DRAWN = ("book-shop", "Campaign Received", "--starts", "2099-01-01", "--id")
_AUDIENCE = ("--audience", "/audience.txt", "--share", 0.5)
PAIR = json.dumps(
    {"first": "anna", "second": "cyd", "probability": 0.9, "match_weight": 3.0, "reasons": ["same name"]}
)

ASKED = (
    Asked("demo", ("--no-serve", "--people", 0), "town"),
    Asked("init", ("/new",), None),
    Asked("version", (), None),
    Asked("import", ("/orders.csv", "--map", "/mapping.toml")),
    Asked("rejected list"),
    Asked("rejected show", (Told("rejected list", ("rows", 0, "rejection_id")),)),
    Asked("rejected retry", status=1),  # what was mended by nobody is set aside again
    Asked("rejected drop", ("--all",)),
    Asked("import corrected", ("/corrected.csv", "--map", "/mapping.toml"), words="import"),
    Asked("corrections list"),
    Asked("corrections apply", ("--all",)),
    Asked("corrections undo", (Told("corrections list", (0, "correction_id")),)),
    Asked("score", ("--as-of", "latest")),
    Asked("score falling", ("--as-of", "latest", "--order", "falling"), words="score"),
    Asked("score unknown", ("--consumer", "pop-artist", "--brand", "book-shop"), "town", words="score"),
    Asked("explain", _ARTIST, "town"),
    Asked("explain more", (*_ARTIST, "--without", "E3", "--history", 3), "town", words="explain"),
    Asked("brands"),
    Asked("points"),
    Asked("points change", ("Order Completed", "--points", "wallet=5")),
    Asked("points difference", ("--diff",), words="points"),
    Asked("associations declare", ("anna", "book-shop", "--id", "link")),
    Asked("associations list", ("--all",)),
    Asked("import of words", ("/said.jsonl", "--format", "events"), words="import"),
    Asked("messages list"),
    Asked("messages show", ("book-shop", "events", "said-1")),
    Asked("messages correct", ("book-shop", "events", "said-1", "--right")),
    Asked("sentiment brands"),
    Asked("sentiment months", ("book-shop",)),
    Asked("sentiment aspects", ("book-shop",)),
    Asked("perceiver accuracy"),
    Asked("perceiver learn"),
    Asked("perceiver learnt"),
    Asked("perceiver train", ("/intents.tsv",)),
    Asked("perceiver intents"),
    Asked("perceiver forget", ("intents",)),
    Asked("associations withdraw", ("link",)),
    Asked("experiments draw", (*_DRAWN, "letter", *_AUDIENCE)),
    Asked("experiments assignments", ("letter", "--out", "/letter.csv")),
    Asked("experiments record", ("/letter.csv", *_DRAWN, "again")),
    Asked("experiments list"),
    Asked("experiments show", ("letter",)),
    Asked("experiments withdraw", ("letter",)),
    Asked("audience", ("/people.csv", "--outcome", "after", "--before", "before"), None),
    Asked("perceive", ("The soup was cold.",), None),
    Asked("panel", ("/panel.csv", "--unit", "a", "--from", "15"), None),
    Asked("report", ("--out", "/report.html")),
    Asked("export", ("--to", "/export")),
    Asked("backup", ("--to", "/kept.fusion")),
    Asked("restore", ("/kept.fusion",), "restored"),
    Asked("doctor"),
    Asked("init shop", ("/shop",), None, words="init"),
    Asked("import events", ("/events.jsonl", "--format", "events"), "shop", words="import"),
    Asked("import again", ("/changed.jsonl", "--format", "events"), "shop", words="import"),
    Asked("corrections list one", (), "shop", words="corrections list"),
    Asked("corrections apply one", (Told("corrections list one", (0, "correction_id")),), "shop",
          words="corrections apply"),
    Asked("corrections undo one", (Told("corrections list one", (0, "correction_id")),), "shop",
          words="corrections undo"),
    Asked("identity merge", ("anna", "cyd", "--reason", "one person"), "shop"),
    Asked("identity show", ("anna",), "shop"),
    Asked("identity list", (), "shop"),
    Asked("identity undo", (Told("identity merge", ("merge_id",)),), "shop"),
    Asked("unattributed list", (), "shop"),
    Asked("identity attach", ("d", "--source", "events", "--consumer", "cyd", "--reason", "seen"), "shop"),
    Asked("identity accept", (PAIR,), "shop"),
    Asked("keys create", ("--source", "web-shop"), "shop"),
    Asked("keys list", (), "shop"),
    Asked("keys rotate", (Told("keys create", ("key_id",)),), "shop"),
    Asked("keys revoke", (Told("keys rotate", ("key_id",)),), "shop"),
    Asked("webhooks add", ("https://example.org/x", "--of", "score_crossed"), "shop"),
    Asked("webhooks list", (), "shop"),
    Asked("webhooks deliveries", (), "shop"),
    Asked("webhooks retry", (), "shop"),
    Asked("webhooks remove", (Told("webhooks add", ("subscription_id",)),), "shop"),
    Asked("staff invite", ("ann@example.org", "--all-brands"), "shop"),
    Asked("staff change", ("ann@example.org", "--role", "analyst"), "shop"),
    Asked("staff list", (), "shop"),
    Asked("staff show", ("ann@example.org",), "shop"),
    Asked("staff password", ("ann@example.org",), "shop"),
    Asked("staff sign-out", ("ann@example.org",), "shop"),
    Asked("tokens create", ("dashboard", "--account", "ann@example.org"), "shop"),
    Asked("tokens list", (), "shop"),
    Asked("tokens revoke", (Told("tokens create", ("token_id",)),), "shop"),
    Asked("staff remove", ("ann@example.org",), "shop"),
    Asked("actions import", ("/actions.toml",), "world"),
    Asked("actions list", (), "world"),
    Asked("metrics import", ("/footfall.csv", "--metric", "footfall", "--brand", "bakery"), "world"),
    Asked("metrics list", (), "world"),
    Asked("actions declare", ("bakery", "A sale", "--from", "2026-06-20", "--id", "sale"), "world"),
    Asked("effects measure", ("--action", "fair", "--metric", "orders"), "world"),
    Asked("effects show", ("fair", "--metric", "orders"), "world"),
    Asked("effects list", (), "world"),
    Asked("effects calibrate", (), "world"),
    Asked("effects plan", ("bakery", "--days", 7), "world"),
    Asked("actions withdraw", ("fair",), "world"),
)  # fmt: skip
"""What is asked, in this order; no answer is looked at before all have been asked."""

NOT_HERE = {
    "calibrate",
    "predict",
    "identity suggest",
    "serve",
    "experiments measure",
    "experiments rank",
    "experiments apply",
}
"""Commands that need more data, an extra or a port; `test_learning.py` looks at the first two.

`tests/causal/experiments/` looks at the last three.
"""


def write_files(folder):
    """The files that the commands read, and a workspace of series."""
    order = {"occurred_at": "2026-01-01", "kind": "Order Completed", "brand": "b"}
    ben, anna = (
        {"identifiers": {"email": f"{name}@example.org", "device": "7"}, "consumer": name}
        for name in ("ben", "anna")
    )
    events = [
        {"event_id": "a", **order, **anna},
        {"event_id": "b", **order, **ben},
        {"event_id": "c", **order, "consumer": "cyd"},
        {"event_id": "d", **order},
    ]
    lines = "".join(f"{json.dumps(event)}\n" for event in events)
    texts = {
        "orders.csv": "id,day,who,sum\n1,2026-01-01,anna,10\n2,someday,ben,20\n",
        "corrected.csv": "id,day,who,sum\n1,2026-01-01,anna,12\n",
        "mapping.toml": '[source]\nname = "till"\n[fields]\nevent_id = "id"\noccurred_at = "day"\nconsumer = "who"\n'
        'value = "sum"\nbrand = { constant = "book-shop" }\n[kind]\ndefault = "Order Completed"\n',
        "audience.txt": "anna\nben\ncyd\ndan\n",
        "people.csv": "arm,before,after\n"
        + "".join(f"{n % 2},{n % 7},{n % 7 + n % 2 + n % 3}\n" for n in range(120)),
        "panel.csv": "year,a,b,c\n"
        + "".join(f"{n},{n % 3 + 9},{n % 4 + 9},{n % 5 + 9}\n" for n in range(20)),
        "events.jsonl": lines,
        "intents.tsv": "".join(
            f"card\tI lost my card {n}.\nparcel\tWhere is parcel {n}?\n" for n in range(6)
        ),
        "said.jsonl": json.dumps(
            {
                "event_id": "said-1",
                "occurred_at": "2026-01-03",
                "kind": "Message Sent",
                "brand": "book-shop",
                "consumer": "anna",
                "text": "You charged me twice for one book.",
            }
        ),
        "changed.jsonl": lines.replace('"cyd"', '"dan"'),
        "actions.toml": '[[actions]]\naction_id = "fair"\nbrand = "bakery"\ntitle = "A stand at the fair"\n'
        'starts_at = "2026-06-11"\neffect_days = 7\n',
        "footfall.csv": "day,value\n2026-06-01,12\n2026-06-02,13\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    with open_world(folder / "world", make_orders(lift=0.4)):
        pass


def ask(asked, folder, runs):
    """Run a command; `runs` has those before it, by name.

    Returns:
        What it left behind, or why it could not be asked: an earlier one had no answer.
    """
    words = (asked.words or asked.name).split()
    try:
        for each in asked.arguments:
            if isinstance(each, Told):
                words.append(functools.reduce(operator.getitem, each.place, runs[each.name].told))
            else:
                words.append(f"{folder}{each}" if str(each).startswith("/") else each)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        return f"an earlier command did not answer what this one needs: {error!r}"
    if asked.workspace is not None:
        words += ["--workspace", folder / asked.workspace]
    return run_fusion(*words, "--json")


def keep_answers(folder):
    """Ask everything in a folder, and keep in it what came of it."""
    folder.mkdir()
    write_files(folder)
    runs = {}
    for asked in ASKED:
        runs[asked.name] = ask(asked, folder, runs)
    kept = {name: run if isinstance(run, str) else asdict(run) for name, run in runs.items()}
    (folder / "runs.json").write_text(json.dumps(kept), encoding="utf-8")


@pytest.fixture(scope="module")
def runs():
    """What every command left behind, by name, whether it succeeded or not; asked once by all who run the tests."""
    kept = json.loads((find_made(keep_answers) / "runs.json").read_text(encoding="utf-8"))
    return {name: run if isinstance(run, str) else Run(**run) for name, run in kept.items()}


@pytest.fixture
def read_answer(runs):
    """The JSON of a command that must have ended as it should."""
    statuses = {asked.name: asked.status for asked in ASKED}

    def read(name):
        run = runs[name]
        assert not isinstance(run, str), run
        assert run.status == statuses[name], run.output + run.complaint
        return run.told

    return read


def test_the_reference_tells_of_no_json_of_a_command_that_is_gone(reference):
    told = {
        " ".join(names)
        for names, command in reference.list_commands()
        if not hasattr(command, "commands") or command.invoke_without_command
    }
    assert len(reference.JSON) >= 25
    assert set(reference.JSON) <= told


def test_every_shape_is_tried(reference):
    assert set(reference.JSON) - {asked.words or asked.name for asked in ASKED} == NOT_HERE


@pytest.mark.parametrize("asked", ASKED, ids=operator.attrgetter("name"))
def test_a_command_prints_exactly_the_fields_that_the_reference_tells_of(reference, read_answer, asked):
    assert find_faults(read_answer(asked.name), reference.JSON[asked.words or asked.name]) == []


def test_a_field_too_many_and_one_too_few_are_found():
    assert find_faults({"a": 1, "c": 1}, ["a", "b", "d?"]) == ["the answer has no 'b'", "the answer has 'c'"]
    assert find_faults([{"a": {}}], [[("a", ["b"])]]) == ["the answer[0].a has no 'b'"]


def test_a_command_that_fails_hides_no_other(tmp_path):
    runs = {"corrections list": run_fusion("corrections", "list", "--workspace", tmp_path / "none", "--json")}
    assert runs["corrections list"].status == 1
    undo = next(asked for asked in ASKED if asked.name == "corrections undo")
    assert "an earlier command" in ask(undo, tmp_path, runs)


@pytest.mark.parametrize("name", ["demo", "import", "explain"])
def test_the_fields_that_were_promised_are_there(read_answer, name):
    told = read_answer(name)
    assert set(CONTRACT[name]) <= set(told) if name == "explain" else list(told) == CONTRACT[name]


def test_the_fields_of_a_score_that_were_promised_are_there(read_answer):
    first = read_answer("score")[0]
    assert list(first) == CONTRACT["score"]
    assert list(first["facets"]) == [facet for facets in FACETS.values() for facet in facets]


@pytest.mark.parametrize("name", ["contributions", "changes"])
def test_the_fields_of_an_explanation_that_were_promised_are_there(read_answer, name):
    assert list(read_answer("explain")[name][0]) == CONTRACT[name]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        *((name, None) for name in ("corrections list", "associations list", "brands")),
        *(("identity show", field) for field in ("members", "identifiers", "merges", "conflicts")),
        *(("rejected list", field) for field in ("counts", "rows")),
        ("doctor", "checks"),
        ("explain more", "history"),
    ],
)
def test_a_list_that_is_looked_into_is_not_empty(read_answer, name, field):
    told = read_answer(name)
    assert told if field is None else told[field]


def test_a_report_is_one_file_that_needs_no_other(read_answer):
    with open(read_answer("report")["out"], encoding="utf-8") as file:
        page = file.read()
    assert page.lstrip().lower().startswith("<!doctype html")
    assert "book-shop" in page
    assert 'src="http' not in page


def test_the_demo_says_where_it_is_and_that_nothing_is_served(read_answer):
    told = read_answer("demo")
    assert told["url"] is None
    assert told["workspace"].endswith("town")
    assert (told["events"], told["pairs"]) == (3, 2)


def test_numbers_are_not_rounded_and_times_are_iso_8601(read_answer):
    told = read_answer("explain")
    assert told["fusion_score"] != round(told["fusion_score"], 6)
    assert told["as_of"] == "2026-06-15T20:30:00Z"
    assert {each["occurred_at"][-1] for each in told["contributions"]} == {"Z"}


def test_an_empty_workspace_gives_empty_lists(untouched_empty):
    for command in (["score"], ["brands"], ["keys", "list"], ["associations", "list"]):
        assert ask_fusion(untouched_empty, *command) == []


def test_names_in_any_script_arrive_as_they_are(empty):
    name = "Ольга 山田 \U0001f9e3"
    lines = empty / "events.jsonl"
    event = {
        "event_id": "1",
        "occurred_at": "2026-01-01",
        "kind": "Store Visited",
        "consumer": name,
        "brand": "b",
    }
    lines.write_text(json.dumps(event), encoding="utf-8")
    assert ask_fusion(empty, "import", lines, "--format", "events")["accepted"] == 1
    run = run_fusion("score", "--workspace", empty, "--json")
    assert name in run.output
    assert run.told[0]["consumer"] == name
