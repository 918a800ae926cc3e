"""Events that come as CloudEvents, Activity Streams, webhooks of Chatwoot and the product's own JSON."""

from __future__ import annotations

import hmac
import json
import time
from datetime import UTC, datetime
from hashlib import sha256

import pytest

import consumer_fusion as fusion
from consumer_fusion.surfaces.collect.activities import cut_activities
from consumer_fusion.surfaces.collect.chatwoot import cut_deliveries
from live_server import make_key

NOW_US = 1_780_000_000_000_000


def list_rows(server, tag):
    server.settle()
    return [row for row in server.read_events() if tag in row["event_id"]]


# --- our own JSON ---


def make_event(tag, number=0, **fields):
    return {
        "event_id": f"{tag}-{number}", "occurred_at": "2026-06-05T20:00:00Z", "kind": "Order Completed",
        "consumer": "ann", "value": 20, **fields,
    }  # fmt: skip


@pytest.mark.parametrize("shape", ["one", "list", "events", "lines"])
def test_own_events_come_alone_in_a_list_in_an_object_or_line_by_line(server, tag, shape):
    events = [make_event(tag, number) for number in range(1 if shape == "one" else 3)]
    body = {
        "one": events[0], "list": events, "events": {"events": events, "writeKey": server.key},
        "lines": "\n".join(map(json.dumps, events)) + "\n",
    }[shape]  # fmt: skip
    assert server.post("/v1/events", body, key="" if shape == "events" else None).status_code == 200
    rows = list_rows(server, tag)
    assert [row["event_id"] for row in rows] == [event["event_id"] for event in events]
    assert {(row["brand"], row["source"]) for row in rows} == {("bakery", "server source")}


def test_a_broken_line_among_good_ones_is_set_aside(server, tag):
    body = "\n".join(
        [json.dumps(make_event(tag, 1)), f'{{"event_id": "{tag}-broken', json.dumps(make_event(tag, 2))]
    )
    assert server.post("/v1/events", body).status_code == 200
    assert len(list_rows(server, tag)) == 2
    assert [row["code"] for row in server.read_rejections() if f"{tag}-broken" in row["raw"]] == [
        "invalid_json"
    ]


def test_an_event_cannot_speak_for_the_source_of_another_key(server, tag):
    server.post("/v1/events", make_event(tag, source="server source"), key=server.keys["browser"])
    server.post("/v1/events", make_event(tag), key=server.key)
    rows = list_rows(server, tag)
    assert sorted(row["source"] for row in rows) == ["browser source/server source", "server source"]


@pytest.mark.parametrize(
    ("fields", "trust"),
    [
        ({"kind": "Page Viewed", "value": None}, 1.0),
        ({"kind": "Order Completed"}, 0.25),
        ({"kind": "Page Viewed", "value": 5}, 0.25),
        ({"kind": "Gift Received", "value": None}, 0.25),
        ({"kind": "Order Completed", "trust": 1}, 0.25),
        ({"kind": "Order Completed", "trust": 0.1}, 0.1),
    ],
)
def test_what_a_browser_says_is_believed_where_it_only_looked(server, tag, fields, trust):
    server.post("/v1/events", make_event(tag, **fields), key=server.keys["browser"])
    (row,) = list_rows(server, tag)
    assert row["trust"] == trust


def test_an_order_that_page_and_server_both_tell_of_counts_once(server, tag):
    def tell(consumer, key, number):
        event = make_event(
            f"{tag}-{consumer}", number, consumer=f"{tag}-{consumer}", properties={"order_id": tag}
        )
        assert server.post("/v1/events", event, key=key).status_code == 200

    tell("page", server.keys["browser"], 1)
    tell("server", server.keys["server"], 1)
    tell("both", server.keys["browser"], 1)
    tell("both", server.keys["server"], 2)
    server.settle()
    with fusion.open_workspace(server.folder) as workspace:
        gained = {
            name: fusion.explain_pair(
                workspace, f"{tag}-{name}", "bakery", as_of="latest"
            ).explanation.reading.fusion_score - 50
            for name in ("page", "server", "both")
        }  # fmt: skip
    assert gained["page"] < gained["server"] / 2  # nobody has confirmed it
    assert gained["both"] == pytest.approx(gained["server"], rel=0.05)


