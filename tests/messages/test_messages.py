"""Messages from their arrival to the score: read once they land, again when they change, and never mixed."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

import consumer_fusion as fusion
from consumer_fusion import pipeline
from consumer_fusion.errors import InputError, NotFoundError
from consumer_fusion.events.event_reader import EventSource
from consumer_fusion.identity.attribution import attach
from consumer_fusion.identity.operations import merge, undo
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.messages.perceptions import count_waiting, list_messages, read_perceptions
from consumer_fusion.operations import find_stages
from consumer_fusion.perception.message_labels import count_agreements, label_message
from consumer_fusion.perception.message_views import (
    find_message,
    list_judged_messages,
    measure_share,
    read_messages_of_pair,
    summarise_aspects,
    summarise_months,
)
from consumer_fusion.perception.perception_runs import is_reading_due, read_messages
from consumer_fusion.records.event import DERIVED_EVENTS
from consumer_fusion.records.perception import PERCEPTIONS, Perception, ResponsibleParty
from consumer_fusion.repairs.replacements import list_corrections, undo_correction
from small_workspaces import NOW, find_problems, make_order, open_small, read_scores, seal

TWICE = "You charged me twice for the same sweater, and nobody answers."
QUESTION = "What time do you open on Sunday?"
PRAISE = "The sweater is beautiful and the shop assistant was so kind. Thank you!"


def say(text, number=1, *, kind="Message Sent", consumer="ann", brand="bakery", **fields):
    """A message."""
    return make_order(number, kind=kind, consumer=consumer, brand=brand, value=None, text=text, **fields)


class StandIn:
    """Calls every message negative, or positive: for what is about storing, not about reading."""

    languages = frozenset({"en"})

    def __init__(self, name="stand-in", *, is_negative=True):
        self.id, self.is_negative, self.read = name, is_negative, []

    def perceive(self, batch):
        self.read += [each.text for each in batch]
        negative = 0.9 if self.is_negative else 0.05
        return [
            Perception(
                language="en", model=self.id, emotions={"anger": 0.5}, dissatisfaction=negative, failure=negative,
                polarity={"negative": negative, "neutral": 0.05, "positive": 0.95 - negative}, severity=negative,
                irony=0.0, harshness=0.1, repair=0.0, responsible=(ResponsibleParty("front", 0.7),),
            )
            for _ in batch
        ]  # fmt: skip


def read_all(workspace):
    """The stored perceptions, by event."""
    with workspace.store.reading() as session:
        return {event_id: found for (_, event_id), found in read_perceptions(session, None).items()}


def list_derived(workspace):
    """The events that words gave, as kind and consumer's pair."""
    with workspace.store.reading() as session:
        return sorted(session.read(DERIVED_EVENTS)["kind"].to_pylist())


@pytest.mark.story
def test_a_private_complaint_a_question_and_public_praise(tmp_path):
    praise = say(PRAISE, 3, kind="Post Published", consumer="cid", properties={"people": 1_000})
    with open_small(tmp_path / "w") as workspace:
        fusion.import_events(workspace, [say(TWICE), say(QUESTION, 2, consumer="bob"), praise])
        assert list_derived(workspace) == ["Brand Mentioned/positive", "Complaint Made", "Service Failed"]
        scores = read_scores(workspace)
        assert scores["ann", "bakery"] < 50 < scores["cid", "bakery"]
        # A question is no event: of that relationship nothing is known.
        assert ("bob", "bakery") not in scores
        assert find_problems(workspace) == []


def test_messages_that_are_sealed_at_once_are_read_from_their_files(tmp_path):
    events = [say(TWICE, number, consumer=f"consumer-{number}") for number in range(8)]
    with open_small(tmp_path / "w", inbox_import_limit=3) as workspace:
        fusion.import_events(workspace, events)
        assert len(read_all(workspace)) == 8
        assert list_derived(workspace).count("Complaint Made") == 8
        before = read_scores(workspace)
        seal(workspace)
        assert read_scores(workspace) == before


