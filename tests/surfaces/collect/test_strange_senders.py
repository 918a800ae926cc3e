"""Whatever is sent, however it is packed and headed: an answer below 500, nothing acknowledged and lost, no stop."""

from __future__ import annotations

import base64
import gzip
import json
import re
import socket
import struct
import threading
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer_fusion.surfaces.collect.segment_calls import CALLS

PATHS = [
    *(f"/v1/{call}" for call in CALLS),
    "/v1/events",
    "/v1/cloudevents",
    "/v1/activities",
    "/v1/chatwoot",
]
FUZZING = settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
# What a field may hold that nobody expects there: of other types, beyond bounds, half a character, control characters.
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
    | st.sampled_from(
        ["", " ", "\x00", "\ud800", "9" * 400, "NaN", "2026-13-45T99:99:99Z", "0000-00-00", "-1", "Order Completed",
         "'; drop table events; --", "${jndi:x}", "../../etc/passwd", 2**63, -(2**63) - 1, 1e308, 10**400]
    )
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["type", "event", "userId", "anonymousId", "previousId", "groupId", "messageId", "timestamp", "originalTimestamp",
     "sentAt", "receivedAt", "properties", "traits", "context", "integrations", "products", "revenue", "total",
     "order_id", "event_id", "occurred_at", "kind", "consumer", "brand", "value", "currency", "trust", "identifiers",
     "source", "specversion", "id", "time", "subject", "data", "actor", "object", "target", "published", "writeKey",
     "conversation", "message_type", "created_at", "sender", "meta", "changed_attributes", "batch", "text"]
)  # fmt: skip
EVENTS = st.dictionaries(NAMES | st.text(max_size=8), VALUES, max_size=10)
DOCUMENTS = EVENTS | st.builds(
    lambda batch, rest: {**rest, "batch": batch}, st.lists(EVENTS, max_size=6), EVENTS
)
HEADER_NAMES = st.sampled_from(
    ["Content-Type", "Content-Encoding", "Authorization", "X-Retry-Count", "Origin", "Accept", "ce-id", "ce-type",
     "ce-source", "ce-specversion", "ce-time", "X-Chatwoot-Timestamp", "X-Chatwoot-Signature", "Expect", "Upgrade",
     "Transfer-Encoding", "Content-Length", "Host", "X-Forwarded-For", "Connection"]
)  # fmt: skip


def check_answer(answer, acknowledged=()):
    """An answer that clients understand: 200 with a JSON object, or an error with code and message."""
    assert answer.status_code < 500, answer.text
    body = answer.json()
    assert isinstance(body, dict)
    if answer.status_code != 200:
        assert body["code"]
        assert body["message"]
        assert answer.status_code >= 400


@pytest.fixture(autouse=True)
def goes_on(server, tag):
    """After all that: the server lives, reads what it acknowledged, and takes what others send."""
    yield
    assert server.process.poll() is None
    event = {
        "event_id": tag,
        "occurred_at": "2026-06-05T20:00:00Z",
        "kind": "Store Visited",
        "consumer": "ann",
    }
    assert server.post("/v1/events", event).status_code == 200
    server.settle()
    assert [row["event_id"] for row in server.read_events(event_id=tag)] == [tag]
    assert server.client.get(f"{server.address}/readyz").status_code == 200


@FUZZING
@given(path=st.sampled_from(PATHS), document=DOCUMENTS)
def test_a_document_of_any_content_is_answered(server, path, document):
    if path == "/v1/chatwoot":
        path = f"/v1/chatwoot/{server.keys['webhook']}"
    body = json.dumps(document).encode("utf-8", "surrogatepass")
    check_answer(server.post(path, body))


@FUZZING
@given(path=st.sampled_from(PATHS[:-1]), body=st.binary(max_size=400), packed=st.booleans())
def test_any_bytes_are_answered(server, path, body, packed):
    headers = {"Content-Encoding": "gzip"} if packed else {}
    check_answer(server.post(path, body, headers=headers))
    check_answer(server.post(path, zlib.compress(body, wbits=31), headers=headers))


@FUZZING
@given(cut=st.integers(0, 200), noise=st.binary(min_size=1, max_size=3), place=st.integers(0, 200))
def test_a_real_batch_that_was_damaged_on_the_way_is_answered(server, cut, noise, place):
    event = {
        "type": "track",
        "event": "Order Completed",
        "userId": "ann",
        "messageId": "m",
        "properties": {"revenue": 1},
    }
    body = json.dumps({"batch": [event, event]}).encode()
    check_answer(server.post("/v1/batch", body[: len(body) - cut]))
    check_answer(server.post("/v1/batch", body[:place] + noise + body[place + len(noise) :]))
    packed = gzip.compress(body)
    damaged = packed[: place % len(packed)] + noise + packed[place % len(packed) + len(noise) :]
    check_answer(server.post("/v1/batch", damaged, headers={"Content-Encoding": "gzip"}))


