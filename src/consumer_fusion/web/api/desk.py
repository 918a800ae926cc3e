"""The desk: what every question of the read API is answered with, shared by all requests."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from starlette.requests import Request

from consumer_fusion import access, answers, ingest, score
from consumer_fusion.access import Caller, Permission
from consumer_fusion.answers import Moment
from consumer_fusion.errors import NotFoundError
from consumer_fusion.kit.moments import parse_moment
from consumer_fusion.points_in_force import put_points_in_force
from consumer_fusion.records.audit import AuditEntry
from consumer_fusion.stores import Session
from consumer_fusion.web.api.admission import Admission
from consumer_fusion.web.api.freshness import ArrivalGate
from consumer_fusion.web.api.memory import Memory
from consumer_fusion.web.api.snapshots import Snapshot, read_version, take_snapshot
from consumer_fusion.web.session import admit_caller
from consumer_fusion.web.trail import Trail
from consumer_fusion.workspace import Workspace

KEPT_ROWS = 2_500_000
"""So many rows of snapshots are kept in memory, about 150 bytes each."""
LARGE_ROWS = 20_000
"""Snapshots of more rows may be as old as `LARGE_PATIENCE_SECONDS`; they say of which moment they are."""
LARGE_PATIENCE_SECONDS = 60.0
PERCENTILE_SECONDS = 300.0
"""For so long the place of a score in its brand is told from the same snapshot, whatever changed."""
PERCENTILE_PATIENCE_SECONDS = 3600.0
"""So old that snapshot may be while a new one is made in the background."""
NOT_KNOWN = NotFoundError(
    "This brand is not known here.", hint="`/api/v1/brands` lists those that you may see."
)


@dataclass(slots=True)
class Desk:
    """What questions are answered with.

    Attributes:
        workspace: The workspace.
        trail: Where looks go, to be put on record.
        admit: Tells who asks; by default the gate that stands before the API does.
        gate: Lands what arrived before something is answered.
        memory: What was computed before.
    """

    workspace: Workspace
    trail: Trail
    admit: Admission = admit_caller
    gate: ArrivalGate = field(init=False)
    memory: Memory = field(init=False)

    def __post_init__(self) -> None:
        self.gate = ArrivalGate(self.workspace)
        self.memory = Memory(KEPT_ROWS)

    def close(self) -> None:
        """End what runs in the background."""
        self.memory.close()

    def open(self, request: Request, permission: Permission, brand: str | None = None) -> Caller:
        """Tell who asks, and refuse what they may not do; a brand is refused before it is looked for.

        Raises:
            AuthenticationError: Nobody who is known here.
            PermissionDeniedError: They may not.
        """
        caller = self.admit(self.workspace, request)
        access.require_permission(caller, permission, brand)
        return caller

    def read_moment(self, as_of: str | None) -> Moment:
        """The moment that a parameter names.

        Raises:
            InputError: It names none.
        """
        if as_of is None or as_of == "latest":
            return "latest" if as_of else None
        return parse_moment(as_of)

    def find_brands(self, session: Session, caller: Caller, brand: str | None) -> list[int] | None:
        """The numbers of the brands that are asked about and may be seen; None for all.

        Raises:
            NotFoundError: The brand is not known.
        """
        if brand is not None:
            found = list(ingest.find_keys(session, "brand", [brand]).values())
            if not found:
                raise NOT_KNOWN
            return found
        if caller.brands is None:
            return None
        return sorted(ingest.find_keys(session, "brand", sorted(caller.brands)).values())

    def find_consumers(self, session: Session, consumer: str) -> list[int]:
        """The number of a consumer after merges; empty where there is none."""
        found = ingest.find_keys(session, "consumer", [consumer])
        return [score.find_canonical(session, number) for number in found.values()]

    def recall_snapshot(
        self, brand_ids: Collection[int] | None, as_of: Moment, *, change_days: int | None = None,
        patience_seconds: float | None = None, good_seconds: float = 0.0, is_fresh: bool = False,
    ) -> Snapshot:  # fmt: skip
        """The scores of all pairs of brands, kept for a while.

        Args:
            brand_ids: Of these brands; None for all.
            as_of: The moment asked about.
            change_days: Compare with so many days before.
            patience_seconds: How old it may be although something changed; None for what suits its size.
            good_seconds: For so long it is taken as it is, whatever changed.
            is_fresh: Whether nothing may be missing.
        """
        moment = None if as_of is None else answers.resolve_as_of(self.workspace, as_of)
        key = ("snapshot", None if brand_ids is None else tuple(sorted(brand_ids)), moment, change_days)
        good = self.memory.find_good(key, 0.0 if is_fresh else good_seconds)
        if isinstance(good, Snapshot):
            return good
        put_points_in_force(self.workspace)
        with self.workspace.store.reading() as session:
            version = read_version(session)

        def compute() -> Snapshot:
            as_of_us = self.workspace.now_us if moment is None else moment
            return take_snapshot(self.workspace, as_of_us, brand_ids=brand_ids, change_days=change_days)

        if patience_seconds is None:
            # Whether it is a large one shows only once there is one.
            before = self.memory.peek(key)
            is_large = isinstance(before, Snapshot) and before.rows.num_rows > LARGE_ROWS
            patience_seconds = LARGE_PATIENCE_SECONDS if is_large else 0.0
        return self.memory.recall(
            key, version, compute, weigh=lambda made: made.weight, is_fixed=moment is not None,
            patience_seconds=0.0 if is_fresh else patience_seconds,
        )  # fmt: skip

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
        self.trail.note_looks(
            AuditEntry(caller.actor, action, now_us, consumer_id=consumer_id, brand_id=brand_id)
            for consumer_id in consumers
        )
