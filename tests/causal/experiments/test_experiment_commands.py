"""The commands of experiments: the list that is written, and what `fusion points` shows beside the points."""

from __future__ import annotations

import csv
import re

import numpy as np

from command_line import run_fusion
from consumer_fusion.causal.designs.holdouts import draw_holdout


def draw(folder, name="letter", **options):
    given = {
        "--share": 0.5,
        "--seed": 7,
        "--starts": "2099-01-01",
        "--id": name,
    }
    given |= options
    words = [word for pair in given.items() for word in pair]
    return run_fusion(
        "experiments", "draw", "bakery", "Campaign Received", *words, "--json", "--workspace", folder / "here"
    )


def make_audience(folder, count):
    assert run_fusion("init", folder / "here").status == 0
    path = folder / "audience.txt"
    path.write_text("\n".join(f"c{number}" for number in range(count)) + "\n", encoding="utf-8")
    return path


def write_list(folder, name="letter"):
    words = ("experiments", "assignments", name, "--out", folder / "letter.csv")
    return run_fusion(*words, "--workspace", folder / "here")


def test_a_list_is_written_once_with_everybody_in_it(tmp_path):
    audience = make_audience(tmp_path, 20)
    told = draw(tmp_path, **{"--audience": audience}).told
    assert "20" in write_list(tmp_path).output
    with (tmp_path / "letter.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert (told["consumers"], told["held_out"]) == (20, 10)
    assert sorted(row["consumer"] for row in rows) == sorted(f"c{number}" for number in range(20))
    assert [row["arm"] for row in rows].count("held_out") == 10
    assert write_list(tmp_path).status == 1


def test_the_same_seed_gives_the_same_list_in_whatever_order_consumers_are_named(tmp_path):
    names = [f"c{number}" for number in range(50)]
    past = np.arange(50.0) % 7
    order = np.random.default_rng(1).permutation(50)
    first = draw_holdout(names, share=0.3, seed=4, past_outcome=past)
    second = draw_holdout([names[place] for place in order], share=0.3, seed=4, past_outcome=past[order])
    assert first == second
    assert first.digest != draw_holdout(names, share=0.3, seed=5, past_outcome=past).digest


def test_an_action_that_has_begun_is_refused_on_the_command_line(tmp_path):
    answer = draw(tmp_path, **{"--audience": make_audience(tmp_path, 20), "--starts": "2020-01-01"})
    assert answer.status == 1
    assert re.search("before now", answer.told["errors"][0]["message"])
