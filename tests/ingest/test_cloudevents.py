"""CloudEvents in structured JSON."""

from __future__ import annotations

import json

CLOUD = {
    "specversion": "1.0", "id": "1", "source": "/orders", "type": "Order Completed", "subject": "anna",
    "time": "2026-06-05T20:00:00Z",
}  # fmt: skip


def test_attributes_become_fields_and_the_rest_of_the_data_properties(desk):
    data = {
        "brand": "shop",
        "value": 12.5,
        "currency": "EUR",
        "identifiers": {"email": "a@b.c"},
        "severity": 1,
    }
    event = desk.cloud_events(CLOUD | {"data": data}).only
    assert (event["source"], event["event_id"], event["kind"]) == ("/orders", "1", "Order Completed")
    assert (event["consumer"], event["brand"], event["value"]) == ("anna", "shop", 12.5)
    assert json.loads(event["properties"]) == {"severity": 1}
    assert json.loads(event["identifiers"]) == {"email": "a@b.c"}


def test_the_data_may_name_the_consumer(desk):
    assert desk.cloud_events(CLOUD | {"data": {"consumer": "ben"}}).only["consumer"] == "ben"


def test_data_that_are_no_object_are_kept_whole(desk):
    assert desk.cloud_events(CLOUD | {"data": [1, 2]}).properties() == [{"data": [1, 2]}]


def test_an_event_without_time_or_type_is_set_aside(desk):
    staged = desk.cloud_events(
        {key: value for key, value in CLOUD.items() if key != "time"},
        {key: value for key, value in CLOUD.items() if key != "type"},
        "[]",
        CLOUD,
    )
    assert sorted(staged.codes) == ["invalid_json", "missing_kind", "missing_time"]
    assert staged.ids == ["1"]
