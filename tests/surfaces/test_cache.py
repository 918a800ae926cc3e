"""What is costly to compute is kept; what lags behind is bounded, and nobody waits for what takes seconds."""

from __future__ import annotations

import threading
import time
from importlib.resources import files

import numpy as np
import pytest

from consumer_fusion.i18n.locales import load_language
from consumer_fusion.i18n.translation import read_language, use_language
from consumer_fusion.score.points.points_table import load_points
from consumer_fusion.server import cache
from consumer_fusion.server.cache import (
    REST_FACTOR,
    UNUSED_FACTOR,
    UNUSED_SECONDS,
    Cache,
    Version,
    estimate_bytes,
)
from consumer_fusion.surfaces.console.cache_control import find_patience, without_cache
from consumer_fusion.surfaces.console.console_application import NO_CACHE_HEADER

LONG = 3600.0


@pytest.fixture
def clock(monkeypatch):
    moment = [1_000.0]
    monkeypatch.setattr(cache, "monotonic", lambda: moment[0])
    return moment


@pytest.fixture
def kept():
    made = Cache()
    yield made
    made.close()


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


def test_a_value_is_given_as_long_as_what_it_follows_from_stays(clock, kept):
    make = Maker(clock)
    for _ in range(3):
        clock[0] += 1_000_000.0
        assert kept.recall("a", Version("rules", "events"), make) == 1


def test_what_staff_changed_is_seen_at_once_however_patient_one_is(clock, kept):
    make = Maker(clock, 5.0)
    assert kept.recall("a", Version("before", 1), make, patience_seconds=LONG) == 1
    assert kept.recall("a", Version("after", 1), make, patience_seconds=LONG) == 2
    assert kept.find("a", Version("again", 1), make, patience_seconds=LONG) is None


def test_what_is_costly_lags_behind_and_rests(clock, kept):
    make = Maker(clock, 2.0)
    assert kept.recall("a", Version("s", 0), make, patience_seconds=LONG) == 1
    for number in range(1, 30):
        clock[0] += 1.0
        assert kept.recall("a", Version("s", number), make, patience_seconds=LONG) == 1
    assert make.made == 1
    clock[0] += REST_FACTOR * 2.0
    assert kept.recall("a", Version("s", 99), make, patience_seconds=LONG) == 1
    wait_for(lambda: kept.recall("a", Version("s", 99), make, patience_seconds=LONG) == 2)


def test_nothing_lags_behind_for_longer_than_the_patience(clock, kept):
    make = Maker(clock, 2.0)
    kept.recall("a", Version("s", 0), make)
    clock[0] += LONG
    assert kept.recall("a", Version("s", 1), make, patience_seconds=LONG) == 2


def test_the_patience_counts_from_when_the_value_last_held(clock, kept):
    make = Maker(clock)
    kept.recall("a", Version("s", 0), make)
    clock[0] += LONG
    assert kept.recall("a", Version("s", 0), make) == 1
    clock[0] += 30.0
    assert kept.recall("a", Version("s", 1), make, patience_seconds=60.0) == 1


def test_a_page_that_was_told_of_news_waits_for_what_is_cheap_alone():
    assert find_patience() == 60.0
    with without_cache():
        assert find_patience() == 0.0
        assert find_patience(is_large=True) == LONG


def test_nobody_waits_for_what_is_found_only_once_it_is_made(clock, kept):
    may_go_on = threading.Event()

    def make():
        may_go_on.wait(20)
        return "made"

    def find(fixed, moving):
        return kept.find("a", Version(fixed, moving), make, patience_seconds=LONG)

    assert find("s", 0) is None
    assert find("s", 1) is None
    may_go_on.set()
    wait_for(lambda: find("s", 2) == "made")
    assert find("other", 0) is None


def test_what_takes_long_in_the_background_holds_up_nothing_else(kept):
    may_end = threading.Event()
    for number in range(8):
        kept.find(f"large-{number}", Version(0), lambda: may_end.wait(20), patience_seconds=LONG)
    kept.find("small", Version(0), lambda: "made", patience_seconds=LONG)
    wait_for(lambda: kept.find("small", Version(0), fail, patience_seconds=LONG) == "made")
    assert not may_end.is_set()
    may_end.set()


