"""Comparisons of a file: people of two arms, units of a panel, and what is wrong with a file."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from command_line import run_fusion
from consumer_fusion.causal.experiments.compared_files import compare_audience_file, compare_panel_file
from consumer_fusion.errors import InputError

pytest.importorskip("scipy", reason="a synthetic control is of the extra `cause`")


def write_people(path, *, is_chosen, effect=5.0, count=2_000):
    """People of two towns, some of whose age nobody knows; who spends more is written to, or chance decides."""
    chance = np.random.default_rng(1)
    wealth = chance.normal(size=count)
    wish = wealth if is_chosen else np.zeros(count)
    is_reached = chance.random(count) < 1 / (1 + np.exp(-wish))
    spent = [20 + 8 * wealth + chance.normal(0, 4, count) for _ in range(3)]
    ages = np.where(chance.random(count) < 0.1, np.nan, 40 + 10 * chance.normal(size=count))
    pq.write_table(
        pa.table(
            {
                "consumer": [f"c{number}" for number in range(count)],
                "arm": np.where(is_reached, "reached", "not reached"),
                "earlier": spent[0],
                "before": spent[1],
                "after": spent[2] + effect * is_reached,
                "age": pa.array(ages, from_pandas=True),
                "town": np.where(wealth > 0.3, "hill", "plain"),
                "wealth": wealth,
            }
        ),
        path,
    )
    return path


def test_a_randomised_file_gives_the_effect_and_calls_it_caused(tmp_path):
    found = compare_audience_file(
        write_people(tmp_path / "people.parquet", is_chosen=False),
        outcome="after",
        arm="arm",
        is_randomised=True,
    )
    assert found.label == "caused"
    assert found.adjusted.low < 5.0 < found.adjusted.high
    assert found.adjusted.high - found.adjusted.low < 0.8 * (found.naive.high - found.naive.low)
    assert {"age", "age: missing", "town: plain", "wealth", "before"} <= set(found.features)


def test_a_column_that_the_action_changed_too_is_named_before_anything_is_called_caused(tmp_path):
    path = write_people(tmp_path / "people.parquet", is_chosen=False)
    rows = pq.read_table(path)
    visits = np.random.default_rng(2).poisson(
        np.where(np.array(rows["arm"].to_pylist()) == "reached", 3.0, 2.0)
    )
    pq.write_table(rows.append_column("visits", pa.array(visits)), path)
    found = compare_audience_file(path, outcome="after", arm="arm", is_randomised=True)
    assert found.label == "changed_after"
    assert "in: visits." in found.sentences[0]
    assert "not count as caused" in found.sentences[1]


def test_arms_that_are_alike_need_no_word(tmp_path):
    people = write_people(tmp_path / "people.parquet", is_chosen=False)
    found = compare_audience_file(people, outcome="after", arm="arm", is_randomised=True)
    assert found.sentences == ()


def test_a_chosen_file_is_adjusted_tried_on_the_past_and_never_called_caused(tmp_path):
    people = write_people(tmp_path / "people.parquet", is_chosen=True)
    found = compare_audience_file(
        people, outcome="after", arm="arm", is_randomised=False, before="before", earlier="earlier"
    )
    assert found.naive.effect > 9
    assert found.adjusted.low < 5.0 < found.adjusted.high
    assert found.label == "consistent_with_cause"
    options = ("--outcome", "after", "--before", "before")
    run = run_fusion("audience", people, *options)
    assert "The audience was not randomised" in " ".join(run.output.split())
    assert "Verdict: changed after" in run.output
    assert (
        run_fusion("audience", people, *options, "--earlier", "earlier", "--json").told["label"]
        == found.label
    )


def test_a_panel_of_a_file_is_told_with_its_weights(tmp_path):
    chance = np.random.default_rng(2)
    level = np.linspace(100, 60, 24)
    donors = {
        f"s{number}": level * chance.uniform(0.5, 1.5) + chance.normal(0, 1, 24) for number in range(20)
    }
    own = 0.5 * donors["s0"] + 0.5 * donors["s1"] - 15 * (np.arange(24) >= 18)
    table = pa.table({"year": np.arange(1980, 2004), "here": own, **donors})
    pa_csv.write_csv(table, tmp_path / "panel.csv")
    told = run_fusion("panel", tmp_path / "panel.csv", "--unit", "here", "--from", "1998", "--json").told
    assert told["effect"] == pytest.approx(-15, abs=1)
    assert set(told["weights"]) >= {"s0", "s1"}
    assert len(told["periods"]) == 24
    shown = run_fusion("panel", tmp_path / "panel.csv", "--unit", "here", "--from", "1998").output
    assert "From 1998 on" in shown


def test_what_is_wrong_with_a_file_is_said(tmp_path):
    people = write_people(tmp_path / "people.parquet", is_chosen=True, count=100)
    ask = compare_audience_file
    with pytest.raises(InputError, match="no column 'spent'"):
        ask(people, outcome="spent", arm="arm", is_randomised=True)
    with pytest.raises(InputError, match="The column 'town' holds"):
        ask(people, outcome="after", arm="town", is_randomised=True)
    with pytest.raises(InputError, match="not a number"):
        ask(people, outcome="town", arm="arm", is_randomised=True)
    with pytest.raises(InputError, match="the outcome before"):
        ask(people, outcome="after", arm="arm", is_randomised=False)
    with pytest.raises(InputError, match="cannot be read"):
        ask(tmp_path / "nothing.csv", outcome="after", arm="arm", is_randomised=True)
    with pytest.raises(InputError, match="neither"):
        ask(tmp_path / "people.xlsx", outcome="after", arm="arm", is_randomised=True)
    with pytest.raises(InputError, match="no period '1850'"):
        compare_panel_file(people, unit="after", first_period="1850")
