"""What programs read: each command prints one JSON value with exactly the fields that the reference tells of."""

from __future__ import annotations

import json

import pytest

from command_line import ask_fusion, run_fusion
from consumer_fusion.records.points import FACETS
from effect_worlds import make_orders, open_world
from json_shapes import find_faults

CONTRACT = {
    "demo": ["workspace", "events", "pairs", "url"],
    "import": ["accepted", "duplicates", "rejected", "unattributed", "seconds", "nobody", "changed", "replaced"],
    "score": [
        "consumer", "brand", "as_of", "fusion_score", "low", "high", "consumer_to_brand", "brand_to_consumer",
        "confidence", "percentile", "symbiosis", "facets",
    ],
    "explain": ["fusion_score", "baseline", "contributions", "changes"],
    "contributions": [
        "event_id", "occurred_at", "kind", "facet", "direction", "points", "contribution", "parent_event_id",
        "sentence",
    ],
    "changes": ["at", "event_id", "kind", "change", "score_after"],
}  # fmt: skip
"""The fields that other programs were promised, whatever else is added."""


@pytest.fixture(scope="module")
def answers(untouched_shop, tmp_path_factory):
    """What every command printed, one after the other in one workspace; further ways to ask end in a word."""
    folder = tmp_path_factory.mktemp("answers")
    demo = run_fusion("demo", "--no-serve", "--people", 0, "--json", "--workspace", folder / "town")
    told = {
        "demo": demo.told,
        "init": run_fusion("init", folder / "new", "--json").told,
        "version": run_fusion("version", "--json").told,
    }
    orders = folder / "orders.csv"
    orders.write_text("id,day,who,sum\n1,2026-01-01,anna,10\n2,someday,ben,20\n", encoding="utf-8")
    mapping = folder / "mapping.toml"
    mapping.write_text(
        '[source]\nname = "till"\n[fields]\nevent_id = "id"\noccurred_at = "day"\nconsumer = "who"\nvalue = "sum"\n'
        'brand = { constant = "book-shop" }\n[kind]\ndefault = "Order Completed"\n',
        encoding="utf-8",
    )

    def ask(name, *arguments, key=None, workspace=folder / "new"):
        told[key or name] = ask_fusion(workspace, *name.split(), *arguments)

    ask("import", orders, "--map", mapping)
    ask("rejected list")
    told["rejected retry"] = run_fusion("rejected", "retry", "--workspace", folder / "new", "--json").told
    ask("rejected drop", "--all")
    corrected = folder / "corrected.csv"
    corrected.write_text("id,day,who,sum\n1,2026-01-01,anna,12\n", encoding="utf-8")
    ask("import", corrected, "--map", mapping, key="import corrected")
    ask("corrections list")
    ask("corrections apply", "--all")
    ask("corrections undo", told["corrections list"][0]["correction_id"])
    ask("score", "--as-of", "latest")
    ask("score", "--as-of", "latest", "--order", "falling", key="score falling")
    ask("score", "--consumer", "nobody", "--brand", "nowhere", key="score unknown")
    moment = ("--as-of", "2026-06-15T20:30:00Z")
    ask("explain", "pop-artist", "sweater-brand", *moment, workspace=folder / "town")
    ask("explain", "pop-artist", "sweater-brand", *moment, "--without", "E3", "--history", 3, key="explain more",
        workspace=folder / "town")  # fmt: skip
    ask("brands")
    ask("points", key="points")
    ask("points", "--diff", key="points difference")
    ask("associations declare", "anna", "book-shop", "--id", "link")
    ask("associations list", "--all")
    ask("associations withdraw", "link")
    audience = folder / "audience.txt"
    audience.write_text("anna\nben\ncyd\ndan\n", encoding="utf-8")
    drawn = ("book-shop", "Campaign Received", "--starts", "2099-01-01", "--id")
    ask(
        "experiments draw",
        *drawn,
        "letter",
        "--out",
        folder / "letter.csv",
        "--audience",
        audience,
        "--share",
        0.5,
    )
    ask("experiments record", folder / "letter.csv", *drawn, "again")
    ask("holdout", *drawn, "card", "--out", folder / "card.csv", "--audience", audience, "--share", 0.5)
    ask("experiments list")
    ask("experiments withdraw", "letter")
    people = folder / "people.csv"
    people.write_text(
        "arm,before,after\n" + "".join(f"{n % 2},{n % 7},{n % 7 + n % 2 + n % 3}\n" for n in range(120)),
        encoding="utf-8",
    )
    told["audience"] = run_fusion(
        "audience", people, "--outcome", "after", "--before", "before", "--json"
    ).told
    panel = folder / "panel.csv"
    panel.write_text(
        "year,a,b,c\n" + "".join(f"{n},{n % 3 + 9},{n % 4 + 9},{n % 5 + 9}\n" for n in range(20)),
        encoding="utf-8",
    )
    told["panel"] = run_fusion("panel", panel, "--unit", "a", "--from", "15", "--json").told
    ask("report", "--out", folder / "report.html")
    ask("export", "--to", folder / "export")
    ask("doctor")
    shop = folder / "shop"
    orders.write_text(
        '{"event_id": "a", "occurred_at": "2026-01-01", "kind": "Order Completed", "consumer": "anna", "brand": "b", '
        '"identifiers": {"email": "anna@example.org", "device": "7"}}\n'
        '{"event_id": "b", "occurred_at": "2026-01-01", "kind": "Order Completed", "consumer": "ben", "brand": "b", '
        '"identifiers": {"email": "ben@example.org", "device": "7"}}\n'
        '{"event_id": "c", "occurred_at": "2026-01-01", "kind": "Order Completed", "consumer": "cyd", "brand": "b"}\n'
        '{"event_id": "d", "occurred_at": "2026-01-01", "kind": "Order Completed", "brand": "b"}\n',
        encoding="utf-8",
    )
    assert run_fusion("init", shop).status == 0
    ask("import", orders, "--format", "events", workspace=shop, key="import events")
    orders.write_text(orders.read_text(encoding="utf-8").replace('"cyd"', '"dan"'), encoding="utf-8")
    ask("import", orders, "--format", "events", workspace=shop, key="import again")
    ask("corrections list", workspace=shop)
    number = told["corrections list"][0]["correction_id"]
    ask("corrections apply", number, workspace=shop)
    ask("corrections undo", number, workspace=shop)
    ask("identity merge", "anna", "cyd", "--reason", "one person", workspace=shop)
    ask("identity show", "anna", workspace=shop)
    ask("identity undo", told["identity merge"]["merge_id"], workspace=shop)
    ask("identity attach", "d", "--source", "events", "--consumer", "cyd", "--reason", "seen", workspace=shop)
    ask("keys create", "--source", "web-shop", workspace=shop)
    ask("keys list", workspace=shop)
    ask("keys rotate", told["keys create"]["key_id"], workspace=shop)
    ask("keys revoke", told["keys rotate"]["key_id"], workspace=shop)
    ask("staff invite", "ann@example.org", "--all-brands", workspace=shop)
    ask("staff change", "ann@example.org", "--role", "analyst", workspace=shop)
    ask("staff list", workspace=shop)
    ask("staff remove", "ann@example.org", workspace=shop)
    ask_about_effects(folder, ask)
    return told


