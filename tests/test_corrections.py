"""Corrections: a source says something else of an event on record; it is kept, applied and undone, scores exact."""

from __future__ import annotations

import json

import pytest

import consumer_fusion as fusion
from command_line import ask_fusion, import_events, run_fusion
from consumer_fusion import pipeline
from consumer_fusion.errors import ConflictError, InputError, NotFoundError
from consumer_fusion.identity import attribution
from consumer_fusion.ingest.formats import choose_reading
from consumer_fusion.records.import_record import CORRECTIONS
from consumer_fusion.repairs import replacements
from copied_workspaces import copy_made
from small_workspaces import count_places, find_problems, make_order, open_small, read_scores, seal

pytestmark = pytest.mark.slow

ORDERS = [
    make_order(number, days_ago=20 - number, consumer=who) for number, who in enumerate(["ann", "ben", "ann"])
]
CHANGES = [
    {"value": 35.0},
    {"kind": "Order Refunded"},
    {"consumer": "cy"},
    {"brand": "book shop"},
    {"days_ago": 12.0},
    {"value": 0.0},
    {"kind": "Order Refunded", "properties": {"reason": "defect"}},
]
"""Another amount, kind, consumer, brand and time, no payment, another reason: what a source may say later."""


def make_workspace(folder, place):
    with open_small(folder) as workspace:
        fusion.import_events(workspace, ORDERS)
        if place == "segments":
            seal(workspace)


@pytest.fixture(params=["inbox", "segments"])
def workspace(request, tmp_path):
    """A workspace with orders, in the inbox or sealed."""
    with open_small(copy_made(tmp_path / "place", make_workspace, request.param)) as workspace:
        yield workspace


def _score_afresh(tmp_path, events):
    """The scores of events that were never otherwise."""
    with open_small(tmp_path / "fresh") as fresh:
        fusion.import_events(fresh, events)
        return read_scores(fresh)


@pytest.mark.parametrize("is_sealed", [False, True])
def test_corrections_wait_are_applied_and_undone_exactly(tmp_path, is_sealed):
    said = [{"days_ago": 19.0, "consumer": f"ben {number}"} for number in range(len(CHANGES))]
    orders = [make_order(20 + number, **each) for number, each in enumerate(said)]
    corrected = [
        make_order(20 + number, **each | change) for number, (each, change) in enumerate(zip(said, CHANGES))
    ]
    with open_small(tmp_path / "place") as workspace:
        fusion.import_events(workspace, [*ORDERS, *orders])
        if is_sealed:
            seal(workspace)
        before = read_scores(workspace)
        told = fusion.import_events(workspace, [ORDERS[0], *corrected])
        assert (told.accepted, told.duplicates, told.changed) == (0, 8, 7)
        assert read_scores(workspace) == before
        waiting = replacements.list_corrections(workspace)
        assert {(each.event_id, each.status) for each in waiting} == {
            (each.event_id, "waiting") for each in orders
        }
        told = replacements.apply_corrections(workspace, [each.correction_id for each in waiting])
        assert (told.accepted, told.replaced) == (0, 7)
        assert read_scores(workspace) == pytest.approx(
            _score_afresh(tmp_path, [*ORDERS, *corrected]), abs=1e-9
        )
        assert set(count_places(workspace).values()) == {1}
        assert find_problems(workspace) == []
        assert fusion.import_events(workspace, corrected).changed == 0
        for each in waiting:
            replacements.undo_correction(workspace, each.correction_id)
        assert read_scores(workspace) == pytest.approx(before, abs=1e-9)
        assert {each.status for each in replacements.list_corrections(workspace)} == {"undone"}
        assert find_problems(workspace) == []


def test_a_retry_of_the_same_content_is_silent(workspace):
    told = fusion.import_events(workspace, [*reversed(ORDERS), ORDERS[0]])
    assert (told.duplicates, told.changed) == (4, 0)
    assert replacements.list_corrections(workspace) == ()


def test_a_correction_is_listed_once_however_often_it_is_told_and_the_last_word_counts(workspace):
    for amount in (30.0, 30.0, 40.0):
        assert (
            fusion.import_events(
                workspace, [make_order(1, days_ago=19, consumer="ben", value=amount)]
            ).changed
            == 1
        )
    (waiting,) = replacements.list_corrections(workspace)
    assert waiting.newer["value"] == "40.0"
    fusion.import_events(workspace, [make_order(1, days_ago=19, consumer="ben", value=50.0),
                                     make_order(1, days_ago=19, consumer="ben", value=60.0)])  # fmt: skip
    assert [each.newer["value"] for each in replacements.list_corrections(workspace)] == ["60.0"]


def test_what_was_undone_is_not_listed_again_but_may_be_applied_again(workspace):
    corrected = make_order(1, days_ago=19, consumer="ben", value=35.0)
    fusion.import_events(workspace, [corrected])
    (number,) = (each.correction_id for each in replacements.list_corrections(workspace))
    replacements.apply_corrections(workspace)
    with pytest.raises(ConflictError):
        replacements.apply_corrections(workspace, [number])
    replacements.undo_correction(workspace, number)
    with pytest.raises(ConflictError):
        replacements.undo_correction(workspace, number)
    fusion.import_events(workspace, [corrected])
    assert [each.status for each in replacements.list_corrections(workspace)] == ["undone"]
    assert replacements.apply_corrections(workspace, [number]).replaced == 1
    with pytest.raises(NotFoundError):
        replacements.undo_correction(workspace, number + 1)


