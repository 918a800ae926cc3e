"""The collector: events become durable in groups, and are read about once a second.

One thread writes: whatever arrived during a commit is the next commit, so that one flush of the disk serves all who
wait for it, and nobody waits for a timer. Another thread reads what is durable through the pipeline. Neither runs
a query before an answer is given.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from consumer_fusion import pipeline
from consumer_fusion.errors import DamagedFileError, FusionError
from consumer_fusion.events.inbox_queue import append_arrivals, count_arrivals, find_oldest_arrival
from consumer_fusion.records.arrival import Arrival
from consumer_fusion.surfaces.collect.collect_errors import CollectError
from consumer_fusion.surfaces.collect.counters import Counters
from consumer_fusion.workspace import Workspace

_log = logging.getLogger("consumer_fusion.collect")
_STORE_RETRY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may wait.

    Attributes:
        queued_events: Events that are not durable yet; more are answered with 429.
        queued_characters: The same, by the length of their lines.
        waiting_events: Durable events that are not read yet; more are answered with 429.
        group_events: At most about so many events a commit.
        landing_seconds: Events are read about so often.
        landing_events: They are read at once where so many wait.
        closing_seconds: At the end so long may be spent on reading what waits; the rest is read at the next start.
    """

    queued_events: int = 50_000
    queued_characters: int = 64 << 20
    waiting_events: int = 2_000_000
    group_events: int = 10_000
    landing_seconds: float = 1.0
    landing_events: int = 5_000
    closing_seconds: float = 30.0


@dataclass(slots=True)
class _Delivery:
    arrivals: Sequence[Arrival]
    size: int
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[None]


