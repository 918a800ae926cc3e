"""What the shipped perceiver reads: who is blamed, who is responsible, what is only a question."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer_fusion.perception import sentence_encoder
from consumer_fusion.perception.perceived_texts import perceive_texts
from consumer_fusion.perception.shipped_perceiver import ShippedPerceiver, load_perceiver
from consumer_fusion.records.perception import POLARITIES, UNKNOWN_LANGUAGE, ConsumerMessage, Perception

KINDS = [
    pytest.param(False, id="ngrams"),
    pytest.param(
        True,
        id="ngrams and encoder",
        marks=pytest.mark.skipif(not sentence_encoder.is_installed(), reason="needs the extra `perception`"),
    ),
]
SALMON = "I hate the waiters here, they served me a disgusting salmon"


@pytest.fixture(scope="module", params=KINDS)
def perceiver(request: pytest.FixtureRequest) -> ShippedPerceiver:
    """Each of the shipped perceivers."""
    return load_perceiver(request.param)


def read(perceiver: ShippedPerceiver, text: str, language: str | None = None) -> Perception:
    """What one message says."""
    return perceiver.perceive([ConsumerMessage(text, language)])[0]


def find_said(perception: Perception) -> str:
    """The likeliest polarity."""
    return max(perception.polarity, key=lambda each: perception.polarity[each])


@pytest.mark.story
def test_the_tweet_about_the_salmon_blames_the_waiters(perceiver: ShippedPerceiver) -> None:
    found = read(perceiver, SALMON)
    assert find_said(found) == "negative"
    assert found.blame[0].party == "front"
    assert SALMON[found.blame[0].span.start : found.blame[0].span.end].startswith("I hate the waiters")
    assert found.dissatisfaction is not None
    assert found.dissatisfaction >= 0.5


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        ("You charged my card twice and nobody answers", "en", "negative"),
        ("Il corriere ha lasciato il pacco all'indirizzo sbagliato", "it", "negative"),
        ("What time do you open on Sunday?", "en", "neutral"),
        ("Cosa devo fare se il pacco non arriva?", "it", "neutral"),
        ("The refund came the same day, thank you so much", "en", "positive"),
        ("La signora allo sportello è stata gentilissima, grazie", "it", "positive"),
    ],
)
def test_complaints_questions_and_praise_are_told_apart(
    perceiver: ShippedPerceiver, text: str, language: str, said: str
) -> None:
    found = read(perceiver, text)
    assert (found.language, find_said(found)) == (language, said)


def test_a_complaint_without_a_feeling_word_names_a_failure_and_has_a_severity(
    perceiver: ShippedPerceiver,
) -> None:
    found = read(perceiver, "My train was cancelled and the refund has not arrived")
    assert found.failure is not None
    assert found.failure > 0.5
    assert found.severity is not None
    assert found.severity > 0.3


def test_two_opinions_in_one_message_have_their_own_clauses(perceiver: ShippedPerceiver) -> None:
    text = "The food was delicious but the waiter was rude to my mother"
    spoken = {each.aspect: each for each in read(perceiver, text).aspects}
    assert spoken["food"].polarity == "positive"
    assert spoken["staff"].polarity == "negative"
    assert "waiter" in text[spoken["staff"].span.start : spoken["staff"].span.end]


@pytest.mark.parametrize("text", ["", "   ", "你好，请问几点开门", "!!!", "12345"])
def test_what_it_cannot_read_it_does_not_guess(perceiver: ShippedPerceiver, text: str) -> None:
    found = read(perceiver, text)
    assert found.abstained
    assert found.language == UNKNOWN_LANGUAGE or not found.polarity
    assert found.dissatisfaction is None


def test_a_language_that_it_does_not_read_is_abstained_from_even_when_named(
    perceiver: ShippedPerceiver,
) -> None:
    found = read(perceiver, "Pociąg spóźnił się o godzinę", "pl")
    assert (found.language, found.abstained, found.polarity) == ("pl", True, {})


def test_spanish_is_read_with_the_encoder_only() -> None:
    assert "es" not in load_perceiver(False).languages
    if not sentence_encoder.is_installed():
        pytest.skip("needs the extra `perception`")
    found = read(load_perceiver(True), "El camarero fue muy amable y la comida estaba deliciosa", "es")
    assert find_said(found) == "positive"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=6))
def test_any_text_is_read_and_probabilities_are_probabilities(texts: list[str]) -> None:
    perceiver = load_perceiver(False)
    found = perceiver.perceive([ConsumerMessage(text, "en") for text in texts])
    assert len(found) == len(texts)
    for text, each in zip(texts, found, strict=True):
        assert set(each.polarity) == set(POLARITIES)
        assert sum(each.polarity.values()) == pytest.approx(1, abs=0.001)
        for value in (
            each.irony,
            each.harshness,
            each.repair,
            each.dissatisfaction,
            each.failure,
            each.severity,
        ):
            assert value is not None
            assert 0 <= value <= 1
        for part in (*each.aspects, *each.blame):
            assert 0 <= part.span.start <= part.span.end <= len(text)


def test_a_batch_is_read_as_its_messages_alone_are(perceiver: ShippedPerceiver) -> None:
    texts = [
        SALMON,
        "Dov'è il mio pacco?",
        "lovely evening, thank you",
        "La zuppa era fredda, ma il cameriere gentile",
    ]
    together = perceiver.perceive([ConsumerMessage(text) for text in texts])
    for text, each in zip(texts, together, strict=True):
        alone = read(perceiver, text)
        assert alone.language == each.language
        assert alone.polarity == pytest.approx(each.polarity, abs=0.002)


def test_every_output_names_the_model_that_made_it(perceiver: ShippedPerceiver) -> None:
    name, _, digest = read(perceiver, SALMON).model.partition("@")
    assert name in ("ngrams", "ngrams+encoder")
    assert len(digest) == 12
    assert perceiver.id == f"{name}@{digest}"


def test_progress_is_told_up_to_the_last_message() -> None:
    told: list[tuple[int, int]] = []
    perceive_texts(
        ["hello there"] * 1_500, "en", lambda done, total: told.append((done, total)), load_perceiver(False)
    )
    assert told == [(1_000, 1_500), (1_500, 1_500)]
