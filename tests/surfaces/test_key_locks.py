"""Locks by key: one thread at a time, and nothing is kept of a key that nobody locks."""

from __future__ import annotations

import threading

import pytest

from consumer_fusion.server.cache import KeyLocks


def test_a_key_is_held_by_one_thread_at_a_time_and_others_are_free():
    locks = KeyLocks()
    with locks.hold("a"):
        assert not locks.try_acquire("a")
        assert locks.try_acquire("b")
        assert len(locks) == 2
        locks.release("b")
    assert len(locks) == 0


def test_a_lock_lasts_as_long_as_somebody_waits_for_it():
    locks, has_waited = KeyLocks(), threading.Event()

    def wait():
        with locks.hold("a"):
            has_waited.set()

    with locks.hold("a"):
        waiting = threading.Thread(target=wait)
        waiting.start()
        waiting.join(0.1)
        assert not has_waited.is_set()
    waiting.join(10)
    assert has_waited.is_set()
    assert len(locks) == 0


def test_what_fails_while_it_holds_a_key_releases_it():
    locks = KeyLocks()
    with pytest.raises(LookupError), locks.hold("a"):
        raise LookupError
    assert locks.try_acquire("a")
