"""Every way in which a published client was seen to lose or double events, or to try for ever."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

CALLS = ["track", "identify", "page", "screen", "group", "alias", "t", "i", "p", "s", "g", "a"]


def make_track(tag, number=0, **fields):
    return {
        "type": "track", "event": "Order Completed", "userId": "ann", "messageId": f"{tag}-{number}",
        "timestamp": "2026-06-05T20:00:00Z", "properties": {"revenue": 20, "currency": "EUR"}, **fields,
    }  # fmt: skip


def make_batch(tag, count=3, **fields):
    return {"batch": [make_track(tag, number) for number in range(count)], **fields}


def list_ids(server, tag):
    return sorted(row["event_id"] for row in server.read_events() if row["event_id"].startswith(f"{tag}-"))


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("call", [*CALLS, "batch", "b"])
def test_every_call_is_answered_200_with_a_json_object_with_and_without_a_slash(server, tag, call, slash):
    body = make_batch(tag) if call in ("batch", "b") else make_track(tag, type=None)
    answer = server.post(f"/v1/{call}{slash}", body, follow_redirects=False)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "body", ["", "no json", "[1, 2]", '{"batch": 5}', "{}", "[" * 5000, '{"batch": null}']
)
def test_a_body_that_is_no_batch_is_refused_with_code_and_message(server, body):
    answer = server.post("/v1/batch", body)
    assert answer.status_code == 400
    assert isinstance(answer.json()["code"], str)
    assert isinstance(answer.json()["message"], str)


@pytest.mark.parametrize("path", ["/v1/batches", "/v1", "/v1/", "/v1/batch/more", "/v1//batch"])
def test_an_unknown_path_is_never_a_redirect(server, path):
    answer = server.post(path, "{}", follow_redirects=False)
    assert answer.status_code == 404
    assert set(answer.json()) >= {"code", "message"}


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/batch/", "/v1/t"])
def test_a_get_is_answered_405_and_never_redirected(server, path):
    answer = httpx.get(f"{server.address}{path}", follow_redirects=False)
    assert answer.status_code == 405
    assert "code" in answer.json()


def count_kept(server, tag, cases):
    """How many events are kept of each case, tagged with its place; all are landed at once, which costs the most."""
    server.settle()
    return {case: len(list_ids(server, f"{tag}-{place}")) for place, case in enumerate(cases)}


def test_the_content_type_is_ignored(server, tag):
    types = ["text/plain", "application/x-www-form-urlencoded", "application/json", "", "image/png"]
    for place, content_type in enumerate(types):
        batch = make_batch(f"{tag}-{place}")
        answer = server.post("/v1/batch", batch, headers={"Content-Type": content_type})
        assert answer.status_code == 200, content_type
    assert count_kept(server, tag, types) == dict.fromkeys(types, 3)


def test_a_body_packed_with_gzip_is_unpacked(server, tag):
    packed = gzip.compress(json.dumps(make_batch(tag)).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/x-www-form-urlencoded"}
    assert server.post("/v1/batch", packed, headers=headers).status_code == 200
    server.settle()
    assert len(list_ids(server, tag)) == 3


def test_a_gzip_bomb_is_refused_and_the_server_goes_on(server, tag):
    bomb = gzip.compress(b"0" * (200 << 20), compresslevel=9)
    assert len(bomb) < 300_000
    answer = server.post("/v1/batch", bomb, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert server.post("/v1/batch", make_batch(tag)).status_code == 200


@pytest.mark.parametrize(
    "packed", [b"no gzip", gzip.compress(b"{}" * 500)[:-9]], ids=["no gzip", "cut short"]
)
def test_damaged_gzip_is_refused_once_and_for_all(server, packed):
    answer = server.post("/v1/batch", packed, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_gzip")


def test_an_unknown_packing_is_refused(server):
    answer = server.post("/v1/batch", b"{}", headers={"Content-Encoding": "br"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unknown_encoding")


def test_a_batch_of_six_megabytes_is_taken_and_only_its_oversize_events_are_set_aside(server, tag):
    large = [
        make_track(tag, number, properties={"revenue": 20, "note": "x" * 200_000}) for number in range(28)
    ]
    oversize = make_track(tag, 99, properties={"note": "x" * 400_000})
    body = json.dumps({"batch": [*large, oversize]})
    assert len(body) > 5_900_000
    assert server.post("/v1/batch", body).status_code == 200
    server.settle()
    assert len(list_ids(server, tag)) == 28
    assert [row["code"] for row in server.read_rejections() if f"{tag}-99" in row["raw"]] == ["too_long"]


def test_a_body_beyond_all_bounds_is_refused_as_a_whole(server):
    answer = server.post("/v1/batch", b"{" + b" " * (17 << 20) + b"}")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_number_that_json_does_not_know_costs_no_event(server, tag):
    tokens = ["NaN", "Infinity", "-Infinity"]
    for place, token in enumerate(tokens):
        batch = make_batch(f"{tag}-{place}")
        text = json.dumps(batch).replace('"revenue": 20', f'"revenue": {token}', 1)
        assert token in text
        assert server.post("/v1/batch", text).status_code == 200, token
    assert count_kept(server, tag, tokens) == dict.fromkeys(tokens, 3)
    for place, token in enumerate(tokens):
        rows = [row for row in server.read_events() if row["event_id"].startswith(f"{tag}-{place}-")]
        assert {row["value"] for row in rows} == {None, 20.0}, token


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_an_indented_body_costs_no_event(server, tag, end):
    bodies = {"batch": make_batch(tag), "track": make_track(tag, 3, properties={"products": [{"price": 5}]})}
    before = len(server.read_rejections())
    for path, body in bodies.items():
        text = json.dumps(body, indent=2).replace("\n", end)
        assert server.post(f"/v1/{path}", text).status_code == 200
    server.settle()
    assert len(list_ids(server, tag)) == 4
    assert len(server.read_rejections()) == before


def test_half_a_character_and_bytes_that_are_no_text_cost_no_event(server, tag):
    broken = json.dumps(make_batch(tag)).replace('"ann"', '"an\\ud83d"', 1).encode() + b"\n"
    assert server.post("/v1/batch", broken).status_code == 200
    assert server.post(
        "/v1/track", json.dumps(make_track(tag, 9)).encode().replace(b"ann", b"an\xff")
    ).is_success
    server.settle()
    assert len(list_ids(server, tag)) == 4


@pytest.mark.parametrize(
    "bad", [None, 5, "text", [], {}, {"type": "track"}, {"type": "nonsense", "userId": "u"}]
)
def test_one_bad_event_is_set_aside_and_the_others_are_kept(server, tag, bad):
    batch = make_batch(tag)
    batch["batch"].insert(1, bad)
    before = len(server.read_rejections())
    assert server.post("/v1/batch", batch).status_code == 200
    server.settle()
    assert len(list_ids(server, tag)) == 3
    assert len(server.read_rejections()) - before in (0, 1)  # the same row set aside before is kept once


def test_a_number_beyond_all_bounds_costs_no_other_event(server, tag):
    text = json.dumps(make_batch(tag)).replace('"revenue": 20', '"revenue": 1e999', 1)
    assert server.post("/v1/batch", text).status_code == 200
    server.settle()
    assert len(list_ids(server, tag)) == 2
    assert [row["code"] for row in server.read_rejections() if f"{tag}-0" in row["raw"]] == ["invalid_value"]


def test_a_deep_nest_brings_nothing_down(server, tag):
    depths = [50, 400, 900, 5_000]
    for place, depth in enumerate(depths):
        nested = '{"a":' * depth + "1" + "}" * depth
        batch = make_batch(f"{tag}-nested-{place}")
        text = json.dumps(batch).replace('"currency": "EUR"', f'"nested": {nested}', 1)
        assert server.post("/v1/batch", text).status_code in (200, 400), depth
        assert server.post("/v1/batch", make_batch(f"{tag}-{place}")).status_code == 200, depth
    assert count_kept(server, tag, depths) == dict.fromkeys(depths, 3)


@pytest.mark.parametrize("key", ["some-other-key", "cfw_" + "x" * 43, "cfw_" + "x" * 43_000])
def test_a_wrong_key_is_told_by_401_with_code_and_message(server, tag, key):
    answer = server.post("/v1/batch", make_batch(tag), key=key)
    assert (answer.status_code, answer.json()["code"]) == (401, "wrong_key")
    assert answer.json()["message"]
    assert key not in answer.text


def test_no_key_at_all_is_told_by_401(server, tag):
    assert server.post("/v1/batch", make_batch(tag), key="").status_code == 401


@pytest.mark.parametrize(
    "header", ["Basic !!!", "Basic", "Bearer", "Digest x", "Basic " + "A" * 100_000, "Basic /w=="]
)
def test_a_damaged_authorization_is_no_key(server, tag, header):
    answer = server.post("/v1/batch", make_batch(tag), key="", headers={"Authorization": header})
    assert answer.status_code in (400, 401, 431)


def test_the_write_key_is_found_in_each_of_the_ways_that_clients_send_it(server, tag):
    basic = "Basic " + base64.b64encode(f"{server.key}:".encode()).decode()
    headers = {"basic": basic, "both": basic, "bearer and body": "Bearer of-some-oauth-server"}
    ways = ["basic", "body", "bearer and body", "both"]
    for place, way in enumerate(ways):
        body = make_batch(f"{tag}-{place}", **({} if way == "basic" else {"writeKey": server.key}))
        answer = server.post(
            "/v1/batch", body, key="", headers={"Authorization": headers[way]} if way in headers else {}
        )
        assert answer.status_code == 200, way
    assert count_kept(server, tag, ways) == dict.fromkeys(ways, 3)


def test_the_write_key_is_kept_nowhere_among_the_events(server, tag):
    server.post("/v1/track", make_track(tag, writeKey=server.key, event=""))
    server.post("/v1/batch", make_batch(tag, writeKey=server.key))
    server.settle()
    kept = json.dumps([server.read_rejections(), server.read_events()], default=str)
    assert server.key not in kept


def test_the_same_message_sent_again_is_one_event(server, tag):
    for _ in range(3):
        assert server.post("/v1/batch", make_batch(tag), headers={"X-Retry-Count": "1"}).status_code == 200
    server.settle()
    assert list_ids(server, tag) == [f"{tag}-{number}" for number in range(3)]
    server.post("/v1/batch", make_batch(tag, 4))
    server.settle()
    assert len(list_ids(server, tag)) == 4


def test_two_calls_that_are_alike_and_have_no_id_are_two_events(server, tag):
    call = {"event": "Product Viewed", "userId": tag, "timestamp": "2026-06-05T20:00:00Z"}
    server.post("/v1/track", call)
    server.post(
        "/v1/batch", {"batch": [{**call, "type": "track", "messageId": ""}, {**call, "type": "track"}]}
    )
    server.settle()
    assert len(server.read_events(consumer=tag)) == 3


@pytest.mark.parametrize("path", ["/v1/t", "/v1/batch", "/v1/identify/", "/v1/cloudevents", "/v1/anything"])
def test_a_browser_may_ask_before_it_sends(server, path):
    headers = {
        "Origin": "https://shop.example", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-retry-count",
    }  # fmt: skip
    answer = httpx.options(f"{server.address}{path}", headers=headers)
    assert answer.status_code in (200, 204)
    assert answer.headers["access-control-allow-origin"] in ("*", "https://shop.example")
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert all(name in allowed for name in ("authorization", "content-type", "x-retry-count"))


def test_answers_and_errors_alike_may_be_read_by_a_page_of_another_origin(server, tag):
    for answer in (
        server.post("/v1/t", make_track(tag)),
        server.post("/v1/t", "broken"),
        server.post("/v1/t", "{}", key="no"),
    ):
        assert answer.headers["access-control-allow-origin"] == "*"


def test_ids_may_be_null_beside_each_other_or_numbers(server, tag):
    batch = [
        make_track(tag, 1, userId=None, anonymousId=f"{tag}-anonymous"),
        make_track(tag, 2, userId=7, anonymousId=None),
        make_track(tag, 3, userId="7"),
        make_track(tag, 4, userId=f"{tag}-u", anonymousId=99, properties={"revenue": 19.99}),
    ]
    assert server.post("/v1/batch", {"batch": batch}).status_code == 200
    server.settle()
    found = {row["event_id"]: row for row in server.read_events() if row["event_id"].startswith(f"{tag}-")}
    assert len(found) == 4
    assert found[f"{tag}-2"]["consumer"] == found[f"{tag}-3"]["consumer"] == "7"
    assert f"{tag}-anonymous" in found[f"{tag}-1"]["consumer"]


def test_a_time_without_a_zone_is_taken_as_utc(server, tag):
    server.post(
        "/v1/batch", make_batch(tag, 1) | {"batch": [make_track(tag, timestamp="2026-06-05T20:00:00.250000")]}
    )
    server.settle()
    (row,) = [row for row in server.read_events() if row["event_id"].startswith(f"{tag}-")]
    assert (
        datetime.fromtimestamp(row["occurred_us"] / 1e6, UTC).isoformat()
        == "2026-06-05T20:00:00.250000+00:00"
    )


def test_an_alias_of_somebody_with_themselves_changes_nothing(server, tag):
    server.post("/v1/identify", {"userId": tag, "messageId": f"{tag}-1"})
    answer = server.post("/v1/a", {"userId": tag, "previousId": tag, "messageId": f"{tag}-2"})
    server.settle()
    assert answer.status_code == 200
    assert {row["consumer"] for row in server.read_events() if row["event_id"].startswith(f"{tag}-")} == {tag}
    assert [row for row in server.read_rejections() if tag in row["raw"]] == []


def test_the_envelope_lends_its_context_and_its_times_to_each_call(server, tag):
    call = {"type": "track", "event": "Product Viewed", "userId": tag, "messageId": f"{tag}-1"}
    own = {**call, "messageId": f"{tag}-2", "context": {"device": {"type": "desktop"}}}
    context = {"device": {"type": "ios"}, "traits": {"email": f"{tag}@example.org"}}
    server.post("/v1/batch", {"batch": [call, own], "context": context, "timestamp": "2026-06-05T20:00:00Z"})
    server.settle()
    rows = server.read_events(consumer=tag)
    assert [row["channel"] for row in rows] == ["app", None]
    assert {datetime.fromtimestamp(row["occurred_us"] / 1e6, UTC).hour for row in rows} == {20}


@pytest.mark.parametrize(("hours_off", "is_corrected"), [(2, True), (-2, True), (0, False)])
def test_the_times_of_a_wrong_clock_are_corrected_and_those_of_a_right_one_stay(
    server, tag, hours_off, is_corrected
):
    now = datetime.now(UTC)
    sent = now + timedelta(hours=hours_off)
    stated = (sent - timedelta(hours=5)).replace(microsecond=0)
    server.post(
        "/v1/batch", {"batch": [make_track(tag, timestamp=stated.isoformat())], "sentAt": sent.isoformat()}
    )
    server.settle()
    (row,) = [row for row in server.read_events() if row["event_id"].startswith(f"{tag}-")]
    occurred = datetime.fromtimestamp(row["occurred_us"] / 1e6, UTC)
    assert abs(occurred - (now - timedelta(hours=5))) < timedelta(seconds=5)
    assert (occurred != stated) is is_corrected


def test_the_past_that_is_sent_now_stays_where_it_was(server, tag):
    midnight = "2021-03-01T00:00:00.000Z"
    sent = datetime.now(UTC).isoformat()
    server.post("/v1/batch", {"batch": [make_track(tag, timestamp=midnight)], "sentAt": sent})
    server.settle()
    (row,) = [row for row in server.read_events() if row["event_id"].startswith(f"{tag}-")]
    assert datetime.fromtimestamp(row["occurred_us"] / 1e6, UTC).isoformat() == "2021-03-01T00:00:00+00:00"


def test_the_server_says_where_the_browser_client_shall_send(server):
    settings = httpx.get(f"{server.address}/v1/projects/{server.keys['browser']}/settings").json()
    told = settings["integrations"]["Segment.io"]
    assert told["apiHost"] == server.address.removeprefix("http://") + "/v1"
    assert (told["apiKey"], told["protocol"]) == (server.keys["browser"], "http")
