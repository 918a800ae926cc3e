"""Segment's calls, as its libraries send them and its exports hold them."""

from __future__ import annotations

import json

import pytest

from consumer_fusion.records.timestamps import write_moment

TRACK = {"type": "track", "messageId": "m1", "userId": "anna", "timestamp": "2026-06-05T20:00:00Z"}
ORDER = TRACK | {"event": "Order Completed"}


def test_an_order_keeps_its_name_and_its_revenue_before_its_total(desk):
    event = desk.segment(
        ORDER | {"properties": {"order_id": "o1", "revenue": 25, "total": 30, "currency": "EUR"}}
    ).only
    assert (event["event_id"], event["kind"], event["value"], event["currency"]) == (
        "m1",
        "Order Completed",
        25.0,
        "EUR",
    )
    assert (event["consumer"], event["brand"], event["source"]) == ("anna", "shop", "segment")
    assert json.loads(event["identifiers"]) == {"account": "anna"}
    assert desk.segment(ORDER | {"properties": {"total": 30}}).only["value"] == 30.0


def test_a_visitor_who_did_not_sign_in_is_known_by_a_weak_identifier_alone(desk):
    event = desk.segment({**ORDER, "userId": None, "anonymousId": "a1"}).only
    assert event["consumer"] is None
    assert json.loads(event["identifiers"]) == {"anonymous_id": "a1"}


def test_numeric_ids_become_texts(desk):
    assert desk.segment(ORDER | {"userId": 7}).only["consumer"] == "7"


def test_identify_carries_identifiers_and_has_a_kind_without_points(desk):
    event = desk.segment({
        **TRACK, "type": "identify", "anonymousId": "a1", "traits": {"email": "a@b.c", "phone": "1", "plan": "gold"},
    }).only  # fmt: skip
    assert event["kind"] == "Consumer Identified"
    assert json.loads(event["identifiers"]) == {
        "account": "anna", "anonymous_id": "a1", "email": "a@b.c", "phone": "1",
    }  # fmt: skip
    assert json.loads(event["properties"]) == {"traits": {"plan": "gold"}}


def test_pages_and_screens_are_page_views_of_their_channel(desk):
    staged = desk.segment(
        TRACK | {"type": "page", "name": "Home"}, TRACK | {"type": "screen", "messageId": "m2"}
    )
    assert staged.column("kind") == ["Page Viewed", "Page Viewed"]
    assert staged.column("channel") == ["web", "app"]


def test_an_alias_of_oneself_is_no_error(desk):
    staged = desk.segment(
        TRACK | {"type": "alias", "previousId": "anna"}, TRACK | {"type": "alias", "previousId": "cookie-1"}
    )
    assert [json.loads(each) for each in staged.column("identifiers")] == [
        {"account": "anna"}, {"account": "anna", "anonymous_id": "cookie-1", "previous_id": "cookie-1"},
    ]  # fmt: skip


def test_a_batch_gives_its_calls_with_the_context_and_times_of_the_batch(desk):
    batch = {
        "batch": [ORDER, {**TRACK, "type": "page", "messageId": "m2"}, {"type": "nonsense"}, 5],
        "context": {"device": {"id": "d1", "type": "ios"}}, "sentAt": "2026-06-05T21:00:00Z",
        "receivedAt": "2026-06-05T20:30:00Z", "writeKey": "k",
    }  # fmt: skip
    staged = desk.segment(batch, ORDER | {"messageId": "m9"})
    assert staged.ids == ["m1", "m2", "m9"]
    assert staged.column("channel") == ["app", "app", None]
    assert write_moment(staged.column("occurred_us")[0]) == "2026-06-05T19:30:00Z"
    assert json.loads(staged.column("identifiers")[0]) == {"account": "anna", "device": "d1"}
    assert staged.codes == ["unknown_type", "invalid_json"]
    assert json.loads(staged.rejected[0]["raw"])["type"] == "nonsense"
    assert "writeKey" not in staged.rejected[0]["raw"]
    positions = [row["position"] for row in (*staged.accepted, *staged.rejected)]
    assert len(set(positions)) == len(positions)


@pytest.mark.parametrize(
    ("times", "moment"),
    [
        ({"sentAt": "2026-06-05T20:00:10Z", "receivedAt": "2026-06-05T20:05:10Z"}, "2026-06-05T20:05:00Z"),
        ({"sentAt": "2026-06-05T20:00:10Z"}, "2026-06-05T20:00:00Z"),
        ({"originalTimestamp": "2026-06-05T19:00:00Z", "sentAt": "2026-06-05T19:00:00Z",
          "receivedAt": "2026-06-05T20:00:00Z"}, "2026-06-05T20:00:00Z"),
        ({"timestamp": None, "receivedAt": "2026-06-05T18:00:00Z"}, "2026-06-05T18:00:00Z"),
    ],
)  # fmt: skip
def test_a_wrong_clock_is_corrected_by_the_time_between_sending_and_receiving(desk, times, moment):
    assert write_moment(desk.segment(ORDER | times).only["occurred_us"]) == moment


