"""What is counted in a text: the same words give the same features, whoever stands beside them in the batch."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer_fusion.perception.text_features import FIRST_WORD_BUCKET, count_features


def list_features(text: str) -> set[tuple[int, int]]:
    """The features of one text with their counts."""
    features = count_features([text])
    return set(zip(features.buckets.tolist(), features.counts.tolist(), strict=True))


def list_words(text: str) -> set[int]:
    """The word features of one text."""
    return {bucket for bucket, _ in list_features(text) if bucket >= FIRST_WORD_BUCKET}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=8))
def test_a_batch_counts_each_text_as_if_it_were_alone(texts: list[str]) -> None:
    together = count_features(texts)
    assert together.size == len(texts)
    for number, text in enumerate(texts):
        here = together.messages == number
        found = set(zip(together.buckets[here].tolist(), together.counts[here].tolist(), strict=True))
        assert found == list_features(text)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=8), st.data())
def test_some_texts_of_a_batch_are_those_texts(texts: list[str], data: st.DataObject) -> None:
    rows = sorted(data.draw(st.sets(st.integers(0, len(texts) - 1))))
    taken = count_features(texts).take(np.array(rows, np.int64))
    alone = count_features([texts[row] for row in rows])
    for name in ("messages", "buckets", "counts"):
        np.testing.assert_array_equal(getattr(taken, name), getattr(alone, name))


def test_capitals_and_apostrophes_do_not_matter() -> None:
    assert list_features("L’Acqua NON È calda") == list_features("l'acqua non è calda")


def test_a_negation_reverses_the_words_after_it_up_to_the_next_comma() -> None:
    plain, negated = list_words("good soup"), list_words("not good soup")
    assert len(plain & negated) == 1, "only the pair of words is the same"
    assert list_words("good soup") <= list_words("not, good soup")


def test_a_number_an_address_and_a_handle_are_each_the_same_feature() -> None:
    assert list_features("order 55812 from @anna") == list_features("order 7 from @ben")
    assert list_features("mail a@b.org") == list_features("mail long.name@place.it")
    assert list_features("see https://one.example/x") == list_features("see www.two.example")


def test_letters_that_are_drawn_out_are_two() -> None:
    assert list_features("sooo slowwww") == list_features("soo sloww")


def test_nothing_has_no_features() -> None:
    assert count_features([]).size == 0
    assert list_features("   \n ") == set()