def test_a_server_is_believed_as_far_as_it_says(server, tag):
    server.post("/v1/events", [make_event(tag, 1), make_event(tag, 2, trust=0.5)])
    assert [row["trust"] for row in list_rows(server, tag)] == [1.0, 0.5]


# --- CloudEvents ---


def make_cloud_event(tag, number=0, **fields):
    return {
        "specversion": "1.0", "id": f"{tag}-{number}", "source": "/orders", "type": "Order Completed",
        "subject": "ann", "time": "2026-06-05T20:00:00Z", "data": {"value": 20}, **fields,
    }  # fmt: skip


def test_a_batch_of_cloud_events_keeps_the_good_and_sets_the_bad_aside(server, tag):
    batch = [make_cloud_event(tag, 0), make_cloud_event(tag, 1, type=""), make_cloud_event(tag, 2)]
    answer = server.post(
        "/v1/cloudevents", batch, headers={"Content-Type": "application/cloudevents-batch+json"}
    )
    assert answer.status_code == 200
    assert [row["event_id"] for row in list_rows(server, tag)] == [f"{tag}-0", f"{tag}-2"]
    assert [row["code"] for row in server.read_rejections() if f"{tag}-1" in row["raw"]] == ["missing_kind"]


@pytest.mark.parametrize("missing", ["id", "source", "specversion", "type"])
def test_a_lone_cloud_event_without_a_required_attribute_is_refused(server, tag, missing):
    event = make_cloud_event(tag)
    del event[missing]
    answer = server.post("/v1/cloudevents", event)
    assert answer.status_code == 400
    assert missing in answer.json()["message"]


def test_a_cloud_event_in_headers_with_text_or_no_data_is_kept(server, tag):
    headers = {
        "ce-specversion": "1.0", "ce-source": "/door", "ce-type": "Store Visited", "ce-subject": "ann",
        "ce-time": "2026-06-05T20:00:00Z",
    }  # fmt: skip
    server.post(
        "/v1/cloudevents",
        b"just words",
        headers={**headers, "ce-id": f"{tag}-1", "Content-Type": "text/plain"},
    )
    server.post("/v1/cloudevents", b"", headers={**headers, "ce-id": f"{tag}-2"})
    rows = list_rows(server, tag)
    assert [row["properties"] for row in rows] == [{"data": "just words"}, {}]


def test_two_producers_behind_one_key_may_use_the_same_ids(server, tag):
    server.post("/v1/cloudevents", [make_cloud_event(tag, source="/a"), make_cloud_event(tag, source="/b")])
    assert sorted(row["source"] for row in list_rows(server, tag)) == ["server source//a", "server source//b"]


# --- Activity Streams ---

NOTE = {
    "@context": "https://www.w3.org/ns/activitystreams",
    "type": "Create",
    "id": "https://social.example/activities/1",
    "actor": {"type": "Person", "id": "https://social.example/users/ann", "followersCount": 5000},
    "published": "2026-06-05T20:00:00Z",
    "object": {
        "type": "Note", "id": "https://social.example/notes/1", "sentiment": -0.8,
        "content": "<p>Never again, <a href='x'>@inn</a> &amp; co!</p>",
        "tag": [{"type": "Mention", "name": "@inn@social.example"}, {"type": "Hashtag", "name": "#food"}],
    },
}  # fmt: skip


def read_activity(activity, brand=None):
    return [json.loads(line) for line in cut_activities(activity, "social", brand, NOW_US)]


def test_a_post_that_mentions_a_brand_is_a_mention_with_words_reach_and_feeling():
    (event,) = read_activity(NOTE)
    assert (event["kind"], event["brand"], event["consumer"]) == (
        "Brand Mentioned",
        "inn",
        NOTE["actor"]["id"],
    )
    assert event["text"] == "Never again, @inn & co!"
    assert event["occurred_at"] == "2026-06-05T20:00:00Z"
    assert event["event_id"] == NOTE["id"]
    assert event["properties"]["people"] == 5000
    assert event["properties"]["sentiment"] == -0.8