def send_raw(server, text):
    """What is answered to bytes that no client would send; empty where the connection is ended without a word."""
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        try:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(65_536)
        except (ConnectionResetError, BrokenPipeError):
            return b""


@FUZZING
@given(
    headers=st.lists(st.tuples(HEADER_NAMES, st.binary(max_size=60)), max_size=6),
    method=st.sampled_from([b"POST", b"GET", b"PUT", b"OPTIONS", b"TRACE", b"CONNECT", b"BREW", b""]),
    path=st.sampled_from(
        [b"/v1/batch", b"/v1/../v1/batch", b"/v1/%00", b"/v1/%ff%fe", b"*", b"http://x/v1/t", b"/v1/t?" + b"a" * 3000]
    ),
)  # fmt: skip
def test_heads_of_any_kind_bring_no_fault(server, headers, method, path):
    key = base64.b64encode(f"{server.key}:".encode())
    lines = [method + b" " + path + b" HTTP/1.1", b"Host: x", b"Authorization: Basic " + key]
    lines += [name.encode() + b": " + re.sub(rb"[\r\n]", b"", value) for name, value in headers]
    told = send_raw(server, b"\r\n".join(lines) + b"\r\n\r\n{}")
    assert not told or re.match(rb"HTTP/1\.1 [1-4]\d\d", told), told[:200]


@pytest.mark.parametrize(
    "text",
    [
        b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n{}",
        b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 9\r\n\r\n{}",
        b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /",
        b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n",
        b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}",
        b"POST /v1/batch HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS hello
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x00" * 1000,
    ],
)  # fmt: skip
def test_what_is_no_http_is_refused(server, text):
    told = send_raw(server, text)
    assert not told or re.match(rb"HTTP/1\.1 4\d\d", told), told[:200]


def read_peak_megabytes(server):
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def pack_repeated(before, part, count, after=b""):
    """What gzip makes of `before`, a part so many times and `after`, in a single member; the part is packed once."""
    packer = zlib.compressobj(9, wbits=-15)
    packed = packer.compress(before) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush nothing refers to what came before, so that the same bytes unpack to the same again.
    packed += (packer.compress(part) + packer.flush(zlib.Z_FULL_FLUSH)) * count
    packed += packer.compress(after) + packer.flush()
    check = zlib.crc32(before)
    for _ in range(count):
        check = zlib.crc32(part, check)
    size = len(before) + len(part) * count + len(after)
    return gzip.compress(b"")[:10] + packed + struct.pack("<II", zlib.crc32(after, check), size & 0xFFFFFFFF)


def test_what_is_packed_once_unpacks_to_all_of_it():
    assert gzip.decompress(pack_repeated(b"[", b"1,", 1000, b"2]")) == b"[" + b"1," * 1000 + b"2]"


def make_bombs():
    """Small bodies that unpack to a lot: at once, in many members, as one long text, number, nest or list."""
    zeros = pack_repeated(b"", b"0" * (1 << 20), 400)
    return {
        "one member": zeros,
        "many members": gzip.compress(b" " * (1 << 20), 9) * 3_000,
        "packed twice": gzip.compress(zeros, 9),
        "a long text": pack_repeated(b'{"batch": [{"event": "', b"a" * (1 << 20), 300, b'"}]}'),
        "a long number": gzip.compress(b'{"batch": [' + b"9" * (15 << 20) + b"]}", 9),
        "a deep nest": gzip.compress(b"[" * (15 << 20), 9),
        "a long list": gzip.compress(b'{"batch": [' + b"{}," * (5 << 20) + b"{}]}", 9),
    }


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_bombs_of_every_kind_at_once_cost_little_memory_and_time(server):
    bombs, answers = make_bombs(), {}
    assert all(len(bomb) < (4 << 20) for bomb in bombs.values())
    before = read_peak_megabytes(server)

    def send(name):
        begun = time.monotonic()
        answer = server.post("/v1/batch", bombs[name], headers={"Content-Encoding": "gzip"})
        answers[name] = (answer, time.monotonic() - begun)

    senders = [threading.Thread(target=send, args=(name,)) for name in bombs for _ in range(3)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    for answer, seconds in answers.values():
        check_answer(answer)
        assert answer.status_code in (200, 400, 413, 429)
        assert seconds < 30
    assert {answers[name][0].status_code for name in ("one member", "many members", "a long text")} <= {
        413,
        429,
    }
    assert read_peak_megabytes(server) - before < 600
