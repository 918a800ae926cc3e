"""Execution of operations for a caller, with permission check and audit entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from consumer_fusion.access.audit import audit_changes
from consumer_fusion.access.permissions import require_permission
from consumer_fusion.operations import Context, Operation, Query
from consumer_fusion.records.access import Caller
from consumer_fusion.records.audit import AuditNote
from consumer_fusion.storage.store import Session
from consumer_fusion.workspace import Workspace


def execute(
    query: Query, workspace: Workspace, caller: Caller, parameters: BaseModel,
    *, detail: Mapping[str, object] | None = None, site: str = "",
    progress: Callable[[str, int, int | None], None] | None = None,
) -> Any:  # fmt: skip
    """Run a query or an operation.

    Args:
        query: Query or operation.
        workspace: Workspace.
        caller: Caller.
        parameters: Parameters, of the query's own model.
        detail: Details that the surface adds to the audit entry, such as the user account of the machine.
        site: Origin of the console, for links that are sent to people; empty where the surface does not know it.
        progress: Callback for progress.

    Returns:
        The result, of the query's own model, or a list of them.

    Raises:
        PermissionDeniedError: The caller lacks the permission.
    """
    require_permission(caller, query.needs, getattr(parameters, "brand", None))
    context = Context(workspace, caller, site=site)
    if progress is not None:
        context.progress = progress
    if not isinstance(query, Operation):
        return query.run(context, parameters)
    is_written = False

    def describe(_: Session) -> AuditNote:
        nonlocal is_written
        is_written = True
        about = context.about
        return AuditNote(query.audit, **{**about, "detail": {**about.get("detail", {}), **(detail or {})}})

    context.workspace = audit_changes(workspace, caller.actor, describe)
    result = query.run(context, parameters)
    assert is_written, f"the operation '{query.name}' left no audit entry"
    return result