def test_a_post_that_mentions_two_brands_is_two_events():
    tags = [{"type": "Mention", "name": name} for name in ("@inn", "@bakery", "@inn")]
    events = read_activity({**NOTE, "object": {**NOTE["object"], "tag": tags}})
    assert [(event["brand"], event["event_id"]) for event in events] == [
        ("inn", f"{NOTE['id']}#1"), ("bakery", f"{NOTE['id']}#2"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("activity", "about", "kind"),
    [
        ("Announce", {"type": "Note"}, "Product Shared"),
        ("View", {"type": "Page"}, "Page Viewed"),
        ("Join", {"type": "Event"}, "Event Attended"),
        ("Accept", {"type": "Event"}, "Event Attended"),
        ("Arrive", {"type": "Place"}, "Store Visited"),
        ("Create", {"type": "Review", "rating": 2}, "Product Reviewed"),
        ("Like", {"type": "Note"}, "Activity Like"),
        ("Follow", "https://social.example/users/inn", "Activity Follow"),
    ],
)
def test_what_somebody_does_becomes_the_kind_that_it_is(activity, about, kind):
    (event,) = read_activity({"type": activity, "actor": "ann", "object": about, "id": "a1"}, brand="inn")
    assert (event["kind"], event["brand"], event["consumer"]) == (kind, "inn", "ann")


def test_a_public_post_is_believed_a_quarter_even_over_a_server_key(server, tag):
    activity = {**NOTE, "id": f"https://social.example/{tag}"}
    assert server.post("/v1/activities", activity).status_code == 200
    (row,) = list_rows(server, tag)
    assert (row["kind"], row["brand"], row["trust"]) == ("Brand Mentioned", "inn", 0.25)
    assert row["magnitude"] > 0


def test_a_collection_of_activities_is_taken_apart(server, tag):
    activities = [{**NOTE, "id": f"https://social.example/{tag}/{number}"} for number in range(3)]
    server.post("/v1/activities", {"type": "OrderedCollection", "orderedItems": [*activities, "no activity"]})
    assert len(list_rows(server, tag)) == 3


# --- Chatwoot ---

CREATED = 1_780_000_000


ANN = {"id": 3, "email": "ann@example.org", "phone_number": None, "identifier": None}
PERSON, BOT = {"id": 9, "type": "user"}, {"id": 2, "type": "agent_bot"}


def make_conversation(number=7, **fields):
    return {
        "id": number, "status": "open", "channel": "Channel::WebWidget", "created_at": CREATED,
        "waiting_since": CREATED + 60, "first_reply_created_at": None, "updated_at": CREATED + 900.5,
        "last_activity_at": CREATED + 300, "meta": {"sender": ANN, "assignee": PERSON}, **fields,
    }  # fmt: skip


def make_message(number=1, direction="outgoing", conversation=None, **fields):
    created = datetime.fromtimestamp(CREATED + 180, UTC).isoformat().replace("+00:00", "Z")
    return {
        "event": "message_created", "id": number, "content": "Hello", "message_type": direction, "private": False,
        "created_at": created, "sender": {"id": 9, "type": "user"}, "account": {"id": 1},
        "conversation": conversation or make_conversation(), **fields,
    }  # fmt: skip


def make_status(status, before, **fields):
    changes = [{"status": {"previous_value": before, "current_value": status}}]
    return {
        "event": "conversation_status_changed", "account": {"id": 1}, "changed_attributes": changes,
        **make_conversation(status=status), **fields,
    }  # fmt: skip


def read_delivery(delivery):
    return [json.loads(line) for line in cut_deliveries(delivery, "chat", NOW_US)]


@pytest.mark.parametrize(
    ("delivery", "kind"),
    [
        (
            {"event": "conversation_created", "account": {"id": 1}, **make_conversation()},
            "Live Chat Conversation Started",
        ),
        (make_message(direction="incoming"), "Message Sent"),
        (make_message(), "First Reply"),
        (make_message(sender={"id": 1, "type": "agent_bot"}), "Reply Sent"),
        (make_message(conversation=make_conversation(first_reply_created_at=CREATED + 90)), "Reply Sent"),
        (make_status("resolved", "open", first_reply_created_at=CREATED + 180), "Ticket Resolved"),
        (make_status("open", "resolved"), "Ticket Reopened"),
        (make_status("open", "pending"), "Conversation Opened"),
        (make_status("snoozed", "open"), None),
        (make_message(private=True), None),
        (make_message(direction="activity"), None),
        ({"event": "webwidget_triggered"}, None),
        ({"event": "conversation_typing_on", **make_conversation()}, None),
    ],
)
def test_what_happens_in_a_conversation_becomes_the_kind_that_it_is(delivery, kind):
    events = read_delivery(delivery)
    assert [event["kind"] for event in events] == ([] if kind is None else [kind])
    for event in events:
        assert event["consumer"] == "chatwoot-1-contact-3"
        assert event["identifiers"] == {"email": "ann@example.org"}
        assert event["channel"] == "chat"


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "Ticket Resolved"),
        ({"first_reply_created_at": None}, "Conversation Closed"),
        ({"meta": {"sender": ANN, "assignee": None}}, "Conversation Closed"),
        ({"meta": {"sender": ANN, "assignee": BOT}}, "Conversation Closed"),
        (
            {"meta": {"sender": ANN, "assignee": {"id": 2}, "assignee_type": "AgentBot"}},
            "Conversation Closed",
        ),
        ({"updated_at": CREATED + 30 * 86_400}, "Conversation Closed"),
        ({"last_activity_at": None}, "Conversation Closed"),
        ({"updated_at": CREATED + 30 * 86_400, "performed_by": PERSON}, "Ticket Resolved"),
        ({"performed_by": BOT}, "Conversation Closed"),
    ],
)
@pytest.mark.parametrize("event", ["conversation_status_changed", "conversation_resolved"])
def test_only_what_a_person_resolved_is_a_ticket_resolved(changes, kind, event):
    answered = {"first_reply_created_at": CREATED + 180, **changes}
    assert [
        each["kind"] for each in read_delivery(make_status("resolved", "open", event=event, **answered))
    ] == [kind]


