"""The request context of the read API: workspace, cache, workers and brands, shared by all requests."""

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
from consumer_fusion.score.queries import answers
from consumer_fusion.score.queries.brand_visibility import find_consumer, find_visibility_by_name
from consumer_fusion.score.states.brand_snapshots import BrandSnapshot
from consumer_fusion.server.audit_buffer import AuditBuffer
from consumer_fusion.server.authentication import admit_caller
from consumer_fusion.server.brand_cache import DRIFT_SECONDS, BrandCache
from consumer_fusion.server.cache import Cache, Version
from consumer_fusion.server.many_pairs import is_many
from consumer_fusion.server.worker_pool import WorkerPool
from consumer_fusion.storage.store import Session
from consumer_fusion.surfaces.api.api_authentication import Authenticator
from consumer_fusion.surfaces.api.freshness import FreshnessBarrier
from consumer_fusion.workspace import Workspace

LARGE_PATIENCE_SECONDS = 300.0
"""Maximum staleness of results over many pairs while new ones are computed."""
LIST_PATIENCE_SECONDS = 60.0
"""The same for the order of lists, whose rows are of now."""
NOT_KNOWN = NotFoundError(
    "This brand is not known here.", hint="`/api/v1/brands` lists those that you may see."
)


@dataclass(slots=True)
class RequestContext:
    """Shared objects that serve the requests.

    Attributes:
        workspace: Workspace.
        audit_buffer: Buffer of the audit log for views.
        admit: Authenticator of callers; by default the server's session middleware and tokens.
        barrier: Lands arrivals before a read.
        cache: Cache of results, for all surfaces.
        workers: Worker processes that read many pairs.
        brands: Scores of all pairs of brands.
    """

    workspace: Workspace
    audit_buffer: AuditBuffer
    admit: Authenticator = admit_caller
    barrier: FreshnessBarrier = field(init=False)
    cache: Cache = field(init=False)
    workers: WorkerPool = field(init=False)
    brands: BrandCache = field(init=False)

    def __post_init__(self) -> None:
        self.barrier = FreshnessBarrier(self.workspace)
        self.cache = Cache()
        self.workers = WorkerPool(self.workspace)
        self.brands = BrandCache(self.workspace, self.workers, self.cache)

    def close(self) -> None:
        """Stop the background threads and worker processes."""
        self.workers.close()
        self.cache.close()

    def open(self, request: Request, permission: Permission, brand: str | None = None) -> Caller:
        """Authenticate the caller and check a permission; a brand is refused before it is looked up.

        Raises:
            AuthenticationError: The request is unauthenticated.
            PermissionDeniedError: The caller lacks the permission.
        """
        caller = request.scope.setdefault("state", {})["caller"] = self.admit(self.workspace, request)
        require_permission(caller, permission, brand)
        return caller

    def find_fixed_moment(self, as_of: str | None) -> int | None:
        """The as-of time in microseconds, given or by default; None for now.

        Raises:
            InputError: The parameter is not a valid time.
        """
        return answers.find_fixed_moment(self.workspace, answers.parse_as_of(as_of))

    def find_brands(self, session: Session, caller: Caller, brand: str | None) -> list[int] | None:
        """The ids of the requested brands that the caller may see; None for all.

        Raises:
            NotFoundError: The brand is unknown.
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
        """The id of a consumer after merges, by a key or identifier known to the caller's brands; empty if unknown."""
        found = find_consumer(
            session, consumer, visibility=find_visibility_by_name(self.workspace, session, caller.brands)
        )
        return [] if found is None else [find_canonical(session, found)]

    def recall_scores(
        self, brand_ids: Collection[int] | None, fixed_us: int | None, *, change_days: int | None,
        begun_us: int | None = None, is_fresh: bool = False,
    ) -> list[BrandSnapshot]:  # fmt: skip
        """The scores of all pairs of brands, cached; those of many pairs may be stale while they are read again.

        Args:
            brand_ids: Brands; None for all.
            fixed_us: As-of time, in microseconds since the epoch; None for now.
            change_days: Number of days over which changes are computed; None where they are not needed.
            begun_us: As-of time of the page before, see `BrandCache.find_all`.
            is_fresh: Whether stale scores are not acceptable.
        """
        with self.workspace.store.reading() as session:
            is_large = self.is_many(session, brand_ids)
        return self.brands.find_all(
            brand_ids, fixed_us, change_days=change_days, begun_us=begun_us, is_large=is_large,
            patience_seconds=LIST_PATIENCE_SECONDS if is_large and not is_fresh else 0.0,
        )  # fmt: skip

    def find_version(self, session: Session, fixed_us: int | None = 0) -> Version:
        """Version of the data that scores depend on.

        Args:
            session: Session.
            fixed_us: As-of time, in microseconds since the epoch; None for now, which moves with the clock.
        """
        moving = (session.read_version("events"), session.read_version("segments"))
        drift = None if fixed_us is not None else int(monotonic() // DRIFT_SECONDS)
        return Version(session.read_version("rules"), (*moving, drift))

    def is_many(self, session: Session, brand_ids: Collection[int] | None = None) -> bool:
        """Whether brands, or the workspace, are large enough that their pairs are read in a worker process."""
        key = ("size", None if brand_ids is None else tuple(sorted(brand_ids)))
        minute = Version(None, int(monotonic() // 60))
        return self.cache.recall(key, minute, lambda: is_many(session, brand_ids))

    def note_view(
        self,
        caller: Caller,
        action: str,
        consumers: Collection[int],
        brand_ids: Collection[int] | None = None,
    ) -> None:
        """Audit that the caller viewed consumers."""
        brand_id = next(iter(brand_ids or ()), None)
        now_us = self.workspace.now_us
        self.audit_buffer.note_looks(
            AuditEntry(caller.actor, action, now_us, consumer_id=consumer_id, brand_id=brand_id)
            for consumer_id in consumers
        )

    def note_list(
        self, caller: Caller, action: str, brand_ids: Collection[int] | None, detail: dict[str, object]
    ) -> None:
        """Audit that the caller listed consumers of brands; of all brands where none is given."""
        brand_id = next(iter(brand_ids)) if brand_ids is not None and len(brand_ids) == 1 else None
        self.audit_buffer.note_looks(
            [AuditEntry(caller.actor, action, self.workspace.now_us, brand_id=brand_id, detail=detail)]
        )