def test_an_import_reads_nothing_twice_and_loads_no_model_for_nothing(tmp_path):
    def refuse(_):
        raise AssertionError("the model was loaded")

    with open_small(tmp_path / "w") as workspace:
        fusion.import_events(workspace, [make_order(9)])
        assert read_messages(workspace, choose=refuse) == 0
        fusion.import_events(workspace, [say(TWICE)])
        fusion.import_events(workspace, [say(TWICE)])
        assert not is_reading_due(workspace)
        assert read_messages(workspace, choose=refuse) == 0


MAPPING = """
[source]
name = "shop"
on_change = "replace"
[fields]
event_id = "id"
occurred_at = "day"
consumer = "who"
brand = "brand"
text = "words"
[kind]
default = "Message Sent"
"""


def test_words_that_change_are_read_again_and_what_followed_from_the_former_goes(tmp_path):
    rows, mapping = tmp_path / "said.csv", tmp_path / "map.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    with open_small(tmp_path / "w") as workspace:
        for words, kinds in ((TWICE, ["Complaint Made", "Service Failed"]), (QUESTION, [])):
            rows.write_text(f'id,day,who,brand,words\n1,2026-06-01,ann,bakery,"{words}"\n', encoding="utf-8")
            pipeline.import_files(workspace, [rows], choose_reading(map_file=mapping))
            assert list_derived(workspace) == kinds
        assert find_problems(workspace) == []


def test_words_that_change_while_they_are_read_go_on_waiting(tmp_path):
    rows, mapping = tmp_path / "said.csv", tmp_path / "map.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    with open_small(tmp_path / "w") as workspace:
        rows.write_text(f'id,day,who,brand,words\n1,2026-06-01,ann,bakery,"{TWICE}"\n', encoding="utf-8")
        pipeline.import_files(workspace, [rows], choose_reading(map_file=mapping))

        class Slow(StandIn):
            def perceive(self, batch):
                if len(self.read) == 0:
                    with workspace.store.writing() as session:
                        session.update(PERCEPTIONS, {"listed_us": 7, "is_waiting": True}, {})
                return super().perceive(batch)

        slow = Slow()
        with workspace.store.writing() as session:
            session.update(PERCEPTIONS, {"is_waiting": True}, {})
        read_messages(workspace, choose=lambda _: slow)
        assert slow.read == [TWICE, TWICE]  # once more, since the words changed meanwhile
        with workspace.store.reading() as session:
            assert count_waiting(session) == 0


def test_another_model_reads_everything_again_and_outputs_are_never_mixed(tmp_path):
    events = [say(TWICE, number, consumer=f"consumer-{number}") for number in range(5)]
    with open_small(tmp_path / "w") as workspace:
        fusion.import_events(workspace, events)
        assert {each.model for each in read_all(workspace).values()} != {"other"}
        other = StandIn("other", is_negative=False)
        assert (
            read_messages(workspace, choose=lambda _: other) == 0
        )  # the shipped one is in force, and did it
        with workspace.store.writing() as session:
            session.write_mark("perceiver", "former")
        assert is_reading_due(workspace)
        assert read_messages(workspace, choose=lambda _: other) == 5
        assert {each.model for each in read_all(workspace).values()} == {"other"}
        assert list_derived(workspace) == []


def test_a_message_of_an_unknown_person_counts_once_the_person_is_known(tmp_path):
    with open_small(tmp_path / "w") as workspace:
        fusion.import_events(workspace, [say(TWICE, consumer=None)])
        assert list(read_all(workspace)) == ["order-1"]
        assert list_derived(workspace) == []
        attach(workspace, "shop", "order-1", consumer="ann", reason="she wrote again")
        assert "Complaint Made" in list_derived(workspace)
        (message,) = list_judged_messages(workspace, brands=["bakery"], consumer="ann")
        assert message.text == TWICE


def test_a_merge_moves_what_words_gave_and_its_undoing_moves_it_back(tmp_path):
    with open_small(tmp_path / "w") as workspace:
        fusion.import_events(workspace, [say(TWICE), make_order(2, consumer="ann.b")])
        before = read_scores(workspace)
        merge_id = merge(workspace, "ann.b", "ann", reason="one person")
        assert read_scores(workspace)["ann.b", "bakery"] < before["ann.b", "bakery"]
        undo(workspace, merge_id)
        assert read_scores(workspace) == pytest.approx(before)


