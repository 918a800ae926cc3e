"""A notice is posted signed, as a CloudEvent, to its address and to no other."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer_fusion.alerts import sending
from consumer_fusion.alerts.deliveries import DueDelivery
from consumer_fusion.alerts.envelopes import sign_body, write_cloud_event
from consumer_fusion.alerts.sending import check_receiver, find_address, may_receive, post_delivery
from consumer_fusion.errors import InputError
from consumer_fusion.records.alert import Delivery, Subscription

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
NOW_US = 1_780_000_000_000_000


@pytest.fixture
def receiver():
    """A receiver that keeps what it gets and answers as it is told."""

    class Receiver(BaseHTTPRequestHandler):
        got, answers = [], [(200, {})]

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            self.got.append((dict(self.headers), body))
            status, headers = self.answers[0]
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the name that the library looks for

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    yield Receiver
    server.shutdown()
    server.server_close()


def make_due(url, *, is_internal=True):
    delivery = Delivery("id-1", "sub-1", "score_crossed", "pending", 1, 0, None, 0, None)
    subscription = Subscription("sub-1", url, SECRET, ("score_crossed",), None, 50.0, 24.0, is_internal, 0)
    return DueDelivery(
        delivery, subscription, write_cloud_event("id-1", "score_crossed", NOW_US, {"consumer": "é"})
    )


def is_accepted(headers, body, now_s):
    """Whether a receiver that follows Standard Webhooks takes it: signed with the secret, within five minutes."""
    sent_s = int(headers["webhook-timestamp"])
    signed = f"{headers['webhook-id']}.{sent_s}.".encode() + body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return abs(now_s - sent_s) <= 300 and wanted in headers["webhook-signature"].split(" ")


def test_a_notice_arrives_signed_as_a_cloud_event(receiver):
    outcome = post_delivery(make_due(receiver.url), NOW_US)
    assert (outcome.is_taken, outcome.answer) == (True, "200")
    ((headers, body),) = receiver.got
    lowered = {name.lower(): value for name, value in headers.items()}
    assert is_accepted(lowered, body, NOW_US // 1_000_000)
    assert lowered["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert lowered["webhook-id"] == json.loads(body)["id"] == "id-1"


def test_the_cloudevents_library_reads_it():
    cloudevents = pytest.importorskip("cloudevents.v1.http", reason="cloudevents is not installed")
    text = write_cloud_event("id-1", "first_dissatisfaction", NOW_US, {"consumer": "ann"})
    event = cloudevents.from_http({"content-type": "application/cloudevents+json"}, text)
    assert event["type"] == "consumer-fusion.dissatisfaction.first.v1"
    assert event.data == {"consumer": "ann"}


def test_the_signature_is_that_of_standard_webhooks():
    signed = hmac.new(b"0123456789abcdef0123456789abcdef", b"id-1.17.{}", hashlib.sha256).digest()
    assert sign_body(SECRET, "id-1", 17, b"{}") == "v1," + base64.b64encode(signed).decode()


@given(body=st.binary(), other=st.binary(), late=st.integers(0, 600))
def test_a_signature_holds_for_its_body_and_for_some_minutes(body, other, late):
    headers = {
        "webhook-id": "id-1", "webhook-timestamp": "1000", "webhook-signature": sign_body(SECRET, "id-1", 1000, body),
    }  # fmt: skip
    assert is_accepted(headers, body, 1000 + late) == (late <= 300)
    assert is_accepted(headers, other, 1000) == (other == body)
    assert not is_accepted({**headers, "webhook-id": "id-2"}, body, 1000)


@pytest.mark.parametrize(
    ("status", "headers", "taken", "final", "pause"),
    [
        (204, {}, True, False, None), (500, {}, False, False, None), (410, {}, False, True, None),
        (429, {"Retry-After": "30"}, False, False, 30.0), (503, {"Retry-After": "soon"}, False, False, None),
        (302, {"Location": "http://169.254.169.254/"}, False, False, None),
    ],
)  # fmt: skip
def test_what_the_receiver_answers_decides(receiver, status, headers, taken, final, pause):
    receiver.answers[:] = [(status, headers)]
    outcome = post_delivery(make_due(receiver.url), NOW_US)
    assert (outcome.is_taken, outcome.is_final, outcome.retry_after_s) == (taken, final, pause)
    assert len(receiver.got) == 1, "redirects are not followed"


def test_a_receiver_that_is_not_there_is_a_try_that_failed():
    assert post_delivery(make_due("http://127.0.0.1:9/"), NOW_US).answer == "no_connection"
    assert post_delivery(make_due("https://no-such-host.invalid/"), NOW_US).answer == "name_not_found"


def test_an_address_in_the_network_of_the_server_is_refused_unless_it_was_said_to_be(receiver):
    assert post_delivery(make_due(receiver.url, is_internal=False), NOW_US).answer == "address_refused"
    assert receiver.got == []


@pytest.mark.parametrize(
    ("address", "public", "internal"),
    [
        ("93.184.216.34", True, True), ("10.1.2.3", False, True), ("127.0.0.1", False, True), ("::1", False, True),
        ("169.254.169.254", False, False), ("::ffff:169.254.169.254", False, False), ("fe80::1%eth0", False, False),
        ("0.0.0.0", False, False), ("224.0.0.1", False, False), ("::ffff:10.0.0.1", False, True),
        ("2606:2800:220:1::1", True, True), ("64:ff9b::7f00:1", False, True), ("64:ff9b::a9fe:a9fe", False, False),
        ("64:ff9b::5db8:d822", True, True), ("64:ff9b:1::a00:1", False, True), ("2002:7f00:1::", False, True),
        ("2002:a9fe:a9fe::", False, False), ("2002:5db8:d822::1", True, True), ("fec0::1", False, True),
        ("2001:0:a9fe:a9fe::1", False, False), ("::ffff:0:0", False, False), ("fd00::1", False, True),
        ("100.64.0.1", False, True), ("192.0.2.1", False, True), ("255.255.255.255", False, True),
    ],
)  # fmt: skip
def test_where_notices_may_go(address, public, internal):
    assert may_receive(address, is_internal=False) == public
    assert may_receive(address, is_internal=True) == internal


def test_a_name_with_one_bad_address_is_refused_whole(monkeypatch):
    found = [(2, 1, 6, "", (address, 443)) for address in ("93.184.216.34", "169.254.169.254")]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    assert find_address("rebinding.example.org", 443, is_internal=True, seconds=5) is None


@pytest.fixture
def dripping():
    """A receiver that sends one byte of its answer now and then, without end."""
    listening = socket.create_server(("127.0.0.1", 0))
    is_over = threading.Event()

    def drip():
        connection, _ = listening.accept()
        connection.recv(65_536)
        for byte in b"HTTP/1.1 200 " + b"O" * 1000:
            if is_over.wait(0.05):
                break
            with suppress(OSError):
                connection.send(bytes([byte]))
        connection.close()

    threading.Thread(target=drip, daemon=True).start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    is_over.set()
    listening.close()


def test_a_receiver_that_answers_byte_by_byte_is_given_up_at_the_deadline(dripping, monkeypatch):
    monkeypatch.setattr(sending, "TRY_SECONDS", 0.4)
    assert post_delivery(make_due(dripping), NOW_US).answer == "timed_out"


def test_a_name_that_nobody_answers_for_is_given_up_at_the_deadline(monkeypatch):
    is_over = threading.Event()
    monkeypatch.setattr(sending, "TRY_SECONDS", 0.2)
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: is_over.wait(30))
    assert post_delivery(make_due("https://receiver.example.org/"), NOW_US).answer == "timed_out"
    is_over.set()


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x", "https://10.0.0.1/", "https://169.254.169.254/latest", "https://[::1]/",
        "https://[64:ff9b::a9fe:a9fe]/", "https://localhost/hook", "https://0/", "https://2130706433/",
    ],
)  # fmt: skip
def test_an_address_at_which_nothing_would_be_posted_is_refused_at_once(url):
    with pytest.raises(InputError, match="network of the server"):
        check_receiver(url, is_internal=False)


def test_a_name_that_is_not_known_yet_may_be_known_later():
    check_receiver("https://no-such-host.invalid/", is_internal=False)
    check_receiver("http://127.0.0.1/", is_internal=True)
