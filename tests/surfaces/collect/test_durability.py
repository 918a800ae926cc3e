"""What is answered with 200 is there, whatever happens afterwards; what cannot be kept is not answered with 200."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
import uvicorn

import consumer_fusion as fusion
from consumer_fusion import pipeline
from consumer_fusion.errors import EngineError, ExhaustedError, StoreError
from consumer_fusion.events.inbox_queue import append_arrivals
from consumer_fusion.ingest.staging import stage_lines
from consumer_fusion.records.arrival import ARRIVALS, Arrival
from consumer_fusion.records.event import EVENTS
from consumer_fusion.records.import_record import REJECTIONS
from consumer_fusion.repairs import rejected_rows
from consumer_fusion.server.health import find_problems
from consumer_fusion.surfaces.collect import bodies
from consumer_fusion.surfaces.collect.collect_errors import CollectError
from consumer_fusion.surfaces.collect.collector import Collector, Limits
from consumer_fusion.surfaces.collect.source_keys import SourceKey
from consumer_fusion.surfaces.web import build_app
from live_server import LiveServer
from small_workspaces import list_files, make_orders, open_small, seal

KILLS = 2
SENDERS = 4


def make_line(number, **fields):
    event = {
        "event_id": f"e{number}", "occurred_at": "2026-06-05T20:00:00Z", "kind": "Page Viewed", "consumer": "ann",
        **fields,
    }  # fmt: skip
    return json.dumps(event)


def make_arrivals(*numbers):
    return [
        Arrival("events", "shop", "bakery", "source", None, 1_781_000_000_000_000, make_line(number))
        for number in numbers
    ]


@pytest.fixture
def workspace(tmp_path):
    fusion.create_workspace(tmp_path / "workspace")
    with fusion.open_workspace(tmp_path / "workspace") as opened:
        yield opened


@contextmanager
def serve(workspace, **limits):
    """The application in a thread of this process, with limits of its own; any key is that of the shop."""
    app = build_app(workspace, verify_key=lambda _: SourceKey("shop", "bakery"), limits=Limits(**limits))
    running = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=running.run)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    port = running.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", auth=("key", ""), timeout=30) as client:
        yield app.state.collector, client
    running.should_exit = True
    thread.join()


def read_ids(workspace):
    with workspace.store.reading() as session:
        return sorted(session.read(EVENTS, columns=("event_id",))["event_id"].to_pylist())


def test_a_full_queue_is_answered_429_with_a_whole_number_of_seconds(workspace):
    with serve(workspace, queued_events=2, landing_seconds=0.1) as (collector, client):
        answers = []
        with workspace.arrivals.writing():  # nothing can become durable now
            senders = [
                threading.Thread(
                    target=lambda n=n: answers.append(client.post("/v1/events", content=make_line(n)))
                )
                for n in range(2)
            ]
            for number, sender in enumerate(senders, start=1):
                sender.start()
                while collector._queued_events < number:
                    time.sleep(0.005)
            refused = client.post("/v1/events", content=make_line(9))
        for sender in senders:
            sender.join()
        assert refused.status_code == 429
        assert refused.headers["retry-after"].isdigit()
        assert refused.json()["code"] == "too_many_requests"
        assert [answer.status_code for answer in answers] == [200, 200]
        assert client.post("/v1/events", content=make_line(9)).status_code == 200
    assert read_ids(workspace) == ["e0", "e1", "e9"]


def test_too_many_events_that_wait_to_be_read_are_answered_429(workspace):
    with serve(workspace, waiting_events=2, landing_seconds=60) as (_, client):
        answers = [client.post("/v1/events", content=make_line(number)) for number in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
        assert int(answers[-1].headers["retry-after"]) > 0
    assert read_ids(workspace) == ["e0", "e1"]


def test_an_import_that_takes_long_holds_up_no_arrival(workspace):
    # The store is being written to, as a bulk import does for minutes.
    with serve(workspace, landing_seconds=0.05) as (_, client), workspace.store.writing():
        answers = [client.post("/v1/events", content=make_line(number)) for number in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        assert read_ids(workspace) == []
    assert read_ids(workspace) == ["e0", "e1", "e2"]


def test_a_store_that_fails_is_answered_503_and_nothing_is_believed_kept(workspace, monkeypatch):
    with serve(workspace) as (_, client):
        monkeypatch.setattr("consumer_fusion.surfaces.collect.collector.append_arrivals", lambda *_: 1 / 0)
        answer = client.post("/v1/events", content=make_line(1))
        assert (answer.status_code, answer.json()["code"]) == (503, "not_kept")
        assert answer.headers["retry-after"].isdigit()
        monkeypatch.undo()
        assert client.post("/v1/events", content=make_line(1)).status_code == 200
    assert read_ids(workspace) == ["e1"]


def test_a_body_that_does_not_come_is_given_up(workspace, monkeypatch):
    monkeypatch.setattr(bodies, "BODY_SECONDS_LIMIT", 0.2)
    with (
        serve(workspace) as (_, client),
        socket.create_connection((client.base_url.host, client.base_url.port)) as slow,
    ):
        slow.sendall(
            b"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Basic a2V5Og==\r\nContent-Length: 99\r\n\r\n{"
        )
        slow.settimeout(10)
        assert slow.recv(100).startswith(b"HTTP/1.1 408")
        assert client.post("/v1/events", content=make_line(1)).status_code == 200


@pytest.mark.parametrize(
    ("bound", "senders"),
    [
        ("BODIES_BYTES_LIMIT", [{"key": "a"}, {"key": "b"}]),
        ("KEY_BYTES_LIMIT", [{"key": "a"}, {"key": "a"}]),
        ("KEYLESS_BODIES_LIMIT", [{"address": "192.0.2.1"}, {"address": "192.0.2.2"}]),
        ("ADDRESS_BYTES_LIMIT", [{"address": "192.0.2.1"}, {"address": "192.0.2.1"}]),
    ],
    ids=["all", "of one key", "without a key", "of one address without a key"],
)
def test_bodies_in_work_are_bounded_and_leave_room_for_others(monkeypatch, bound, senders):
    monkeypatch.setattr(bodies, bound, 1000)
    budget = bodies.BodyBudget(bodies.BODIES_BYTES_LIMIT)

    async def receive():
        return {"type": "http.request", "body": b"x" * 600, "more_body": False}

    async def read(share):
        return await bodies.read_body(receive, {}, share, bodies.BodyExecutor(), is_keyless=False)

    async def read_two():
        with budget.open_share(**senders[0]) as first:
            await read(first)
            with (
                pytest.raises(CollectError, match="Too many requests"),
                budget.open_share(**senders[1]) as second,
            ):
                await read(second)
            assert budget.used == 600
            if bound != "BODIES_BYTES_LIMIT":
                with budget.open_share(key="an honest sender") as other:
                    assert len(await read(other)) == 600

    # In a thread of its own: a browser's tests in the same process leave a loop running in this one.
    with ThreadPoolExecutor(1) as apart:
        apart.submit(asyncio.run, read_two()).result()
    assert budget.used == 0


def test_what_waits_when_the_server_ends_is_read_before_it_ends(workspace):
    with serve(workspace, landing_seconds=60) as (_, client):
        assert client.post("/v1/events", content=make_line(1)).status_code == 200
        assert read_ids(workspace) == []
    assert read_ids(workspace) == ["e1"]


def test_what_an_earlier_run_left_is_read_at_the_start(workspace):
    with workspace.arrivals.writing() as session:
        append_arrivals(session, make_arrivals(1, 2))
    with serve(workspace, landing_seconds=0.05) as (collector, _):
        end = time.monotonic() + 20
        while collector.waiting_count and time.monotonic() < end:
            time.sleep(0.02)
        assert read_ids(workspace) == ["e1", "e2"]


def test_arrivals_that_are_read_a_second_time_after_a_crash_change_nothing(workspace, monkeypatch):
    with workspace.arrivals.writing() as session:
        append_arrivals(session, make_arrivals(1, 2))
        append_arrivals(session, [Arrival("events", "shop", None, "source", None, 1, '"no object"')])
    monkeypatch.setattr(pipeline, "forget_arrivals", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        pipeline.land_arrivals(workspace)
    monkeypatch.undo()
    acceptance = pipeline.land_arrivals(workspace)
    assert (acceptance.accepted, acceptance.duplicates) == (0, 2)
    assert read_ids(workspace) == ["e1", "e2"]
    with workspace.store.reading() as session:
        assert session.count(REJECTIONS) == 1
    with workspace.arrivals.reading() as session:
        assert session.count(ARRIVALS) == 0


def test_an_event_that_no_query_can_deal_with_holds_up_no_other(workspace, monkeypatch):
    stage = stage_lines

    def stumble(engine, lines, *rest, **named):
        if any('{"event_id": "e3"' in line for line in lines):
            raise EngineError("The step 'stage' failed.")
        return stage(engine, lines, *rest, **named)

    monkeypatch.setattr(pipeline, "stage_lines", stumble)
    with workspace.arrivals.writing() as session:
        append_arrivals(session, make_arrivals(*range(6)))
    acceptance = pipeline.land_arrivals(workspace)
    assert (acceptance.accepted, acceptance.rejected) == (5, 1)
    assert read_ids(workspace) == ["e0", "e1", "e2", "e4", "e5"]
    with workspace.store.reading() as session:
        (row,) = session.read(REJECTIONS, columns=("code", "raw")).to_pylist()
    assert row == {"code": "engine_failed", "raw": make_line(3)}
    monkeypatch.undo()
    assert rejected_rows.retry_rejected(workspace).accepted == 1
    assert read_ids(workspace) == ["e0", "e1", "e2", "e3", "e4", "e5"]


@pytest.fixture
def sealed(tmp_path):
    """A workspace of 40 sealed orders."""
    with open_small(tmp_path / "sealed") as workspace:
        fusion.import_events(workspace, make_orders(40))
        seal(workspace)
        yield workspace


def send_orders(workspace):
    """Complaints of the consumers whose events are sealed; what they do to their recoveries needs those."""
    lines = [
        {"event_id": f"late-{number}", "kind": "Complaint Made", "consumer": f"consumer-{number}",
         "brand": "brand-1", "occurred_at": "2026-06-01T10:00:00Z"}
        for number in range(7)
    ]  # fmt: skip
    with workspace.arrivals.writing() as session:
        append_arrivals(
            session,
            [
                Arrival("events", "shop", None, "source", None, workspace.now_us, json.dumps(each))
                for each in lines
            ],
        )


@pytest.mark.parametrize("harm", ["move", "cut", "garble"])
def test_a_damaged_store_is_no_bad_row_and_what_arrives_waits(sealed, harm, caplog):
    files = {path: path.read_bytes() for path in list_files(sealed)}
    for path, content in files.items():
        if harm == "move":
            path.unlink()
        else:
            middle = len(content) // 3
            path.write_bytes(
                content[:-200] if harm == "cut" else content[:middle] + bytes(900) + content[middle + 900 :]
            )
    send_orders(sealed)
    collector = Collector(sealed, limits=Limits(landing_seconds=0.05))
    collector.start()
    try:
        end = time.monotonic() + 30
        while collector.trouble is None and time.monotonic() < end:
            time.sleep(0.02)
        (problem,) = find_problems(sealed, collector.list_problems)
        assert "arrivals are waiting: The file segments/bucket=" in problem
        assert str(sealed.folder) not in problem
        with sealed.store.reading() as session:
            assert session.count(REJECTIONS) == 0
        assert "damaged_file: The file segments/bucket=" in caplog.text
        for path, content in files.items():
            path.write_bytes(content)
        while collector.trouble is not None and time.monotonic() < end:
            time.sleep(0.02)
        assert find_problems(sealed, collector.list_problems) == []
    finally:
        collector.stop()
    assert set(read_ids(sealed)) >= {f"late-{number}" for number in range(7)}


@pytest.mark.parametrize("failure", [ExhaustedError("no memory"), StoreError("disk full")])
def test_short_memory_and_a_full_disk_are_no_bad_rows(workspace, monkeypatch, failure):
    def fail(*_, **__):
        raise failure

    with workspace.arrivals.writing() as session:
        append_arrivals(session, make_arrivals(1, 2))
    place = "pipeline.stage_lines" if isinstance(failure, ExhaustedError) else "events.stages.find_duplicates"
    monkeypatch.setattr(f"consumer_fusion.{place}", fail)
    with pytest.raises(type(failure)):
        pipeline.land_arrivals(workspace)
    monkeypatch.undo()
    with workspace.store.reading() as session:
        assert session.count(REJECTIONS) == 0
    assert pipeline.land_arrivals(workspace).accepted == 2


@pytest.mark.process
@pytest.mark.slow
def test_a_server_that_is_killed_under_load_loses_and_doubles_nothing(tmp_path):
    server = LiveServer(tmp_path / "workspace").start()
    acknowledged: list[str] = []
    is_over = threading.Event()

    def send(sender):
        for number in range(100_000):
            if is_over.is_set():
                return
            event_id = f"e{sender}-{number}"
            while True:  # as published clients do: the same event until it is acknowledged
                try:
                    if server.post("/v1/events", make_line(f"{sender}-{number}")).status_code == 200:
                        acknowledged.append(event_id)
                        break
                except (httpx.TransportError, httpx.InvalidURL):
                    time.sleep(0.02)
                if is_over.is_set():
                    return

    senders = [threading.Thread(target=send, args=(number,)) for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    for _ in range(KILLS):
        before = len(acknowledged)
        time.sleep(1.3)  # long enough for events to be read as well, so that kills meet both
        server.kill()
        assert len(acknowledged) > before
        server.start()
    time.sleep(0.5)
    is_over.set()
    for sender in senders:
        sender.join()
    server.settle()
    server.stop()
    counts = Counter(row["event_id"] for row in server.read_events())
    assert len(acknowledged) > 20
    assert [event_id for event_id in acknowledged if counts[event_id] == 0] == []
    assert [event_id for event_id, count in counts.items() if count > 1] == []


def test_events_acknowledged_side_by_side_are_all_counted(workspace):
    with serve(workspace) as (collector, client):

        def send(number):
            body = "\n".join(make_line(2 * number + place) for place in range(2))
            return client.post("/v1/events", content=body).status_code

        with ThreadPoolExecutor(16) as pool:
            assert set(pool.map(send, range(64))) == {200}
        assert collector.counters.received == {"events": 128}