def test_a_later_correction_is_undone_first(workspace):
    for amount in (35.0, 45.0):
        fusion.import_events(workspace, [make_order(1, days_ago=19, consumer="ben", value=amount)])
        replacements.apply_corrections(workspace)
    later, earlier = replacements.list_corrections(workspace)
    with pytest.raises(ConflictError):
        replacements.undo_correction(workspace, earlier.correction_id)
    replacements.undo_correction(workspace, later.correction_id)
    replacements.undo_correction(workspace, earlier.correction_id)


def test_an_attached_event_keeps_its_consumer_when_its_amount_is_corrected(workspace):
    fusion.import_events(workspace, [make_order(7, consumer=None)])
    attribution.attach(workspace, "shop", "order-7", consumer="ann", reason="her card")
    assert fusion.import_events(workspace, [make_order(7, consumer=None)]).changed == 0
    seal(workspace)
    before = read_scores(workspace)
    assert fusion.import_events(workspace, [make_order(7, consumer=None, value=90.0)]).changed == 1
    told = replacements.apply_corrections(workspace)
    assert (told.replaced, told.unattributed) == (1, 0)
    assert read_scores(workspace)["ann", "bakery"] > before["ann", "bakery"]


def test_an_order_that_comes_again_a_moment_earlier_is_the_same(workspace):
    again = make_order(1, days_ago=19 + 20 / 86_400, consumer="ben")
    assert fusion.import_events(workspace, [again]).changed == 0


MAPPING = """
[source]
name = "shop"
on_change = "{on_change}"
[fields]
event_id = "number"
occurred_at = "when"
consumer = "who"
brand = {{ constant = "bakery" }}
value = "total"
[kind]
default = "Order Completed"
"""


def test_the_rule_of_a_source_takes_the_newer_at_once(tmp_path):
    rows = ["1,2026-06-01,ann,20", "2,2026-06-02,ben,20", "3,2026-06-03,cy,20"]
    file, mapping = tmp_path / "orders.csv", tmp_path / "mapping.toml"
    mapping.write_text(MAPPING.format(on_change="replace"))

    def take(*rows):
        file.write_text("number,when,who,total\n" + "\n".join(rows) + "\n")
        return pipeline.import_files(workspace, [file], choose_reading(map_file=mapping))

    with open_small(tmp_path / "place") as workspace:
        take(*rows)
        before = read_scores(workspace)
        told = take(rows[0], "2,2026-06-02,dora,20", rows[2])
        assert (told.accepted, told.duplicates, told.changed, told.replaced) == (0, 2, 0, 1)
        assert {who for who, _ in read_scores(workspace)} == {"ann", "cy", "dora"}
        (correction,) = replacements.list_corrections(workspace)
        replacements.undo_correction(workspace, correction.correction_id)
        assert read_scores(workspace) == pytest.approx(before, abs=1e-9)
        assert take("2,2026-06-02,dora,20").changed == 1  # somebody undid just this
        assert read_scores(workspace) == pytest.approx(before, abs=1e-9)


def test_a_message_that_comes_again_over_the_network_with_another_amount_is_told(tmp_path):
    with open_small(tmp_path / "place") as workspace:
        for number, (consumer, revenue) in enumerate([("ann", 20), ("ann", 20), ("ann", 30), ("ben", 20)]):
            call = {
                "type": "track", "event": "Order Completed", "messageId": "m1", "userId": consumer,
                "originalTimestamp": "2026-06-01T10:00:00Z", "sentAt": "2026-06-01T10:00:01Z",
                "receivedAt": f"2026-06-01T10:00:0{number + 2}Z", "properties": {"revenue": revenue, "brand": "bakery"},
            }  # fmt: skip
            path = tmp_path / "calls.ndjson"
            path.write_text(json.dumps(call) + "\n")
            told = pipeline.import_files(workspace, [path], choose_reading(format="segment"))
            assert (told.accepted, told.changed) == [(1, 0), (0, 0), (0, 1), (0, 1)][number]
        (waiting,) = replacements.list_corrections(workspace)
        assert waiting.newer["consumer"] == "ben"


def test_a_consumer_that_a_source_names_later_goes_again_when_that_is_undone(workspace):
    fusion.import_events(workspace, [make_order(7, consumer=None)])
    before = read_scores(workspace)
    assert fusion.import_events(workspace, [make_order(7, consumer="ann")]).changed == 1
    assert replacements.apply_corrections(workspace).unattributed == 0
    assert read_scores(workspace) != before
    (correction,) = replacements.list_corrections(workspace)
    replacements.undo_correction(workspace, correction.correction_id)
    assert read_scores(workspace) == pytest.approx(before, abs=1e-9)
    assert attribution.list_unattributed(workspace).count == 1


