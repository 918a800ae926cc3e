"""Published clients, unmodified, against the real server: everything they send arrives once."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import os
import shutil
import subprocess
import threading
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

NODE = Path(__file__).parent / "node"
COUNT = 40


def list_ids(server, tag):
    server.settle()
    return sorted(
        row["event_id"].rpartition("-")[2]
        for row in server.read_events()
        if row["event_id"].startswith(f"{tag}-")
    )


def list_numbers(count=COUNT):
    return sorted(str(number) for number in range(count))


# --- Python ---


@pytest.fixture
def segment_client(server):
    analytics = pytest.importorskip(
        "segment.analytics.client", reason="segment-analytics-python is not installed"
    )
    clients = []

    def make(**named):
        clients.append(analytics.Client(server.key, host=server.address, **named))
        return clients[-1]

    yield make
    for client in clients:
        if client.consumers:  # there are none where it sends at once
            client.join()


@pytest.mark.parametrize("gzip", [False, True])
def test_segment_for_python(server, tag, segment_client, gzip):
    problems = []
    client = segment_client(gzip=gzip, upload_size=7, on_error=lambda error, _: problems.append(error))
    for number in range(COUNT):
        client.track(
            tag, "Order Completed", {"order_id": f"o{number}", "revenue": 25}, message_id=f"{tag}-{number}"
        )
    client.identify(tag, {"email": f"{tag}@example.org"}, message_id=f"{tag}-identify")
    client.group(tag, "choir", message_id=f"{tag}-group")
    client.page(tag, "Shop", "Home", message_id=f"{tag}-page")
    client.flush()
    assert problems == []
    assert list_ids(server, tag) == sorted([*list_numbers(), "identify", "group", "page"])


def test_segment_for_python_one_at_a_time(server, tag, segment_client):
    client = segment_client(sync_mode=True)
    client.track(
        tag, "Order Completed", {"revenue": float("nan"), "when": datetime.now(UTC)}, message_id=f"{tag}-0"
    )
    client.alias(f"{tag}-before", tag, message_id=f"{tag}-1")
    assert list_ids(server, tag) == ["0", "1"]


def test_segment_for_python_is_told_of_a_wrong_key(server):
    analytics = pytest.importorskip(
        "segment.analytics.client", reason="segment-analytics-python is not installed"
    )
    request = pytest.importorskip("segment.analytics.request")
    client = analytics.Client("cfw_wrong", host=server.address, sync_mode=True)
    with pytest.raises(request.APIError):
        client.track("ann", "Order Completed")


@pytest.mark.parametrize("gzip", [True, False])
def test_rudderstack_for_python(server, tag, gzip):
    analytics = pytest.importorskip(
        "rudderstack.analytics.client", reason="rudder-sdk-python is not installed"
    )
    problems = []
    client = analytics.Client(
        server.key, host=server.address, gzip=gzip, upload_size=7, max_retries=3,
        on_error=lambda error, _: problems.append(error),
    )  # fmt: skip
    for number in range(COUNT):
        client.track(tag, "Order Completed", {"revenue": 25}, message_id=f"{tag}-{number}")
    client.flush()
    client.join()
    assert problems == []
    assert list_ids(server, tag) == list_numbers()


def test_rudderstack_for_python_gives_up_a_bad_request_at_once(server):
    request = pytest.importorskip(
        "rudderstack.analytics.request", reason="rudder-sdk-python is not installed"
    )
    with pytest.raises(request.APIError):  # a KeyError here would be tried again ten times
        request.post("cfw_wrong", host=server.address, batch=[{"type": "track", "event": "x", "userId": "u"}])


@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_cloudevents_for_python(server, tag, mode):
    bindings = pytest.importorskip("cloudevents.core.bindings.http", reason="cloudevents is not installed")
    event_type = pytest.importorskip("cloudevents.core.v1.event").CloudEvent
    attributes = {
        "id": f"{tag}-0", "source": "/orders", "type": "Order Completed", "specversion": "1.0", "subject": tag,
        "time": datetime(2026, 6, 5, 20, tzinfo=UTC), "datacontenttype": "application/json",
    }  # fmt: skip
    event = event_type(attributes, {"value": 25, "currency": "EUR", "note": "caffè"})
    write = bindings.to_binary_event if mode == "binary" else bindings.to_structured_event
    message = write(event)
    for _ in range(2):
        answer = server.post("/v1/cloudevents", message.body, headers=message.headers)
        assert answer.status_code == 200
    server.settle()
    (row,) = server.read_events(consumer=tag)
    assert (row["event_id"], row["kind"], row["value"], row["brand"]) == (
        f"{tag}-0",
        "Order Completed",
        25.0,
        "bakery",
    )
    assert row["source"] == "server source//orders"
    assert row["properties"] == {"note": "caffè"}


# --- Node ---


@pytest.fixture(scope="module")
def node_folder():
    """The published packages for Node at their pinned versions, in a folder outside of the repository."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    package = NODE / "package.json"
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "consumer-fusion" / f"node-{hashlib.sha256(package.read_bytes()).hexdigest()[:12]}"
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(package, folder)
        install = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        try:
            subprocess.run(install, cwd=folder, check=True, capture_output=True, timeout=180)
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"the packages for Node could not be installed: {type(error).__name__}")
        (folder / "complete").touch()
    return folder


