"""Weights are learnt from labels: a known truth is found again, what is not known does not count."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from consumer_fusion.perception.linear_heads import Head, LinearHeads
from consumer_fusion.perception.text_features import count_features
from consumer_fusion.perception.text_model import TextModel

pytest.importorskip("scipy", reason="fitting needs the extra `perception`")
from consumer_fusion.perception.head_fitting import (
    Labels,
    choose_vocabulary,
    fit_head,
    fit_temperature,
    keep_strongest,
    make_matrix,
    tune_thresholds,
)

GOOD = ["lovely soup", "lovely evening", "kind waiter", "kind and lovely", "a lovely place", "kind people"]
BAD = ["awful soup", "awful evening", "rude waiter", "rude and awful", "an awful place", "rude people"]
SIDES = Head(("bad", "good"), True)


def learn(texts: list[str], labels: list[int], rows: int = 10_000) -> TextModel:
    """A small model of two sides."""
    features = count_features(texts)
    vocabulary = choose_vocabulary(features, 1, 0.5)
    labelled = Labels(
        np.arange(len(texts)), np.eye(2, dtype=np.float32)[labels], np.ones(len(texts), np.float32)
    )
    weights, _ = fit_head(
        make_matrix(vocabulary.weigh(features), vocabulary.buckets.size), SIDES, labelled, 0.1
    )
    vocabulary = keep_strongest(vocabulary, weights, features, rows)
    matrix = make_matrix(vocabulary.weigh(features), vocabulary.buckets.size)
    weights, biases = fit_head(matrix, SIDES, labelled, 0.1)
    return TextModel(LinearHeads.quantise({"side": SIDES}, weights, biases), vocabulary)


def test_words_that_were_told_apart_are_told_apart_in_new_messages() -> None:
    model = learn([*BAD, *GOOD], [0] * 6 + [1] * 6)
    read = SIDES.read(model.measure(["what a rude doorman", "a kind doorman, lovely"]))
    assert read[0, 0] > 0.6
    assert read[1, 1] > 0.6


def test_fewer_features_read_nearly_the_same() -> None:
    whole, small = (learn([*BAD, *GOOD], [0] * 6 + [1] * 6, rows=rows) for rows in (10_000, 60))
    new = ["rude and awful night", "kind lovely night"]
    assert (
        SIDES.read(small.measure(new)).argmax(axis=1) == SIDES.read(whole.measure(new)).argmax(axis=1)
    ).all()


def test_a_model_that_is_saved_reads_the_same(tmp_path: Path) -> None:
    model = learn([*BAD, *GOOD], [0] * 6 + [1] * 6)
    model.save(tmp_path / "model.npz")
    with io.BytesIO((tmp_path / "model.npz").read_bytes()) as file:
        loaded = TextModel.load(file)
    # The weights are the same to the last bit, the inverse frequencies are kept in 16 bits.
    np.testing.assert_array_equal(loaded.heads.weights, model.heads.weights)
    np.testing.assert_allclose(loaded.measure(GOOD), model.measure(GOOD), atol=0.01)


def test_labels_that_are_not_known_do_not_count() -> None:
    head = Head(("wet", "cold"), False)
    matrix = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], np.float32)
    targets = np.array([[1, np.nan], [0, np.nan], [1, 1], [0, 0]], np.float32)
    weights, _ = fit_head(matrix, head, Labels(np.arange(4), targets, np.ones(4, np.float32)), 0.01)
    only = fit_head(matrix, head, Labels(np.arange(2, 4), targets[2:], np.ones(2, np.float32)), 0.01)[0]
    np.testing.assert_allclose(weights[:, 1], only[:, 1], atol=0.02)


def test_a_head_without_evidence_stays_where_it_was() -> None:
    centre = np.array([[2.0, -2.0], [0.0, 0.0]], np.float32), np.zeros(2, np.float32)
    nothing = Labels(np.zeros(0, np.int64), np.zeros((0, 2), np.float32), np.zeros(0, np.float32))
    weights, biases = fit_head(np.zeros((0, 2), np.float32), SIDES, nothing, 1.0, centre=centre)
    np.testing.assert_allclose(weights, centre[0], atol=1e-6)
    np.testing.assert_allclose(biases, centre[1], atol=1e-6)


def test_a_head_that_is_too_sure_is_cooled() -> None:
    random = np.random.default_rng(4)
    truth = random.random(4_000) < 1 / (1 + np.exp(-(logits := random.normal(size=4_000))))
    both = np.stack((np.zeros(4_000), logits * 3), axis=1).astype(np.float32)
    found = fit_temperature(SIDES, both, np.eye(2, dtype=np.float32)[truth.astype(int)])
    assert found == pytest.approx(3, rel=0.15)


def test_a_rare_label_has_the_threshold_of_all() -> None:
    random = np.random.default_rng(4)
    scores = random.random((300, 2)).astype(np.float32)
    truth = np.stack((scores[:, 0] > 0.5, np.arange(300) < 2), axis=1).astype(np.float32)
    often, rare = tune_thresholds(scores, truth)
    assert often == pytest.approx(0.5, abs=0.05)
    assert rare != pytest.approx(float(scores[:2, 1].min()), abs=1e-3), "two messages do not set a threshold"


def test_rounding_to_eight_bits_changes_no_logit_by_much() -> None:
    random = np.random.default_rng(4)
    weights = random.normal(size=(50, 2)).astype(np.float32)
    heads = LinearHeads.quantise({"side": SIDES}, weights, np.zeros(2, np.float32))
    vectors = random.normal(size=(20, 50)).astype(np.float32)
    np.testing.assert_allclose(heads.measure_dense(vectors), vectors @ weights, atol=0.25)
