"""Suggestions: records of one person are found in spite of typing errors, and nothing merges without review."""

from __future__ import annotations

import builtins
import os
import random
from pathlib import Path

import pyarrow as pa
import pytest

from consumer_fusion.errors import InputError, MissingExtraError, RefusedError
from consumer_fusion.identity.linkage import SUGGESTIONS, suggest_merges
from consumer_fusion.identity.people import read_people
from consumer_fusion.identity.review import SuggestedPair, accept_suggestions

_FIRST_NAMES = "Anna Ben Clara David Emma Felix Greta Hugo Ida Jonas Klara Leo Mia Noah Olga Paul".split()
_SURNAMES = "Maier Schulz Weber Wagner Becker Hoffmann Koch Richter Klein Wolf Neumann Braun".split()
_CITIES = "Berlin Hamburg Ulm Kiel Trier Jena".split()


@pytest.fixture(scope="module")
def splink():
    return pytest.importorskip("splink", reason="the extra `identity` is not installed")


@pytest.fixture(scope="module")
def people():
    """160 people, of whom 60 are on file twice: the second time with a typing error and a gap."""
    chance = random.Random(4)
    rows = []
    for person in range(160):
        first_name, surname = chance.choice(_FIRST_NAMES), chance.choice(_SURNAMES)
        row = {
            "unique_id": f"shop-{person}",
            "first_name": first_name,
            "surname": surname,
            "dob": f"{chance.randint(1940, 2004)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
            "city": chance.choice(_CITIES),
            "email": f"{first_name}.{surname}.{person}@example.org",
        }
        rows.append(row)
        if person < 60:
            again = {**row, "unique_id": f"web-{person}"}
            again["surname"] = surname[:-1] + chance.choice("aeiou") if person % 2 else surname
            again[chance.choice(["city", "email", "dob"])] = None
            rows.append(again)
    return pa.Table.from_pylist(rows)


@pytest.fixture(scope="module")
def suggestions(splink, people):
    return suggest_merges(people)


def test_records_of_one_person_are_suggested_and_hardly_any_others(suggestions):
    found = [(row["first"].split("-"), row["second"].split("-")) for row in suggestions.to_pylist()]
    right = sum(first[1] == second[1] for first, second in found)
    assert right >= 45
    assert right / len(found) >= 0.95


def test_the_same_records_give_the_same_suggestions(suggestions, people):
    shuffled = people.take(list(reversed(range(len(people)))))
    assert suggest_merges(shuffled).equals(suggestions)


def test_a_suggestion_says_why_without_saying_what(suggestions, people):
    assert suggestions.schema == SUGGESTIONS
    said = " ".join(reason for row in suggestions.to_pylist() for reason in row["reasons"])
    assert "same date of birth" in said
    assert not any(name.lower() in said.lower().split() for name in (*_SURNAMES, *_CITIES))


def test_a_higher_threshold_suggests_fewer_with_the_same_probabilities(suggestions, people):
    strict = suggest_merges(people, threshold=0.999).to_pylist()
    assert strict == [row for row in suggestions.to_pylist() if row["probability"] >= 0.999]
    assert len(strict) < len(suggestions)


def test_columns_go_by_their_usual_names_and_may_be_missing(splink, people):
    renamed = people.select(["unique_id", "first_name", "surname", "email"]).rename_columns(
        ["Consumer", "Given Name", "Last-Name", "E-Mail"]
    )
    assert len(suggest_merges(renamed)) > 20


def test_nothing_merges_before_it_is_reviewed_and_each_merge_can_be_undone(town, suggestions, people):
    ids = {key: town.number(key) for key in people["unique_id"].to_pylist()}
    assert all(len(group) == 1 for group in town.groups())
    reviewed = [SuggestedPair(**row) for row in suggestions.to_pylist()[:3]]

    with town.store.writing() as session:
        accepted = accept_suggestions(session, reviewed, consumer_ids=ids, made_us=9)

    assert len(accepted.merge_ids) == 3
    assert {frozenset((pair.first, pair.second)) for pair in reviewed} <= town.groups()
    (merge,) = town.identity(reviewed[0].first).merges
    assert merge.origin == "review"
    assert merge.reason.startswith("Reviewed suggestion (")