@pytest.fixture
def run_node(server, node_folder):
    def run(script, *texts):
        done = subprocess.run(
            ["node", str(NODE / script), server.address, server.key, *map(str, texts)],
            env={**os.environ, "NODE_FOLDER": str(node_folder)}, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    return run


def test_segment_for_node(server, tag, run_node):
    run_node("send_segment.mjs", tag, COUNT)
    assert list_ids(server, tag) == sorted([*list_numbers(), "identify", "page", "group", "alias"])


@pytest.mark.parametrize("packing", ["gzip", "plain"])
def test_rudderstack_for_node(server, tag, run_node, packing):
    run_node("send_rudder.mjs", tag, COUNT, packing)
    assert list_ids(server, tag) == list_numbers()


def test_cloudevents_for_javascript(server, tag, run_node):
    run_node("send_cloudevents.mjs", tag)
    assert list_ids(server, tag) == ["binary", "structured"]
    assert {row["value"] for row in server.read_events(consumer=tag)} == {25.0}


# --- the browser ---


@pytest.fixture(scope="module")
def shop_address(node_folder, tmp_path_factory):
    """A page of another origin, so that the browser asks before it sends."""
    folder = tmp_path_factory.mktemp("shop")
    shutil.copy(NODE / "page.html", folder)
    (folder / "umd").symlink_to(node_folder / "node_modules/@segment/analytics-next/dist/umd")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=folder)
    ) as shop:
        threading.Thread(target=shop.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{shop.server_address[1]}"
        shop.shutdown()


@pytest.mark.parametrize("strategy", ["standard", "batching", "asked"])
def test_segment_in_a_browser(server, tag, chromium, shop_address, strategy):
    key = server.keys["browser"]
    asked = httpx.QueryParams(address=server.address, key=key, tag=tag, strategy=strategy)
    with contextlib.closing(chromium.new_page()) as page:
        failures = []
        page.on("requestfailed", lambda request: failures.append(request.url))
        methods = Counter()
        page.on("request", lambda request: methods.update([(request.method, request.url.rpartition("/")[2])]))
        page.goto(f"{shop_address}/page.html?{asked}")
        assert page.evaluate("send()") is True
        page.wait_for_timeout(1500 if strategy == "batching" else 500)
    assert [url for url in failures if server.address in url] == []
    server.settle()
    rows = [row for row in server.read_events(source="browser source") if row["consumer"] == tag]
    assert Counter(row["kind"] for row in rows) == {
        "Page Viewed": 1, "Consumer Identified": 2, "Product Viewed": 1, "Order Completed": 1, "Group Joined": 1,
    }  # fmt: skip
    assert {row["kind"]: row["trust"] for row in rows if row["kind"] in ("Product Viewed", "Order Completed")} == {
        "Product Viewed": 1.0, "Order Completed": 0.25,
    }  # fmt: skip
    assert any(path == ("b" if strategy == "batching" else "t") for _, path in methods)
