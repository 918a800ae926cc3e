"""What people declare about who is who: merges, and what follows from them; each settles at once.

A declaration changes what follows from events on record, so it runs in one transaction with the folding.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa

from consumer_fusion.errors import NotFoundError
from consumer_fusion.events.entities import find_keys, name_entities
from consumer_fusion.events.landing import Consequences
from consumer_fusion.identity import linkage, overview, review
from consumer_fusion.identity.identifiers import mask_consumer_key
from consumer_fusion.identity.linkage import DEFAULT_THRESHOLD
from consumer_fusion.identity.lookup import find_consumer
from consumer_fusion.identity.merges import Regrouping, merge_consumers, undo_merge
from consumer_fusion.identity.overview import Identity, Sight
from consumer_fusion.identity.people import read_people
from consumer_fusion.identity.review import AcceptedSuggestions
from consumer_fusion.records.characters import check_name
from consumer_fusion.records.identity import MERGES, Merge, MergeOrigin
from consumer_fusion.records.ids import make_id
from consumer_fusion.records.timestamps import write_moment
from consumer_fusion.score.effective_points import begin_change
from consumer_fusion.score.fold.derive_and_fold import settle
from consumer_fusion.score.queries.acquaintance import look_with
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace


def merge(
    workspace: Workspace, kept: str, absorbed: str, *, reason: str, origin: MergeOrigin = "staff",
    merge_id: str | None = None,
) -> str:  # fmt: skip
    """Join two consumers who are one person; the scores follow at once.

    Returns:
        The id of the merge, by which it can be undone.

    Raises:
        NotFoundError: One of them is not known.
        ConflictError: They are one already.
    """
    merge_id = check_name("The id of a merge", merge_id or make_id())
    with begin_change(workspace) as (session, force):
        kept_id, absorbed_id = _find_consumer(session, kept), _find_consumer(session, absorbed)
        regrouped = merge_consumers(
            session,
            kept_id,
            absorbed_id,
            reason=reason,
            origin=origin,
            made_us=workspace.now_us,
            merge_id=merge_id,
        )
        settle(workspace, session, force.points, force.kind_ids, _regroup(regrouped))
    return merge_id


def undo(workspace: Workspace, merge_id: str) -> None:
    """Undo a merge; both consumers have exactly the scores that they would have without it.

    Raises:
        NotFoundError: There is no such merge.
        ConflictError: It was undone already.
    """
    with begin_change(workspace) as (session, force):
        regrouped = undo_merge(session, merge_id, workspace.now_us)
        settle(workspace, session, force.points, force.kind_ids, _regroup(regrouped))


def suggest_merges(people: Path, *, threshold: float = DEFAULT_THRESHOLD) -> pa.Table:
    """Pairs of person records that are probably of one person; nothing is merged.

    Args:
        people: A .csv or .parquet of person records.
        threshold: From which probability on a pair is suggested.

    Returns:
        first, second, probability, match_weight, reasons.

    Raises:
        InputError: The file or the threshold is not as it should be.
        RefusedError: The records agree too little to learn anything from.
        MissingExtraError: Splink is not installed.
    """
    return linkage.suggest_merges(read_people(people), threshold=threshold)


def accept_suggestions(workspace: Workspace, suggestions: pa.Table) -> AcceptedSuggestions:
    """Merge the consumers of suggestions that were reviewed; the scores follow at once.

    Args:
        workspace: The workspace.
        suggestions: Rows of `suggest_merges`, whose ids are the keys of consumers.
    """
    with begin_change(workspace) as (session, force):
        keys = {*suggestions["first"].to_pylist(), *suggestions["second"].to_pylist()}
        accepted = review.accept_suggestions(
            session,
            suggestions,
            consumer_ids=find_keys(session, "consumer", sorted(keys)),
            made_us=workspace.now_us,
        )
        settle(workspace, session, force.points, force.kind_ids, _regroup(accepted.regrouped))
    return accepted


def _regroup(regrouped: Regrouping) -> Consequences:
    landing = Consequences()
    for member, groups in regrouped.items():
        landing.refold_members.add(member)
        landing.refold_consumers.update(groups)
    return landing


def _find_consumer(session: Session, key: str, sight: Sight | None = None) -> int:
    found = find_consumer(session, key, sight=sight)
    if found is None:
        raise _tell_unknown(key)
    return found


def _tell_unknown(key: str) -> NotFoundError:
    return NotFoundError(
        f"The consumer {mask_consumer_key(key)} is not known here.",
        hint="`fusion score` lists the consumers that have events.",
    )


def show_identity(workspace: Workspace, consumer: str, *, brands: Collection[str] | None = None) -> Identity:
    """What a consumer is known by, and the merges that made them who they are.

    Args:
        workspace: The workspace.
        consumer: Key of the consumer.
        brands: As far as these brands know them; None for all.

    Raises:
        NotFoundError: The consumer is not known, or not to these brands.
    """
    with workspace.store.reading() as session:
        if brands is None:
            return overview.show_identity(session, _find_consumer(session, consumer))
        sight = _look_with(workspace, session, brands)
        number = _find_consumer(session, consumer, sight)
        if number not in sight.find_acquainted([number]):
            raise _tell_unknown(consumer)
        return overview.show_identity(session, number, sight)


def require_acquainted(workspace: Workspace, consumer: str, brands: Collection[str] | None) -> None:
    """Refuse a consumer whom none of the brands knows, in the same words as one whom nobody knows.

    Raises:
        NotFoundError: They do not know the consumer.
    """
    if brands is None:
        return
    with workspace.store.reading() as session:
        sight = _look_with(workspace, session, brands)
        number = _find_consumer(session, consumer, sight)
        if number not in sight.find_acquainted([number]):
            raise _tell_unknown(consumer)


def list_merges(
    workspace: Workspace, limit: int, *, brands: Collection[str] | None = None
) -> tuple[tuple[Merge, ...], int]:
    """Merges, the newest first, and how many there are to be seen.

    Args:
        workspace: The workspace.
        limit: At most so many.
        brands: Only those of two whom these brands know; None for all.
    """
    order = ("made_us desc", "merge_id")
    with workspace.store.reading() as session:
        if brands is None:
            rows = session.read(MERGES, order_by=order, limit=limit).to_pylist()
            count = session.count(MERGES)
        else:
            rows = session.read(MERGES, order_by=order).to_pylist()
            ends = {row[side] for row in rows for side in ("kept_consumer_id", "absorbed_consumer_id")}
            known = set(_look_with(workspace, session, brands).find_acquainted(ends))
            rows = [row for row in rows if {row["kept_consumer_id"], row["absorbed_consumer_id"]} <= known]
            count = len(rows)
            rows = rows[:limit]
        names = name_entities(
            session, [row[side] for row in rows for side in ("kept_consumer_id", "absorbed_consumer_id")]
        )
    merges = tuple(
        Merge(
            row["merge_id"], names[row["kept_consumer_id"]], names[row["absorbed_consumer_id"]], row["reason"],
            row["origin"], write_moment(row["made_us"]),
            None if row["undone_us"] is None else write_moment(row["undone_us"]),
        )
        for row in rows
    )  # fmt: skip
    return merges, count


def _look_with(workspace: Workspace, session: Session, brands: Collection[str]) -> Sight:
    return look_with(workspace, session, find_keys(session, "brand", sorted(brands)).values())
