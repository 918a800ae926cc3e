"""Live updates: score changes as server-sent events, kept alive, and resumed after a disconnect.

The id of an event is a position in the stored events, so that a client that reconnects with it (`Last-Event-ID`)
receives the changes since then, also from another process or after a restart. Where resuming is impossible, because
points, merges or files changed, one event `reload` says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request
from starlette.responses import Response

from consumer_fusion.errors import FusionError, ThrottledError
from consumer_fusion.events.entities import find_keys, name_entities
from consumer_fusion.events.event_reader import map_canonical
from consumer_fusion.records.access import Caller
from consumer_fusion.records.event import DERIVED_EVENTS, EVENTS
from consumer_fusion.records.timestamps import write_moment
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.model.score_arrays import score_states
from consumer_fusion.score.queries.score_queries import read_states
from consumer_fusion.score.queries.score_results import PairScore
from consumer_fusion.server.authentication import renew_session
from consumer_fusion.storage.store import RangeCondition, Session
from consumer_fusion.surfaces.api.parameters import KEY_LENGTH
from consumer_fusion.surfaces.api.request_context import RequestContext
from consumer_fusion.workspace import Workspace

KEEP_ALIVE_SECONDS = 15
CHECK_SECONDS = 15.0
"""Interval after which a listener's permission is checked again; it is also checked before every event."""
RETRY_MILLISECONDS = 3_000
LISTENER_LIMIT = 500
PAIR_LIMIT = 500
"""Above this number of changed pairs, clients are asked to reload."""
_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """Position in the stored events up to which a client is informed.

    Attributes:
        events: Sequence number of the last event.
        derived: Sequence number of the last derived event.
        basis: Versions of the scoring rules (points, merges, associations) and of the segments.
    """

    events: int
    derived: int
    basis: str

    def __str__(self) -> str:
        """The position as the id of a server-sent event."""
        return f"{self.events}-{self.derived}-{self.basis}"


@dataclass(frozen=True, slots=True)
class FeedFilter:
    """Filter of a client.

    Attributes:
        brand_ids: Brands; None for all.
        consumers: Consumers, after merges; None for all.
    """

    brand_ids: frozenset[int] | None
    consumers: frozenset[int] | None


def read_position(session: Session) -> FeedPosition:
    """The current position."""
    return FeedPosition(
        int(session.summarise(EVENTS, "sequence", "max") or 0),
        int(session.summarise(DERIVED_EVENTS, "sequence", "max") or 0),
        f"{session.read_version('rules')}.{session.read_version('segments')}",
    )


def parse_position(text: str | None) -> FeedPosition | None:
    """The position sent by a reconnecting client; None where it is invalid."""
    parts = (text or "").split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts[:2]):
        return None
    return FeedPosition(int(parts[0]), int(parts[1]), parts[2][:40])


def list_changes(
    workspace: Workspace, since: FeedPosition, until: FeedPosition, watch: FeedFilter
) -> list[PairScore] | None:
    """The changed scores of the watched pairs between two positions; None where there are too many."""
    force = put_points_in_force(workspace)
    with workspace.store.reading() as session:
        pairs = _list_pairs(session, since, until, watch)
        if not pairs:
            return []
        if len(pairs) > PAIR_LIMIT:
            return None
        as_of_us = workspace.now_us
        states = read_states(
            force.open(workspace, session),
            as_of_us,
            consumers={consumer for consumer, _ in pairs},
            brand_ids={brand for _, brand in pairs},
        )
        names = name_entities(session, sorted({number for pair in pairs for number in pair}))
    rows = score_states(states, force.points, force.kind_ids).to_pylist()
    return [
        PairScore.from_row(
            row,
            consumer=names[row["consumer_id"]],
            brand=names[row["brand_id"]],
            as_of=write_moment(as_of_us),
            percentile=None,
            percentile_as_of=None,
        )
        for row in rows
        if (row["consumer_id"], row["brand_id"]) in pairs
    ]


def _list_pairs(
    session: Session, since: FeedPosition, until: FeedPosition, watch: FeedFilter
) -> set[tuple[int, int]]:
    pairs: set[tuple[int, int]] = set()
    for table, above, at_most in (
        (EVENTS, since.events, until.events),
        (DERIVED_EVENTS, since.derived, until.derived),
    ):
        where: dict[str, Any] = {"sequence": RangeCondition(above=above, at_most=at_most)}
        if watch.brand_ids is not None:
            where["brand_id"] = sorted(watch.brand_ids) or [-1]
        rows = session.read(table, where, columns=("consumer_id", "brand_id"))
        pairs.update(zip(rows["consumer_id"].to_pylist(), rows["brand_id"].to_pylist()))
    known = {pair for pair in pairs if all(pair)}
    canonical = map_canonical(session, {consumer for consumer, _ in known})
    found = {(canonical[consumer], brand) for consumer, brand in known}
    return {pair for pair in found if watch.consumers is None or pair[0] in watch.consumers}


