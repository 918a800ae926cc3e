"""The desk: what every question of the read API is answered with, shared by all requests."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from time import monotonic

from starlette.requests import Request

from consumer_fusion.access.permissions import require_permission
from consumer_fusion.errors import NotFoundError
from consumer_fusion.events.entities import find_keys
from consumer_fusion.events.event_reader import find_canonical
from consumer_fusion.records.access import Caller, Permission
from consumer_fusion.records.audit import AuditEntry
from consumer_fusion.score.effective_points import put_points_in_force
from consumer_fusion.score.queries import answers
from consumer_fusion.score.queries.brand_visibility import find_consumer, look_as
from consumer_fusion.server.audit_buffer import AuditBuffer
from consumer_fusion.server.authentication import admit_caller
from consumer_fusion.server.cache import Cache, Version
from consumer_fusion.server.many_pairs import is_many
from consumer_fusion.server.percentile_cache import PercentileCache
from consumer_fusion.server.worker_pool import WorkerPool
from consumer_fusion.storage.store import Session
from consumer_fusion.surfaces.api.api_authentication import Authenticator
from consumer_fusion.surfaces.api.freshness import FreshnessBarrier
from consumer_fusion.surfaces.api.snapshots import Snapshot, take_snapshot
from consumer_fusion.workspace import Workspace

DRIFT_SECONDS = 10.0
"""Scores fade as time goes by; after so long what was computed for now is computed anew."""
LARGE_PATIENCE_SECONDS = 300.0
"""So old may a snapshot of many pairs be while a new one is made in the background; it says of which moment it is."""
NOT_KNOWN = NotFoundError(
    "This brand is not known here.", hint="`/api/v1/brands` lists those that you may see."
)


@dataclass(slots=True)
class RequestContext:
    """What questions are answered with.

    Attributes:
        workspace: The workspace.
        audit_buffer: Where looks go, to be put on record.
        admit: Tells who asks; by default the gate that stands before the API does.
        barrier: Lands what arrived before something is answered.
        cache: What was computed before, for all surfaces.
        workers: Where many pairs are read.
        percentiles: Where scores lie among those of their brand.
    """

    workspace: Workspace
    audit_buffer: AuditBuffer
    admit: Authenticator = admit_caller
    barrier: FreshnessBarrier = field(init=False)
    cache: Cache = field(init=False)
    workers: WorkerPool = field(init=False)
    percentiles: PercentileCache = field(init=False)

    def __post_init__(self) -> None:
        self.barrier = FreshnessBarrier(self.workspace)
        self.cache = Cache()
        self.workers = WorkerPool(self.workspace)
        self.percentiles = PercentileCache(self.workspace, self.workers, self.cache)

    def close(self) -> None:
        """End what runs in the background."""
        self.workers.close()
        self.cache.close()

    def open(self, request: Request, permission: Permission, brand: str | None = None) -> Caller:
        """Tell who asks, and refuse what they may not do; a brand is refused before it is looked for.

        Raises:
            AuthenticationError: Nobody who is known here.
            PermissionDeniedError: They may not.
        """
        caller = request.scope.setdefault("state", {})["caller"] = self.admit(self.workspace, request)
        require_permission(caller, permission, brand)
        return caller

    def find_fixed_moment(self, as_of: str | None) -> int | None:
        """The moment that a parameter names, or the usual one, where it stands still; None for now.

        Raises:
            InputError: It names none.
        """
        return answers.find_fixed_moment(self.workspace, answers.parse_as_of(as_of))

    def find_brands(self, session: Session, caller: Caller, brand: str | None) -> list[int] | None:
        """The numbers of the brands that are asked about and may be seen; None for all.

        Raises:
            NotFoundError: The brand is not known.
        """
        if brand is not None:
            found = list(find_keys(session, "brand", [brand]).values())
            if not found:
                raise NOT_KNOWN
            return found
        if caller.brands is None:
            return None
        return sorted(find_keys(session, "brand", sorted(caller.brands)).values())

    def find_consumers(self, session: Session, caller: Caller, consumer: str) -> list[int]:
        """The number of a consumer after merges, by a key or an identifier, as far as the caller's brands know them."""
        found = find_consumer(session, consumer, visibility=look_as(self.workspace, session, caller.brands))
        return [] if found is None else [find_canonical(session, found)]

    def recall_snapshot(
        self, brand_ids: Collection[int] | None, fixed_us: int | None, *, change_days: int | None = None,
        is_fresh: bool = False,
    ) -> Snapshot:  # fmt: skip
        """The scores of all pairs of brands, kept for a while; of many pairs also while something changes.

        Args:
            brand_ids: Of these brands; None for all.
            fixed_us: The moment asked about; None for now.
            change_days: Compare with so many days before.
            is_fresh: Whether nothing may be missing.
        """
        key = ("snapshot", None if brand_ids is None else tuple(sorted(brand_ids)), fixed_us, change_days)
        put_points_in_force(self.workspace)
        with self.workspace.store.reading() as session:
            version = self.find_version(session, fixed_us)
            is_aside = self.is_many(session, brand_ids)

        def compute() -> Snapshot:
            as_of_us = self.workspace.now_us if fixed_us is None else fixed_us
            return take_snapshot(
                self.workspace, as_of_us, brand_ids=brand_ids, change_days=change_days,
                workers=self.workers if is_aside else None,
            )  # fmt: skip

        patience = LARGE_PATIENCE_SECONDS if is_aside and not is_fresh else 0.0
        return self.cache.recall(key, version, compute, patience_seconds=patience)

    def find_version(self, session: Session, fixed_us: int | None = 0) -> Version:
        """What scores follow from.

        Args:
            session: A session.
            fixed_us: The moment that they are of; None for now, which moves on.
        """
        moving = (session.read_version("events"), session.read_version("segments"))
        drift = None if fixed_us is not None else int(monotonic() // DRIFT_SECONDS)
        return Version(session.read_version("rules"), (*moving, drift))

    def is_many(self, session: Session, brand_ids: Collection[int] | None = None) -> bool:
        """Whether the pairs of brands, or of all, are so many that they are read aside."""
        key = ("size", None if brand_ids is None else tuple(sorted(brand_ids)))
        minute = Version(None, int(monotonic() // 60))
        return self.cache.recall(key, minute, lambda: is_many(session, brand_ids))

    def note_look(
        self,
        caller: Caller,
        action: str,
        consumers: Collection[int],
        brand_ids: Collection[int] | None = None,
    ) -> None:
        """Remember that somebody looked at a consumer, for the audit."""
        brand_id = next(iter(brand_ids or ()), None)
        now_us = self.workspace.now_us
        self.audit_buffer.note_looks(
            AuditEntry(caller.actor, action, now_us, consumer_id=consumer_id, brand_id=brand_id)
            for consumer_id in consumers
        )

    def note_list(
        self, caller: Caller, action: str, brand_ids: Collection[int] | None, detail: dict[str, object]
    ) -> None:
        """Remember that somebody listed consumers of brands, for the audit; of all brands where none is named."""
        brand_id = next(iter(brand_ids)) if brand_ids is not None and len(brand_ids) == 1 else None
        self.audit_buffer.note_looks(
            [AuditEntry(caller.actor, action, self.workspace.now_us, brand_id=brand_id, detail=detail)]
        )
