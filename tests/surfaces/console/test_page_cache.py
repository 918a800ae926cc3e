"""What is costly to make is kept; what lags behind is bounded, and nobody waits for what takes seconds."""

from __future__ import annotations

import threading
import time
from importlib.resources import files

import pytest

from consumer_fusion.server import cache
from consumer_fusion.server.cache import Cache
from consumer_fusion.surfaces.console import page_cache
from consumer_fusion.surfaces.console.console_application import NO_CACHE_HEADER
from consumer_fusion.surfaces.console.page_cache import PageCache, Stamp, without_cache


@pytest.fixture
def clock(monkeypatch):
    moment = [1_000.0]
    monkeypatch.setattr(page_cache, "monotonic", lambda: moment[0])
    monkeypatch.setattr(cache, "monotonic", lambda: moment[0])
    return moment


def wait_for(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)


class Maker:
    """Makes numbers, each of which takes some seconds."""

    def __init__(self, clock, seconds=0.0):
        self.clock, self.seconds, self.made = clock, seconds, 0

    def __call__(self):
        self.clock[0] += self.seconds
        self.made += 1
        return self.made


def test_what_staff_changed_is_seen_at_once_however_costly(clock):
    shelf, make = PageCache(3), Maker(clock, 5.0)
    assert shelf.take("a", Stamp("before", 1), make, is_costly=True) == 1
    assert shelf.take("a", Stamp("after", 1), make, is_costly=True) == 2


def test_what_is_costly_lags_behind_and_rests(clock):
    shelf, make = PageCache(3), Maker(clock, 2.0)
    assert shelf.take("a", Stamp("s", 0), make, is_costly=True) == 1
    for number in range(1, 30):
        clock[0] += 1.0
        with without_cache():
            assert shelf.take("a", Stamp("s", number), make, is_costly=True) == 1
    assert make.made == 1
    clock[0] += page_cache.REST_FACTOR * 2.0
    assert shelf.take("a", Stamp("s", 99), make, is_costly=True) == 1
    wait_for(lambda: shelf.take("a", Stamp("s", 99), make, is_costly=True) == 2)


def test_what_is_costly_lags_behind_for_no_longer_than_an_hour(clock):
    shelf, make = PageCache(3), Maker(clock, 2.0)
    shelf.take("a", Stamp("s", 0), make, is_costly=True)
    clock[0] += page_cache.COSTLY_PATIENCE_S
    assert shelf.take("a", Stamp("s", 1), make, is_costly=True) == 2


def test_what_is_cheap_is_new_for_whoever_insists(clock):
    shelf, make = PageCache(3), Maker(clock)
    shelf.take("a", Stamp("s", 0), make)
    with without_cache():
        assert shelf.take("a", Stamp("s", 1), make) == 2


def test_nobody_waits_for_what_is_found_only_once_it_is_made(clock):
    shelf, may_go_on = PageCache(3), threading.Event()

    def make():
        may_go_on.wait(20)
        return "made"

    assert shelf.find("a", Stamp("s", 0), make) is None
    assert shelf.find("a", Stamp("s", 1), make) is None
    may_go_on.set()
    wait_for(lambda: shelf.find("a", Stamp("s", 2), make) == "made")
    assert shelf.find("a", Stamp("other", 0), make) is None


def test_the_memory_of_the_read_api_rests_as_well(clock):
    kept, make = Cache(100), Maker(clock, 3.0)

    def recall(version):
        return kept.recall("a", version, make, weigh=lambda _: 1, patience_seconds=300.0)

    assert recall(0) == 1
    for version in range(1, 40):
        clock[0] += 1.0
        assert recall(version) == 1
    assert make.made == 1
    clock[0] += 60.0
    assert recall(99) == 1
    wait_for(lambda: recall(99) == 2)
    kept.close()


def fail():
    raise LookupError("there is no such brand")


def test_keys_that_cannot_be_made_leave_nothing_behind(clock):
    shelf, kept = PageCache(3), Cache(100)
    for number in range(50):
        with pytest.raises(LookupError):
            shelf.take(f"brand-{number}", Stamp("same"), fail)
        with pytest.raises(LookupError):
            kept.recall(f"brand-{number}", "same", fail, weigh=lambda _: 1)
        assert shelf.find(f"large-brand-{number}", Stamp("same"), fail) is None
    wait_for(lambda: len(shelf._making) == 0)
    assert len(kept._locks) == 0
    kept.close()


def test_a_key_is_made_once_at_a_time_although_another_one_takes_its_place(clock):
    """The lock of a key that is being made outlives what was kept of it."""
    shelf = PageCache(1)
    begun, may_end = threading.Event(), threading.Event()
    made = []

    def make():
        made.append("a")
        begun.set()
        may_end.wait(10)
        return "a"

    shelf.take("a", Stamp("before"), lambda: "a")
    threads = [threading.Thread(target=shelf.take, args=("a", Stamp("after"), make)) for _ in range(2)]
    threads[0].start()
    assert begun.wait(10)
    shelf.take("b", Stamp("after"), lambda: "b")
    threads[1].start()
    time.sleep(0.1)
    assert made == ["a"]
    may_end.set()
    for thread in threads:
        thread.join(10)
    assert made == ["a"]


def test_the_script_of_the_pages_asks_past_the_cache_by_the_header_that_the_server_reads():
    script = files("consumer_fusion.surfaces.console").joinpath("static", "console.js").read_text("utf-8")
    assert NO_CACHE_HEADER in script.lower()
