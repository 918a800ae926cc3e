"""Learning from the staff and training intents: a gain is kept, chance is refused, and what was learnt is in force."""

from __future__ import annotations

import numpy as np
import pytest

import consumer_fusion as fusion
from consumer_fusion.errors import InputError, NotFoundError, RefusedError
from consumer_fusion.messages.perceptions import read_perceptions
from consumer_fusion.perception.intents import IntentModel, train_intents
from consumer_fusion.perception.learning_runs import (
    forget,
    learn_from_staff,
    learn_intents,
    read_intent_file,
    read_learning,
)
from consumer_fusion.perception.message_labels import label_message
from consumer_fusion.perception.perception_runs import is_reading_due, read_messages
from consumer_fusion.perception.staff_learning import LabelledMessage, learn_corrections
from consumer_fusion.records.perception import POLARITIES, Perception
from consumer_fusion.records.schema import TextFile
from small_workspaces import make_order, open_small

pytest.importorskip("scipy", reason="scipy is not installed (extra `perception`)")
SUBJECTS = ("wool", "coat", "belt", "scarf", "glove", "boot", "hat", "shirt", "sock", "skirt")


def perceive(polarity, *, failure=0.5):
    """What a perceiver said of a message."""
    shares = dict(zip(POLARITIES, polarity, strict=True))
    return Perception(
        language="en", model="written by hand", polarity=shares, emotions={}, irony=0.1, dissatisfaction=0.5,
        failure=failure, severity=0.1, harshness=0.1, repair=0.1,
    )  # fmt: skip


def make_labelled(count, seed=0, *, is_right):
    """Labels of a perceiver that calls two thirds negative: as it says, or neutral where it is unsure."""
    chance = np.random.default_rng(seed)
    found = []
    for number in range(count):
        negative = chance.uniform(0.3, 0.95)
        shares = (negative, (1 - negative) * 0.8, (1 - negative) * 0.2)
        truth = (
            str(chance.choice(POLARITIES, p=shares))
            if is_right
            else ("negative" if negative > 0.8 else "neutral")
        )
        text = f"The {SUBJECTS[number % 10]} number {number} arrived."
        label = {"polarity": truth, "is_failure": None, "is_dissatisfied": None, "is_ironic": None}
        found.append(LabelledMessage(text, perceive(shares), label))
    return found


def test_what_the_staff_correct_is_learnt_with_its_gain():
    arrays, reports = learn_corrections(make_labelled(200, is_right=False))
    report = next(each for each in reports if each.output == "polarity")
    assert report.state == "learnt"
    assert report.gain > 2 * report.standard_error
    assert report.accuracy_after > report.accuracy_before
    assert "polarity.weights" in arrays


@pytest.mark.parametrize("seed", range(6))
def test_labels_that_agree_with_the_model_teach_nothing(seed):
    arrays, reports = learn_corrections(make_labelled(120, seed, is_right=True))
    report = next(each for each in reports if each.output == "polarity")
    # By chance one in six may seem to gain; none may gain much.
    assert report.state == "no gain" or report.gain < 0.05
    assert all(each.state == "too few labels" for each in reports if each.output != "polarity")
    assert ("polarity.weights" in arrays) == (report.state == "learnt")


def test_too_few_labels_are_refused():
    _, reports = learn_corrections(make_labelled(49, is_right=False))
    assert {each.state for each in reports} == {"too few labels"}


def say(number, subject):
    return make_order(
        number, kind="Message Sent", value=None, consumer=f"consumer-{number}",
        text=f"You charged me twice for the {subject} of order {number}.",
    )  # fmt: skip