def test_what_waits_goes_when_the_source_says_again_what_the_record_says(workspace):
    fusion.import_events(workspace, [make_order(1, days_ago=19, consumer="ben", value=30.0)])
    assert len(replacements.list_corrections(workspace)) == 1
    fusion.import_events(workspace, [ORDERS[1]])
    assert replacements.list_corrections(workspace) == ()


def test_two_who_apply_one_correction_at_once_lose_nothing(workspace, monkeypatch):
    fusion.import_events(workspace, [make_order(1, days_ago=19, consumer="ben", value=30.0)])
    replace = replacements._replace

    def let_another_be_first(*arguments, **options):
        monkeypatch.setattr(replacements, "_replace", replace)
        replacements.apply_corrections(workspace)
        return replace(*arguments, **options)

    before = read_scores(workspace)
    monkeypatch.setattr(replacements, "_replace", let_another_be_first)
    with pytest.raises(ConflictError):
        replacements.apply_corrections(workspace)
    (correction,) = replacements.list_corrections(workspace)
    replacements.undo_correction(workspace, correction.correction_id)
    assert read_scores(workspace) == pytest.approx(before, abs=1e-9)


def test_a_field_that_the_newer_version_lacks_is_told_as_a_change(tmp_path):
    order = {
        "event_id": "1", "source": "shop", "kind": "Order Completed", "consumer": "ann", "brand": "bakery",
        "occurred_at": "2026-06-01T10:00:00Z",
    }  # fmt: skip
    assert run_fusion("init", tmp_path).status == 0
    import_events(tmp_path, {**order, "value": 20.0, "currency": "EUR"})
    import_events(tmp_path, order)
    ask_fusion(tmp_path, "corrections", "apply", "--all")
    (row,) = ask_fusion(tmp_path, "corrections", "list")
    assert row["change"] == "currency: -, value: -"


@pytest.mark.parametrize(
    ("field", "said", "told"),
    [
        ("occurred_at", "1850-01-01", "is no longer valid"),
        ("consumer", "GUEST", "placeholder as consumer key"),
    ],
)
def test_what_this_release_refuses_cannot_come_back_and_that_is_told(workspace, field, said, told):
    fusion.import_events(workspace, [make_order(1, days_ago=19, consumer="ben", value=30.0)])
    replacements.apply_corrections(workspace)
    (correction,) = replacements.list_corrections(workspace)
    after = read_scores(workspace)
    with workspace.store.writing() as session:
        former = json.dumps({**correction.former, field: said})
        session.update(CORRECTIONS, {"former": former}, {"correction_id": correction.correction_id})
    with pytest.raises(InputError, match=told):
        replacements.undo_correction(workspace, correction.correction_id)
    assert read_scores(workspace) == after
    assert [each.status for each in replacements.list_corrections(workspace)] == ["applied"]


def test_a_row_that_names_nobody_takes_no_consumer_from_the_event_that_it_replaces(tmp_path):
    file, mapping = tmp_path / "orders.csv", tmp_path / "mapping.toml"
    mapping.write_text(MAPPING.format(on_change="replace"))
    with open_small(tmp_path / "place") as workspace:
        for row in ("1,2026-06-01,ann,20", "1,2026-06-01,,25"):
            file.write_text(f"number,when,who,total\n{row}\n")
            told = pipeline.import_files(workspace, [file], choose_reading(map_file=mapping))
        assert (told.replaced, told.unattributed) == (1, 0)
        assert {who for who, _ in read_scores(workspace)} == {"ann"}


def test_corrections_of_one_event_are_in_force_one_upon_the_other(workspace):
    before = read_scores(workspace)
    for who, amount in (("cat", 20.0), ("dan", 500.0)):
        fusion.import_events(workspace, [make_order(1, days_ago=19, consumer=who, value=amount)])
        number = replacements.list_corrections(workspace)[0].correction_id
        replacements.apply_corrections(workspace, [number])
        if who == "cat":
            replacements.undo_correction(workspace, number)
    later, earlier = (each.correction_id for each in replacements.list_corrections(workspace))
    with pytest.raises(ConflictError, match=f"correction {later} of the same event"):
        replacements.apply_corrections(workspace, [earlier])
    replacements.undo_correction(workspace, later)
    with pytest.raises(ConflictError, match="for the same event"):
        replacements.apply_corrections(workspace, [earlier, later])
    assert read_scores(workspace) == pytest.approx(before, abs=1e-9)


@pytest.mark.parametrize("is_sealed", [False, True])
def test_the_newest_event_is_another_once_its_date_was_corrected(tmp_path, is_sealed):
    with open_small(tmp_path / "place") as workspace:
        fusion.import_events(workspace, [*ORDERS, make_order(5, days_ago=0.1)])
        if is_sealed:
            seal(workspace)
        fusion.import_events(workspace, [make_order(5, days_ago=25)])
        replacements.apply_corrections(workspace)
        with open_small(tmp_path / "fresh") as fresh:
            fusion.import_events(fresh, [*ORDERS, make_order(5, days_ago=25)])
            for as_of in ("latest", None):
                assert read_scores(workspace, as_of) == pytest.approx(read_scores(fresh, as_of), abs=1e-9)