def ask_about_effects(folder, ask):
    """Ask everything that there is about actions, in a workspace of series that files brought."""
    world = folder / "world"
    with open_world(world, make_orders(lift=0.4)):
        pass
    files = folder / "actions.toml", folder / "footfall.csv"
    files[0].write_text(
        '[[actions]]\naction_id = "fair"\nbrand = "bakery"\ntitle = "A stand at the fair"\n'
        'starts_at = "2026-06-11"\neffect_days = 7\n',
        encoding="utf-8",
    )
    files[1].write_text("day,value\n2026-06-01,12\n2026-06-02,13\n", encoding="utf-8")
    ask("actions import", files[0], workspace=world)
    ask("actions list", workspace=world)
    ask("metrics import", files[1], "--metric", "footfall", "--brand", "bakery", workspace=world)
    ask("metrics list", workspace=world)
    ask("effect", "fair", "--metric", "orders", workspace=world)
    ask("effects", workspace=world)
    ask("effects calibrate", workspace=world)
    ask("plan", "bakery", "--days", 7, workspace=world)
    ask("actions withdraw", "fair", workspace=world)


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

`tests/experiments/` looks at the last three.
"""


def test_the_reference_tells_of_no_json_of_a_command_that_is_gone(reference):
    told = {
        " ".join(names)
        for names, command in reference.list_commands()
        if not hasattr(command, "commands") or command.invoke_without_command
    }
    assert len(reference.JSON) >= 25
    assert set(reference.JSON) <= told


def test_every_shape_is_tried(reference, answers):
    assert set(reference.JSON) - set(answers) == NOT_HERE


def test_commands_print_exactly_the_fields_that_the_reference_tells_of(reference, answers):
    faults = {
        name: find_faults(told, reference.JSON.get(name) or reference.JSON[name.rsplit(" ", 1)[0]])
        for name, told in answers.items()
    }
    assert {name: found for name, found in faults.items() if found} == {}


def test_a_field_too_many_and_one_too_few_are_found():
    assert find_faults({"a": 1, "c": 1}, ["a", "b", "d?"]) == ["the answer has no 'b'", "the answer has 'c'"]
    assert find_faults([{"a": {}}], [[("a", ["b"])]]) == ["the answer[0].a has no 'b'"]


def test_the_fields_that_were_promised_are_there(answers):
    assert list(answers["demo"]) == CONTRACT["demo"]
    assert list(answers["import"]) == CONTRACT["import"]
    assert list(answers["score"][0]) == CONTRACT["score"]
    assert list(answers["score"][0]["facets"]) == [facet for facets in FACETS.values() for facet in facets]
    assert set(CONTRACT["explain"]) <= set(answers["explain"])
    assert list(answers["explain"]["contributions"][0]) == CONTRACT["contributions"]
    assert list(answers["explain"]["changes"][0]) == CONTRACT["changes"]


def test_lists_that_are_looked_into_are_not_empty(answers):
    identity = answers["identity show"]
    assert all(
        [
            answers["rejected list"],
            answers["corrections list"],
            answers["associations list"],
            answers["doctor"]["checks"],
            answers["brands"],
        ]
    )
    assert all([identity["members"], identity["identifiers"], identity["merges"], identity["conflicts"]])
    assert answers["explain more"]["history"]


def test_a_report_is_one_file_that_needs_no_other(answers):
    with open(answers["report"]["out"], encoding="utf-8") as file:
        page = file.read()
    assert page.lstrip().lower().startswith("<!doctype html")
    assert "book-shop" in page
    assert 'src="http' not in page


def test_the_demo_says_where_it_is_and_that_nothing_is_served(answers):
    assert answers["demo"]["url"] is None
    assert answers["demo"]["workspace"].endswith("town")
    assert (answers["demo"]["events"], answers["demo"]["pairs"]) == (3, 2)


def test_numbers_are_not_rounded_and_times_are_iso_8601(answers):
    score = answers["explain"]["fusion_score"]
    assert score != round(score, 6)
    assert answers["explain"]["as_of"] == "2026-06-15T20:30:00Z"
    assert {each["occurred_at"][-1] for each in answers["explain"]["contributions"]} == {"Z"}


def test_an_empty_workspace_gives_empty_lists(untouched_empty):
    for command in (["score"], ["brands"], ["rejected", "list"], ["associations", "list"]):
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
