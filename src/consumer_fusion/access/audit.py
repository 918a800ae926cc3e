"""The audit log: who viewed or changed what; rows are only ever added, never changed.

Each row contains a hash over itself and the previous row, and the store keeps the hash of the newest one, so changed,
deleted or truncated rows are detected. A change is audited in its own transaction. Erasing a consumer clears the
details of their rows; the salted hash of the details stays, so the chain remains intact.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from consumer_fusion.events.entities import find_keys
from consumer_fusion.records.audit import AUDIT_ENTRIES, Actor, AuditEntry, AuditNote
from consumer_fusion.storage.store import RangeCondition, Session, Where
from consumer_fusion.workspace import Workspace

HEAD_MARK = "audit_head"
_COLUMNS = tuple(name for name in AUDIT_ENTRIES.column_names if name != "audit_id")
_CHAINED = (
    "at_us", "actor_type", "actor_id", "action", "object_id", "consumer_id", "brand_id", "detail_digest",
)  # fmt: skip


def append_audit(session: Session, entries: Iterable[AuditEntry]) -> int:
    """Append entries to the audit log, in order.

    Args:
        session: Writing session; for a change, that of the change itself.
        entries: Entries.

    Returns:
        Number of entries.
    """
    before = head = session.read_mark(HEAD_MARK) or ""
    rows: list[tuple[Any, ...]] = []
    for entry in entries:
        detail = json.dumps(entry.detail, ensure_ascii=False, sort_keys=True, default=str)
        salt = secrets.token_hex(16)
        values: dict[str, Any] = {
            "at_us": entry.at_us,
            "actor_type": entry.actor.type,
            "actor_id": entry.actor.id,
            "action": entry.action,
            "object_id": entry.object_id,
            "consumer_id": entry.consumer_id,
            "brand_id": entry.brand_id,
            "detail": detail,
            "salt": salt,
            "detail_digest": _digest_detail(salt, detail),
        }
        head = values["chain_digest"] = _digest_row(head, values)
        rows.append(tuple(values[name] for name in _COLUMNS))
    if rows and head != before:
        session.insert(AUDIT_ENTRIES, _COLUMNS, rows)
        session.write_mark(HEAD_MARK, head)
    return len(rows)


def audit_changes(workspace: Workspace, actor: Actor, describe: Callable[[Session], AuditNote]) -> Workspace:
    """A workspace whose next change is audited in its own transaction.

    Args:
        workspace: Workspace.
        actor: Actor of the change.
        describe: Function that returns the audit note, called after the change and just before the commit.
    """
    is_written = False

    def write(session: Session) -> None:
        # A change in several transactions is audited in the first of them.
        nonlocal is_written
        if not is_written:
            append_audit(session, [make_entry(session, actor, describe(session), workspace.now_us)])
            is_written = True

    return replace(workspace, on_change=write)


def make_entry(session: Session, actor: Actor, note: AuditNote, now_us: int) -> AuditEntry:
    """An audit entry from a note."""
    consumers = find_keys(session, "consumer", [note.consumer] if note.consumer else [])
    brands = find_keys(session, "brand", [note.brand] if note.brand else [])
    return AuditEntry(
        actor,
        note.action,
        now_us,
        object_id=note.object_id,
        consumer_id=consumers.get(note.consumer or ""),
        brand_id=brands.get(note.brand or ""),
        detail=dict(note.detail),
    )


def read_audit(
    session: Session, *, actor_id: str | None = None, consumer_id: int | None = None, brand_id: int | None = None,
    object_id: str | None = None, before_id: int | None = None, limit: int = 100,
) -> list[AuditEntry]:  # fmt: skip
    """Entries of the audit log, newest first.

    Args:
        session: Session.
        actor_id: Only of this account or token.
        consumer_id: Only about this consumer.
        brand_id: Only about this brand.
        object_id: Only about this object.
        before_id: Only entries with a smaller id, for paging.
        limit: Maximum number of entries.
    """
    wanted = {
        "actor_id": actor_id, "consumer_id": consumer_id, "brand_id": brand_id, "object_id": object_id,
    }  # fmt: skip
    where: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
    if before_id is not None:
        where["audit_id"] = RangeCondition(at_most=before_id - 1)
    rows = session.read(AUDIT_ENTRIES, where, order_by=("audit_id desc",), limit=limit).to_pylist()
    return [
        AuditEntry(
            actor=Actor(row["actor_type"], row["actor_id"]),
            action=row["action"],
            at_us=row["at_us"],
            object_id=row["object_id"],
            consumer_id=row["consumer_id"],
            brand_id=row["brand_id"],
            # Erasure leaves the details empty.
            detail=json.loads(row["detail"]) if row["detail"] else {},
            audit_id=row["audit_id"],
        )
        for row in rows
    ]


def find_broken_audit(session: Session) -> list[int]:
    """Ids of the rows at which the log was tampered with; empty when it is intact.

    The id after the newest row stands for rows deleted at the end.
    """
    broken: list[int] = []
    head, last, where = "", 0, None
    while rows := session.read(AUDIT_ENTRIES, where, order_by=("audit_id",), limit=10_000).to_pylist():
        for row in rows:
            is_intact = row["chain_digest"] == _digest_row(head, row)
            # Erased details have lost their salt too; all others must still match their hash.
            if row["salt"] or row["detail"]:
                is_intact = is_intact and row["detail_digest"] == _digest_detail(row["salt"], row["detail"])
            if not is_intact:
                broken.append(row["audit_id"])
            head, last = row["chain_digest"], row["audit_id"]
        where = _after(last)
    if head != (session.read_mark(HEAD_MARK) or ""):
        broken.append(last + 1)
    return broken


def _after(audit_id: int) -> Where:
    return {"audit_id": RangeCondition(above=audit_id)}


def _digest_detail(salt: str, detail: str) -> str:
    return hashlib.sha256(f"{salt}:{detail}".encode()).hexdigest()


def _digest_row(before: str, row: Mapping[str, Any]) -> str:
    text = json.dumps([before, *(row[name] for name in _CHAINED)], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
