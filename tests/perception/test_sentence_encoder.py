"""The encoder is a young package: a new version may not change its vectors without our noticing."""

from __future__ import annotations

import numpy as np
import pytest

from consumer_fusion.perception import sentence_encoder

pytestmark = pytest.mark.skipif(not sentence_encoder.is_installed(), reason="needs the extra `perception`")
TEXTS = ["The soup was cold.", "La zuppa era fredda.", "What time do you open?"]


def test_its_vectors_are_those_that_the_weights_were_trained_on() -> None:
    vectors = sentence_encoder.encode(TEXTS)
    assert vectors.shape == (3, 512)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    first_numbers = [
        [-0.0517, -0.0468, 0.0619, -0.0040],
        [-0.0738, -0.0391, 0.0685, -0.0298],
        [0.0296, -0.0292, 0.0341, 0.0513],
    ]
    np.testing.assert_allclose(vectors[:, :4], first_numbers, atol=1e-3)


def test_the_same_meaning_in_two_languages_is_near() -> None:
    english, italian, other = sentence_encoder.encode(TEXTS)
    assert english @ italian > 0.7 > english @ other


def test_the_order_of_the_texts_is_kept() -> None:
    texts = ["a much longer message about the soup of the day", "short", "a middling message"]
    alone = np.concatenate([sentence_encoder.encode([text]) for text in texts])
    np.testing.assert_allclose(sentence_encoder.encode(texts), alone, atol=2e-3)


def test_of_a_very_long_message_the_beginning_is_read() -> None:
    text = "the soup was cold and nobody came. " * 100
    whole, beginning = sentence_encoder.encode([text, text[: sentence_encoder.MOST_CHARACTERS]])
    np.testing.assert_array_equal(whole, beginning)
