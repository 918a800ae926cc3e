"""Bodies that are made to cost much are refused in words, before their key is known without being read at all."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import json

import pytest

from consumer_fusion.surfaces.collect import application, bodies, documents, key_authentication
from consumer_fusion.surfaces.collect.application import CollectApplication
from consumer_fusion.surfaces.collect.collect_errors import CollectError
from consumer_fusion.surfaces.collect.counters import Counters
from consumer_fusion.surfaces.collect.key_authentication import KeyAuthenticator
from consumer_fusion.surfaces.collect.source_keys import SourceKey, find_body_keys

KEY = "cfw_right"
EVENT = {
    "event_id": "e", "kind": "Order Completed", "occurred_at": "2026-06-05T20:00:00Z", "consumer": "ann", "value": 20,
    "currency": "EUR", "brand": "bakery", "channel": "app", "properties": {"order_id": "o1"},
}  # fmt: skip
CALL = {"type": "track", "event": "Order Completed", "userId": "ann"}


def make_keys(count):
    return b"{" + b",".join(b'"%d":1' % number for number in range(count)) + b"}"


def dump(document):
    return json.dumps(document).encode()


class Workspace:
    now_us = 1_780_000_000_000_000


class Collector:
    """Keeps what it is given, as the real one does once it is durable."""

    def __init__(self):
        self.workspace = Workspace()
        self.counters = Counters()
        self.kept = []

    async def keep(self, arrivals):
        lines = [line for each in arrivals for line in each.lines.split("\n")]
        self.kept += lines
        return len(lines)


class Door:
    """The collect API without a network: `send` tells the status, the code and the headers of the answer."""

    def __init__(self):
        self.collector = Collector()
        self.looked_up = []
        self.app = CollectApplication(self.collector, self._verify)

    def _verify(self, text):
        self.looked_up.append(text)
        return SourceKey("shop", "bakery") if text == KEY else None

    def send(self, path, body, *, key=None, packed=False, address="192.0.2.1", piece=1 << 20):
        headers = [(b"content-length", str(len(body)).encode())]
        if key is not None:
            headers.append((b"authorization", b"Basic " + base64.b64encode(f"{key}:".encode())))
        if packed:
            headers.append((b"content-encoding", b"gzip"))
        scope = {"type": "http", "method": "POST", "path": path, "headers": headers, "client": (address, 1)}
        pieces = [body[place : place + piece] for place in range(0, len(body), piece)] or [b""]
        self.received = 0
        answers = []

        async def receive():
            part = pieces[self.received]
            self.received += 1
            return {"type": "http.request", "body": part, "more_body": self.received < len(pieces)}

        async def send(message):
            answers.append(message)

        asyncio.run(self.app(scope, receive, send))
        told = json.loads(answers[1]["body"])
        return answers[0]["status"], told.get("code"), dict(answers[0]["headers"])


@pytest.fixture
def door():
    return Door()


@pytest.fixture
def parsed(monkeypatch):
    """The bodies that were parsed."""
    seen = []
    cut = application._cut_events

    def watch(part, headers, body, *rest):
        seen.append(body)
        return cut(part, headers, body, *rest)

    monkeypatch.setattr(application, "_cut_events", watch)
    return seen


# --- without a key ---


HOSTILE = {
    "lines that are no JSON, packed": (lambda: gzip.compress(b"1\n" + b"x\n" * 1_000_000), True),
    "lines that are no JSON": (lambda: b"1\n" + b"x\n" * 100_000, False),
    "empty members": (lambda: gzip.compress(b"") * 120_000, True),
    "a bomb": (lambda: gzip.compress(b"0" * (40 << 20)), True),
    "NaN": (lambda: b"[" + b"NaN," * 3_000_000 + b"NaN]", False),
    "keys": (lambda: make_keys(1_000_000), False),
    "brackets": (lambda: b"[" * 15_000_000, False),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("path", ["/v1/events", "/v1/batch", "/v1/cloudevents", "/v1/activities"])
def test_nothing_is_parsed_before_a_key_is_known(door, parsed, path, name):
    make, packed = HOSTILE[name]
    body = make()
    status, code, _ = door.send(path, body, packed=packed)
    assert (status, code) in {(401, "wrong_key"), (413, "too_large"), (400, "invalid_gzip")}
    assert parsed == []
    assert door.collector.kept == []


@pytest.mark.parametrize("name", HOSTILE)
def test_a_body_whose_key_in_the_header_is_wrong_is_not_even_received(door, name):
    make, packed = HOSTILE[name]
    body = make()
    assert door.send("/v1/events", body, key="wrong", packed=packed)[:2] == (401, "wrong_key")
    assert door.received == 0


@pytest.mark.parametrize("packed", [False, True])
def test_no_more_than_a_bounded_part_is_unpacked_without_a_key(door, monkeypatch, packed):
    unpacked = []
    unpack = bodies.unpack_gzip
    monkeypatch.setattr(
        bodies, "unpack_gzip", lambda body, limit: unpacked.append(limit) or unpack(body, limit)
    )
    body = dump({"batch": [CALL] * 20_000, "writeKey": KEY})
    assert len(body) > bodies.KEYLESS_BYTES_LIMIT
    status, code, _ = door.send("/v1/batch", gzip.compress(body) if packed else body, packed=packed)
    assert (status, code) == (413, "too_large")
    assert unpacked == ([bodies.SMALL_BYTES, bodies.KEYLESS_BYTES_LIMIT] if packed else [])
    assert door.send("/v1/batch", body, key=KEY)[0] == 200


@pytest.mark.parametrize("place", ["before", "behind"])
def test_a_key_in_the_body_is_found_wherever_it_stands(door, place):
    batch = [CALL] * 3_000
    document = {"writeKey": KEY, "batch": batch} if place == "before" else {"batch": batch, "writeKey": KEY}
    assert door.send("/v1/batch", dump(document))[0] == 200
    assert len(door.collector.kept) == 3_000


@pytest.mark.parametrize(
    "document",
    [
        {"batch": [{**CALL, "writeKey": KEY}]},
        {"batch": [CALL], "properties": {"writeKey": KEY}},
        {"batch": [{**CALL, "properties": {"note": f'"writeKey":"{KEY}"'}}]},
    ],
    ids=["a call's", "a property's", "in a text"],
)
def test_a_key_that_stands_elsewhere_than_at_the_top_of_the_body_is_none(door, document):
    assert door.send("/v1/batch", dump(document))[:2] == (401, "wrong_key")
    assert door.collector.kept == []


def test_another_key_inside_does_not_hide_the_bodys_own(door):
    document = {"batch": [{**CALL, "writeKey": "another"}], "writeKey": KEY}
    assert door.send("/v1/batch", dump(document))[0] == 200


def test_a_body_full_of_keys_costs_few_looks(door):
    body = dump({"batch": [{"writeKey": f"wrong-{number}"} for number in range(20_000)]})
    assert door.send("/v1/batch", body)[0] in (401, 413)
    assert find_body_keys(body) == ["wrong-0", "wrong-1", "wrong-2"]
    assert len(door.looked_up) <= 3


def test_a_key_that_stands_everywhere_in_a_body_is_looked_for_in_few_places():
    body = dump({"batch": [{"writeKey": "wrong"}] * 20_000, "writeKey": KEY})
    assert find_body_keys(body) == ["wrong"]


@pytest.mark.parametrize(("size", "is_cut"), [(1 << 20, False), (8 << 20, True)])
def test_a_refused_body_without_end_is_not_received_to_its_end(door, size, is_cut):
    headers = door.send("/v1/events", b"x" * size, key="wrong")[2]
    assert (headers.get(b"connection") == b"close") is is_cut


# --- guessing ---


def make_desk():
    now = [0.0]
    looked_up = []

    def verify(text):
        looked_up.append(text)
        return SourceKey("shop") if text in ("right", "other") else None

    return KeyAuthenticator(verify, clock=lambda: now[0]), now, looked_up


def guess(authenticator, count, address="192.0.2.1", prefix="wrong"):
    for number in range(count):
        assert authenticator.find_key(f"{prefix}-{number}", address) is None


def test_who_guesses_too_often_is_told_to_wait_without_a_look(monkeypatch):
    authenticator, now, looked_up = make_desk()
    guess(authenticator, key_authentication.WRONG_KEYS_LIMIT)
    before = len(looked_up)
    with pytest.raises(CollectError) as refused:
        authenticator.find_key("one more", "192.0.2.1")
    assert (refused.value.status, refused.value.code) == (429, "too_many_wrong_keys")
    assert refused.value.retry_after_s == 60
    assert len(looked_up) == before
    now[0] = 61.0
    assert authenticator.find_key("one more", "192.0.2.1") is None


def test_an_honest_sender_is_not_locked_out_by_one_who_guesses_from_the_same_address():
    authenticator, now, _ = make_desk()
    assert authenticator.find_key("right", "192.0.2.1").source == "shop"
    now[0] = 30.0  # it is not remembered any more
    guess(authenticator, key_authentication.WRONG_KEYS_LIMIT)
    assert authenticator.find_key("right", "192.0.2.1").source == "shop"
    assert authenticator.find_key("other", "198.51.100.7").source == "shop"


def test_a_sender_whose_key_is_wrong_is_looked_up_seldom_and_never_told_to_wait():
    authenticator, now, looked_up = make_desk()
    for second in range(300):
        now[0] = float(second)
        assert authenticator.find_key("revoked", "192.0.2.1") is None
    assert len(looked_up) <= 300 / key_authentication.CACHED_SECONDS + 1


def test_the_addresses_of_a_network_guess_together_and_the_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(key_authentication, "_PLACES", 10)
    authenticator, _, _ = make_desk()
    for number in range(key_authentication.WRONG_KEYS_LIMIT):
        authenticator.find_key(f"wrong-{number}", f"2001:db8::{number:x}")
    with pytest.raises(CollectError):
        authenticator.find_key("one more", "2001:db8::ffff")
    for number in range(100):
        with contextlib.suppress(CollectError):
            authenticator.find_key(f"far-{number}", f"198.51.{number}.1")
    assert max(len(authenticator._wrong), len(authenticator._known), len(authenticator._right)) <= 11


def test_guessing_over_http_is_answered_429_with_a_time_to_wait(door):
    for number in range(key_authentication.WRONG_KEYS_LIMIT):
        assert door.send("/v1/events", b"{}", key=f"wrong-{number}")[0] == 401
    status, code, headers = door.send("/v1/events", b"{}", key="one more")
    assert (status, code) == (429, "too_many_wrong_keys")
    assert int(headers[b"retry-after"]) >= 1
    assert door.send("/v1/events", dump(EVENT), key=KEY, address="198.51.100.7")[0] == 200


# --- with a key ---


@pytest.mark.parametrize(
    ("path", "make", "packed", "answer"),
    [
        ("/v1/events", lambda: b"1\n" + b"x\n" * 1_000_000, False, (413, "too_many_events")),
        ("/v1/events", lambda: gzip.compress(b"1\n" + b"x\n" * 1_000_000), True, (413, "too_many_events")),
        ("/v1/events", lambda: b"1\n" + b"x\n" * 2_000, False, (400, "invalid_json")),
        ("/v1/events", lambda: b"x\n" * 2_000, False, (400, "invalid_json")),
        ("/v1/batch", lambda: gzip.compress(b"") * 65, True, (400, "invalid_gzip")),
        ("/v1/batch", lambda: gzip.compress(b"0" * (40 << 20)), True, (413, "too_large")),
        ("/v1/events", lambda: b"[" + b"NaN," * 3_000_000 + b"NaN]", False, (413, "too_many_members")),
        ("/v1/events", lambda: b"[" + b"NaN," * 300_000 + b"NaN]", False, (413, "too_many_members")),
        ("/v1/events", lambda: b"[" + b"1," * 60_000 + b"1]", False, (413, "too_many_events")),
        ("/v1/batch", lambda: b'{"batch":[' + b"{}," * 60_000 + b"{}]}", False, (413, "too_many_events")),
        ("/v1/events", lambda: make_keys(300_000), False, (413, "too_many_members")),
        ("/v1/events", lambda: b"[" * 1_000_000, False, (400, "invalid_json")),
        ("/v1/events", lambda: b'{"value":' + b"9" * 1_000_000 + b"}", False, (400, "invalid_json")),
        ("/v1/events", lambda: b"\xff" * 1_000_000, False, (400, "invalid_json")),
    ],
    ids=[
        "a million lines", "a million lines, packed", "broken lines", "only broken lines", "gzip members", "a bomb",
        "millions of NaN", "NaN beyond patience", "numbers", "calls", "keys", "brackets", "digits", "no text",
    ],
)  # fmt: skip
def test_what_costs_too_much_is_refused_with_a_reason_and_nothing_is_kept(door, path, make, packed, answer):
    assert door.send(path, make(), key=KEY, packed=packed)[:2] == answer
    assert door.collector.kept == []
    assert door.app._budget.used == 0
    assert door.send("/v1/events", dump(EVENT), key=KEY)[0] == 200


def test_a_batch_cannot_grow_by_what_its_calls_share(door):
    body = dump({"context": {"note": "x" * 300_000}, "batch": [CALL] * 1_000})
    assert door.send("/v1/batch", body, key=KEY)[:2] == (413, "too_large")
    post = {
        "type": "Note",
        "content": "x" * 100_000,
        "tag": [{"type": "Mention", "name": f"@{n}"} for n in range(2_000)],
    }
    activity = {"type": "Create", "actor": "ann", "object": post}
    assert door.send("/v1/activities", dump(activity), key=KEY)[:2] == (413, "too_large")


@pytest.mark.slow
def test_the_largest_that_is_allowed_is_taken(door):
    assert door.send("/v1/events", dump([EVENT] * documents.EVENTS_LIMIT), key=KEY)[0] == 200
    assert len(door.collector.kept) == documents.EVENTS_LIMIT
    lines = b"\n".join([dump(EVENT)] * documents.EVENTS_LIMIT)
    assert door.send("/v1/events", lines, key=KEY)[0] == 200
    assert door.send("/v1/batch", dump({"batch": [CALL] * documents.EVENTS_LIMIT}), key=KEY)[0] == 200


@pytest.mark.parametrize("form", ["list", "envelope", "lines", "batch"])
def test_one_event_of_more_members_than_any_may_have_costs_no_other(door, form):
    beyond = {
        **(CALL if form == "batch" else EVENT),
        "properties": {str(number): 1 for number in range(250_000)},
    }
    good = CALL if form == "batch" else EVENT
    events = [good, beyond, good]
    body = {
        "list": lambda: dump(events), "envelope": lambda: dump({"events": events}),
        "batch": lambda: dump({"batch": events}),
        "lines": lambda: b"\n".join(map(dump, events)),
    }[form]()  # fmt: skip
    assert door.send("/v1/batch" if form == "batch" else "/v1/events", body, key=KEY)[0] == 200
    kept = [json.loads(each) for each in door.collector.kept]
    assert [isinstance(each, dict) for each in kept] == [True, False, True]


def test_several_members_of_gzip_and_padding_are_one_body(door):
    events = [dump(EVENT) + b"\n"] * 10
    packed = b"".join(map(gzip.compress, events)) + b"\0" * 100_000
    assert door.send("/v1/events", packed, key=KEY, packed=True)[0] == 200
    assert len(door.collector.kept) == 10


def test_a_document_over_several_lines_with_nan_is_one_document(door):
    body = json.dumps([{**EVENT, "value": float("nan")}] * 3, indent=2).encode()
    assert door.send("/v1/events", body, key=KEY)[0] == 200
    assert len(door.collector.kept) == 3


def test_a_large_body_is_dealt_with_beside_the_loop(door, monkeypatch):
    moved = []
    to_thread = asyncio.to_thread

    async def watch(function):
        moved.append(function)
        return await to_thread(function)

    monkeypatch.setattr(asyncio, "to_thread", watch)
    assert door.send("/v1/events", dump([EVENT] * 10), key=KEY)[0] == 200
    assert moved == []
    large = dump([EVENT] * 5_000)
    assert door.send("/v1/events", large, key=KEY)[0] == 200
    assert len(moved) == 1
    assert door.send("/v1/events", gzip.compress(large), key=KEY, packed=True)[0] == 200
    assert len(moved) == 3  # unpacked, and cut