def test_messages_that_an_earlier_release_stored_are_read_once(tmp_path):
    with open_small(tmp_path / "w") as workspace:
        fusion.import_events(workspace, [say(TWICE)])
        with workspace.store.writing() as session:
            session.delete(PERCEPTIONS)
            session.write_mark("has_unlisted_messages", "1")
        assert is_reading_due(workspace)
        assert read_messages(workspace) == 1
        assert not is_reading_due(workspace)
        assert "Complaint Made" in list_derived(workspace)


def test_a_source_that_judged_a_message_itself_is_believed(tmp_path):
    told = say(TWICE, kind="Brand Mentioned", properties={"sentiment": 0.5, "people": 1_000})
    severe = say(TWICE, 2, kind="Complaint Made", consumer="bob", properties={"severity": 0.1})
    mild = say(TWICE, 3, kind="Complaint Made", consumer="cid")
    with open_small(tmp_path / "w") as workspace:
        fusion.import_events(workspace, [told, severe, mild])
        assert list_derived(workspace) == ["Service Failed", "Service Failed"]
        scores = read_scores(workspace)
        # Where the source states no severity, the failure is as severe as the words.
        assert scores["cid", "bakery"] < scores["bob", "bakery"] < scores["ann", "bakery"]


@pytest.mark.story
def test_what_the_staff_say_holds_at_once_and_is_counted(tmp_path):
    with open_small(tmp_path / "w") as workspace:
        fusion.import_events(workspace, [say(TWICE), say(PRAISE, 2, consumer="bob")])
        assert read_scores(workspace)["ann", "bakery"] < 50
        label = {"polarity": "neutral", "is_failure": False, "is_dissatisfied": False}
        label_message(workspace, "bakery", "shop", "order-1", label, "the agent")
        assert ("ann", "bakery") not in read_scores(workspace)
        label_message(workspace, "bakery", "shop", "order-2", {}, "the agent", is_right=True)
        assert count_agreements(workspace)["polarity"] == (2, 1)
        # Another model does not take it back.
        with workspace.store.writing() as session:
            session.write_mark("perceiver", "former")
        read_messages(workspace, choose=lambda _: StandIn("other"))
        assert ("ann", "bakery") not in read_scores(workspace)
        (corrected,) = list_judged_messages(workspace, consumer="ann")
        assert (corrected.said, corrected.is_corrected) == ("neutral", True)


def test_a_label_needs_a_message_of_the_brand(tmp_path):
    with open_small(tmp_path / "w") as workspace:
        fusion.import_events(workspace, [say(TWICE)])
        for brand, source, number in (("bar", "shop", 1), ("bakery", "web", 1), ("bakery", "shop", 2)):
            with pytest.raises(NotFoundError):
                label_message(
                    workspace, brand, source, f"order-{number}", {"polarity": "neutral"}, "the agent"
                )


def test_no_share_of_fewer_than_thirty_messages(tmp_path):
    with open_small(tmp_path / "w") as workspace:
        some = [say(TWICE, number, consumer=f"consumer-{number}") for number in range(29)]
        fusion.import_events(workspace, some)
        (month,) = summarise_months(workspace, "bakery")
        assert (month.month, month.messages, month.negative) == ("2026-06", 29, None)
        fusion.import_events(workspace, [say(TWICE, 29)])
        (month,) = summarise_months(workspace, "bakery")
        assert month.messages == 30
        assert month.negative == 1
        assert month.negative_low < 1 <= month.negative_high
        billing = next(each for each in summarise_aspects(workspace, "bakery") if each.aspect == "billing")
        assert billing.negative == 1
        found = list_judged_messages(
            workspace, brands=["bakery"], aspect="billing", said="negative", limit=50
        )
        assert len(found) == billing.messages


def test_the_interval_of_a_share_is_that_of_wilson():
    # Newcombe (1998), table I: 81 of 263.
    share = measure_share(81, 263)
    assert share.share == pytest.approx(0.3080, abs=1e-4)
    assert (share.low, share.high) == pytest.approx((0.2553, 0.3662), abs=1e-4)


