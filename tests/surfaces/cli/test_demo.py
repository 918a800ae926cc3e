"""`fusion demo` ends in a browser: it serves the console of its town, says where, and stops when it is told to."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest

pytest.importorskip("uvicorn", reason="the extra 'serve' is not installed")
import httpx

from command_line import run_fusion
from consumer_fusion.surfaces.cli.serving import LOOPBACK, listen

DEMO = (sys.executable, "-m", "consumer_fusion", "demo", "--people", "0")


@contextmanager
def start_demo(folder, *arguments):
    """A demo that was started as a program does it, without a terminal."""
    running = subprocess.Popen(
        [*DEMO, "--workspace", str(folder), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "CI": "true"},
    )  # fmt: skip
    try:
        yield running
    finally:
        running.kill()
        running.wait()
        running.stdout.close()


def read_until(stream, ending):
    """What is printed up to the line with that ending."""
    told = ""
    while line := stream.readline():
        told += line
        if ending in line:
            return told
    raise AssertionError(f"it ended without {ending!r}: {told}")


@pytest.mark.process
def test_a_demo_shows_its_town_in_a_browser_until_it_is_stopped(tmp_path):
    with start_demo(tmp_path / "town", "--port", "0", "--json") as running:
        told = json.loads(read_until(running.stdout, "}"))
        assert (told["events"], told["pairs"]) == (3, 2)
        with httpx.Client(base_url=told["url"], follow_redirects=True, timeout=60) as visitor:
            start = visitor.get("/")
            artist = visitor.get("/relationship?consumer=pop-artist&brand=sweater-brand")
        assert start.status_code == artist.status_code == 200
        assert start.url.path == "/brand"
        assert "pop-artist" in artist.text
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=30) == 0


@pytest.mark.process
def test_without_a_terminal_it_says_where_it_is_and_how_it_is_stopped(tmp_path):
    with start_demo(tmp_path / "town") as running:
        told = read_until(running.stdout, "Stop it with Ctrl-C")
        address = re.search(r"http://127\.0\.0\.1:\d+/", told)
        assert address is not None
        assert httpx.get(f"{address[0]}healthz", timeout=60).status_code == 200
        running.send_signal(signal.SIGTERM)
        assert "fusion serve" in running.stdout.read()
        assert running.wait(timeout=30) == 0


def test_a_port_that_is_taken_is_told_before_a_town_is_made(refuse, tmp_path):
    with listen(LOOPBACK, 0) as taken:
        port = taken.getsockname()[1]
        error = refuse("demo", "--people", 0, "--workspace", tmp_path / "town", "--port", port)
    assert str(port) in error["message"]
    assert "--port" in error["hint"]
    assert not (tmp_path / "town").exists()


def test_where_no_port_is_asked_for_a_free_one_is_found():
    with listen(LOOPBACK, None) as one, listen(LOOPBACK, None) as other:
        assert one.getsockname()[1] != other.getsockname()[1]
        with socket.create_connection(one.getsockname(), timeout=5):
            pass  # who comes before the server runs waits, and is not sent away


def test_without_the_libraries_of_the_server_the_town_is_made_and_it_says_what_to_install(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    run = run_fusion("demo", "--people", 0, "--json", "--workspace", tmp_path / "town")
    assert run.status == 0
    assert (run.told["pairs"], run.told["url"]) == (2, None)
    assert "consumer-fusion[serve]" in run.complaint


@pytest.mark.process
def test_a_demo_that_is_served_again_has_its_visitor_and_no_owner_to_be_made(tmp_path):
    assert run_fusion("demo", "--people", 0, "--no-serve", "--workspace", tmp_path / "town").status == 0
    command = [sys.executable, "-m", "consumer_fusion", "serve", "--port", "0", "--json"]
    with subprocess.Popen(
        [*command, "--workspace", str(tmp_path / "town")], stdout=subprocess.PIPE, text=True
    ) as running:
        told = json.loads(read_until(running.stdout, "}"))
        assert told["owner_link"] is None
        assert httpx.get(told["address"], follow_redirects=True, timeout=60).url.path == "/brand"
        running.terminate()