def test_an_order_of_several_brands_gives_each_its_share(desk):
    products = [
        {"product_id": "1", "brand": "north", "price": 10, "quantity": 2},
        {"product_id": "2", "brand": "south", "price": "10"},
        {"product_id": "3", "price": 10},
        {"product_id": "4", "brand": "north", "price": 0},
    ]
    staged = desk.segment(ORDER | {"properties": {"revenue": 36, "products": products}})
    assert staged.ids == ["m1#1", "m1#2", "m1#3"]
    assert staged.column("brand") == ["north", "south", "shop"]
    assert staged.column("value") == [18.0, 9.0, 9.0]
    assert [len(each["products"]) for each in staged.properties()] == [2, 1, 1]


def test_an_order_of_one_brand_is_one_event_with_its_own_id(desk):
    staged = desk.segment(
        ORDER | {"properties": {"revenue": 5, "products": [{"brand": "north"}, {"brand": "north"}]}}
    )
    assert (staged.ids, staged.column("brand"), staged.column("value")) == (["m1"], ["north"], [5.0])


def test_products_without_prices_share_by_their_number(desk):
    products = [{"brand": "north"}, {"brand": "north"}, {"brand": "south"}]
    assert desk.segment(ORDER | {"properties": {"revenue": 9, "products": products}}).column("value") == [
        6.0,
        3.0,
    ]


@pytest.mark.parametrize(
    ("revenue", "values"), [(40, [25.5, 14.5]), (25.5, [25.5, 0.0]), (20, [None, None]), (None, [25.5, None])]
)
def test_a_product_without_a_price_gets_what_the_others_leave(desk, revenue, values):
    products = [
        {"brand": "north", "price": 10, "quantity": 2},
        {"brand": "south"},
        {"brand": "north", "price": "5.50"},
    ]
    assert (
        desk.segment(ORDER | {"properties": {"revenue": revenue, "products": products}}).column("value")
        == values
    )


def test_the_rest_is_shared_by_the_products_without_a_price(desk):
    products = [{"brand": "north", "price": 4}, {"brand": "north"}, {"brand": "south"}, {"brand": "south"}]
    assert desk.segment(ORDER | {"properties": {"revenue": 10, "products": products}}).column("value") == [
        6.0,
        4.0,
    ]


def test_prices_make_the_value_where_no_revenue_is_said(desk):
    products = [{"price": 0.1, "quantity": 3}, {"price": "0.2"}]
    order = {key: value for key, value in ORDER.items() if key != "properties"}
    assert desk.segment(order | {"properties": {"products": products}}).only["value"] == 0.5
    viewed = order | {"event": "Cart Viewed", "properties": {"products": products}}
    assert desk.segment(viewed).only["value"] is None


def test_a_refund_is_how_much_went_back_with_or_without_sign(desk):
    refund = {**TRACK, "event": "Order Refunded"}
    staged = desk.segment(refund | {"properties": {"total": -5}}, refund | {"properties": {"total": 5}})
    assert staged.column("value") == [5.0, 5.0]


def test_a_rating_is_a_number_and_third_persons_are_not_kept(desk):
    staged = desk.segment(
        {**TRACK, "event": "Product Reviewed", "properties": {"rating": "4", "review_body": "Warm."}},
        {**TRACK, "event": "Product Shared", "properties": {"recipient": "ben@b.c", "share_message": "x",
            "share_via": "mail"}},
    )  # fmt: skip
    assert staged.column("text") == ["Warm.", None]
    assert staged.properties() == [{"rating": 4.0, "review_body": "Warm."}, {"share_via": "mail"}]


def test_the_words_of_a_message_are_its_text(desk):
    staged = desk.segment({**TRACK, "event": "Message Sent", "properties": {"text": "Where is my parcel?"}})
    assert staged.column("text") == ["Where is my parcel?"]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ({**TRACK, "event": None}, "missing_kind"),
        ({**TRACK, "type": "Trakc"}, "unknown_type"),
        ({"userId": "anna"}, "unknown_type"),
        ({**ORDER, "timestamp": "soon"}, "invalid_time"),
        ({**ORDER, "timestamp": None}, "missing_time"),
        ({**ORDER, "properties": {"revenue": float("nan")}}, "invalid_value"),
        ("not json", "invalid_json"),
    ],
)
def test_one_bad_call_costs_only_itself(desk, call, code):
    staged = desk.segment(call, ORDER)
    assert staged.codes == [code]
    assert staged.ids == ["m1"]


def test_calls_without_message_id_are_told_apart(desk):
    call = {key: value for key, value in ORDER.items() if key != "messageId"}
    staged = desk.segment(call, call, call | {"properties": {"products": [{"brand": "a"}, {"brand": "b"}]}})
    assert len(set(staged.ids)) == 4