def test_whoever_waited_takes_what_was_made_meanwhile_as_long_as_their_patience_lasts(kept):
    begun, may_end, made = threading.Event(), threading.Event(), []

    def make():
        made.append(len(made))
        begun.set()
        may_end.wait(20)
        return "made"

    def recall(moving):
        kept.recall("a", Version(0, moving), make, patience_seconds=LONG)

    threads = [threading.Thread(target=recall, args=(number,)) for number in range(4)]
    threads[0].start()
    assert begun.wait(10)
    for thread in threads[1:]:
        thread.start()
    time.sleep(0.1)
    may_end.set()
    for thread in threads:
        thread.join(10)
    assert made == [0]


def test_what_is_made_in_the_background_is_made_in_the_language_of_whoever_asked(kept):
    with use_language(load_language("it")):
        kept.find("a", Version(0), lambda: read_language().code, patience_seconds=LONG)
    wait_for(lambda: kept.find("a", Version(0), lambda: "too late", patience_seconds=LONG) == "it")


def fail():
    raise LookupError("there is no such brand")


def test_keys_that_cannot_be_made_leave_nothing_behind(kept):
    for number in range(50):
        with pytest.raises(LookupError):
            kept.recall(f"brand-{number}", Version("same"), fail)
        assert kept.find(f"large-brand-{number}", Version("same"), fail, patience_seconds=LONG) is None
    wait_for(lambda: len(kept._locks) == 0)


def test_a_key_is_made_once_at_a_time(clock, kept):
    begun, may_end = threading.Event(), threading.Event()
    made = []

    def make():
        made.append("a")
        begun.set()
        may_end.wait(10)
        return "a"

    kept.recall("a", Version("before"), lambda: "a")
    threads = [threading.Thread(target=kept.recall, args=("a", Version("after"), make)) for _ in range(2)]
    threads[0].start()
    assert begun.wait(10)
    kept.recall("b", Version("after"), lambda: "b")
    threads[1].start()
    time.sleep(0.1)
    assert made == ["a"]
    may_end.set()
    for thread in threads:
        thread.join(10)
    assert made == ["a"]


def test_what_was_not_asked_for_the_longest_goes_first():
    kept = Cache(bytes_limit=estimate_bytes("x" * 1_000) * 3)
    for name in "abc":
        kept.recall(name, Version(0), lambda: "x" * 1_000)
    kept.recall("a", Version(0), fail)
    kept.recall("d", Version(0), lambda: "x" * 1_000)
    with pytest.raises(LookupError):
        kept.recall("b", Version(0), fail)
    assert kept.recall("a", Version(0), fail) == "x" * 1_000
    kept.close()


def test_what_nobody_asks_for_goes_after_a_while_and_what_is_costly_stays_longer(clock, kept):
    def look(key, seconds):
        make = Maker(clock, seconds)
        kept.recall(key, Version("rules", "events"), make)
        return "made" if make.made else "kept"

    look("cheap", 0.1), look("asked for", 0.1), look("costly", 5.0)
    for _ in range(3):
        clock[0] += UNUSED_SECONDS / 2
        assert look("asked for", 0.1) == "kept"
        look(f"another at {clock[0]}", 0.1)
    assert (look("asked for", 0.1), look("costly", 5.0), look("cheap", 0.1)) == ("kept", "kept", "made")
    clock[0] += 2 * UNUSED_FACTOR * 5.0
    look("another", 0.1)
    assert look("costly", 5.0) == "made"


def test_the_size_of_a_value_is_about_what_it_takes():
    assert estimate_bytes(np.zeros(1_000)) == pytest.approx(8_000, rel=0.1)
    assert estimate_bytes([{"name": "x" * 100}] * 10_000) == pytest.approx(10_000 * 450, rel=0.5)
    assert estimate_bytes(()) < 1_000
    assert estimate_bytes([load_points()] * 10) < 1_000, "the points in force are shared by all values"


def test_the_script_of_the_pages_asks_past_the_cache_by_the_header_that_the_server_reads():
    script = files("consumer_fusion.surfaces.console").joinpath("static", "console.js").read_text("utf-8")
    assert NO_CACHE_HEADER in script.lower()