@pytest.mark.parametrize(
    ("last", "kind"),
    [("incoming", "Ticket Reopened"), ("outgoing", "Conversation Opened"), (1, "Conversation Opened")],
)
def test_staff_who_toggle_a_status_move_no_point(last, kind):
    reopened = make_status("open", "resolved", messages=[{"id": 4, "message_type": last}])
    assert [each["kind"] for each in read_delivery(reopened)] == [kind]


@pytest.mark.parametrize(
    ("channel", "kind"),
    [
        ("Channel::WebWidget", "Live Chat Conversation Started"), ("Channel::Api", "Live Chat Conversation Started"),
        ("Channel::Email", "Ticket Opened"), ("Channel::Whatsapp", "Ticket Opened"),
    ],
)  # fmt: skip
def test_a_mail_is_no_chat(channel, kind):
    begun = {"event": "conversation_created", "account": {"id": 1}, **make_conversation(channel=channel)}
    (event,) = read_delivery(begun)
    assert (event["kind"], event["event_id"]) == (kind, "chatwoot-1-7-started")


def test_a_conversation_that_the_brand_begins_asks_for_nothing():
    sent = make_conversation(messages=[{"id": 4, "message_type": 1}])
    assert read_delivery({"event": "conversation_created", "account": {"id": 1}, **sent}) == []


def test_what_a_webhook_cannot_tell_moves_no_score(server, tag):
    key = server.keys["webhook"]
    for before, after in (("pending", "open"), ("open", "resolved")):
        status = make_status(after, before, id=tag, meta={"sender": ANN, "assignee": BOT})
        assert server.post(f"/v1/chatwoot/{key}", status, key="").status_code == 200
    rows = list_rows(server, tag)
    assert sorted(row["kind"] for row in rows) == ["Conversation Closed", "Conversation Opened"]
    assert {row["kind_id"] for row in rows} == {0}


def test_the_first_reply_says_how_long_the_consumer_waited():
    (event,) = read_delivery(make_message())
    assert event["properties"]["response_seconds"] == 120
    (event,) = read_delivery(make_message(conversation=make_conversation(waiting_since=0)))
    assert event["properties"]["response_seconds"] == 180


