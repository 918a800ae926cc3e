"""The messages that the project wrote: each has its labels, none is there twice, the test has authors of its own."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from consumer_fusion.records.perception import ASPECTS, PARTIES

FOLDER = Path(__file__).resolve().parents[2] / "corpora" / "service_messages"
KINDS = {"complaint", "dislike", "question", "remark", "praise"}
TRAITS = {
    "public", "harsh", "ironic", "repair", "typos", "formal", "colloquial", "emoji", "dialect", "non-native",
}  # fmt: skip
HELD_OUT = {"events", "utility"}
pytestmark = pytest.mark.skipif(
    not FOLDER.exists(), reason="the corpus is in the repository only, not in a package"
)


def read_lines(language: str) -> list[tuple[str, list[str]]]:
    """The fields of every message, with the name of its file."""
    return [
        (file.name, line.split("\t"))
        for file in sorted((FOLDER / language).glob("*.tsv"))
        for line in file.read_text(encoding="utf-8").splitlines()[1:]
    ]


@pytest.mark.parametrize("language", ["en", "it"])
def test_every_message_has_its_labels(language: str) -> None:
    for name, fields in read_lines(language):
        assert len(fields) == 6, (name, fields)
        kind, aspects, blamed, cause, traits, text = fields
        spoken = [] if aspects == "-" else aspects.split()
        assert kind in KINDS, (name, text)
        assert all(each[:-1] in ASPECTS and each[-1] in "-=+" for each in spoken), (name, text)
        assert {blamed, cause} <= {*PARTIES, "-", "?"}, (name, text)
        assert set(traits.split()) - {"-"} <= TRAITS, (name, text)
        assert kind != "complaint" or any(each.endswith("-") for each in spoken), (name, text)
        assert kind != "praise" or any(each.endswith("+") for each in spoken), (name, text)
        assert kind in ("complaint", "dislike") or blamed == "-", (name, text)
        assert text == text.strip()
        assert text


@pytest.mark.parametrize("language", ["en", "it"])
def test_no_message_is_there_twice(language: str) -> None:
    seen = Counter(re.sub(r"\W+", " ", fields[5].lower()).strip() for _, fields in read_lines(language))
    assert [text for text, times in seen.items() if times > 1] == []


@pytest.mark.parametrize("language", ["en", "it"])
def test_authors_of_the_test_wrote_nothing_else(language: str) -> None:
    by_author: dict[str, set[str]] = {}
    for name, _ in read_lines(language):
        sector, author = name.split(".")[:2]
        by_author.setdefault(author, set()).add(sector)
    for author, sectors in by_author.items():
        assert sectors <= HELD_OUT or not sectors & HELD_OUT, author


@pytest.mark.parametrize("language", ["en", "it"])
def test_kinds_are_mixed_as_the_data_card_says(language: str) -> None:
    kinds = Counter(fields[0] for _, fields in read_lines(language))
    whole = sum(kinds.values())
    assert whole >= 2_000
    assert 0.38 <= kinds["complaint"] / whole <= 0.5
    assert 0.25 <= kinds["question"] / whole <= 0.38
    assert 0.14 <= kinds["praise"] / whole <= 0.25


def test_templates_name_aspects_and_parties_that_there_are() -> None:
    for language in ("en", "it"):
        given = tomllib.loads((FOLDER / "templates" / f"{language}.toml").read_text(encoding="utf-8"))
        for part in given["failures"]:
            aspect, cause, words = part.split("|")
            assert aspect in ASPECTS, part
            assert cause in {*PARTIES, "unknown"}, part
            assert words, part
        for name in ("successes", "things", "actions"):
            assert all(part.split("|")[0] in ASPECTS for part in given[name])
