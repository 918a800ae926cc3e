"""Execution: an operation is run for a caller, with its permission check and its audit entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from consumer_fusion.access.audit import append_audit
from consumer_fusion.access.permissions import require_permission
from consumer_fusion.events.entities import find_keys
from consumer_fusion.operations import Context, Operation, Query
from consumer_fusion.records.access import Caller
from consumer_fusion.records.audit import AuditEntry
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace


def execute(
    query: Query, workspace: Workspace, caller: Caller, parameters: BaseModel,
    *, detail: Mapping[str, object] | None = None,
) -> Any:  # fmt: skip
    """Answer a query or carry out an operation.

    Args:
        query: What is asked or done.
        workspace: The workspace.
        caller: Who asks.
        parameters: Of the query's own model.
        detail: What the surface adds to the audit entry, such as the account of the machine.

    Returns:
        The result, of the query's own model, or a list of them.

    Raises:
        PermissionDeniedError: The caller may not.
    """
    require_permission(caller, query.needs, getattr(parameters, "brand", None))
    if not isinstance(query, Operation):
        return query.run(Context(workspace, caller), parameters)
    context = Context(workspace, caller)
    is_written = False

    def write(session: Session) -> None:
        # A change in several transactions is on record with the first of them.
        nonlocal is_written
        if is_written:
            return
        is_written = True
        about = context.about
        consumer, brand = about.get("consumer"), about.get("brand")
        append_audit(
            session,
            [
                AuditEntry(
                    caller.actor,
                    query.audit,
                    workspace.now_us,
                    object_id=about.get("object_id"),
                    consumer_id=find_keys(session, "consumer", [consumer]).get(consumer)
                    if consumer
                    else None,
                    brand_id=find_keys(session, "brand", [brand]).get(brand) if brand else None,
                    detail={**about.get("detail", {}), **(detail or {})},
                )
            ],
        )

    context.workspace = replace(workspace, on_change=write)
    result = query.run(context, parameters)
    assert is_written, f"the operation '{query.name}' left no audit entry"
    return result