def test_the_words_are_in_no_table_but_that_of_the_event(tmp_path):
    with open_small(tmp_path / "w") as workspace:
        fusion.import_events(workspace, [say(TWICE)])
        with workspace.store.reading() as session:
            rows = session.read(PERCEPTIONS).to_pylist()
        assert "sweater" not in str(rows)


def test_messages_are_listed_before_what_follows_from_them_is_derived():
    names = [stage.name for stage in find_stages()]
    assert names.index("make durable") < names.index("list the messages") < names.index("derive and fold")


def test_all_times_are_of_the_tests(tmp_path):
    with open_small(tmp_path / "w") as workspace:
        fusion.import_events(workspace, [say(TWICE)])
        with workspace.store.reading() as session:
            (row,) = session.read(PERCEPTIONS).to_pylist()
        assert row["listed_us"] == int(NOW.timestamp() * 1e6)


@pytest.mark.parametrize("private", [True, 1, "true", "yes", "maybe"])
def test_what_may_be_private_is_private(tmp_path, private):
    with open_small(tmp_path / "w") as workspace:
        said = say(TWICE, kind="Post Published", properties={"people": 9_000, "private": private})
        fusion.import_events(
            workspace, [said, say(TWICE, 2, kind="Post Published", properties={"private": False})]
        )
        assert list_derived(workspace).count("Complaint Made") == 1
        assert list_derived(workspace).count("Complaint Published") == 1


def test_a_share_of_the_author_is_of_public_messages_only(tmp_path):
    with open_small(tmp_path / "w") as workspace:
        fusion.import_events(workspace, [say(TWICE)])
        with pytest.raises(InputError, match="private"):
            label_message(workspace, "bakery", "shop", "order-1", {"onlookers_share": 0.5}, "the agent")


def test_who_was_responsible_is_shown_as_the_order_names_it(tmp_path):
    failed = make_order(
        9, kind="Product Failed", properties={"order_id": "table 7", "responsible": "kitchen"}
    )
    said = say("The waiter brought me raw salmon.", kind="Post Published", properties={"order_id": "table 7"})
    with open_small(tmp_path / "w") as workspace:
        fusion.import_events(workspace, [failed, said])
        _, found = find_message(workspace, "bakery", "shop", "order-1")
        assert [(each.party, each.basis) for each in found.responsible] == [("kitchen", "order")]
        places = {("order-1", int(said.occurred_at.timestamp() * 1e6))}
        (shown,) = read_messages_of_pair(workspace, "ann", "bakery", places)
        assert shown.perception == found


def test_a_wrong_perceiver_costs_no_event_and_says_so(tmp_path):
    with open_small(tmp_path / "w", perceiver=f"onnx:{tmp_path}") as workspace:
        with pytest.raises(InputError, match=r"The events are stored.*config\.json"):
            fusion.import_events(workspace, [say(TWICE), make_order(7)])
        assert ("ann", "bakery") in read_scores(workspace)
    with open_small(tmp_path / "w") as workspace:
        assert read_messages(workspace) == 1
        assert "Complaint Made" in list_derived(workspace)


def test_a_label_is_of_the_words_that_were_labelled(tmp_path):
    rows, mapping = tmp_path / "said.csv", tmp_path / "map.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    with open_small(tmp_path / "w") as workspace:
        for words, said in ((QUESTION, "positive"), (TWICE, "negative")):
            rows.write_text(f'id,day,who,brand,words\n1,2026-06-01,ann,bakery,"{words}"\n', encoding="utf-8")
            pipeline.import_files(workspace, [rows], choose_reading(map_file=mapping))
            if words == QUESTION:
                label_message(workspace, "bakery", "shop", "1", {"polarity": "positive"}, "the agent")
            (message,) = list_judged_messages(workspace)
            assert (message.said, message.is_corrected) == (said, words == QUESTION)


