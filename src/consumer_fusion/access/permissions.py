"""Permissions: roles, their permissions, and the brands that they are limited to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from consumer_fusion.errors import PermissionDeniedError
from consumer_fusion.i18n.messages import Message, as_message
from consumer_fusion.records.access import Caller, Permission, Role

PERMISSIONS: tuple[Permission, ...] = get_args(Permission)

BRAND_LEVEL: frozenset[Permission] = frozenset(
    {"view", "see_identities", "correct_messages", "create_tokens", "declare_associations", "declare_actions"}
)
"""Permissions that apply to single brands; all others affect all brands and need access to all of them."""

_AGENT: frozenset[Permission] = frozenset(
    {"view", "see_identities", "correct_messages", "declare_associations", "merge_consumers", "fix_events"}
)
ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    "read-only": frozenset({"view"}),
    "agent": _AGENT,
    "analyst": _AGENT | {"declare_actions", "create_tokens", "change_points", "export"},
    "owner": frozenset(PERMISSIONS),
}


def may(caller: Caller, permission: Permission, brand: str | None = None) -> bool:
    """Whether the caller has a permission, for a brand where one is given.

    Without a brand, a brand-level permission means that the caller may have it for some brands; results must then be
    filtered with `filter_visible`.
    """
    if permission not in ROLE_PERMISSIONS[caller.role]:
        return False
    if permission not in BRAND_LEVEL and caller.brands is not None:
        return False
    return brand is None or caller.sees(brand)


def require_permission(caller: Caller, permission: Permission, brand: str | None = None) -> None:
    """Raise unless the caller has a permission.

    The error for an invisible brand is the same whether the brand exists or not: check before looking the brand up.

    Raises:
        PermissionDeniedError: The caller lacks the permission.
    """
    if may(caller, permission, brand):
        return
    if brand is not None and may(caller, permission):
        raise PermissionDeniedError(
            "You do not have access to this brand.", hint="An owner can give your account access."
        )
    task = permission.replace("_", " ")
    if permission in ROLE_PERMISSIONS[caller.role]:
        raise PermissionDeniedError(
            Message("The permission to {task} needs access to all brands.", task=as_message(task)),
            hint="Ask someone with access to all brands.",
        )
    raise PermissionDeniedError(
        Message("The role {role} may not {task}.", role=as_message(caller.role), task=as_message(task)),
        hint="An owner can change your role.",
    )


def filter_visible(caller: Caller, brands: Iterable[str]) -> list[str]:
    """The brands that the caller may see, in the given order."""
    return [brand for brand in brands if caller.sees(brand)]


def narrow_brands(first: frozenset[str] | None, second: frozenset[str] | None) -> frozenset[str] | None:
    """The intersection of two selections of brands; None stands for all."""
    if first is None or second is None:
        return second if first is None else first
    return first & second
