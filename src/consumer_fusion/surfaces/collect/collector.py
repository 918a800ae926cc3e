"""The collector: makes arriving events durable in groups, and lands them about once a second.

One thread writes: everything that arrives during a commit is in the next commit, so that one flush to disk serves all
waiting requests without a timer. Another thread lands durable events through the pipeline. Neither runs a query
before a request is answered.
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
    """Limits of the collector.

    Attributes:
        queued_events: Maximum number of events that are not durable yet; beyond it requests get 429.
        queued_characters: The same, by the total length of their lines.
        waiting_events: Maximum number of durable events that have not landed yet; beyond it requests get 429.
        group_events: Approximate maximum number of events per commit.
        landing_seconds: Landing interval.
        landing_events: Number of waiting events that starts a landing at once.
        closing_seconds: Maximum time for landing at shutdown; the rest is landed at the next start.
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
    count: int
    size: int
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[None]


class Collector:
    """Accepts the arrivals of one workspace; call `start` before and `stop` after.

    Args:
        workspace: Workspace.
        limits: Limits.
        counters: Counters to update.
        after_landing: Called after each landing with a time (`time.monotonic`) before which everything has landed.
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
        """Reason why the last landing failed; None where it succeeded."""
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
        """Start the threads; events left by an earlier run are landed first."""
        with self.workspace.arrivals.reading() as session:
            self.waiting_count = count_arrivals(session)
        self._stopping.clear()
        self._writer = threading.Thread(target=self._write_groups, name="arrivals-writer", daemon=True)
        self._lander = threading.Thread(target=self._land_regularly, name="arrivals-lander", daemon=True)
        self._writer.start()
        self._lander.start()

    def stop(self) -> None:
        """Write queued events, land waiting ones, and end the threads."""
        with self._changed:
            self._stopping.set()
            self._changed.notify_all()
        self._arrived.set()
        for thread in (self._writer, self._lander):
            if thread is not None:
                thread.join()

    @property
    def is_alive(self) -> bool:
        """Whether both threads are running."""
        return all(thread is not None and thread.is_alive() for thread in (self._writer, self._lander))

    def list_problems(self) -> list[str]:
        """Current problems that prevent events from becoming durable or from landing."""
        problems = [] if self.is_alive else ["the threads that store and land arrivals are not running"]
        return problems if self.trouble is None else [*problems, f"arrivals are waiting: {self.trouble}"]

    async def keep(self, arrivals: Sequence[Arrival]) -> int:
        """Make arrivals durable; returns the number of their events once they are.

        Raises:
            CollectError: A limit is exceeded, or the write failed; none of these arrivals were stored.
        """
        if not arrivals:
            return 0
        loop = asyncio.get_running_loop()
        count, size = 0, 0
        for each in arrivals:
            count += each.event_count
            size += len(each.lines)
        delivery = _Delivery(arrivals, count, size, loop, loop.create_future())
        with self._changed:
            self._check_room()
            self._queue.append(delivery)
            self._queued_events += count
            self._queued_characters += size
            self._changed.notify()
        # If the sender disconnects while waiting, the write still completes: nobody else needs the answer.
        await delivery.answer
        return count

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
                "Too many events are waiting to be processed. Send them again later.",
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
            count += delivery.count
        return group

    def _write_group(self, group: Sequence[_Delivery]) -> None:
        count = sum(delivery.count for delivery in group)
        refusal: CollectError | None = None
        try:
            with self.workspace.arrivals.writing(wait_seconds=30.0) as session:
                append_arrivals(session, (each for delivery in group for each in delivery.arrivals))
        except Exception as error:  # noqa: BLE001 - in any case waiting requests must be answered, and truthfully
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
            except RuntimeError:  # the loop has ended, and with it the waiting requests
                continue
        self._arrived.set()

    def _land_regularly(self) -> None:
        pause, taken = 0.0, 0.0
        while not self._stopping.is_set():
            if self.waiting_count < self.limits.landing_events or pause:
                # Measured from start to start; on a busy machine at least half of the time is left to other work.
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
        """Land waiting arrivals, and return how long to pause after a failure."""
        began, began_us = monotonic(), self.workspace.now_us
        try:
            acceptance = pipeline.land_arrivals(self.workspace)
            with self.workspace.arrivals.reading() as session:
                waiting, oldest_us = count_arrivals(session), find_oldest_arrival(session)
            if self._after_landing is not None:
                late_us = 0 if oldest_us is None else max(0, began_us - oldest_us)
                self._after_landing(began - late_us / 1e6)
        except Exception as error:  # noqa: BLE001 - durable events are kept; the thread must survive to retry
            reason = f"{error.code}: {error}" if isinstance(error, FusionError) else type(error).__name__
            _log.error("arrivals could not be read: %s", reason)
            # The readiness endpoint is public: no path of the machine is shown.
            self.trouble = error.message if isinstance(error, DamagedFileError) else reason.split(":")[0]
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