class Feed:
    """Notifies listeners of new events; polls only while there are listeners.

    Args:
        workspace: Workspace.
        poll_seconds: Polling interval.
    """

    def __init__(self, workspace: Workspace, poll_seconds: float = _POLL_SECONDS) -> None:
        self.workspace = workspace
        self.listeners = 0
        self._poll_seconds = poll_seconds
        self._position: FeedPosition | None = None
        self._looked = float("-inf")
        self._looking = asyncio.Lock()

    async def find_position(self) -> FeedPosition:
        """The position at the last poll."""
        async with self._looking:
            now = asyncio.get_running_loop().time()
            if self._position is None or now - self._looked >= self._poll_seconds:
                self._position = await run_sync(self._read)
                self._looked = now
            return self._position

    async def wait(self, known: FeedPosition, timeout_seconds: float) -> FeedPosition | None:
        """The next position that differs from the known one; None after the timeout."""
        end = asyncio.get_running_loop().time() + timeout_seconds
        while asyncio.get_running_loop().time() < end:
            position = await self.find_position()
            if position != known:
                return position
            await asyncio.sleep(self._poll_seconds)
        return None

    def _read(self) -> FeedPosition:
        with self.workspace.store.reading() as session:
            return read_position(session)


async def tell_changes(
    feed: Feed,
    watch: FeedFilter,
    start: FeedPosition | None,
    *,
    check: Callable[[], object] | None = None,
    wait_seconds: float = CHECK_SECONDS,
) -> AsyncIterator[ServerSentEvent]:
    """The server-sent events of one listener, until it disconnects or loses its permission.

    Args:
        feed: Source of new positions.
        watch: Filter of the client.
        start: Position to resume from.
        check: Raises once the client has lost its permission; called repeatedly.
        wait_seconds: Time without an event after which `check` is called.
    """
    known = start or await feed.find_position()
    # The first event gives a position to clients that disconnect before anything changes.
    yield ServerSentEvent(event="open", id=str(known), data="{}", retry=RETRY_MILLISECONDS)
    while True:
        position = await feed.wait(known, wait_seconds)
        if check is not None:
            try:
                await run_sync(check)
            except FusionError:
                return
        if position is None:
            continue
        changes: list[PairScore] | None = None
        if (
            position.basis == known.basis
            and position.events >= known.events
            and position.derived >= known.derived
        ):
            changes = await run_sync(list_changes, feed.workspace, known, position, watch)
        if changes is None:
            yield ServerSentEvent(event="reload", id=str(position), data="{}")
        for each in changes or ():
            yield ServerSentEvent(event="score", id=str(position), data=each.model_dump_json())
        known = position


def build_live_routes(request_context: RequestContext, feed: Feed) -> APIRouter:
    """The route `/live`."""
    routes = APIRouter(tags=["live"])

    # A schema of an endless response is of no use to clients.
    @routes.get("/live", include_in_schema=False)
    async def listen(
        request: Request,
        brand: Annotated[list[str] | None, Query(max_length=50)] = None,
        consumer: Annotated[str | None, Query(min_length=1, max_length=KEY_LENGTH)] = None,
    ) -> Response:
        """Score changes of brands, or of one consumer, as they happen."""

        def admit() -> Caller:
            caller = request_context.open(request, "view")
            for each in brand or ():
                request_context.open(request, "view", each)
            return caller

        def admit_again() -> Caller:
            renew_session(request)
            return admit()

        def open_watch() -> FeedFilter:
            caller = admit()
            with request_context.workspace.store.reading() as session:
                numbers: Collection[int] | None
                if brand:
                    numbers = find_keys(session, "brand", brand).values()
                else:
                    numbers = request_context.find_brands(session, caller, None)
                consumers = (
                    None if consumer is None else request_context.find_consumers(session, caller, consumer)
                )
            if consumers is None:
                request_context.note_list(caller, "stream changes", numbers, {"route": "/live"})
            else:
                request_context.note_view(caller, "stream changes", consumers)
            return FeedFilter(
                None if numbers is None else frozenset(numbers),
                None if consumers is None else frozenset(consumers),
            )

        if feed.listeners >= LISTENER_LIMIT:
            raise ThrottledError(
                f"The limit of {LISTENER_LIMIT} listeners is reached.",
                hint="Close pages that are not in use.",
                retry_after_s=30,
            )
        watch = await run_sync(open_watch)
        start = parse_position(request.headers.get("last-event-id"))

        async def listen_and_leave() -> AsyncIterator[ServerSentEvent]:
            feed.listeners += 1
            try:
                async for each in tell_changes(
                    feed, watch, start, check=admit_again, wait_seconds=CHECK_SECONDS
                ):
                    yield each
            finally:
                feed.listeners -= 1

        return EventSourceResponse(
            listen_and_leave(), ping=KEEP_ALIVE_SECONDS, headers={"X-Accel-Buffering": "no"}
        )

    return routes
