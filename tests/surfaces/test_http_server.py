"""Whoever sends slowly, sends without end or does not read is let go, and nobody else notices."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import contextmanager

import httpx
import pytest

from consumer_fusion.server import http_server

LARGE = b"x" * (64 << 20)


async def answer(scope, receive, send):
    """Reads the body and answers with its length; `/large` answers with a lot, `/deaf` without reading."""
    size = 0
    while scope["path"] != "/deaf":
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        if not message["more_body"]:
            break
    body = LARGE if scope["path"] == "/large" else str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for start in range(0, len(body), 1 << 20):
        await send({"type": "http.response.body", "body": body[start : start + (1 << 20)], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@contextmanager
def serve(**options):
    """A server in a thread, and where it is."""
    running = http_server.make_server(answer, host="127.0.0.1", port=0, lifespan="off", **options)
    thread = threading.Thread(target=lambda: asyncio.run(running.serve()))
    thread.start()
    while not running.started:
        time.sleep(0.01)
    try:
        yield running.servers[0].sockets[0].getsockname(), running.server_state
    finally:
        running.should_exit = True
        thread.join()


@pytest.fixture
def impatient(monkeypatch):
    """A server that waits for short."""
    monkeypatch.setattr(http_server, "HEAD_SECONDS", 1.0)
    monkeypatch.setattr(http_server, "REQUEST_SECONDS", 1.5)
    monkeypatch.setattr(http_server, "READER_SECONDS", 1.5)
    with serve() as (address, state):
        yield address, state


def read_to_end(connection):
    """All that is answered until the other side ends the connection."""
    connection.settimeout(10)
    told = b""
    try:
        while piece := connection.recv(65_536):
            told += piece
    except ConnectionResetError:
        pass
    return told


def trickle(connection):
    """Send a letter now and then until the other side ends the connection, and return how many seconds that took."""
    begun = time.monotonic()
    try:
        while time.monotonic() < begun + 10:
            connection.sendall(b"a")
            time.sleep(0.05)
    except (BrokenPipeError, ConnectionResetError):
        pass
    return time.monotonic() - begun


def ask(address, **named):
    return httpx.post(f"http://{address[0]}:{address[1]}/", timeout=10, **named)


def test_a_connection_that_says_nothing_is_ended(impatient):
    address, _ = impatient
    with socket.create_connection(address) as silent:
        assert read_to_end(silent) == b""


def test_half_a_head_is_answered_408_and_others_are_served_meanwhile(impatient):
    address, state = impatient
    slow = [socket.create_connection(address) for _ in range(50)]
    for each in slow:
        each.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    assert ask(address, content=b"four").text == "4"
    for each in slow:
        assert read_to_end(each).startswith(b"HTTP/1.1 408")
        each.close()
    end = time.monotonic() + 5
    while state.connections and time.monotonic() < end:
        time.sleep(0.02)
    assert not state.connections


def test_a_head_that_comes_letter_by_letter_does_not_win_time(impatient):
    address, _ = impatient
    with socket.create_connection(address) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert trickle(slow) < 5


def test_the_second_head_of_a_connection_is_waited_for_no_longer_than_the_first(impatient):
    address, _ = impatient
    with socket.create_connection(address) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\nPOST / HTTP/1.1\r\nHos")
        told = read_to_end(slow)
    assert told.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 408" in told


def test_a_body_that_trickles_is_given_up(impatient):
    address, state = impatient
    with socket.create_connection(address) as slow:
        slow.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        assert trickle(slow) < 5
    assert ask(address, content=b"four").text == "4"
    assert not state.tasks


def test_a_body_that_goes_on_after_the_answer_ends_with_the_connection(impatient):
    address, _ = impatient
    with socket.create_connection(address) as slow:
        slow.sendall(b"POST /deaf HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        assert trickle(slow) < 5


def test_whoever_does_not_read_the_answer_is_cut_off(impatient):
    address, state = impatient
    with socket.create_connection(address) as deaf:
        deaf.sendall(b"POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        end = time.monotonic() + 10
        time.sleep(0.2)
        assert state.tasks
        while state.tasks and time.monotonic() < end:
            time.sleep(0.05)
        assert not state.tasks
        assert len(read_to_end(deaf)) < len(LARGE)


def test_a_slow_reader_who_reads_gets_all_of_it(impatient):
    address, _ = impatient
    with socket.create_connection(address) as reader:
        reader.settimeout(10)
        reader.sendall(b"POST /large HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        size = 0
        while piece := reader.recv(8 << 20):
            size += len(piece)
            time.sleep(0.002)
    assert size > len(LARGE)


def test_a_head_without_end_is_refused_before_it_fills_the_memory():
    with serve() as (address, _), socket.create_connection(address) as sender:
        sent = 0
        try:
            sender.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nX-Long: ")
            while sent < 100 << 20:
                sent += sender.send(b"a" * 65_536)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert sent < 20 << 20  # what the system keeps between the two


@pytest.mark.parametrize(
    "piece", [b"/" + b"a" * 200, b"X-Many: 1\r\n"], ids=["a long address", "many headers"]
)
def test_a_head_may_be_large_in_no_other_way_either(piece):
    with serve() as (address, _), socket.create_connection(address) as sender:
        begin = b"GET " if piece.startswith(b"/") else b"GET / HTTP/1.1\r\nHost: x\r\n"
        try:
            sender.sendall(begin)
            for _ in range(20_000):
                sender.sendall(piece * 50)
        except (BrokenPipeError, ConnectionResetError):
            return
        raise AssertionError("it took 10 MB of a head")


def test_more_connections_than_there_is_room_for_are_answered_503():
    with serve(limit_concurrency=5) as (address, _):
        waiting = [socket.create_connection(address) for _ in range(6)]
        time.sleep(0.1)
        assert ask(address, content=b"four").status_code == 503
        for each in waiting:
            each.close()
        time.sleep(0.2)
        assert ask(address, content=b"four").text == "4"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /small HTTP/1.1\r\n\r\n", b"400"), (b"POST /small HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc", b"400"),
        (b"GET /small HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", b"400"),
        (b"GET /small HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", b"200"),
        (b"GET /small HTTP/1.0\r\n\r\n", b"200"),
    ],
)  # fmt: skip
def test_a_request_names_its_host_once(head, status):
    with serve() as (address, _), socket.create_connection(address, timeout=10) as connection:
        connection.sendall(head)
        got = b""
        while piece := connection.recv(65_536):
            got += piece
    assert got.split()[1] == status
    assert got.count(b"HTTP/1.1") == 1
