"""Clauses of a message: where one opinion ends and the next begins."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consumer_fusion.perception.clauses import split_clauses


def read_clauses(text: str) -> list[str]:
    """The words of each clause."""
    return [text[start:end] for start, end in split_clauses(text)]


def test_a_but_begins_a_clause_in_both_languages() -> None:
    assert read_clauses("The food was cold but the waiter was kind") == [
        "The food was cold",
        "but the waiter was kind",
    ]
    assert read_clauses("Il piatto era freddo, ma il cameriere gentile") == [
        "Il piatto era freddo", "ma il cameriere gentile",
    ]  # fmt: skip


def test_a_single_word_is_no_clause_of_its_own() -> None:
    assert read_clauses("Well, the soup was cold") == ["Well, the soup was cold"]


@given(st.text(max_size=80))
def test_clauses_lie_in_the_text_one_after_the_other(text: str) -> None:
    before = 0
    for start, end in split_clauses(text):
        assert before <= start <= end <= len(text)
        before = end