def test_a_correction_that_is_undone_restores_what_the_words_gave(tmp_path):
    rows, mapping = tmp_path / "said.csv", tmp_path / "map.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    with open_small(tmp_path / "w") as workspace:
        for words in (TWICE, QUESTION):
            rows.write_text(f'id,day,who,brand,words\n1,2026-06-01,ann,bakery,"{words}"\n', encoding="utf-8")
            pipeline.import_files(workspace, [rows], choose_reading(map_file=mapping))
        (correction,) = list_corrections(workspace)
        assert list_derived(workspace) == []
        undo_correction(workspace, correction.correction_id)
        assert list_derived(workspace) == ["Complaint Made", "Service Failed"]
        (message,) = list_judged_messages(workspace)
        assert message.text == TWICE


def test_what_another_model_read_is_listed_but_not_summed_up(tmp_path):
    with open_small(tmp_path / "w") as workspace:
        fusion.import_events(workspace, [say(TWICE)])
        with workspace.store.writing() as session:
            session.update(PERCEPTIONS, {"model": "the one that it fell back to"}, {})
        assert [each.said for each in list_judged_messages(workspace)] == ["negative"]
        assert summarise_months(workspace, "bakery") == []


class FallingBack(StandIn):
    """Is away for a while, when another model reads in its place."""

    is_away = True

    def perceive(self, batch):
        found = super().perceive(batch)
        return [replace(each, model="the other") for each in found] if self.is_away else found


def make_said():
    """A further message, as an arriving relation has it."""
    return pa.table(
        {"source_id": [1], "event_id": ["new"], "consumer_id": [0], "brand_id": [0], "occurred_us": [1],
         "kind": ["Message Sent"], "text": ["Hello"]}
    )  # fmt: skip


def test_what_another_model_had_to_read_is_read_again_with_the_next_messages(tmp_path):
    model = FallingBack("endpoint")
    with open_small(tmp_path / "w") as workspace:
        fusion.import_events(workspace, [say(TWICE)])
        with workspace.store.writing() as session:
            session.update(PERCEPTIONS, {"is_waiting": True}, {})
        assert read_messages(workspace, choose=lambda _: model) == 1
        assert {each.model for each in read_all(workspace).values()} == {"the other"}
        model.is_away = False
        with workspace.store.writing() as session:
            list_messages(
                session, workspace.engine, EventSource("(select * from said)", {"said": make_said()}), 1
            )
        assert read_messages(workspace, choose=lambda _: model) == 2
        assert read_all(workspace)["order-1"].model == "endpoint"


def test_a_complaint_that_is_private_counts_like_one_that_was_made(tmp_path):
    stated = {"severity": 1, "people": 100_000}
    private = say(TWICE, kind="Complaint Published", properties={**stated, "private": True})
    public = say(TWICE, 2, kind="Complaint Published", consumer="bob", properties=stated)
    with open_small(tmp_path / "w") as workspace:
        fusion.import_events(workspace, [private, public])
        scores = read_scores(workspace)
        assert scores["bob", "bakery"] < scores["ann", "bakery"]
        assert list_derived(workspace) == ["Service Failed", "Service Failed"]


def test_that_a_message_was_read_right_says_nothing_of_who_was_responsible(tmp_path):
    with open_small(tmp_path / "w") as workspace:
        fusion.import_events(
            workspace, [say("The waiter brought me raw salmon.", properties={"responsible": "kitchen"})]
        )
        label_message(workspace, "bakery", "shop", "order-1", {}, "the agent", is_right=True)
        _, found = find_message(workspace, "bakery", "shop", "order-1")
        assert [(each.party, each.basis) for each in found.responsible] == [("kitchen", "order")]


def test_an_event_that_loses_its_words_is_no_message_any_more(tmp_path):
    rows, mapping = tmp_path / "said.csv", tmp_path / "map.toml"
    mapping.write_text(MAPPING, encoding="utf-8")
    with open_small(tmp_path / "w") as workspace:
        for words, count in ((TWICE, 1), ("", 0)):
            rows.write_text(f'id,day,who,brand,words\n1,2026-06-01,ann,bakery,"{words}"\n', encoding="utf-8")
            pipeline.import_files(workspace, [rows], choose_reading(map_file=mapping))
            assert len(list_judged_messages(workspace)) == count
            assert len(list_derived(workspace)) == 2 * count
