"""Programs are told when a score crosses a line, at the first hint of dissatisfaction, and when the class changes."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta

import pytest

import consumer_fusion as fusion
from consumer_fusion.alerts import alert_evaluation
from consumer_fusion.alerts.alert_rules import DissatisfactionSignal, judge_pair
from consumer_fusion.alerts.deliveries import (
    LEASE_SECONDS,
    PAUSES_SECONDS,
    count_deliveries,
    list_deliveries,
    retry_deliveries,
)
from consumer_fusion.alerts.sending import DeliveryResult
from consumer_fusion.alerts.subscriptions import withdraw_subscription
from consumer_fusion.errors import InputError, NotFoundError
from consumer_fusion.pipeline import import_events
from consumer_fusion.records.alert import DELIVERIES, NOTICE_TYPES, LastSeenState
from consumer_fusion.records.event import Event
from copied_workspaces import copy_made
from small_workspaces import NOW, make_order, make_orders, open_small

ADDRESS = "https://receiver.example.org/hook"


def make_workspace(folder):
    with open_small(folder) as opened:
        import_events(opened, make_orders(30))


@pytest.fixture
def workspace(tmp_path):
    with open_small(copy_made(tmp_path / "ws", make_workspace)) as opened:
        yield opened


def subscribe(workspace, *types, **more):
    return alert_evaluation.subscribe(workspace, url=ADDRESS, types=types or NOTICE_TYPES, **more)


def complain(workspace, number=1, *, days_ago=0.5, consumer="ann", brand="bakery"):
    event = Event(
        event_id=f"complaint-{number}", source="shop", occurred_at=NOW - timedelta(days=days_ago),
        kind="Complaint Published", consumer=consumer, brand=brand, properties={"severity": 1, "people": 1000},
    )  # fmt: skip
    import_events(workspace, [event])


def read_bodies(workspace, notice_type=None):
    """What is on its way, as its receivers will see it."""
    with workspace.store.reading() as session:
        rows = session.read(DELIVERIES, order_by=("delivery_id",)).to_pylist()
    return [json.loads(row["body"]) for row in rows if notice_type in (None, row["notice_type"])]


def list_statuses(workspace):
    with workspace.store.reading() as session:
        return [(each.status, each.tries, each.answer) for each in list_deliveries(session)]


def test_a_score_that_falls_below_the_line_is_told_with_both_scores(workspace):
    import_events(workspace, [make_order(800, days_ago=2)])
    subscribe(workspace, "score_crossed", line=50)
    complain(workspace)
    assert alert_evaluation.evaluate_changes(workspace) == 1
    (body,) = read_bodies(workspace)
    assert (body["specversion"], body["type"]) == ("1.0", "consumer-fusion.score.crossed.v1")
    data = body["data"]
    assert (data["consumer"], data["brand"], data["direction"]) == ("ann", "bakery", "down")
    assert data["fusion_score_before"] > 50 > data["fusion_score"]


def test_a_score_that_moves_on_one_side_of_the_line_is_not_told(workspace):
    subscribe(workspace, "score_crossed", line=40)
    import_events(workspace, [make_order(800, days_ago=1)])
    assert alert_evaluation.evaluate_changes(workspace) == 0


def test_the_first_hint_of_dissatisfaction_is_told_once(workspace):
    subscribe(workspace, "first_dissatisfaction", quiet_hours=0)
    complain(workspace, 1)
    assert alert_evaluation.evaluate_changes(workspace) == 1
    complain(workspace, 2, days_ago=0.1)
    assert alert_evaluation.evaluate_changes(workspace) == 0
    assert [body["data"]["event_id"] for body in read_bodies(workspace)] == ["complaint-1"]


def make_event(kind, consumer, *, days_ago=0.5, **properties):
    return Event(
        event_id=f"{kind}-{consumer}", source="shop", occurred_at=NOW - timedelta(days=days_ago), kind=kind,
        consumer=consumer, brand="bakery", properties=properties,
    )  # fmt: skip


def list_told(workspace):
    """Of which consumers something is on its way, with the kind of event."""
    return sorted((body["data"]["consumer"], body["data"]["kind"]) for body in read_bodies(workspace))


def test_what_says_that_a_consumer_is_not_satisfied_is_a_hint(workspace):
    kinds = [
        ("Complaint Made", {}), ("Complaint Published", {}), ("Service Failed", {}), ("Product Failed", {}),
        ("First Reply", {"response_seconds": 7200, "target_seconds": 60}), ("Ticket Reopened", {}),
        ("Chat Abandoned", {}), ("CSAT Answered", {"rating": 1}), ("CES Answered", {"rating": 1}),
        ("NPS Answered", {"rating": 2}), ("Delivery Late", {"days_late": 2}), ("Email Marked as Spam", {}),
        ("Order Refunded", {"reason": "defect"}), ("Brand Mentioned", {"sentiment": -0.8}),
        ("Product Reviewed", {"rating": 1}),
    ]  # fmt: skip
    subscribe(workspace, "first_dissatisfaction")
    import_events(workspace, [make_event(kind, f"who met {kind}", **named) for kind, named in kinds])
    assert alert_evaluation.evaluate_changes(workspace) == len(kinds)
    assert [consumer for consumer, _ in list_told(workspace)] == sorted(
        f"who met {kind}" for kind, _ in kinds
    )


def test_asking_searching_and_using_a_right_are_no_hint_and_hide_none(workspace):
    kinds = [
        "Ticket Opened", "Live Chat Conversation Started", "Products Searched", "Unsubscribed", "Consent Withdrawn",
        "Erasure Requested", "Access Requested", "Subscription Cancelled", "Application Uninstalled",
        "Message Received",
    ]  # fmt: skip
    subscribe(workspace, "first_dissatisfaction", quiet_hours=0)
    asked = {"results": 0, "days_to_answer": 90, "is_met": False}
    import_events(workspace, [make_event(kind, f"who met {kind}", **asked) for kind in kinds])
    alert_evaluation.evaluate_changes(workspace)
    assert list_told(workspace) == []
    complaints = [make_event("Complaint Made", f"who met {kind}", days_ago=0.1) for kind in kinds]
    import_events(workspace, complaints)
    assert alert_evaluation.evaluate_changes(workspace) == len(kinds)
    assert list_told(workspace) == sorted((f"who met {kind}", "Complaint Made") for kind in kinds)


def test_a_complaint_of_another_pair_is_a_first_one(workspace):
    subscribe(workspace, "first_dissatisfaction")
    complain(workspace, 1)
    complain(workspace, 2, consumer="bob")
    assert alert_evaluation.evaluate_changes(workspace) == 2


def test_history_that_is_imported_is_no_news(workspace):
    subscribe(workspace)
    complain(workspace, days_ago=40)
    assert alert_evaluation.evaluate_changes(workspace) == 0


def test_a_brand_that_nobody_asked_about_is_not_told(workspace):
    subscribe(workspace, brand="brand-1")
    complain(workspace)
    assert alert_evaluation.evaluate_changes(workspace) == 0
    complain(workspace, 2, brand="brand-1", consumer="bob")
    assert alert_evaluation.evaluate_changes(workspace) >= 1
    assert {body["data"]["brand"] for body in read_bodies(workspace)} == {"brand-1"}


def test_what_happened_before_somebody_subscribed_is_not_told(workspace):
    complain(workspace)
    subscribe(workspace)
    assert alert_evaluation.evaluate_changes(workspace) == 0


def watch_later(folder, days, **more):
    """What is told some days later, when nothing happened but time."""
    with open_small(folder, days_later=days) as later:
        return alert_evaluation.evaluate_decay(later), read_bodies(later, **more)


def find_score(folder, days, consumer="faded", brand="bakery"):
    with open_small(folder, days_later=days) as later:
        return fusion.explain_pair(later, consumer, brand, as_of="now").explanation.reading.fusion_score


def test_a_line_that_is_crossed_by_fading_alone_is_told_once(tmp_path):
    with open_small(tmp_path / "ws") as workspace:
        import_events(workspace, [make_order(number, days_ago=1, consumer="faded") for number in range(3)])
        line = find_score(tmp_path / "ws", 3)
        subscribe(workspace, "score_crossed", line=line, quiet_hours=0)
        assert alert_evaluation.evaluate_decay(workspace) == 0
    assert watch_later(tmp_path / "ws", 2)[0] == 0
    count, bodies = watch_later(tmp_path / "ws", 4)
    assert count == 1
    data = bodies[0]["data"]
    assert (data["consumer"], data["direction"]) == ("faded", "down")
    assert data["fusion_score_before"] >= line > data["fusion_score"]
    assert data["fusion_score"] == pytest.approx(find_score(tmp_path / "ws", 4))
    assert watch_later(tmp_path / "ws", 5)[0] == 0


def test_what_time_did_is_looked_at_once_a_day(tmp_path):
    with open_small(tmp_path / "ws") as workspace:
        import_events(workspace, [make_order(1, days_ago=1, consumer="faded")])
        subscribe(workspace, "score_crossed", line=find_score(tmp_path / "ws", 0.5))
    assert watch_later(tmp_path / "ws", 0.9)[0] == 0
    assert watch_later(tmp_path / "ws", 1.1)[0] == 1


def test_a_pair_to_which_something_happened_is_left_to_the_judgement_of_that(tmp_path):
    with open_small(tmp_path / "ws") as workspace:
        import_events(workspace, [make_order(1, days_ago=1, consumer="faded")])
        subscribe(workspace, "score_crossed", line=find_score(tmp_path / "ws", 1), quiet_hours=0)
    with open_small(tmp_path / "ws", days_later=2) as workspace:
        complaint = Event(
            event_id="late", source="shop", occurred_at=NOW + timedelta(days=1.5), kind="Complaint Published",
            consumer="faded", brand="bakery", properties={"severity": 1, "people": 1000},
        )  # fmt: skip
        import_events(workspace, [complaint])
        assert alert_evaluation.evaluate_changes(workspace) == 1
        assert alert_evaluation.evaluate_decay(workspace) == 0


def test_a_line_crossed_by_an_import_that_went_straight_to_segments_is_told_the_day_after(tmp_path):
    with open_small(tmp_path / "ws") as workspace:
        import_events(workspace, [make_order(1, days_ago=1, consumer="bought")])
        subscribe(
            workspace, "score_crossed", line=find_score(tmp_path / "ws", 0, "bought") + 1, quiet_hours=0
        )
        import_events(workspace, [make_order(2, days_ago=0.5, consumer="bought", kind="Page Viewed")])
        assert alert_evaluation.evaluate_changes(workspace) == 0  # looked at, and below the line
    with open_small(tmp_path / "ws", days_later=0.1, inbox_import_limit=5) as workspace:
        orders = [make_order(n, days_ago=0.2, consumer="bought", value=200.0) for n in range(100, 120)]
        import_events(workspace, orders)
        assert alert_evaluation.evaluate_changes(workspace) == 0
    count, (body,) = watch_later(tmp_path / "ws", 1.1)
    assert (count, body["data"]["direction"]) == (1, "up")


def test_standings_of_a_time_when_nobody_wanted_to_know_are_no_news(tmp_path):
    with open_small(tmp_path / "ws") as workspace:
        import_events(workspace, [make_order(1, days_ago=1, consumer="faded")])
        line = find_score(tmp_path / "ws", 20)
        first = subscribe(workspace, "score_crossed", line=line)
        import_events(workspace, [make_order(2, days_ago=0.5, consumer="faded", kind="Page Viewed")])
        alert_evaluation.evaluate_changes(workspace)
        with workspace.store.writing() as session:
            withdraw_subscription(session, first.subscription_id, workspace.now_us)
    with open_small(tmp_path / "ws", days_later=40) as workspace:
        subscribe(workspace, "score_crossed", line=line)
    assert watch_later(tmp_path / "ws", 42)[0] == 0


def test_each_event_is_judged_once(workspace):
    subscribe(workspace, "first_dissatisfaction", quiet_hours=0)
    complain(workspace)
    assert [alert_evaluation.evaluate_changes(workspace) for _ in range(3)] == [1, 0, 0]


@pytest.mark.parametrize(("quiet_hours", "told"), [(24, 1), (0, 2)])
def test_the_same_notice_is_quiet_for_a_while(workspace, quiet_hours, told):
    subscribe(workspace, "score_crossed", line=51, quiet_hours=quiet_hours)
    import_events(workspace, [make_order(800, days_ago=1)])
    found = alert_evaluation.evaluate_changes(workspace)
    complain(workspace)
    assert found + alert_evaluation.evaluate_changes(workspace) == told


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (("unknown", 50), ("mutualism", 60), []),
        (("mutualism", 60), ("mutualism", 61), []),
        (
            ("mutualism", 60),
            ("one-sided-brand-takes", 55),
            [{"from": "mutualism", "to": "one-sided-brand-takes"}],
        ),
    ],
)
def test_a_class_that_changes_is_told_but_not_one_that_becomes_known(workspace, before, after, told):
    subscription = subscribe(workspace, "symbiosis_changed")
    found = judge_pair(
        subscription, LastSeenState(before[1], before[0]), LastSeenState(after[1], after[0]), None
    )
    assert [each.detail for each in found] == told


def test_a_score_on_the_line_counts_as_above_it(workspace):
    subscription = subscribe(workspace, "score_crossed", line=50)

    def judge(before, after):
        found = judge_pair(
            subscription, LastSeenState(before, "neutral"), LastSeenState(after, "neutral"), None
        )
        return [each.detail["direction"] for each in found]

    assert (judge(50, 49.9), judge(49.9, 50), judge(50, 51), judge(49, 49.9)) == (["down"], ["up"], [], [])
    assert (
        judge_pair(
            subscription,
            LastSeenState(50, "neutral"),
            LastSeenState(50, "neutral"),
            DissatisfactionSignal("e", "k", 0),
        )
        == []
    )


def test_a_delivery_that_is_taken_is_not_sent_again(workspace):
    subscribe(workspace, "first_dissatisfaction")
    complain(workspace)
    alert_evaluation.evaluate_changes(workspace)
    sent = []

    def take(due, now_us):
        sent.append(due.delivery.delivery_id)
        return DeliveryResult("200", is_taken=True)

    assert alert_evaluation.send_due(workspace, take) == {"delivered": 1}
    assert alert_evaluation.send_due(workspace, take) == {}
    assert (len(sent), list_statuses(workspace)) == (1, [("delivered", 1, "200")])


def test_a_slow_receiver_holds_up_no_other_and_each_outcome_is_kept_as_it_comes(workspace):
    for _ in range(3):
        subscribe(workspace, "first_dissatisfaction")
    complain(workspace)
    assert alert_evaluation.evaluate_changes(workspace) == 3
    is_first, seen = threading.Lock(), []

    def post(due, now_us):
        if is_first.acquire(blocking=False):
            end = time.monotonic() + 30
            while [status for status, *_ in list_statuses(workspace)].count("delivered") < 2:
                assert time.monotonic() < end, "the others waited for the slow one"
                time.sleep(0.02)
            seen.extend(list_statuses(workspace))
        return DeliveryResult("200", is_taken=True)

    assert alert_evaluation.send_due(workspace, post) == {"delivered": 3}
    assert sorted(status for status, *_ in seen) == ["delivered", "delivered", "pending"]


def pass_time(folder, days):
    return open_small(folder, days_later=days)


def test_a_receiver_that_fails_is_tried_with_growing_pauses_and_then_no_more(workspace):
    subscribe(workspace, "first_dissatisfaction")
    complain(workspace)
    alert_evaluation.evaluate_changes(workspace)
    waited = 0.0
    for number in range(1, len(PAUSES_SECONDS) + 2):
        # Pauses are longer or shorter by a fifth; a fifth more than the longest is enough.
        with pass_time(workspace.folder, waited / 86_400) as later:
            status = alert_evaluation.send_due(later, lambda due, now_us: DeliveryResult("500"))
            assert status == ({"pending": 1} if number <= len(PAUSES_SECONDS) else {"dead": 1}), number
            assert alert_evaluation.send_due(later, lambda due, now_us: DeliveryResult("500")) == {}
        if number <= len(PAUSES_SECONDS):
            waited += PAUSES_SECONDS[number - 1] * 1.21
    with workspace.store.reading() as session:
        assert count_deliveries(session) == {"pending": 0, "delivered": 0, "dead": 1}


def test_dead_deliveries_can_be_tried_again(workspace):
    subscribe(workspace, "first_dissatisfaction")
    complain(workspace)
    alert_evaluation.evaluate_changes(workspace)
    assert alert_evaluation.send_due(workspace, lambda due, now_us: DeliveryResult("410", is_final=True)) == {
        "dead": 1
    }
    with workspace.store.writing() as session:
        (dead,) = list_deliveries(session, status="dead")
        with pytest.raises(NotFoundError):
            retry_deliveries(session, ["no-such-delivery"], workspace.now_us)
        assert retry_deliveries(session, [dead.delivery_id], workspace.now_us) == 1
    assert alert_evaluation.send_due(workspace, lambda due, now_us: DeliveryResult("200", is_taken=True)) == {
        "delivered": 1
    }


def test_a_delivery_whose_sender_died_is_sent_again_under_the_same_id(workspace):
    subscribe(workspace, "first_dissatisfaction")
    complain(workspace)
    alert_evaluation.evaluate_changes(workspace)
    sent = []

    def die(due, now_us):
        sent.append(due.delivery.delivery_id)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        alert_evaluation.send_due(workspace, die)
    assert alert_evaluation.send_due(workspace, die) == {}
    with pass_time(workspace.folder, (LEASE_SECONDS + 1) / 86_400) as later, pytest.raises(KeyboardInterrupt):
        alert_evaluation.send_due(later, die)
    assert len(sent) == 2
    assert len(set(sent)) == 1


def test_a_subscription_that_was_withdrawn_is_told_nothing_more(workspace):
    made = subscribe(workspace, "first_dissatisfaction")
    complain(workspace)
    alert_evaluation.evaluate_changes(workspace)
    with workspace.store.writing() as session:
        withdraw_subscription(session, made.subscription_id, workspace.now_us)
        with pytest.raises(NotFoundError):
            withdraw_subscription(session, made.subscription_id, workspace.now_us)
    alert_evaluation.send_due(workspace, lambda due, now_us: pytest.fail("it was sent"))
    assert list_statuses(workspace) == [("dead", 0, "withdrawn")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://receiver.example.org/"}, {"url": "ftp://receiver.example.org"}, {"url": "receiver"},
        {"url": "https://anna:secret@receiver.example.org"}, {"url": "https://receiver.example.org:99999"},
        {"url": "https://example.org/\r\nX: y"}, {"url": "https://exam ple.org/"}, {"url": "https://127.0.0.1/x"},
        {"url": "https://169.254.169.254/"}, {"url": "https://example.org/\u202e"}, {"brand": "ba\u0001kery"},
        {"types": ["everything"]}, {"types": []}, {"line": 0}, {"line": 100}, {"quiet_hours": -1},
    ],
)  # fmt: skip
def test_a_subscription_that_cannot_be_is_refused(workspace, wrong):
    with pytest.raises(InputError):
        alert_evaluation.subscribe(workspace, **{"url": ADDRESS, "types": NOTICE_TYPES, **wrong})


def test_an_event_that_is_no_signal_reads_no_ledger(workspace, monkeypatch):
    subscribe(workspace)
    import_events(workspace, [make_order(800, days_ago=1)])
    monkeypatch.setattr(alert_evaluation, "read_ledgers", lambda *given, **named: pytest.fail("it was read"))
    alert_evaluation.evaluate_changes(workspace)


def test_scores_are_read_while_others_may_write(workspace, monkeypatch):
    subscribe(workspace, "score_crossed")
    complain(workspace)
    read = alert_evaluation.read_states
    has_written = []

    def write_meanwhile(*given, **named):
        with workspace.store.writing(wait_seconds=1.0) as session:
            session.write_mark("an import", 1)
            has_written.append(True)
        return read(*given, **named)

    monkeypatch.setattr(alert_evaluation, "read_states", write_meanwhile)
    alert_evaluation.evaluate_changes(workspace)
    assert has_written == [True]


def test_what_another_process_judged_meanwhile_is_not_told_twice(workspace, monkeypatch):
    subscribe(workspace, "first_dissatisfaction")
    complain(workspace)
    read, is_first = alert_evaluation.read_states, iter([True, False, False])

    def judge_meanwhile(*given, **named):
        if next(is_first):
            alert_evaluation.evaluate_changes(workspace)
        return read(*given, **named)

    monkeypatch.setattr(alert_evaluation, "read_states", judge_meanwhile)
    alert_evaluation.evaluate_changes(workspace)
    assert len(read_bodies(workspace)) == 1