@pytest.mark.parametrize(
    ("sla", "target"),
    [
        ({"sla_first_response_time_threshold": 300, "sla_only_during_business_hours": False}, 300),
        ({"sla_first_response_time_threshold": 300, "sla_only_during_business_hours": True}, None),
        ({"sla_first_response_time_threshold": None}, None),
        ({"sla_first_response_time_threshold": 0}, None),
        ({"sla_first_response_time_threshold": "soon"}, None),
        ("none", None),
        (None, None),
    ],
)
def test_the_first_reply_says_how_soon_it_was_due_where_an_sla_does(sla, target):
    (event,) = read_delivery(make_message(conversation=make_conversation(applied_sla=sla)))
    assert event["properties"].get("target_seconds") == target
    assert event["properties"]["response_seconds"] == 120


def test_a_first_reply_is_late_or_in_time_by_the_target_of_the_sla(server, tag):
    key, replies = server.keys["webhook"], {}
    for name, seconds in (("late", 30), ("in time", 300)):
        sla = {"sla_first_response_time_threshold": seconds}
        place = make_conversation(number=f"{tag}-{name}", applied_sla=sla)
        replies[name] = f"chatwoot-1-{tag}-{name}-first-reply"
        assert server.post(f"/v1/chatwoot/{key}", make_message(conversation=place), key="").status_code == 200
    rows = {row["event_id"]: row for row in list_rows(server, tag)}
    with fusion.open_workspace(server.folder) as workspace:
        explained = fusion.explain_pair(workspace, "chatwoot-1-contact-3", "bakery", as_of="latest")
    given = {each.event_id: (each.kind, each.points > 0) for each in explained.explanation.contributions}
    assert set(rows) == set(replies.values())
    assert given[replies["late"]] == ("First Reply/late", False)
    assert given[replies["in time"]] == ("First Reply", True)


def test_replies_that_might_all_be_the_first_are_one_event(server, tag):
    key = server.keys["webhook"]
    conversation = make_conversation(number=tag)
    for number in (1, 2, 2):
        message = make_message(number, conversation=conversation)
        assert server.post(f"/v1/chatwoot/{key}", message, key="").status_code == 200
    rows = list_rows(server, tag)
    assert [row["kind"] for row in rows] == ["First Reply"]
    assert rows[0]["trust"] == 0.25  # nobody signed it


@pytest.fixture(scope="module")
def signed_key(server):
    return make_key(server.folder, "webhook", source="signed chat", signing_secret="a secret")


def post_signed(server, key, body, *, secret="a secret", seconds_ago=0, delivery="d-1"):
    stamp = str(int(time.time()) - seconds_ago)
    signature = hmac.new(secret.encode(), f"{stamp}.{body}".encode(), sha256).hexdigest()
    headers = {
        "X-Chatwoot-Timestamp": stamp, "X-Chatwoot-Signature": f"sha256={signature}", "X-Chatwoot-Delivery": delivery,
    }  # fmt: skip
    return server.post(f"/v1/chatwoot/{key}", body, key="", headers=headers)


def test_a_signed_delivery_that_comes_twice_is_one_event_and_believed(server, tag, signed_key):
    body = json.dumps(make_status("resolved", "open", id=tag, first_reply_created_at=CREATED + 180))
    assert [post_signed(server, signed_key, body).status_code for _ in range(2)] == [200, 200]
    (row,) = list_rows(server, tag)
    assert (row["kind"], row["trust"], row["source"]) == ("Ticket Resolved", 1.0, "signed chat")


def test_a_delivery_with_a_wrong_old_or_missing_signature_is_refused(server, tag, signed_key):
    body = json.dumps(make_status("resolved", "open", id=tag))
    answers = [
        post_signed(server, signed_key, body, secret="another"),
        post_signed(server, signed_key, body, seconds_ago=3600),
        post_signed(server, signed_key, body, seconds_ago=-3600),
        server.post(f"/v1/chatwoot/{signed_key}", body, key=""),
        server.post("/v1/chatwoot/cfw_wrong", body, key=""),
    ]
    assert [answer.status_code for answer in answers] == [401] * 5
    assert list_rows(server, tag) == []