def test_accepting_twice_merges_once_and_strangers_are_passed_over(town):
    row = {"probability": 0.97, "match_weight": 5.0, "reasons": ["same name"]}
    pairs = [("a", "b"), ("b", "c"), ("a", "c"), ("a", "nobody")]
    reviewed = [SuggestedPair(first=first, second=second, **row) for first, second in pairs]
    ids = {key: town.number(key) for key in "abc"}
    for expected_merges, expected_known in ((2, 1), (0, 3)):
        with town.store.writing() as session:
            accepted = accept_suggestions(session, reviewed, consumer_ids=ids, made_us=9)
        assert len(accepted.merge_ids) == expected_merges
        assert accepted.already_one == expected_known
        assert accepted.unknown == ("nobody",)
    assert town.groups() == {frozenset("abc")}
    assert town.person(ids["c"]) == "a"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"email": ["a@b.org", "c@d.org"], "city": ["Ulm", "Ulm"]}, "no column that identifies"),
        ({"unique_id": ["1", "2"], "city": ["Ulm", "Ulm"]}, "there is only city"),
        (
            {"unique_id": ["1", "1"], "city": ["Ulm", "Ulm"], "email": ["a@b.org", "c@d.org"]},
            "missing or duplicate",
        ),
    ],
)
def test_records_that_cannot_be_compared_are_refused_with_a_reason(columns, message):
    with pytest.raises(InputError, match=message):
        suggest_merges(pa.table(columns))


def test_records_that_agree_in_nothing_are_refused(splink):
    strangers = {"unique_id": ["1", "2", "3"], "email": ["a@b.org", "c@d.org", "e@f.org"]}
    with pytest.raises(RefusedError, match="too little to learn"):
        suggest_merges(pa.table(strangers | {"dob": ["1950-01-01", "1970-01-01", "1990-01-01"]}))


def test_without_the_extra_the_message_says_what_to_install(people, monkeypatch):
    import_really = builtins.__import__

    def import_without_splink(name, *rest):
        if name.split(".")[0] == "splink":
            raise ImportError(name)
        return import_really(name, *rest)

    monkeypatch.setattr(builtins, "__import__", import_without_splink)
    with pytest.raises(MissingExtraError, match=r"consumer-fusion\[identity\]"):
        suggest_merges(people)


def test_people_are_read_from_csv_and_parquet_alike(tmp_path, people):
    pa.csv.write_csv(people, tmp_path / "people.csv")
    pa.parquet.write_table(people, tmp_path / "people.parquet")
    assert read_people(tmp_path / "people.csv").equals(read_people(tmp_path / "people.parquet"))
    with pytest.raises(InputError, match="no file"):
        read_people(tmp_path / "nobody.csv")


def test_on_labelled_records_no_suggestion_is_wrong_and_most_pairs_are_found(splink):
    folder = Path(os.environ.get("CONSUMER_FUSION_DATA", Path(__file__).parents[3] / "shared" / "data"))
    path = folder / "people" / "fake_1000.csv"
    if not path.exists():
        pytest.skip("the labelled records are not here; set CONSUMER_FUSION_DATA to the folder of the data")
    labelled = read_people(path)
    truth = dict(zip(labelled["unique_id"].to_pylist(), labelled["cluster"].to_pylist(), strict=True))
    found = suggest_merges(labelled.drop_columns(["cluster"])).to_pylist()
    right = sum(truth[row["first"]] == truth[row["second"]] for row in found)
    assert right / len(found) >= 0.995
    assert right >= 0.8 * 2975