class Collector:
    """Takes arrivals of one workspace; `start` before, `stop` after.

    Args:
        workspace: The workspace.
        limits: How much may wait.
        counters: Where it is counted what happens.
        after_landing: Called after each landing with a moment (`time.monotonic`): all that came before it is landed.
    """

    def __init__(
        self, workspace: Workspace, *, limits: Limits | None = None, counters: Counters | None = None,
        after_landing: Callable[[float], None] | None = None,
    ) -> None:  # fmt: skip
        self.workspace = workspace
        self.limits = limits or Limits()
        self.counters = counters or Counters()
        self.waiting_count = 0
        self.trouble: str | None = None
        """Why what waits could not be read the last time; None where it could."""
        self._after_landing = after_landing
        self._queue: deque[_Delivery] = deque()
        self._queued_events = 0
        self._queued_characters = 0
        self._changed = threading.Condition()
        self._arrived = threading.Event()
        self._stopping = threading.Event()
        self._writer: threading.Thread | None = None
        self._lander: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write and to read; what an earlier run left is read first."""
        with self.workspace.arrivals.reading() as session:
            self.waiting_count = count_arrivals(session)
        self._stopping.clear()
        self._writer = threading.Thread(target=self._write_groups, name="arrivals-writer", daemon=True)
        self._lander = threading.Thread(target=self._land_regularly, name="arrivals-lander", daemon=True)
        self._writer.start()
        self._lander.start()

    def stop(self) -> None:
        """Write what is queued, read what waits, and end."""
        with self._changed:
            self._stopping.set()
            self._changed.notify_all()
        self._arrived.set()
        for thread in (self._writer, self._lander):
            if thread is not None:
                thread.join()

    @property
    def is_alive(self) -> bool:
        """Whether both threads run."""
        return all(thread is not None and thread.is_alive() for thread in (self._writer, self._lander))

    def list_problems(self) -> list[str]:
        """What keeps events from becoming durable, or from being read, at this moment."""
        problems = [] if self.is_alive else ["the threads that keep and read what arrives do not run"]
        return problems if self.trouble is None else [*problems, f"what arrives waits: {self.trouble}"]

    async def keep(self, arrivals: Sequence[Arrival]) -> None:
        """Make arrivals durable; returns once they are.

        Raises:
            CollectError: Too many wait, or the disk refuses; nothing of these was kept.
        """
        if not arrivals:
            return
        loop = asyncio.get_running_loop()
        size = sum(len(each.line) for each in arrivals)
        delivery = _Delivery(arrivals, size, loop, loop.create_future())
        with self._changed:
            self._check_room()
            self._queue.append(delivery)
            self._queued_events += len(arrivals)
            self._queued_characters += size
            self._changed.notify()
        # A sender that goes away while waiting takes nothing back: the write goes on.
        await asyncio.shield(delivery.answer)

    def _check_room(self) -> None:
        if self._stopping.is_set():
            raise CollectError(
                503, "stopping", "The server is stopping. Send it again.",
                retry_after_s=_STORE_RETRY_SECONDS,
            )  # fmt: skip
        limits = self.limits
        if self._queued_events >= limits.queued_events or self._queued_characters >= limits.queued_characters:
            raise CollectError(
                429, "too_many_requests", "Events arrive faster than they become durable. Send them again later.",
                retry_after_s=1,
            )  # fmt: skip
        if self.waiting_count >= limits.waiting_events:
            raise CollectError(
                429,
                "too_many_waiting",
                "Too many events wait to be read. Send them again later.",
                retry_after_s=10,
            )

    def _write_groups(self) -> None:
        while True:
            with self._changed:
                while not self._queue and not self._stopping.is_set():
                    self._changed.wait()
                group = self._take_group()
            if not group:
                return
            self._write_group(group)

    def _take_group(self) -> list[_Delivery]:
        group: list[_Delivery] = []
        count = 0
        while self._queue and count < self.limits.group_events:
            delivery = self._queue.popleft()
            group.append(delivery)
            count += len(delivery.arrivals)
        return group

    def _write_group(self, group: Sequence[_Delivery]) -> None:
        count = sum(len(delivery.arrivals) for delivery in group)
        refusal: CollectError | None = None
        try:
            with self.workspace.arrivals.writing(wait_seconds=30.0) as session:
                append_arrivals(session, (each for delivery in group for each in delivery.arrivals))
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever or believe in vain
            _log.error("arrivals could not be written: %s", type(error).__name__)
            refusal = CollectError(
                503, "not_kept", "The events could not be made durable. Send them again.",
                retry_after_s=_STORE_RETRY_SECONDS,
            )  # fmt: skip
        with self._changed:
            self._queued_events -= count
            self._queued_characters -= sum(delivery.size for delivery in group)
            if refusal is None:
                self.waiting_count += count
        for loop in {delivery.loop for delivery in group}:
            answers = [delivery.answer for delivery in group if delivery.loop is loop]
            try:
                loop.call_soon_threadsafe(_answer_all, answers, refusal)
            except RuntimeError:  # the loop has ended; who waited in it is gone
                continue
        self._arrived.set()

    def _land_regularly(self) -> None:
        pause, taken = 0.0, 0.0
        while not self._stopping.is_set():
            if self.waiting_count < self.limits.landing_events or pause:
                # From beginning to beginning; on a busy machine at least half of the time is left to others.
                left = max(self.limits.landing_seconds - taken, min(taken, self.limits.landing_seconds))
                self._sleep(max(left, pause))
            began = monotonic()
            pause = self._land(pause)
            taken = monotonic() - began
            if not self.waiting_count:
                self._arrived.wait(timeout=60.0)
                self._arrived.clear()
        if self._writer is not None:
            self._writer.join()
        end = monotonic() + self.limits.closing_seconds
        while self.waiting_count and monotonic() < end and not self._land(0.0):
            pass

    def _sleep(self, seconds: float) -> None:
        end = monotonic() + seconds
        while not self._stopping.is_set() and (left := end - monotonic()) > 0:
            if self.waiting_count >= self.limits.landing_events and seconds <= self.limits.landing_seconds:
                return
            self._stopping.wait(min(left, 0.05))

    def _land(self, pause: float) -> float:
        """Read what waits, and return how long to pause after a failure."""
        began, began_us = monotonic(), self.workspace.now_us
        try:
            acceptance = pipeline.land_arrivals(self.workspace)
            with self.workspace.arrivals.reading() as session:
                waiting, oldest_us = count_arrivals(session), find_oldest_arrival(session)
            if self._after_landing is not None:
                late_us = 0 if oldest_us is None else max(0, began_us - oldest_us)
                self._after_landing(began - late_us / 1e6)
        except Exception as error:  # noqa: BLE001 - what is durable stays; the thread must live to try again
            told = f"{error.code}: {error}" if isinstance(error, FusionError) else type(error).__name__
            _log.error("arrivals could not be read: %s", told)
            # Whoever asks whether the server is ready need not be staff: no path of the machine is told.
            self.trouble = error.message if isinstance(error, DamagedFileError) else told.split(":")[0]
            self.counters.landed["failed"] += 1
            return min(60.0, max(1.0, pause * 2))
        self.trouble = None
        with self._changed:
            self.waiting_count = waiting
        for name in ("accepted", "duplicates", "rejected", "unattributed"):
            self.counters.landed[name] += getattr(acceptance, name)
        return 0.0


def _answer_all(answers: Sequence[asyncio.Future[None]], refusal: CollectError | None) -> None:
    for answer in answers:
        if answer.done():
            continue
        if refusal is None:
            answer.set_result(None)
        else:
            answer.set_exception(refusal)
