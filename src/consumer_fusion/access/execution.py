"""Execution of operations for a caller, with permission check and audit entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from consumer_fusion.access.audit import audit_changes
from consumer_fusion.access.permissions import require_permission
from consumer_fusion.errors import InputError
from consumer_fusion.operations import Context, Operation, Query
from consumer_fusion.records.access import Caller
from consumer_fusion.records.audit import AuditNote
from consumer_fusion.records.schema import LARGEST_INTEGER
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
        InputError: A number or a text of the parameters is one that no store can hold.
    """
    require_permission(caller, query.needs, getattr(parameters, "brand", None))
    _check_values(parameters.model_dump())
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


def _check_values(value: object) -> None:
    """Check that numbers and texts can be stored and written as JSON, at any depth."""
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple, set, frozenset)):
        for each in value:
            _check_values(each)
    elif isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise InputError("A number is too large.", hint="Write a number of at most 15 digits.")
    elif isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InputError(
                "A text contains half of a character (a surrogate), which is not valid Unicode.",
                hint="Send the text as UTF-8.",
            ) from None