@pytest.mark.story
def test_the_staff_of_a_brand_teach_the_model_what_its_consumers_mean(tmp_path):
    """At this brand "charged twice" is what its consumers call a deposit: the staff say so sixty times."""
    events = [say(number, SUBJECTS[number % 10]) for number in range(70)]
    events += [
        make_order(100 + number, kind="Message Sent", value=None, consumer=f"other-{number}",
                   text=f"The {subject} broke after a day, I want my money back.")
        for number, subject in enumerate(SUBJECTS)
    ]  # fmt: skip
    with open_small(tmp_path / "w") as workspace:
        fusion.import_events(workspace, events)
        assert learn_from_staff(workspace, lambda *_: None)[0].state == "too few labels"
        for number in range(60):
            label = {"polarity": "neutral", "is_failure": False, "is_dissatisfied": False}
            label_message(workspace, "bakery", "shop", f"order-{number}", label, "the agent")
        for number in range(10):
            label_message(
                workspace, "bakery", "shop", f"order-{100 + number}", {}, "the agent", is_right=True
            )
        reports = {each.output: each for each in learn_from_staff(workspace, lambda *_: None)}
        assert reports["polarity"].state == "learnt"
        assert read_learning(workspace)[0].output == "polarity"
        assert is_reading_due(workspace)
        assert read_messages(workspace) == 80
        assert not is_reading_due(workspace)
        with workspace.store.reading() as session:
            found = {event_id: each for (_, event_id), each in read_perceptions(session, None).items()}
        # Nobody labelled this one.
        assert found["order-65"].polarity["neutral"] > 0.5
        assert "+staff@" in found["order-65"].model
        forget(workspace, "staff")
        read_messages(workspace)
        with workspace.store.reading() as session:
            again = {event_id: each for (_, event_id), each in read_perceptions(session, None).items()}
        assert again["order-65"].polarity["negative"] > 0.5
        with pytest.raises(NotFoundError):
            forget(workspace, "staff")


QUESTIONS = {
    "parcel": ["Where is my parcel {n}?", "Has my package {n} been sent?", "When will delivery {n} arrive?"],
    "card": ["I lost my card {n}.", "Please block my card {n}.", "My card {n} was stolen."],
    "hours": ["When do you open on day {n}?", "What are your opening hours {n}?", "Are you open at {n}?"],
}


def make_questions(count=8):
    pairs = [
        (intent, words.format(n=number))
        for intent, listed in QUESTIONS.items()
        for words in listed
        for number in range(count)
    ]
    return [text for _, text in pairs], [intent for intent, _ in pairs]


def test_intents_are_named_once_they_are_trained_and_the_odd_is_out_of_scope():
    result = train_intents(*make_questions())
    assert result.accuracy > 0.9 > result.majority
    model = IntentModel.from_arrays(result.model.to_arrays())
    ((intent, unusual),) = model.name_intents(["Where is my parcel 77?"])
    assert intent == "parcel"
    assert unusual < 0.9
    ((odd, how_odd),) = model.name_intents(["Zebras dislike trigonometry"])
    assert (odd, how_odd) == (None, pytest.approx(1, abs=0.11))


def test_intents_without_enough_messages_are_refused():
    with pytest.raises(InputError, match="fewer than 5"):
        train_intents(["a", "b", "c", "d", "e", "f"], ["x", "x", "x", "x", "x", "y"])
    with pytest.raises(InputError, match="fewer than two"):
        train_intents(["a"] * 9, ["x"] * 9)


def test_intents_with_the_same_words_are_refused(tmp_path):
    with open_small(tmp_path / "w") as workspace, pytest.raises(RefusedError):
        learn_intents(workspace, ["the same words"] * 12, ["x"] * 6 + ["y"] * 6, lambda *_: None)


def test_intents_of_chance_are_refused(tmp_path):
    chance = np.random.default_rng(0)
    texts = [" ".join(chance.choice(SUBJECTS, 4)) for _ in range(60)]
    intents = ["often"] * 40 + ["rarely"] * 20
    chance.shuffle(intents)
    with open_small(tmp_path / "w") as workspace, pytest.raises(RefusedError):
        learn_intents(workspace, texts, intents, lambda *_: None)


def test_a_workspace_names_the_intents_that_it_trained(tmp_path):
    with open_small(tmp_path / "w") as workspace:
        fusion.import_events(
            workspace, [make_order(1, kind="Message Sent", value=None, text="Has my package 3 been sent?")]
        )
        learn_intents(workspace, *make_questions(), lambda *_: None)
        assert read_messages(workspace) == 1
        with workspace.store.reading() as session:
            (found,) = read_perceptions(session, None).values()
        assert found.intent == "parcel"
        assert "+intents@" in found.model


def test_files_of_intents_are_read_and_what_is_wrong_is_named():
    lines = TextFile(name="a.tsv", text="parcel\tWhere is it?\n\ncard\tI lost it.\n")
    assert read_intent_file(lines) == (["Where is it?", "I lost it."], ["parcel", "card"])
    table = TextFile(name="a.csv", text='text,intent\n"Where, is it?",parcel\n')
    assert read_intent_file(table) == (["Where, is it?"], ["parcel"])
    with pytest.raises(InputError, match="Line 2"):
        read_intent_file(TextFile(name="a.tsv", text="parcel\tWhere?\ncard\n"))
    with pytest.raises(InputError, match="no columns"):
        read_intent_file(TextFile(name="a.csv", text="a,b\n1,2\n"))
